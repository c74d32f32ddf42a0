// What a run on a table comes to, with a function and a bucket that are in memory.
import { expect, test } from '@jest/globals';
import { workOn } from '../../../../action/apply/slices/pool.ts';
import { RunStore } from '../../../../action/apply/slices/run-store.ts';
import { runTable } from '../../../../action/apply/slices/run-table.ts';
import type { TableResult } from '../../../../action/report/run-report.ts';
import type { Counts, RedriveSlice, SliceCheckpoint, WorkSlice } from '../../../../formats/slice.ts';
import { bucketOf } from './bucket.ts';

const TABLE = { name: 'Orders', keys: [{ name: 'id', type: 'S' }] } as const;
const INDEX = { name: 'orders', index: 'orders', uuid: 'u', documents: 10, shards: [9], serverless: false };

interface Ran {
  readonly result: TableResult;
  /** When each kind of slice was passed on first, ms since the beginning. */
  readonly begun: Record<string, number>;
}

/** Runs on a table. @param found of the looks @param applied of what is written at the end */
async function runOn({
  operation = 'verify' as 'verify' | 'backfill',
  found = {} as Counts,
  applied = {} as Counts,
  lateUntil = 0,
  age = 0,
  until = Infinity,
}): Promise<Ran> {
  const begun: Record<string, number> = {};
  const bucket = bucketOf({
    Invoke: [
      ({ Payload }: { Payload: Uint8Array }) => {
        const { slice } = JSON.parse(Buffer.from(Payload).toString('utf8')) as { slice: WorkSlice };
        begun[slice.kind] ??= bucket.aws.clock.now();
        if (slice.kind === 'look') begun[slice.mode] ??= bucket.aws.clock.now();
        const isLook = slice.kind === 'look';
        const counts =
          slice.kind === 'scan'
            ? { candidates: 1 }
            : !isLook
              ? {}
              : slice.mode === 'decide'
                ? found
                : slice.mode === 'apply'
                  ? applied
                  : {};
        const lists = slice.kind === 'scan' || (isLook && slice.mode === 'decide') ? [`${slice.prefix}/lists/${slice.id}.jsonl`] : [];
        for (const list of lists) bucket.put(list, '{"table":"Orders","id":"a","keys":{"id":{"S":"a"}},"kind":"missing"}\n');
        const checkpoint: SliceCheckpoint = { format: 1, id: slice.id, cursor: null, lists, counts, done: true, updatedAt: 0 };
        bucket.put(`${slice.prefix}/slices/${slice.id}.json`, JSON.stringify(checkpoint));
        return { Payload: Buffer.from(JSON.stringify({ id: slice.id, done: true, counts, throttled: { table: 0, cluster: 0 } })) };
      },
    ],
  });
  const { aws } = bucket;
  const nothing = (): void => undefined;
  const result = await runTable(
    new RunStore(aws, 'bucket', 'runs/Fn/verify/Orders'),
    { table: TABLE, tableId: 't', bytes: 0, companions: [TABLE] },
    { operation, repair: true, prune: true, sample: 1, deleteLimit: { share: 0.01 }, restart: false, codeSha256: 'c' },
    {
      ...{ aws, functionName: 'Fn', qualifier: undefined, release: '1.0.0', concurrency: 4, maxReadCapacity: 1000, until },
      ...{ survey: () => Promise.resolve(INDEX), tableId: () => Promise.resolve('t'), log: nothing, progress: nothing },
      ...{ timeout: 60, pause: () => Promise.resolve(undefined), iteratorAge: () => Promise.resolve(age) },
      workOn,
      lock: { lateUntil, isLost: false, late: nothing, release: () => Promise.resolve() },
    },
  );
  return { result, begun };
}

test.each<[string, Counts, Counts, number]>([
  ['that are repaired', { missing: 2, different: 1 }, { repaired: 3 }, 0],
  ['that a live change fixes before the repair', { missing: 2 }, { repaired: 1, equal: 1 }, 0],
  ['that a live change fixes during the repair', { missing: 2 }, { repaired: 1, newer: 1 }, 0],
  ['that a young delete forbids to repair, each once', { missing: 2 }, { repaired: 1, moving: 1 }, 1],
  ['that are malformed, still moving or frozen', { missing: 1, moving: 1, frozen: 1 }, { malformed: 1 }, 3],
])('differences remain of those %s', async (_, found, applied, remaining) => {
  const { result } = await runOn({ found, applied });
  expect(result).toMatchObject({ complete: true, differences: remaining });
});

test('what the first pass of a backfill could not write is in its list, and what that of a verify has found is not', async () => {
  const found = { missing: 1 };
  expect((await runOn({ operation: 'backfill', found })).result.findings).toMatchObject([{ id: 'a' }]);
  expect((await runOn({ operation: 'verify', found })).result.findings).toHaveLength(1);
});

test('pass 2 begins at once where every slice ended cleanly, else when no write of one can arrive any more', async () => {
  expect((await runOn({ operation: 'backfill' })).begun).toMatchObject({ scan: 0, walk: 0 });
  expect((await runOn({ operation: 'backfill', lateUntil: 75_000 })).begun).toMatchObject({ scan: 0, walk: 75_000 });
});

test('pass 2 is left to the next run where its time would be over before', async () => {
  const { result, begun } = await runOn({ operation: 'backfill', lateUntil: 75_000, until: 70_000 });
  expect(result).toMatchObject({ complete: false, failure: undefined });
  expect(begun).toEqual({ scan: 0 });
});

test('what a repair wrote is looked at once more, when no write can arrive any more; after deletes alone nothing has to be', async () => {
  const found = { missing: 1, stale: 1 };
  expect((await runOn({ found, applied: { repaired: 2, deleted: 1 } })).begun).toMatchObject({ apply: 30_000, confirm: 30_000 });
  expect((await runOn({ found, applied: { repaired: 2, deleted: 1 }, lateUntil: 75_000 })).begun).toMatchObject({ confirm: 105_000 });
  expect((await runOn({ found, applied: { repaired: 2, deleted: 2 } })).begun).not.toHaveProperty('confirm');
});

test.each([
  ['30 s', 0, 30_000],
  ['30 s where the triggers are hardly behind', 10_000, 30_000],
  ['twice their age where the triggers are behind', 120_000, 240_000],
  ['ten minutes where they are far behind', 3_600_000, 600_000],
])('candidates are looked at again after %s', async (_, age, settled) => {
  expect((await runOn({ age })).begun).toMatchObject({ look: settled });
});

test('a redrive that is resumed works off what has failed since, too, and what remains is what that part has left', async () => {
  const slices: { readonly id: string; readonly until: number }[] = [];
  const failedAgain = [
    { 'dead-letters': 3, redriven: 1, 'failed-again': 2 },
    { 'dead-letters': 4, redriven: 3, 'failed-again': 1 },
  ];
  let isDone = false;
  const bucket = bucketOf({
    Invoke: [
      ({ Payload }: { Payload: Uint8Array }) => {
        const { slice } = JSON.parse(Buffer.from(Payload).toString('utf8')) as { slice: RedriveSlice };
        slices.push(slice);
        const counts = failedAgain[Number(slice.id.split('-')[1])] ?? {};
        const list = `${slice.prefix}/lists/${slice.id}.jsonl`;
        bucket.put(list, '{"table":"Orders","id":"a","keys":{},"kind":"failed-again","type":"mapper_parsing_exception"}\n');
        const checkpoint: SliceCheckpoint = { format: 1, id: slice.id, cursor: null, lists: [list], counts, done: isDone, updatedAt: 0 };
        bucket.put(`${slice.prefix}/slices/${slice.id}.json`, JSON.stringify(checkpoint));
        return { Payload: Buffer.from(JSON.stringify({ id: slice.id, done: isDone, counts, throttled: { table: 0, cluster: 0 } })) };
      },
    ],
  });
  const { aws } = bucket;
  const nothing = (): void => undefined;
  const sources = [{ form: 'dead-letters', from: { bucket: 'code', prefix: 'dead-letters/Orders/' } }] as const;
  const redrive = (until: number): Promise<TableResult> =>
    runTable(
      new RunStore(aws, 'bucket', 'runs/Fn/redrive/Orders'),
      { table: TABLE, tableId: 't', bytes: 0, companions: [TABLE], sources },
      { operation: 'redrive', repair: false, prune: true, sample: 1, deleteLimit: { share: 0.01 }, restart: false, codeSha256: 'c' },
      {
        ...{ aws, functionName: 'Fn', qualifier: undefined, release: '1.0.0', concurrency: 4, maxReadCapacity: 1000, until },
        ...{ survey: () => Promise.resolve(INDEX), tableId: () => Promise.resolve('t'), log: nothing, progress: nothing },
        ...{ timeout: 60, pause: () => Promise.resolve(undefined), iteratorAge: () => Promise.resolve(0) },
        workOn,
        lock: { lateUntil: 0, isLost: false, late: nothing, release: () => Promise.resolve() },
      },
    );
  const begun = aws.clock.now();
  // The time is up before the slice is done.
  expect(await redrive(begun)).toMatchObject({ complete: false });
  await aws.clock.sleep(60_000);
  isDone = true;
  const result = await redrive(Infinity);
  expect(slices.map(({ id, until }) => [id, until])).toEqual([
    ['redrive-0-0', begun],
    ['redrive-1-0', begun + 60_000],
  ]);
  expect(result).toMatchObject({
    complete: true,
    differences: 0,
    counts: { 'dead-letters': 7, redriven: 4, 'failed-again': 1 },
    reasons: { mapper_parsing_exception: 1 },
  });
  expect(bucket.objects.get('runs/Fn/redrive/Orders/remaining.jsonl')?.text.split('\n')).toHaveLength(2);
});
