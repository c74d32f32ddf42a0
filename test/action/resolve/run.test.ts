import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, jest, test } from '@jest/globals';
import { runResolve } from '../../../action/resolve/run.ts';

afterEach(() => {
  jest.restoreAllMocks();
  process.exitCode = undefined;
});

test('the name of a ref and of an input is no command to the runner in the log of the job resolve', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'resolve-'));
  const written: string[] = [];
  jest.spyOn(process.stdout, 'write').mockImplementation((text) => {
    written.push(String(text));
    return true;
  });
  const [event, output, summary] = ['event', 'output', 'summary'].map((name) => join(folder, name));
  await Promise.all([event, output, summary].map((path) => writeFile(path ?? '', '{}')));
  const before = { ...process.env };
  Object.assign(process.env, { GITHUB_OUTPUT: output, GITHUB_STEP_SUMMARY: summary });
  try {
    const common = { GITHUB_EVENT_PATH: event, GITHUB_REPOSITORY: 'a/b' };
    await runResolve({ ...common, GITHUB_EVENT_NAME: 'push', GITHUB_REF: 'refs/heads/x##[add-mask]e' });
    await runResolve({
      ...common,
      GITHUB_EVENT_NAME: 'workflow_dispatch',
      GITHUB_REF: 'refs/heads/main',
      INPUT_ENVIRONMENT: '##[error]x',
      INPUT_OPERATION: '::error::x',
    });
    expect(written.join('')).toContain('## [');
    expect(written.join('')).not.toContain('##[');
    for (const path of [summary, output]) expect(await readFile(path ?? '', 'utf8')).not.toContain('##[');
  } finally {
    process.env = before;
    await rm(folder, { recursive: true });
  }
});
