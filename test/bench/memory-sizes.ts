// npm run bench:memory: documents per second, and the time until a change is searchable, by the memory of the function. Lambda gives
// processor time by memory, so the function's process gets that share of a processor, and the heap that Lambda's runtime gives it. Nothing
// here is asserted. `--quick` makes it short.
import { mkdtempSync, rmSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { startLambda, type LambdaHost } from '../stack/lambda-host.ts';
import { startSearch, type SearchAddress } from '../stack/search.ts';
import { event } from './events.ts';
import { functionPackage, INDEX } from './function-package.ts';
import { nodeWithShare, shareOf } from './processor-share.ts';

const quick = process.argv.includes('--quick');
/** MB */
const SIZES = [128, 512, 1024];
const BATCH = 1000;
const [BATCHES, CHANGES] = quick ? [5, 40] : [20, 400];
/** Batches and changes that are not counted: the function's code is compiled meanwhile. */
const WARM_UP = quick ? 3 : 10;
/** ms between two changes, so that each one finds an idle function. */
const PAUSE_MS = 60;

/** The value below which this share of the values is. */
const percentile = (values: readonly number[], share: number): number =>
  values.toSorted((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * share))] ?? NaN;

let next = 0;
/** ms from handing the function a batch of new changes to its response. @returns also the number of the first item */
async function invoke(host: LambdaHost, size: number): Promise<{ ms: number; first: number }> {
  const first = next;
  next += size;
  const batch: unknown = JSON.parse(event('Bench', size, first));
  const started = performance.now();
  const { payload, functionError, logs } = await host.invoke(batch);
  if (functionError !== undefined || payload !== '{"batchItemFailures":[]}') throw new Error(`${payload}\n${logs}`);
  return { ms: performance.now() - started, first };
}

async function documentsPerSecond(host: LambdaHost): Promise<number> {
  const times: number[] = [];
  for (let at = -WARM_UP; at < BATCHES; at++) {
    const { ms } = await invoke(host, BATCH);
    if (at >= 0) times.push(ms);
  }
  return (BATCH * 1000) / percentile(times, 0.5);
}

/** ms from handing the function one change until a search finds it, of each change. */
async function searchable(host: LambdaHost, search: SearchAddress): Promise<number[]> {
  const times: number[] = [];
  for (let at = -WARM_UP; at < CHANGES; at++) {
    const started = performance.now();
    const { first } = await invoke(host, 1);
    for (;;) {
      const response = await fetch(`${search.url}/${INDEX}/_count?q=sk:${first}`);
      const { count } = (await response.json()) as { count?: number };
      if (count === 1) break;
    }
    if (at >= 0) times.push(performance.now() - started);
    await sleep(PAUSE_MS);
  }
  return times;
}

const folder = mkdtempSync(join(tmpdir(), 'bench-'));
process.once('exit', () => {
  rmSync(folder, { recursive: true, force: true });
});
console.log('starting OpenSearch 2');
const search = await startSearch();
console.log(`\n## By memory: OpenSearch 2 on the same ${cpus().length} processors (${cpus()[0]?.model ?? 'unknown'}), refresh: true\n`);
console.log('| memory | share of a processor | documents per second | searchable after, median | 99 % |');
console.log('| --- | --- | --- | --- | --- |');
for (const memorySize of SIZES) {
  const { node, remove } = nodeWithShare(shareOf(memorySize), folder);
  const host = await startLambda({ folder: functionPackage(folder, search.url), name: 'bench', memorySize, node });
  try {
    const rate = await documentsPerSecond(host);
    const times = await searchable(host, search);
    const cells = [
      `${memorySize} MB`,
      `${(shareOf(memorySize) * 100).toFixed(0)} %`,
      rate.toFixed(0),
      ...[0.5, 0.99].map((share) => `${percentile(times, share).toFixed(0)} ms`),
    ];
    console.log(`| ${cells.join(' | ')} |`);
  } finally {
    await host.stop();
    await remove();
  }
}
await search.stop();
process.exit(0);
