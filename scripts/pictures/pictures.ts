// npm run pictures: makes the pictures of the documents anew, from real runs.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { listen, readBody } from '../../test/stack/loopback.ts';
import { Scenario } from '../../test/stack/scenario.ts';
import { startStack } from '../../test/stack/stack.ts';
import { runAction } from '../../test/stack/action-run.ts';
import { findBrowser, renderMarkdown } from './page.ts';
import { terminalSvg, type RecordedLine } from './terminal-svg.ts';

const root = join(import.meta.dirname, '../..');
const pictures = join(root, 'docs', 'pictures');

/** Runs the demo and records its lines. Signs of life are left out: pauses are shortened in the picture. */
async function recordDemo(): Promise<RecordedLine[]> {
  const began = Date.now();
  const child = spawn(process.execPath, [join(root, 'test/stack/demo.ts')], { stdio: ['ignore', 'pipe', 'inherit'] });
  const lines: RecordedLine[] = [{ at: 0, text: '$ npm run demo' }];
  for await (const text of createInterface({ input: child.stdout })) {
    if (!/^\[ *[\d.]+ s\] … /.test(text)) lines.push({ at: Date.now() - began, text });
  }
  const code = child.exitCode ?? ((await once(child, 'exit')) as [number])[0];
  if (code !== 0) throw new Error(`The demo ended with status ${code}: there is no picture of it`);
  return lines;
}

/** The comment of a dry run on a pull request, and the summary of the deploy that follows. */
async function plannedAndDeployed(): Promise<{ comment: string; summary: string }> {
  const stack = await startStack({
    progress: (line) => {
      console.log(line);
    },
  });
  let comment = '';
  // As much of GitHub as the comment needs.
  const github = await listen(
    createServer((request, response) => {
      void (async () => {
        const body = (await readBody(request)).toString('utf8');
        if (request.method === 'POST') comment = (JSON.parse(body) as { body: string }).body;
        response.setHeader('content-type', 'application/json');
        response.end(request.method === 'GET' ? '[]' : JSON.stringify({ id: 1, body: comment, user: { login: 'github-actions[bot]' } }));
      })();
    }),
  );
  const workspace = await mkdtemp(join(tmpdir(), 'repository-'));
  try {
    const scenario = new Scenario(stack, '', 2_000);
    await scenario.prepare();
    const before = await runAction({ ...scenario.inputs, tables: scenario.orders }, { env: stack.env });
    if (before.code !== 0) throw new Error(`The first deploy failed:\n${before.log}`);
    const options = `tables:\n  Orders:\n    mappings:\n      properties:\n        title: { type: text, analyzer: english }\n`;
    await writeFile(join(workspace, 'search.yml'), options);
    const inputs = { ...scenario.inputs, tables: `${scenario.orders}\n${scenario.products}`, config: 'search.yml', 'memory-size': '512' };
    await runAction(
      { ...inputs, 'dry-run': 'true', 'github-token': 'ghs_x' },
      {
        env: { ...stack.env, GITHUB_API_URL: github.url },
        event: { name: 'pull_request', payload: { pull_request: { number: 7 } } },
        workspace,
      },
    );
    const { code, summary, log } = await runAction(inputs, { env: stack.env, workspace });
    if (code !== 0) throw new Error(`The deploy failed:\n${log}`);
    await scenario.stop();
    return { comment, summary };
  } finally {
    await github.stop();
    await rm(workspace, { recursive: true, force: true });
    await stack.stop();
  }
}

const browser = findBrowser();
await mkdir(pictures, { recursive: true });
console.log('The demo runs, and its lines are recorded');
const recorded = await recordDemo();
await writeFile(join(pictures, 'demo.svg'), terminalSvg(recorded, 'A recording of npm run demo in a terminal'));
const { comment, summary } = await plannedAndDeployed();
renderMarkdown(browser, comment, join(pictures, 'plan-comment.png'), 'github-actions[bot]');
renderMarkdown(browser, summary, join(pictures, 'job-summary.png'));
console.log(`The pictures are in docs/pictures`);
process.exit();
