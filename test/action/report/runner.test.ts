import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from '@jest/globals';
import { isOnGitHub, plainRunner } from '../../../action/report/runner.ts';

const folder = mkdtempSync(join(tmpdir(), 'runner-'));
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

/** A shell that keeps what it is told. */
function shell() {
  const said = { out: '', err: '', code: 0 };
  return {
    said,
    out: (text: string): void => {
      said.out += text;
    },
    err: (text: string): void => {
      said.err += text;
    },
    exit: (code: number): void => {
      said.code = code;
    },
  };
}

test('GitHub is known by its own variable', () => {
  expect(isOnGitHub({ GITHUB_ACTIONS: 'true' })).toBe(true);
  expect(isOnGitHub({ CI: 'true', GITHUB_OUTPUT: '/tmp/x' })).toBe(false);
});

describe('in a shell', () => {
  test('lines are plain: progress on standard output, warnings and errors on standard error, no command of GitHub', () => {
    const it = shell();
    const runner = plainRunner({}, it);
    runner.info('Account 123456789012');
    runner.warning('No destination is set', { title: 'No on-failure destination' });
    runner.error('expected true or false', { title: 'check', file: 'search.yml', startLine: 3 });
    runner.error('no title');
    runner.fail('The job failed');
    expect(it.said).toEqual({
      out: 'Account 123456789012\n',
      err: 'Warning: No on-failure destination: No destination is set\nError: check: search.yml: expected true or false\nError: no title\nError: The job failed\n',
      code: 1,
    });
  });

  test('a secret is never printed, not even to mask it', () => {
    const it = shell();
    plainRunner({}, it).setSecret('hunter2');
    expect(it.said).toEqual({ out: '', err: '', code: 0 });
  });

  test('outputs and summary go to the files that the variables name', async () => {
    const env = { OUTPUTS_FILE: join(folder, 'outputs.json'), SUMMARY_FILE: join(folder, 'summary.md') };
    const it = shell();
    const runner = plainRunner(env, it);
    runner.setOutputs({ changed: 'true', plan: '{"changes":[]}' });
    await runner.summarize('## deploy\n');
    expect(JSON.parse(readFileSync(env.OUTPUTS_FILE, 'utf8'))).toEqual({ changed: 'true', plan: '{"changes":[]}' });
    expect(readFileSync(env.SUMMARY_FILE, 'utf8')).toBe('## deploy\n');
    expect(it.said).toEqual({ out: '', err: '', code: 0 });
  });

  test('without the variables they go nowhere', async () => {
    const it = shell();
    const runner = plainRunner({ OUTPUTS_FILE: '' }, it);
    runner.setOutputs({ changed: 'true' });
    await runner.summarize('## deploy\n');
    expect(it.said).toEqual({ out: '', err: '', code: 0 });
  });

  test('a file that cannot be written fails the run with its name', () => {
    const it = shell();
    const path = join(folder, 'missing', 'outputs.json');
    plainRunner({ OUTPUTS_FILE: path }, it).setOutputs({});
    expect(it.said).toEqual({ out: '', err: `Error: OUTPUTS_FILE: the file ${path} cannot be written (ENOENT)\n`, code: 1 });
  });
});
