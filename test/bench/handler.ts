// npm run bench: what the function costs, beside the same bytes sent without it and beside the npm library of the same purpose.
// Everything is measured in turns in one run; ratios are what counts. Nothing here is asserted.
import { type ChildProcess, execFileSync, fork } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { zipSync } from 'fflate';
import { indexBody } from '../../handler/indexes.ts';
import { prepared, PROJECT } from '../stack/cache.ts';
import { startSearch } from '../stack/search.ts';
import { event, smallItem } from './events.ts';
import type { Order, Result } from './subject.ts';

const PEER = 'dynamodb-stream-elasticsearch@3.3.1';
const here = import.meta.dirname;
const folder = mkdtempSync(join(tmpdir(), 'bench-'));
const children: ChildProcess[] = [];
process.once('exit', () => {
  for (const child of children) child.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});

/** The package as the action builds it, for an endpoint. */
function packageFor(endpoint: string): string {
  const target = mkdtempSync(join(folder, 'function-'));
  cpSync(join(PROJECT, 'dist', 'handler', 'index.mjs'), join(target, 'index.mjs'));
  const config = {
    format: 1,
    release: 'bench',
    environment: 'BENCH',
    endpoint,
    auth: { type: 'none' },
    options: { defaults: {}, tables: {} },
  };
  const mapping = { bench: { TableName: 'Bench', PrimaryKey: 'pk', SortKey: 'sk', Index: 'bench-product', ReportBatchItemFailures: true } };
  writeFileSync(join(target, 'config.json'), JSON.stringify(config));
  writeFileSync(join(target, 'table_mapping.json'), JSON.stringify(mapping));
  return target;
}

async function start(file: string, args: string[], execArgv: string[] = []): Promise<{ child: ChildProcess; message: unknown }> {
  const env = {
    ...process.env,
    AWS_REGION: 'eu-west-1',
    AWS_ACCESS_KEY_ID: 'key',
    AWS_SECRET_ACCESS_KEY: 'secret',
    NODE_NO_WARNINGS: '1',
    AWS_SDK_JS_SUPPRESS_MAINTENANCE_MODE_MESSAGE: '1',
  };
  const child = fork(join(here, file), args, { env, execArgv, stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
  children.push(child);
  const [message] = (await once(child, 'message')) as [unknown];
  return { child, message };
}

async function order(child: ChildProcess, what: Order): Promise<Result> {
  child.send(what);
  const [result] = (await once(child, 'message')) as [Result];
  return result;
}

const median = (values: number[]): number => values.sort((a, b) => a - b)[values.length >> 1] ?? NaN;
const row = (...cells: (string | number)[]): void => {
  console.log(`| ${cells.map((cell) => (typeof cell === 'number' ? cell.toFixed(2) : cell)).join(' | ')} |`);
};

/** Rounds in turns over all subjects: medians per subject. */
async function inTurns(
  subjects: Record<string, ChildProcess>,
  size: number,
  batches: number,
  rounds: number,
): Promise<Record<string, { wall: number; cpu: number }>> {
  const results: Record<string, Result[]> = {};
  for (let round = -1; round < rounds; round++) {
    for (const [name, child] of Object.entries(subjects)) {
      const result = await order(child, { batches, size, from: (round + 1) * size * batches });
      // The first round warms up.
      if (round >= 0) (results[name] ??= []).push(result);
    }
  }
  return Object.fromEntries(
    Object.entries(results).map(([name, all]) => [
      name,
      { wall: median(all.map(({ wall }) => wall)), cpu: median(all.map(({ cpu }) => cpu)) },
    ]),
  );
}

const peer = await prepared('bench-peer', [PEER], (target) => {
  writeFileSync(join(target, 'package.json'), '{"private":true}');
  console.log(`fetching ${PEER} for comparison`);
  execFileSync('npm', ['install', '--ignore-scripts', '--no-audit', '--no-fund', '--prefix', target, PEER], {
    stdio: 'ignore',
    shell: process.platform === 'win32',
  });
  return Promise.resolve();
});

console.log('starting OpenSearch 2');
const search = await startSearch();
const instant = await start('instant-engine.ts', []);
const instantUrl = String(instant.message);

// The same index for all: what an engine guesses for itself is another amount of work.
for (const index of ['bench-product', 'bench-preserialised', 'bench-library']) {
  const body = JSON.stringify(indexBody({ indexSettings: {}, mappings: {} }));
  const { ok } = await fetch(`${search.url}/${index}`, { method: 'PUT', headers: { 'content-type': 'application/json' }, body });
  if (!ok) throw new Error(`${index} could not be created`);
}

console.log('\n## Documents per second into OpenSearch 2, refresh on\n');
row('batch', 'product', 'same bytes, pre-serialised', 'npm library, bulk', 'product : pre-serialised', 'product : library');
row('---', '---', '---', '---', '---', '---');
for (const size of [100, 500, 1000]) {
  const subjects = {
    product: (await start('subject.ts', ['product', search.url, packageFor(search.url)])).child,
    preserialised: (await start('subject.ts', ['preserialised', search.url])).child,
    library: (await start('subject.ts', ['library', search.url, peer])).child,
  };
  const batches = 2000 / size;
  const { product, preserialised, library } = await inTurns(subjects, size, batches, 5);
  const rate = (result?: { wall: number }): number => (size * batches * 1000) / (result?.wall ?? NaN);
  row(
    String(size),
    rate(product).toFixed(0),
    rate(preserialised).toFixed(0),
    rate(library).toFixed(0),
    rate(product) / rate(preserialised),
    rate(product) / rate(library),
  );
  for (const child of Object.values(subjects)) child.kill();
}
await search.stop();

console.log('\n## Processor time per record, a cluster that answers at once, batches of 500\n');
row('product, µs', 'npm library, µs', 'product : library');
row('---', '---', '---');
{
  const subjects = {
    product: (await start('subject.ts', ['product', instantUrl, packageFor(instantUrl)])).child,
    library: (await start('subject.ts', ['library', instantUrl, peer])).child,
  };
  const { product, library } = await inTurns(subjects, 500, 20, 7);
  const perRecord = (result?: { cpu: number }): number => ((result?.cpu ?? NaN) * 1000) / 10_000;
  row(perRecord(product), perRecord(library), perRecord(product) / perRecord(library));
  for (const child of Object.values(subjects)) child.kill();
}

console.log('\n## Memory and start\n');
const large = join(folder, 'large.json');
const text = JSON.stringify(event('Bench', 10_000, 0, smallItem));
writeFileSync(large, text);
const single = join(folder, 'single.json');
writeFileSync(single, JSON.stringify(event('Bench', 1)));
const empty = mkdtempSync(join(folder, 'empty-'));
writeFileSync(join(empty, 'index.mjs'), 'export const handler = async () => ({ batchItemFailures: [] });\n');
/** The heap that Lambda's runtime gives a function of 128 MB. */
const SMALLEST = ['--max-old-space-size=115', '--max-semi-space-size=6'];

interface Start {
  readonly loaded: number;
  readonly answered: number;
  readonly peak: number;
}
const measure = async (target: string, file: string): Promise<Start> =>
  (await start('start.ts', [target, file], SMALLEST)).message as Start;
const mine = packageFor(instantUrl);
const { peak } = await measure(mine, large);
const starts: [Start, Start][] = [];
for (let i = 0; i < 11; i++) starts.push([await measure(mine, single), await measure(empty, single)]);
const full = median(starts.map(([own]) => own.answered));
const none = median(starts.map(([, other]) => other.answered));
row('figure', 'measured');
row('---', '---');
row(`peak memory, one event of 10,000 records (${(text.length / 1e6).toFixed(1)} MB), MB`, peak);
row('start to first answer, ms', full);
row('the same of an empty handler, ms', none);
row('difference, ms', full - none);
row('package, zipped, KB', zipSync({ 'index.mjs': readFileSync(join(mine, 'index.mjs')) }, { level: 9 }).length / 1000);
process.exit(0);
