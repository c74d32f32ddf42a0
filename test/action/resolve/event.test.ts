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

  test('is of a pull request by its payload or by what the runner sets, under whatever name', () => {
    const of = (name: string, payload: unknown, more: NodeJS.ProcessEnv = {}): unknown =>
      (parse(name, payload, more) as { isOfPullRequest?: boolean }).isOfPullRequest;
    expect(of('pull_request_review', { review: {}, pull_request: { number: 7 } })).toBe(true);
    expect(of('issue_comment', { issue: { number: 7, pull_request: { url: 'https://api.github.com/…' } } })).toBe(true);
    expect(of('workflow_run', { workflow_run: { event: 'pull_request_target' } })).toBe(true);
    expect(of('merge_group', { merge_group: { head_ref: 'refs/heads/gh-readonly-queue/main/pr-7' } })).toBe(true);
    expect(of('whatever', {}, { GITHUB_HEAD_REF: 'feature' })).toBe(true);
    expect(of('issue_comment', { issue: { number: 7 } })).toBeUndefined();
    expect(of('workflow_run', { workflow_run: { event: 'push', pull_requests: [{ number: 7 }] } })).toBeUndefined();
    expect(of('push', {}, { GITHUB_HEAD_REF: '', GITHUB_BASE_REF: '' })).toBeUndefined();
  });

  test('with a payload of another form is taken for what its name says', () => {
    for (const payload of [null, [], 'x', { release: 1, pull_request: 'x' }]) {
      expect(parse('schedule', payload)).toEqual({ name: 'schedule', ref: 'refs/heads/main', deleted: false });
    }
  });

  test('that is missing, or not valid JSON, ends the run with one sentence', () => {
    expect(() => parse('', {})).toThrow('There is no event to act on. Run this in a GitHub workflow');
    expect(() => parseEvent({ GITHUB_EVENT_NAME: 'push' }, '')).toThrow('The event file is not valid JSON. Run this in a GitHub workflow');
  });
});
