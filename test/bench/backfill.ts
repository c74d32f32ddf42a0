// npm run bench:backfill: what backfill and verify cost, beside the same requests with nothing around them. Everything is measured in turns in
// one run; ratios are what counts. Nothing here is asserted. Names of measurements run those alone; `--quick` makes all of them short;
// `million` (or `million=100000`) is the run that is killed twice, and is left out unless it is named.
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { RunStore, type PlannedSlice } from '../../action/apply/slices/run-store.ts';
import { workOn } from '../../action/apply/slices/pool.ts';
import type { Counts, WorkSlice } from '../../formats/slice.ts';
import { indexBody } from '../../handler/cluster/index-body.ts';
import { documentText } from '../../handler/documents/document.ts';
import type { AttributeMap } from '../../handler/records/attribute.ts';
import { idOf } from '../../handler/records/item-key.ts';
import { failure, fake } from '../action/fake-aws.ts';
import { functionPackage, INDEX } from './function-package.ts';
import { startSearch } from '../stack/search.ts';
import { item, smallItem } from './events.ts';
import { startInstantAws } from './instant-aws.ts';
import { keptApart } from './processors.ts';
import { RawCluster } from './raw-cluster.ts';

const quick = process.argv.includes('--quick');
const SLICES = 4;
const ITEMS = quick ? 8_000 : 40_000;
const ROUNDS = quick ? 2 : 5;
const KEYS = [
  { name: 'pk', type: 'S' },
  { name: 'sk', type: 'N' },
] as const;
const shop = { count: ITEMS, item, pageItems: 1000, unitsPerItem: 0.25 };

const folder = mkdtempSync(join(tmpdir(), 'bench-'));
const children = new Set<ChildProcess>();
process.once('exit', () => {
  for (const child of children) child.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});
console.log('starting OpenSearch 2');
const search = await startSearch();
const aws = await startInstantAws(shop);
const raw = new RawCluster(search.url, SLICES);
/** The heap that Lambda's runtime gives a function of 128 MB. */
const SMALLEST = ['--max-old-space-size=115', '--max-semi-space-size=6'];

interface Done {
  readonly ms: number;
  readonly counts: Counts;
  readonly peak: number;
  readonly error?: string;
}

const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1] ?? NaN;
const rows: string[][] = [];
const row = (...cells: (string | number)[]): void => {
  rows.push(cells.map((cell) => (typeof cell === 'number' ? cell.toFixed(2) : cell)));
  console.log(`| ${rows.at(-1)?.join(' | ') ?? ''} |`);
};

const target = functionPackage(folder, search.url);

/** A function's process. */
async function subject(): Promise<ChildProcess> {
  const env = {
    ...process.env,
    AWS_REGION: 'eu-west-1',
    AWS_ACCESS_KEY_ID: 'key',
    AWS_SECRET_ACCESS_KEY: 'secret',
    AWS_ENDPOINT_URL_DYNAMODB: aws.url,
    AWS_ENDPOINT_URL_S3: aws.url,
  };
  const child = fork(join(import.meta.dirname, 'slice.mjs'), [target], {
    env,
    execArgv: SMALLEST,
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  children.add(child);
  await once(child, 'message');
  return child;
}

let runs = 0;
const table = { name: 'Bench', keys: KEYS };
const inRun = (slice: object, prefix: string, capacity = 1e9): WorkSlice =>
  ({
    operation: 'backfill',
    release: 'bench',
    bucket: 'bucket',
    prefix,
    capacity,
    seconds: 60,
    table,
    tables: [table],
    ...slice,
  }) as unknown as WorkSlice;

async function work(child: ChildProcess, slice: WorkSlice, more: { remaining?: number; forMs?: number } = {}): Promise<Done> {
  child.send({ slice, remaining: 30_000, ...more });
  const [done] = (await once(child, 'message')) as [Done];
  if (done.error !== undefined) throw new Error(done.error);
  return done;
}

async function freshIndex(): Promise<void> {
  await fetch(`${search.url}/${INDEX}`, { method: 'DELETE' });
  const body = JSON.stringify(indexBody({ indexSettings: {}, mappings: {} }, true));
  const { ok } = await fetch(`${search.url}/${INDEX}`, { method: 'PUT', headers: { 'content-type': 'application/json' }, body });
  if (!ok) throw new Error('the index could not be created');
}

/** All segments of the table at once, one process each. @returns ms */
async function scanned(subjects: readonly ChildProcess[], mode: 'write' | 'compare'): Promise<number> {
  const prefix = `runs/${++runs}`;
  const started = performance.now();
  const all = await Promise.all(
    subjects.map((child, segment) =>
      work(child, inRun({ kind: 'scan', id: `scan-${segment}`, mode, segment, totalSegments: SLICES }, prefix)),
    ),
  );
  const ms = performance.now() - started;
  const { written, equal } = all
    .map(({ counts }) => counts)
    .reduce((a, b) => ({ written: (a.written ?? 0) + (b.written ?? 0), equal: (a.equal ?? 0) + (b.equal ?? 0) }), {});
  if ((mode === 'write' ? written : equal) !== ITEMS) throw new Error(`${mode}: ${JSON.stringify({ written, equal })}`);
  return ms;
}

/** Texts that are sent by as many connections as slices, one after the other each. @returns ms */
async function sent(path: string, bodies: readonly (string | Buffer)[], type?: string): Promise<number> {
  const left = [...bodies];
  const started = performance.now();
  const one = async (): Promise<void> => {
    for (let body = left.shift(); body !== undefined; body = left.shift()) await raw.post(path, body, type);
  };
  await Promise.all(Array.from({ length: SLICES }, one));
  return performance.now() - started;
}

const numbers = Array.from({ length: ITEMS }, (_, n) => n);
const idsOf = (some: readonly number[]): string[] =>
  some.map((n) => {
    const { pk, sk } = item(n) as { pk: object; sk: object };
    return idOf({ pk, sk } as AttributeMap, KEYS);
  });
const pagesOf = (size: number): number[][] =>
  Array.from({ length: Math.ceil(ITEMS / size) }, (_, i) => numbers.slice(i * size, (i + 1) * size));

async function backfill(): Promise<void> {
  aws.table = shop;
  aws.prepare(SLICES);
  const bodies = pagesOf(500).map((page) => {
    const ids = idsOf(page);
    return Buffer.from(
      page
        .map(
          (n, i) =>
            `{"index":{"_id":${JSON.stringify(ids[i])},"version":1,"version_type":"external"}}\n${documentText(item(n) as AttributeMap)}\n`,
        )
        .join(''),
    );
  });
  const subjects = await Promise.all(Array.from({ length: SLICES }, subject));
  const name = `backfill, items/s, ${SLICES} slices, against _bulk of the same documents`;
  await twice(name, { aim: '≥ 0.9', others: subjects }, async () => {
    await freshIndex();
    const base = await sent(`/${INDEX}/_bulk?filter_path=errors,items.*.status`, bodies, 'application/x-ndjson');
    await freshIndex();
    return [await scanned(subjects, 'write'), base];
  });
  for (const child of subjects) child.kill();
}

/** Measures in turns, first with all on the same processors, then with one for the engine alone. @param measure returns ms of both */
async function twice(
  name: string,
  { aim, others }: { readonly aim: string; readonly others: readonly ChildProcess[] },
  measure: () => Promise<[own: number, base: number]>,
): Promise<void> {
  const rounds = async (where: string): Promise<void> => {
    const times: [number, number][] = [];
    for (let round = -1; round < ROUNDS; round++) {
      const both = await measure();
      if (round >= 0) times.push(both);
    }
    result(`${name}, ${where}`, times, ITEMS, aim);
  };
  await rounds('functions and engine on the same processors');
  const release = await keptApart(search.url, [process.pid, ...others.map(({ pid = NaN }) => pid)]);
  if (release === undefined) {
    console.log('(one processor, or no taskset: the engine cannot have one of its own)');
    return;
  }
  await rounds('the engine on a processor of its own');
  release();
}

function result(name: string, times: readonly [number, number][], count: number, aim: string): void {
  const rate = (at: 0 | 1): string => ((count * 1000) / median(times.map((pair) => pair[at]))).toFixed(0);
  row(name, rate(0), rate(1), median(times.map(([own, base]) => base / own)), aim);
}

async function verify(): Promise<void> {
  aws.table = shop;
  aws.prepare(SLICES);
  const subjects = await Promise.all(Array.from({ length: SLICES }, subject));
  await freshIndex();
  await scanned(subjects, 'write');
  const bodies = pagesOf(1000).map((page) => JSON.stringify({ ids: idsOf(page) }));
  const name = 'verify, table → index, documents/s, against _mget of the same ids';
  await twice(name, { aim: '≥ 0.7', others: subjects }, async () => {
    const base = await sent(`/${INDEX}/_mget`, bodies);
    return [await scanned(subjects, 'compare'), base];
  });
  for (const child of subjects) child.kill();
}

async function walk(): Promise<void> {
  aws.table = shop;
  aws.prepare(SLICES);
  const subjects = await Promise.all(Array.from({ length: SLICES }, subject));
  await freshIndex();
  await scanned(subjects, 'write');
  await raw.post(`/${INDEX}/_refresh`, '');
  const [child] = subjects;
  if (child === undefined) return;
  const times: [number, number][] = [];
  for (let round = -1; round < ROUNDS; round++) {
    const started = performance.now();
    for (let after = -1, hits = 1; hits > 0;) {
      const body = {
        size: 1000,
        query: { range: { _seq_no: { gt: after } } },
        sort: [{ _seq_no: 'asc' }],
        _source: false,
        version: true,
        seq_no_primary_term: true,
        track_total_hits: false,
      };
      const page = (
        JSON.parse(await raw.post(`/${INDEX}/_search?preference=_shards:0`, JSON.stringify(body))) as {
          hits: { hits: { _seq_no: number }[] };
        }
      ).hits.hits;
      hits = page.length;
      after = page.at(-1)?._seq_no ?? after;
    }
    const base = performance.now() - started;
    // Ids of a table that is another one: all are unchecked, so that nothing but the walk is measured.
    const foreign = [{ name: 'Bench', keys: [{ name: 'pk', type: 'N' }] }];
    const ids = await work(
      child,
      inRun({ kind: 'walk', id: 'walk', index: INDEX, shard: 0, from: -1, to: 1e9, tables: foreign }, `runs/${++runs}`),
    );
    if (ids.counts.unchecked !== ITEMS) throw new Error(JSON.stringify(ids.counts));
    const whole = await work(child, inRun({ kind: 'walk', id: 'walk', index: INDEX, shard: 0, from: -1, to: 1e9 }, `runs/${++runs}`));
    if (round === ROUNDS - 1)
      row('  the same with the reading of their keys, one slice', ((ITEMS * 1000) / whole.ms).toFixed(0), '', '', '');
    if (round >= 0) times.push([ids.ms, base]);
  }
  for (const one of subjects) one.kill();
  result('walk of ids, ids/s, against paging by _seq_no', times, ITEMS, '≥ 0.8');
}

async function pace(): Promise<void> {
  aws.table = { ...shop, count: 1e9 };
  const [slices, allowed, seconds] = [8, 400, quick ? 15 : 60];
  const subjects = await Promise.all(Array.from({ length: slices }, subject));
  const prefix = `runs/${++runs}`;
  aws.units = 0;
  const started = performance.now();
  const working = subjects.map((child, segment) =>
    work(child, inRun({ kind: 'scan', id: `scan-${segment}`, mode: 'compare', segment, totalSegments: slices }, prefix, allowed / slices), {
      remaining: 60_000,
      forMs: seconds * 1000 + 30_000,
    }),
  );
  for (const one of working) one.catch(() => undefined);
  await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
  const used = aws.units / ((performance.now() - started) / 1000);
  for (const child of subjects) child.kill('SIGKILL');
  row(`max-read-capacity, units/s over ${seconds} s, ${slices} slices`, used, String(allowed), used / allowed, '0.9 to 1.1');
}

async function memory(): Promise<void> {
  const text = 'x'.repeat(399_000);
  const large = (n: number): Record<string, unknown> => ({ pk: { S: 'large' }, sk: { N: String(n) }, text: { S: `${n} ${text}` } });
  aws.table = { count: quick ? 60 : 240, item: large, pageItems: 3, unitsPerItem: 100 };
  aws.prepare(1);
  await freshIndex();
  const whole = { segment: 0, totalSegments: 1 };
  const list = Array.from({ length: aws.table.count }, (_, n) => {
    const { pk, sk } = large(n) as { pk: object; sk: object };
    return JSON.stringify({
      table: 'Bench',
      id: idOf({ pk, sk } as AttributeMap, KEYS),
      keys: { pk, sk },
      kind: 'different',
      document: 'x',
      item: 'y',
    });
  }).join('\n');
  for (const [name, slice] of [
    ['written', { kind: 'scan', mode: 'write', ...whole }],
    ['compared', { kind: 'scan', mode: 'compare', ...whole }],
    ['looked at again', { kind: 'look', mode: 'decide', list: 'runs/list', isLast: true }],
    ['repaired', { kind: 'look', mode: 'apply', list: 'runs/list', isLast: true }],
  ] as const) {
    // Most of what is repaired differs: the documents of all items are others.
    if (name === 'repaired')
      await raw
        .post(`/${INDEX}/_update_by_query?refresh=true&conflicts=proceed`, JSON.stringify({ script: { source: 'ctx._source.more = 1' } }))
        .catch(() => '');
    await putObject('/bucket/runs/list', list);
    const child = await subject();
    const { peak, counts } = await work(child, inRun({ ...slice, id: 'one' }, `runs/${++runs}`));
    child.kill();
    row(`peak memory, MB, 128 MB function, items of 400 KB ${name} (${JSON.stringify(counts)})`, peak, '', peak / 128, '≤ 1');
  }
}

const putObject = async (path: string, body: string): Promise<void> => {
  await fetch(`${aws.url}${path}`, { method: 'PUT', body });
};

async function driver(): Promise<void> {
  const count = quick ? 500 : 2000;
  const slices: PlannedSlice[] = Array.from({ length: count }, (_, segment) => ({
    kind: 'scan',
    id: `scan-${segment}`,
    mode: 'write',
    table,
    segment,
    totalSegments: count,
  }));
  const measure = async (): Promise<number> => {
    const cloud = fake({
      GetObject: [failure('NoSuchKey', 'There is none.', 404)],
      Invoke: [
        ({ Payload }: { Payload: Uint8Array }) => {
          cloud.calls.length = cloud.inputs.length = 0;
          const { slice } = JSON.parse(Buffer.from(Payload).toString()) as { slice: WorkSlice };
          return {
            Payload: Buffer.from(JSON.stringify({ id: slice.id, done: true, counts: { read: 1 }, throttled: { table: 0, cluster: 0 } })),
          };
        },
      ],
    });
    const started = performance.now();
    await workOn(slices, {
      ...{
        aws: cloud,
        store: new RunStore(cloud, 'bucket', 'runs'),
        functionName: 'Fn',
        qualifier: undefined,
        release: 'bench',
        operation: 'backfill',
      },
      ...{ run: '1', phase: 'scan', log: () => undefined },
      ...{ concurrency: SLICES, maxReadCapacity: 1000, until: Infinity, progress: () => undefined },
      ...{ timeout: 60, pause: () => Promise.resolve(undefined), lock: { late: () => undefined, isLost: false } },
    });
    return performance.now() - started;
  };
  await measure();
  const before = process.memoryUsage().heapUsed;
  const ms = await measure();
  await measure();
  globalThis.gc?.();
  row(`driver, slices of nothing per second (${count})`, ((count * 1000) / ms).toFixed(0), '', '', '≥ 50');
  row('  growth of the heap over two further runs, MB', (process.memoryUsage().heapUsed - before) / 1e6, '', '', 'none');
}

/** A large backfill whose processes are all killed twice in the middle. */
async function million(): Promise<void> {
  const count = Number(/^million=(\d+)$/.exec(process.argv.find((name) => name.startsWith('million')) ?? '')?.[1] ?? 1e6);
  aws.table = { count, item: smallItem, pageItems: 4000, unitsPerItem: 0.05 };
  await freshIndex();
  const prefix = `runs/${++runs}`;
  const started = performance.now();
  const segments = Array.from({ length: SLICES }, (_, segment) =>
    inRun({ kind: 'scan', id: `scan-${segment}`, mode: 'write', segment, totalSegments: SLICES }, prefix),
  );
  const written = (): number =>
    [...aws.objects]
      .filter(([key]) => key.includes(`${prefix}/slices/`))
      .reduce((sum, [, text]) => sum + ((JSON.parse(text) as { counts: Counts }).counts.read ?? 0), 0);
  let kills = 0;
  for (const until of [count / 3, (count * 2) / 3, Infinity]) {
    const subjects = await Promise.all(Array.from({ length: SLICES }, subject));
    const working = subjects.map((child, segment) => work(child, segments[segment] as WorkSlice));
    for (const one of working) one.catch(() => undefined);
    if (until === Infinity) await Promise.all(working);
    else {
      while (written() < until) await new Promise((resolve) => setTimeout(resolve, 100));
      kills++;
    }
    for (const child of subjects) child.kill('SIGKILL');
  }
  const seconds = (performance.now() - started) / 1000;
  await raw.post(`/${INDEX}/_refresh`, '');
  const { count: found } = (await (await fetch(`${search.url}/${INDEX}/_count`)).json()) as { count: number };
  row(`${count} items, killed ${kills} times: documents, items/s`, String(found), (count / seconds).toFixed(0), found / count, '1');
  row(
    '  items written, those of pages that were written twice included',
    String(await indexed(count)),
    '',
    '',
    `≤ ${count} + the pages under way`,
  );
}

/** Operations that the index got for items: those that were refused, since the document was there, included. */
async function indexed(count: number): Promise<number> {
  const stats = (await (await fetch(`${search.url}/${INDEX}/_stats/indexing`)).json()) as {
    _all: { primaries: { indexing: { index_total: number; index_failed: number } } };
  };
  const { index_total: total, index_failed: failed } = stats._all.primaries.indexing;
  return Math.max(count, total + failed);
}

const SECTIONS: Readonly<Record<string, () => Promise<void>>> = { backfill, verify, walk, pace, memory, driver, million };
const selected = process.argv
  .slice(2)
  .filter((name) => !name.startsWith('--'))
  .map((name) => name.replace(/=.*/, ''));
const unknown = selected.find((name) => !Object.hasOwn(SECTIONS, name));
if (unknown !== undefined) {
  console.error(`there is no measurement ${unknown}; there are ${Object.keys(SECTIONS).join(', ')}`);
  process.exit(2);
}
row('figure', 'product', 'compared with', 'ratio', 'aim');
row('---', '---', '---', '---', '---');
for (const [name, section] of Object.entries(SECTIONS))
  if (selected.includes(name) || (selected.length === 0 && name !== 'million')) await section();
process.exit(0);
