// npm run bench: what the function costs, beside the same bytes sent without it and beside the npm library of the same purpose.
// Everything is measured in turns in one run; ratios are what counts. Nothing here is asserted. `npm run bench -- throughput`,
// `processor` or `start` measures that alone.
import { type ChildProcess, execFileSync, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { zipSync } from 'fflate';
import type { Auth } from '../../formats/function-config.ts';
import { indexBody } from '../../handler/cluster/index-body.ts';
import { prepared } from '../stack/cache.ts';
import { startSearch } from '../stack/search.ts';
import { event, smallItem, VIEWS, type View } from './events.ts';
import { functionPackage } from './function-package.ts';
import type { Order, Result } from './subject.ts';

const PEER = 'dynamodb-stream-elasticsearch@3.3.1';
const here = import.meta.dirname;
const folder = mkdtempSync(join(tmpdir(), 'bench-'));
const children: ChildProcess[] = [];
process.once('exit', () => {
  for (const child of children) child.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});

const packageFor = (endpoint: string, auth?: Auth): string => functionPackage(folder, endpoint, auth);

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

/** Rounds that are not counted. */
const WARM_UP = 6;
const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1] ?? NaN;
const row = (...cells: (string | number)[]): void => {
  console.log(`| ${cells.map((cell) => (typeof cell === 'number' ? cell.toFixed(2) : cell)).join(' | ')} |`);
};

interface Rounds {
  /** ms of wall time per round: rounds of different subjects at the same place ran one after the other. */
  readonly wall: number[];
  /** ms of processor time per batch. */
  readonly cpu: number[];
}

/** Rounds in turns over all subjects, every other one the other way round. */
async function inTurns<Name extends string>(
  subjects: Record<Name, ChildProcess>,
  size: number,
  batches: number,
  rounds: number,
): Promise<Record<Name, Rounds>> {
  const names = Object.keys(subjects) as Name[];
  const results = Object.fromEntries(names.map((name) => [name, { wall: [], cpu: [] }])) as unknown as Record<Name, Rounds>;
  for (let round = -WARM_UP; round < rounds; round++) {
    for (const name of names) {
      const result = await order(subjects[name], { batches, size, from: (round + WARM_UP) * size * batches });
      if (round < 0) continue;
      results[name].wall.push(result.reduce((sum, { wall }) => sum + wall, 0));
      results[name].cpu.push(...result.map(({ cpu }) => cpu));
    }
    names.reverse();
  }
  for (const name of names) subjects[name].kill();
  return results;
}

/** The median of the ratios of rounds that ran side by side: what the machine did meanwhile befell both. */
const ratio = (own: number[], other: number[]): number => median(own.map((value, i) => value / (other[i] ?? NaN)));

const library = (): Promise<string> =>
  prepared('bench-peer', [PEER], (target) => {
    writeFileSync(join(target, 'package.json'), '{"private":true}');
    console.log(`fetching ${PEER} for comparison`);
    execFileSync('npm', ['install', '--ignore-scripts', '--no-audit', '--no-fund', '--prefix', target, PEER], {
      stdio: 'ignore',
      shell: process.platform === 'win32',
    });
    return Promise.resolve();
  });

const subject = async (...args: string[]): Promise<ChildProcess> => (await start('subject.ts', args)).child;

async function throughput(): Promise<void> {
  const peer = await library();
  console.log('starting OpenSearch 2');
  const search = await startSearch();
  // The same index for all: what an engine guesses for itself is another amount of work.
  for (const index of ['bench-product', 'bench-preserialised', 'bench-library']) {
    const body = JSON.stringify(indexBody({ indexSettings: {}, mappings: {} }, true));
    const { ok } = await fetch(`${search.url}/${index}`, { method: 'PUT', headers: { 'content-type': 'application/json' }, body });
    if (!ok) throw new Error(`${index} could not be created`);
  }
  console.log('\n## Documents per second into OpenSearch 2, refresh on\n');
  row('batch', 'product', 'same bytes, pre-serialised', 'npm library, bulk', 'product : pre-serialised', 'product : library');
  row('---', '---', '---', '---', '---', '---');
  for (const size of [1, 10, 100, 500, 1000]) {
    const subjects = {
      product: await subject('product', search.url, packageFor(search.url)),
      preserialised: await subject('preserialised', search.url),
      library: await subject('library', search.url, peer),
    };
    const batches = Math.min(200, 2000 / size);
    const { product, preserialised, library } = await inTurns(subjects, size, batches, 20);
    const rate = ({ wall }: Rounds): string => ((size * batches * 1000) / median(wall)).toFixed(0);
    row(
      String(size),
      rate(product),
      rate(preserialised),
      rate(library),
      ratio(preserialised.wall, product.wall),
      ratio(library.wall, product.wall),
    );
  }
  await search.stop();
}

async function processor(): Promise<void> {
  const peer = await library();
  const { message: url } = await start('instant-engine.ts', []);
  console.log('\n## Processor time per record, a cluster that responds at once, batches of 500\n');
  row('records', 'product, µs', 'npm library, µs', 'product : library');
  row('---', '---', '---', '---');
  for (const [view, words] of Object.entries(VIEWS) as [View, string][]) {
    const subjects = {
      product: await subject('product', String(url), packageFor(String(url)), view),
      library: await subject('library', String(url), peer, view),
    };
    const { product, library } = await inTurns(subjects, 500, 20, 30);
    // The least disturbed batches: what else the machine does can only add to processor time.
    const perRecord = ({ cpu }: Rounds): number => ((cpu.toSorted((a, b) => a - b)[Math.floor(cpu.length / 50)] ?? NaN) * 1000) / 500;
    row(words, perRecord(product), perRecord(library), perRecord(product) / perRecord(library));
  }
}

/** The heap that Lambda's runtime gives a function of 128 MB. */
const SMALLEST = ['--max-old-space-size=115', '--max-semi-space-size=6'];

interface Start {
  readonly responded: number;
  readonly peak: number;
}

async function memoryAndStart(): Promise<void> {
  const { message: url } = await start('instant-engine.ts', []);
  console.log('\n## Memory and start\n');
  const large = join(folder, 'large.json');
  const text = event('Bench', 10_000, 0, 'NEW_IMAGE', smallItem);
  writeFileSync(large, text);
  const single = join(folder, 'single.json');
  writeFileSync(single, event('Bench', 1));
  const empty = mkdtempSync(join(folder, 'empty-'));
  writeFileSync(join(empty, 'index.mjs'), 'export const handler = async () => ({ batchItemFailures: [] });\n');
  const measure = async (target: string, file: string): Promise<Start> =>
    (await start('start.mjs', [target, file], SMALLEST)).message as Start;
  const mine = packageFor(String(url));
  const signed = packageFor(String(url), { type: 'sigv4', service: 'es' });
  const { peak } = await measure(mine, large);
  const starts: Record<'mine' | 'signed' | 'empty', number>[] = [];
  for (let i = 0; i < 15; i++) {
    const responded = async (target: string): Promise<number> => (await measure(target, single)).responded;
    starts.push({ mine: await responded(mine), signed: await responded(signed), empty: await responded(empty) });
  }
  row('figure', 'measured');
  row('---', '---');
  row(`peak memory, one event of 10,000 records (${(text.length / 1e6).toFixed(1)} MB), MB`, peak);
  row('start to first response, over an empty handler, ms', median(starts.map((start) => start.mine - start.empty)));
  row('the same with signed requests, ms', median(starts.map((start) => start.signed - start.empty)));
  row('package, zipped, KB', zipSync({ 'index.mjs': readFileSync(join(mine, 'index.mjs')) }, { level: 9 }).length / 1000);
}

const SECTIONS = { throughput, processor, start: memoryAndStart };
const selected = process.argv.slice(2);
const unknown = selected.find((name) => !Object.hasOwn(SECTIONS, name));
if (unknown !== undefined) {
  console.error(`there is no measurement ${unknown}; there are ${Object.keys(SECTIONS).join(', ')}`);
  process.exit(2);
}
for (const [name, section] of Object.entries(SECTIONS)) if (selected.length === 0 || selected.includes(name)) await section();
process.exit(0);
