import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { ResolveInputs, Resolution, WorkflowEvent } from '../../../action/resolve/environment.ts';
import { laneOf, resolveEnvironment } from '../../../action/resolve/environment.ts';
import { InputError } from '../../../action/errors.ts';
import { matchesPatterns, parseRef, patternExpression, isPrerelease, withoutSuffix } from '../../../action/resolve/ref-patterns.ts';

const noInputs: ResolveInputs = { environments: '', environment: '', operation: '', dryRun: false };
const resolve = (event: WorkflowEvent, inputs: Partial<ResolveInputs> = {}): Resolution =>
  resolveEnvironment(event, { ...noInputs, ...inputs });

const push = (ref: string): WorkflowEvent => ({ name: 'push', ref: `refs/${ref}` });
const release = (tag: string, overrides: { action?: string; prerelease?: boolean } = {}): WorkflowEvent => ({
  name: 'release',
  ref: `refs/tags/${tag}`,
  action: overrides.action ?? 'published',
  release: { tag, prerelease: overrides.prerelease ?? false },
});
const dispatch = (ref = 'heads/main'): WorkflowEvent => ({ name: 'workflow_dispatch', ref: `refs/${ref}` });
const pullRequest = (base = 'main', withoutSecrets = false): WorkflowEvent => ({
  name: 'pull_request',
  ref: 'refs/pull/7/merge',
  action: 'opened',
  pullRequest: { base, withoutSecrets },
});

const problems = (event: WorkflowEvent, inputs: Partial<ResolveInputs> = {}): string[] => {
  try {
    resolve(event, inputs);
  } catch (error) {
    if (error instanceof InputError) return error.problems.map(({ message }) => message);
    throw error;
  }
  return [];
};

describe('an event', () => {
  test.each<[string, WorkflowEvent, string | undefined, string, boolean]>([
    ['a push to main', push('heads/main'), 'STAGE', 'deploy', false],
    ['a push of a release tag', push('tags/v1.2.3'), 'PROD', 'deploy', false],
    ['a published release', release('v1.2.3'), 'PROD', 'deploy', false],
    ['a prerelease that became a release', release('v1.2.3', { action: 'released' }), 'PROD', 'deploy', false],
    ['a manual run on main', dispatch(), 'STAGE', 'refresh-mapping', false],
    ['a manual run on a tag', dispatch('tags/v2'), 'PROD', 'refresh-mapping', false],
    ['a pull request to main', pullRequest(), 'STAGE', 'deploy', true],
    ['a push to another branch', push('heads/feature/main'), undefined, 'deploy', false],
    ['a push of another tag', push('tags/1.2.3'), undefined, 'deploy', false],
    ['a push of a prerelease tag', push('tags/v2.0.0-rc.1'), undefined, 'deploy', false],
    ['a published prerelease', release('v2.0.0-rc.1', { prerelease: true }), undefined, 'deploy', false],
    ['a release marked as a prerelease', release('v2.0.0', { prerelease: true }), undefined, 'deploy', false],
    ['a created release', release('v1.2.3', { action: 'created' }), undefined, 'deploy', false],
    ['a pull request to another branch', pullRequest('develop'), undefined, 'deploy', false],
    ['a pull request from a fork', pullRequest('main', true), undefined, 'deploy', false],
    ['a closed pull request', { ...pullRequest(), action: 'closed' }, undefined, 'deploy', false],
    ['a deleted branch', { ...push('heads/main'), deleted: true }, undefined, 'deploy', false],
    ['a schedule', { name: 'schedule', ref: 'refs/heads/main' }, undefined, 'deploy', false],
    ['a pull_request_target', { ...pullRequest(), name: 'pull_request_target' }, undefined, 'deploy', false],
  ])('that is %s follows its row of the table', (_name, event, environment, operation, dryRun) => {
    const resolution = resolve(event);
    expect(resolution).toMatchObject({ environment, operation, dryRun });
    expect(resolution.reason).toMatch(/^\S.*[^.]$/);
  });

  test('is explained: why this environment, or why nothing', () => {
    expect(resolve(push('heads/main')).reason).toBe('push of branch main matches branch main');
    expect(resolve(push('heads/x')).reason).toBe('branch x matches no pattern of environments');
    expect(resolve(push('tags/v1.0.0-rc.1')).reason).toBe('tag v1.0.0-rc.1 is a prerelease, and no pattern of environments names it');
    expect(resolve({ name: 'schedule', ref: 'refs/heads/main' }).reason).toBe('the event schedule does not select an environment');
    expect(resolve(pullRequest('main', true)).reason).toMatch(/^a pull request from a fork .* gets neither secrets nor a role/);
  });

  test('gives way to what the caller names', () => {
    const inputs = { environment: 'QA', operation: 'verify' };
    expect(resolve(dispatch('heads/x'), inputs)).toMatchObject({ environment: 'QA', operation: 'verify', dryRun: false });
    expect(resolve(push('heads/x'), inputs)).toMatchObject({ environment: 'QA', operation: 'verify' });
    expect(resolve({ name: 'schedule', ref: 'refs/heads/main' }, inputs)).toMatchObject({ environment: 'QA', operation: 'verify' });
    expect(resolve(push('heads/main'), { dryRun: true })).toMatchObject({ environment: 'STAGE', operation: 'deploy', dryRun: true });
  });

  test('of a pull request changes nothing, whatever the caller names', () => {
    expect(resolve(pullRequest(), { environment: 'PROD', operation: 'rollback' }).dryRun).toBe(true);
    expect(resolve(pullRequest('main', true), { environment: 'PROD' }).environment).toBeUndefined();
    expect(resolve({ ...pullRequest(), name: 'pull_request_target' }, { environment: 'PROD' }).environment).toBeUndefined();
  });

  test.each(['pull_request_review', 'pull_request_review_comment'])('that is a %s does nothing, whatever the caller names', (name) => {
    const events: WorkflowEvent[] = [
      { ...pullRequest(), name, action: 'submitted' },
      { name, ref: 'refs/pull/7/merge' },
      { name, ref: 'refs/heads/main' },
    ];
    for (const event of events) {
      for (const operation of ['', 'deploy', 'refresh-mapping', 'rollback']) {
        const { environment, githubEnvironment, reason } = resolve(event, { environment: 'PROD', operation, environments: '**: PROD' });
        expect({ environment, githubEnvironment }).toEqual({ environment: undefined, githubEnvironment: undefined });
        expect(reason).toContain(name);
      }
    }
  });

  test.each<[string, WorkflowEvent]>([
    ['a pull request', pullRequest()],
    ['a pull request whose payload is not known', { name: 'pull_request', ref: 'refs/heads/main' }],
    ['an event of pull requests that does not exist yet', { name: 'pull_request_label', ref: 'refs/heads/main' }],
    ['a comment on a pull request', { name: 'issue_comment', ref: 'refs/heads/main', isOfPullRequest: true }],
    ['a run started by the workflow of a pull request', { name: 'workflow_run', ref: 'refs/heads/main', isOfPullRequest: true }],
    ['whatever runs the merge commit of a pull request', { name: 'deployment', ref: 'refs/pull/7/merge' }],
  ])('that is %s is a dry run outside the environment of the deploy, whatever the caller names', (_name, event) => {
    for (const operation of ['', 'deploy', 'refresh-mapping', 'rollback']) {
      const resolution = resolve(event, { environment: 'PROD', operation, dryRun: false });
      expect(resolution).toMatchObject({ environment: 'PROD', githubEnvironment: 'PROD-plan', dryRun: true });
      expect(laneOf(resolution, '')).toBe('plan');
    }
  });

  test('that is no pull request runs in the environment of the deploy, as a dry run too', () => {
    for (const event of [push('heads/main'), dispatch(), { name: 'issue_comment', ref: 'refs/heads/main' }]) {
      const resolution = resolve(event, { environment: 'STAGE', dryRun: true });
      expect(resolution).toMatchObject({ environment: 'STAGE', githubEnvironment: 'STAGE', dryRun: true });
    }
  });

  test('deploys to no environment of plans, whoever names it', () => {
    const sentence = 'expected a name that does not end in -plan, as the GitHub environments of plans do, found "STAGE-plan"';
    expect(problems(push('heads/main'), { environment: 'STAGE-plan' })).toEqual([`environment: ${sentence}`]);
    expect(problems(push('heads/main'), { environments: 'main: STAGE-plan' })).toEqual([
      `environments: line 1: ${sentence.replace('expected', 'expected after the colon')}`,
    ]);
    expect(problems(push('heads/main'), { environment: 'STAGE-planned' })).toEqual([]);
  });

  test('that a person started is never silent', () => {
    expect(problems(dispatch('heads/x'))).toEqual([
      'environment: branch x matches no pattern of environments; name the environment to run in',
    ]);
  });
});

describe('the input environments', () => {
  const environments = `
# our environments
branch main: STAGE
branch release/** !release/**-alpha: QA
tag v*-rc.*: QA
tag v*: PROD
tag orders-v*: ORDERS
**: DEV
`;

  test.each([
    ['heads/main', 'STAGE'],
    ['heads/release/1/2', 'QA'],
    ['heads/release/1-alpha', 'DEV'],
    ['heads/x', 'DEV'],
    ['tags/v2.0.0-rc.1', 'QA'],
    ['tags/v2.0.0-beta.1', undefined],
    ['tags/v2.0.0', 'PROD'],
    ['tags/v2.0.0+build-5', 'PROD'],
    ['tags/orders-v1.0.0', 'ORDERS'],
    ['tags/orders-v1.0.0-rc.1', undefined],
    ['tags/x', undefined],
  ])('sends %s to %s: the first line that matches wins', (ref, environment) => {
    expect(resolve(push(ref), { environments }).environment).toBe(environment);
  });

  test.each([
    ["branch 'main': STAGE", 'heads/main', 'STAGE'],
    ['branch "main": STAGE', 'heads/main', 'STAGE'],
    ["'main': STAGE", 'heads/main', 'STAGE'],
    ["tag 'v[0-9]+.[0-9]+.[0-9]+': PROD", 'tags/v1.2.3', 'PROD'],
    ['\ttag\t\'v*\'  "w*" :\tPROD\r', 'tags/w1', 'PROD'],
    ["branch 'x/**' '!x/a': QA", 'heads/x/b', 'QA'],
    ['branch tags: QA', 'heads/tags', 'QA'],
    ['tag release: QA', 'tags/release', 'QA'],
    ['branch v*: QA', 'heads/v2-rewrite', 'QA'],
    ['release/*: QA', 'heads/release/1', 'QA'],
    ['v2: QA', 'heads/v2', 'QA'],
    ['v2.x: QA', 'heads/v2.x', 'QA'],
    ['release/1.*: QA', 'heads/release/1.2', 'QA'],
    ['release-*: QA', 'heads/release-1', 'QA'],
    ['[Mm]ain: QA', 'heads/main', 'QA'],
    ["branch it\\'s: QA", "heads/it's", 'QA'],
  ])('reads %j and sends %s to %s', (line, ref, environment) => {
    expect(resolve(push(ref), { environments: line }).environment).toBe(environment);
  });

  test.each<[line: string, form: string | undefined]>([
    ['tags v*: PROD', 'tag v*: PROD'],
    ['Tag v*: PROD', 'tag v*: PROD'],
    ['TAG v*: PROD', 'tag v*: PROD'],
    ['tgas v*: PROD', 'tag v*: PROD'],
    ['tag: v*: PROD', 'tag v*: PROD'],
    ['tag:v*: PROD', 'tag v*: PROD'],
    ['tag=v*: PROD', 'tag v*: PROD'],
    ['release v*: PROD', 'tag v*: PROD'],
    ['Releases v*: PROD', 'tag v*: PROD'],
    ['branches main: STAGE', 'branch main: STAGE'],
    ['Branch main: STAGE', 'branch main: STAGE'],
    ['brnach main develop: STAGE', 'branch main develop: STAGE'],
    ['main develop: STAGE', 'branch main develop: STAGE'],
    ['release/** !release/**-alpha: QA', 'branch release/** !release/**-alpha: QA'],
    ['any v*: PROD', undefined],
    ['- branch main: STAGE', 'branch main: STAGE'],
    ['- tag v*: PROD', 'tag v*: PROD'],
    ['* tags v*: PROD', 'tag v*: PROD'],
    ['- v*: PROD', 'tag v*: PROD'],
    ['branch [main]: STAGE', 'branch main: STAGE'],
    ['branch [main, develop]: STAGE', 'branch main develop: STAGE'],
    ["tags: ['v*']", undefined],
    ['branch main, develop: STAGE', 'branch main develop: STAGE'],
    ['branch main,develop: STAGE', 'branch main develop: STAGE'],
    ['{ main: STAGE }', undefined],
    ['{branch main: STAGE}', 'branch main: STAGE'],
    ['main: { environment: STAGE }', undefined],
    ['branch: main', undefined],
    ['tag: PROD', undefined],
    ['tags: PROD', undefined],
    ['release: PROD', undefined],
    ['tags:', undefined],
    ['tags/v*: PROD', 'tag v*: PROD'],
    ['tag/v*: PROD', 'tag v*: PROD'],
    ['refs/tags/v*: PROD', 'tag v*: PROD'],
    ['tag refs/tags/v*: PROD', 'tag v*: PROD'],
    ['branch refs/heads/main: STAGE', 'branch main: STAGE'],
    ['v*: PROD', 'tag v*: PROD'],
    ["'v*': PROD", 'tag v*: PROD'],
    ['v[0-9]+.[0-9]+.[0-9]+: PROD', 'tag v[0-9]+.[0-9]+.[0-9]+: PROD'],
    ['v1.2.3: PROD', 'tag v1.2.3: PROD'],
    ['[0-9]+.[0-9]+.[0-9]+: PROD', 'tag [0-9]+.[0-9]+.[0-9]+: PROD'],
    ['[0-9]*: PROD', 'tag [0-9]*: PROD'],
    ['[v]*: PROD', 'tag [v]*: PROD'],
    ['\\v*: PROD', 'tag \\v*: PROD'],
    ['*.*.*: PROD', 'tag *.*.*: PROD'],
    ['20*: PROD', 'tag 20*: PROD'],
    ['orders-v*: PROD', 'tag orders-v*: PROD'],
    ['orders@*.*: PROD', 'tag orders@*.*: PROD'],
    ['branch main tag v*: PROD', undefined],
    ["branch 'main develop': STAGE", 'branch main develop: STAGE'],
    ['"branch main": STAGE', 'branch main: STAGE'],
    ["'tag v*': PROD", 'tag v*: PROD'],
    ["branch 'main: STAGE", 'branch main: STAGE'],
    ["branch main': STAGE", 'branch main: STAGE'],
    ["tag 'v*'x: PROD", undefined],
    ['branch ‘main’: STAGE', 'branch main: STAGE'],
    ['branch `main`: STAGE', 'branch main: STAGE'],
    ["branch '': STAGE", undefined],
    ['branch "": STAGE', undefined],
    ['branch ${{ github.ref_name }}: STAGE', undefined],
    ['{ branch: main, environment: STAGE }', undefined],
    ["branch main: 'STAGE'", 'branch main: STAGE'],
  ])('refuses %j, with the nearest form where there is one: %j', (line, form) => {
    const [message = '', ...others] = problems(push('heads/main'), { environments: `x: DEV\n${line}` });
    expect(others).toEqual([]);
    expect(message).toMatch(/^environments: line 2: ./);
    if (form === undefined) expect(message).not.toMatch(/did you mean "branch .*v\*/);
    else expect(message).toContain(`; did you mean "${form}"?`);
  });

  test.each(['tag v*: PROD # releases', 'tag v*:PROD\t#'])('refuses %j: a comment has a line of its own', (line) => {
    expect(problems(push('heads/main'), { environments: line })).toEqual([
      expect.stringMatching(/found "tag v\*.*; a comment has a line of its own: did you mean "tag v\*: ?PROD"\?$/),
    ]);
  });

  test('names a prerelease by its own name', () => {
    expect(resolve(release('v2.0.0', { prerelease: true }), { environments: 'tag v2.0.0: QA' }).environment).toBe('QA');
    expect(resolve(push('tags/v2.0.0-rc.1'), { environments: 'tag v2.0.0-rc.1: QA' }).environment).toBe('QA');
  });

  test('is judged with the other inputs: every problem is reported at once, with its line', () => {
    const inputs = { environments: 'main\nmain: a/b\n\n!x: DEV\nx[: DEV\ntag +: DEV\n: DEV', environment: '../x', operation: 'deplyo' };
    expect(problems(push('heads/main'), inputs)).toEqual([
      'environments: line 1: expected a line as "branch main: STAGE", found "main"',
      expect.stringMatching(/^environments: line 2: expected after the colon a name of up to 64 letters.*, found "a\/b"$/),
      'environments: line 4: a pattern with ! excludes names that an earlier pattern includes; put that pattern first',
      'environments: line 5: the pattern "x[" cannot be read: a [ does not begin a set of letters and digits',
      'environments: line 6: the pattern "+" cannot be read: a + has no character before it to repeat',
      'environments: line 7: expected a line as "branch main: STAGE", found ": DEV"',
      'operation: expected one of deploy, refresh-mapping, rollback, backfill, verify, redrive, reindex, found "deplyo"; did you mean deploy?',
      expect.stringMatching(/^environment: expected a name of up to 64 .*, found "\.\.\/x"$/),
    ]);
  });
});

describe('a pattern', () => {
  // The examples of GitHub's "Filter pattern cheat sheet".
  test.each<[string, string[], string[]]>([
    ['feature/*', ['feature/my-branch', 'feature/your-branch'], ['feature/beta-a/my-branch', 'feature']],
    ['feature/**', ['feature/beta-a/my-branch', 'feature/your-branch'], ['features/x']],
    ['main', ['main'], ['Main', 'xmain', 'main2', 'main/x']],
    ['*', ['main', 'releases'], ['all/the/branches']],
    ['**', ['all/the/branches', 'every/tag'], []],
    ['*feature', ['mona-feature', 'feature', 'ver-10-feature'], ['feature-x']],
    ['v2*', ['v2', 'v2.0', 'v2.9'], ['v1', 'av2']],
    ['v[12].[0-9]+.[0-9]+', ['v1.10.1', 'v2.0.0'], ['v3.0.0', 'v1x0x0', 'v1.0']],
    ['**.js', ['index.js', 'src/js/app.js'], ['index.jsx']],
    ['*.jsx?', ['page.js', 'page.jsx'], ['page.jsxx']],
    ['a\\*b', ['a*b'], ['axb', 'ab']],
    ['a(b)|c.$', ['a(b)|c.$'], ['ab', 'c.']],
  ])('%j means what GitHub says', (pattern, yes, no) => {
    for (const name of yes) expect(matchesPatterns(name, [pattern])).toBe(true);
    for (const name of no) expect(matchesPatterns(name, [pattern])).toBe(false);
  });

  test('after another may exclude names, and a third may include them again', () => {
    const patterns = ['releases/**', '!releases/**-alpha', 'releases/9-alpha'];
    expect(['releases/10', 'releases/beta/mona', 'releases/9-alpha'].every((name) => matchesPatterns(name, patterns))).toBe(true);
    expect(matchesPatterns('releases/10-alpha', patterns)).toBe(false);
  });

  test('without special characters matches itself and nothing else', () => {
    const special = /[\\*?+[!]/;
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.string({ unit: 'grapheme' }), (pattern, name) => {
        fc.pre(!special.test(pattern));
        expect(patternExpression(pattern).test(name)).toBe(name === pattern);
        expect(patternExpression(pattern).test(pattern)).toBe(true);
      }),
    );
  });

  test('of whatever text is an expression or an error', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom('*', '?', '+', '[', ']', '-', 'a', '9', '\\', '/', '(', '.') }), (pattern) => {
        try {
          expect(patternExpression(pattern)).toBeInstanceOf(RegExp);
        } catch (error) {
          expect(String(error)).toMatch(/^Error: a /);
        }
      }),
    );
  });
});

describe('a pushed tag', () => {
  test.each([
    ['v2.0.0-rc.1', 'v2.0.0'],
    ['V2.0.0-rc.1', 'V2.0.0'],
    ['2.0-beta+5', '2.0'],
    ['v2-rc1', 'v2'],
    ['v1.2.3-42', 'v1.2.3'],
    ['v1.2.3.4-rc1', 'v1.2.3.4'],
    ['orders-v1.0.0-rc.1', 'orders-v1.0.0'],
    ['orders/1.0.0-rc.1+build.5', 'orders/1.0.0'],
    ['release1.0.0-rc.1', 'release1.0.0'],
    ['node-18.2.1/v1.0.0-rc.1', 'node-18.2.1/v1.0.0'],
    ['v1.0.0-2024-05-01', 'v1.0.0'],
    ['v1.0-2024-05-01', 'v1.0'],
    ['v1.0.0-2024.05.01-1', 'v1.0.0'],
    ['v2026.11.26-rc.1', 'v2026.11.26'],
    ['v2026-11-26-rc1', 'v2026-11-26'],
    ['v2026.11.26-1.2', 'v2026.11.26'],
    // No months and days.
    ['v2026.13.26-1', 'v2026.13.26'],
    ['v2026.11.31-1', 'v2026.11.31'],
    ['v2026.0.1-1', 'v2026.0.1'],
    ['v226.11.26-1', 'v226.11.26'],
  ])('%s is a prerelease by semantic versioning, of %s', (tag, release) => {
    expect(isPrerelease(tag)).toBe(true);
    expect(withoutSuffix(tag)).toBe(release);
  });

  test.each([
    ...['v2.0.0', 'v2.0.0+build-5', 'v2.0.0+5-1', 'v2+5-1', 'v2.0.0+2024-05-01', 'release-x', 'stable', 'v1.2.3.4', 'release-2024'],
    ...['v2026.11.26', 'v2026.11.26-1', '2026.11.26-12', 'v2024-05-01', '2024-05-01-2', 'v2026.1.5-1', 'v2026.11-26-3'],
    ...['orders-v2026.11.26-1', 'orders/2024-05-01', 'v2026.11.26-1+build-5', 'v2026.11.26+build-5', 'v2024.02.29-1'],
  ])('%s is no prerelease', (tag) => {
    expect(isPrerelease(tag)).toBe(false);
  });
});

describe('of a release GitHub’s flag says whether it is a prerelease, not its tag:', () => {
  test.each(['v2.0.0', 'v2026.11.26-1', 'v2024-05-01', 'v1.2.3-42', 'v2.0.0-rc.1', 'v2.0.0+build-5'])('%s', (tag) => {
    for (const action of ['published', 'released']) {
      expect(resolve(release(tag, { action }))).toMatchObject({
        environment: 'PROD',
        operation: 'deploy',
        reason: `release of tag ${tag} matches tag v*`,
      });
    }
    expect(resolve(release(tag, { prerelease: true }))).toMatchObject({
      environment: undefined,
      reason: `release ${tag} is marked as a prerelease on GitHub, and no pattern of environments names it`,
    });
    expect(
      resolve(release(tag, { prerelease: true }), { environments: `tag v*: PROD\ntag ${tag.replace('+', '\\+')}: QA` }).environment,
    ).toBe('QA');
  });

  test('a pattern that means prereleases includes those that are dates', () => {
    const environments = 'tag v*-*: QA\ntag v*: PROD';
    expect(resolve(release('v2026.11.26-1', { prerelease: true }), { environments }).environment).toBe('QA');
    expect(resolve(release('v2026.11.26', { prerelease: false }), { environments }).environment).toBe('PROD');
  });

  test('the first line that matches wins for full releases too: patterns of prereleases leave dates out', () => {
    const sent = (first: string, tag: string): string | undefined =>
      resolve(release(tag), { environments: `tag ${first}: QA\ntag v*: PROD` }).environment;
    expect(sent('v*-*', 'v2026.11.26-1')).toBe('QA');
    for (const tag of ['v2026.11.26-1', 'v2026-11-26', 'v2026-11-26-1', 'v2026.11.26']) expect(sent('v*-[a-z]*', tag)).toBe('PROD');
    for (const tag of ['v2026.11.26-rc.1', 'v2.0.0-beta'])
      expect(resolve(push(`tags/${tag}`), { environments: 'tag v*-[a-z]*: QA\ntag v*: PROD' }).environment).toBe('QA');
  });

  test('the reason is true for tags that nothing names and for other actions too', () => {
    expect(resolve(release('1.0.0', { prerelease: true })).reason).toBe('tag 1.0.0 matches no pattern of environments');
    expect(resolve(push('tags/1.0.0-rc.1')).reason).toBe('tag 1.0.0-rc.1 matches no pattern of environments');
    for (const action of ['created', 'prereleased', 'edited', 'deleted', 'unpublished'])
      expect(resolve(release('v1.0.0', { action })).reason).toBe(
        `a release was ${action}, and only one that is published or released is deployed`,
      );
  });
});

test('a ref is a branch, a tag or neither', () => {
  expect(parseRef('refs/heads/feature/x')).toEqual({ kind: 'branch', name: 'feature/x' });
  expect(parseRef('refs/tags/v1')).toEqual({ kind: 'tag', name: 'v1' });
  expect(parseRef('refs/pull/1/merge')).toBeUndefined();
});

test('what changes the function waits in one lane, plans and long operations in lanes of their own', () => {
  const lane = (operation: Resolution['operation'], dryRun = false): string => laneOf({ operation, dryRun }, 'Orders');
  expect(['deploy', 'refresh-mapping', 'rollback'].map((operation) => lane(operation as Resolution['operation']))).toEqual([
    'deploy',
    'deploy',
    'deploy',
  ]);
  expect(lane('backfill')).toMatch(/^backfill\/[0-9a-f]{12}$/);
  expect(lane('verify')).toMatch(/^verify\/[0-9a-f]{12}$/);
  expect(lane('deploy', true)).toBe('plan');
});

test('long operations wait for those on the same tables, however these are written, and not for those on others', () => {
  const lane = (tables: string): string => laneOf({ operation: 'verify', dryRun: false }, tables);
  expect(lane('Orders\nCustomers')).toBe(lane(' Customers, Orders,Orders'));
  expect(lane('Orders')).not.toBe(lane('Customers'));
  expect(lane('')).toBe('verify');
  expect(lane('x'.repeat(100_000)).length).toBeLessThan(30);
});
