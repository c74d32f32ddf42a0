import { describe, expect, test } from '@jest/globals';
import { parseEvent } from '../../../action/resolve/event.ts';

const env = { GITHUB_REPOSITORY: 'Owner/repository', GITHUB_ACTOR: 'somebody', GITHUB_REF: 'refs/heads/main' };
const parse = (name: string, payload: unknown, more: NodeJS.ProcessEnv = {}): unknown =>
  parseEvent({ ...env, GITHUB_EVENT_NAME: name, ...more }, JSON.stringify(payload));
const from = (head: unknown): unknown => ({ action: 'opened', pull_request: { base: { ref: 'main' }, head } });

describe('an event, as the runner gives it', () => {
  test('is a push of a branch or tag, or its deletion', () => {
    expect(parse('push', {})).toMatchObject({ name: 'push', ref: 'refs/heads/main', deleted: false });
    expect(parse('push', { deleted: true })).toMatchObject({ deleted: true });
  });

  test('is a release with its tag', () => {
    expect(parse('release', { action: 'published', release: { tag_name: 'v1', prerelease: true } })).toMatchObject({
      action: 'published',
      release: { tag: 'v1', prerelease: true },
    });
  });

  test('is a pull request to a branch, with secrets only from this repository and not from Dependabot', () => {
    const own = from({ repo: { full_name: 'owner/Repository' } });
    expect(parse('pull_request', own)).toMatchObject({ pullRequest: { base: 'main', withoutSecrets: false } });
    expect(parse('pull_request', own, { GITHUB_ACTOR: 'dependabot[bot]' })).toMatchObject({ pullRequest: { withoutSecrets: true } });
    for (const head of [{ repo: { full_name: 'stranger/repository' } }, { repo: null }, {}, undefined]) {
      expect(parse('pull_request', from(head))).toMatchObject({ pullRequest: { withoutSecrets: true } });
    }
  });

  test('with a payload of another form is taken for what its name says', () => {
    for (const payload of [null, [], 'x', { release: 1, pull_request: 'x' }]) {
      expect(parse('schedule', payload)).toEqual({ name: 'schedule', ref: 'refs/heads/main', deleted: false });
    }
  });

  test('that is none ends in one sentence', () => {
    expect(() => parse('', {})).toThrow('There is no event to act on. Run this in a GitHub workflow');
    expect(() => parseEvent({ GITHUB_EVENT_NAME: 'push' }, '')).toThrow('The file of the event is no JSON. Run this in a GitHub workflow');
  });
});
