// What a run on a table comes to, with a function and a bucket that are in memory.
import { expect, test } from '@jest/globals';
import { RunStore } from '../../../../action/apply/slices/run-store.ts';
import { runTable, type TableResult } from '../../../../action/apply/slices/run-table.ts';
import type { Counts, SliceCheckpoint, WorkSlice } from '../../../../formats/slice.ts';
import { failure, fake } from '../../fake-aws.ts';

const TABLE = { name: 'Orders', keys: [{ name: 'id', type: 'S' }] } as const;
const INDEX = { name: 'orders', index: 'orders', uuid: 'u', documents: 10, shards: [9], serverless: false };

/** Verifies with repair. @param found of the looks @param applied of what is written at the end */
async function repair(found: Counts, applied: Counts): Promise<TableResult> {
  const objects = new Map<string, string>();
  const aws = fake({
    GetObject: [
      ({ Key }: { Key: string }) => {
        const text = objects.get(Key);
        if (text === undefined) throw failure('NoSuchKey', 'There is none.', 404);
        return { ETag: '"x"', Body: { transformToString: () => Promise.resolve(text) } };
      },
    ],
    PutObject: [
      ({ Key, Body }: { Key: string; Body: string }) => {
        objects.set(Key, Body);
        return { ETag: '"x"' };
      },
    ],
    Invoke: [
      ({ Payload }: { Payload: Uint8Array }) => {
        const { slice } = JSON.parse(Buffer.from(Payload).toString('utf8')) as { slice: WorkSlice };
        const isLook = slice.kind === 'look';
        const counts = slice.kind === 'scan' ? { candidates: 1 } : !isLook ? {} : slice.mode === 'decide' ? found : applied;
        const lists = slice.kind === 'scan' || (isLook && slice.mode === 'decide') ? [`${slice.prefix}/lists/${slice.id}.jsonl`] : [];
        for (const list of lists) objects.set(list, '{"table":"Orders","id":"a","keys":{"id":{"S":"a"}},"kind":"missing"}\n');
        const checkpoint: SliceCheckpoint = { format: 1, id: slice.id, cursor: null, lists, counts, done: true, updatedAt: 0 };
        objects.set(`${slice.prefix}/slices/${slice.id}.json`, JSON.stringify(checkpoint));
        return { Payload: Buffer.from(JSON.stringify({ id: slice.id, done: true, counts, throttled: { table: 0, cluster: 0 } })) };
      },
    ],
  });
  const nothing = (): void => undefined;
  return runTable(
    new RunStore(aws, 'bucket', 'runs/Fn/verify/Orders'),
    { table: TABLE, tableId: 't', bytes: 0, companions: [TABLE] },
    { operation: 'verify', repair: true, prune: true, sample: 1, deleteLimit: { share: 0.01 }, restart: false, codeSha256: 'c' },
    {
      ...{ aws, functionName: 'Fn', qualifier: undefined, release: '1.0.0', concurrency: 4, maxReadCapacity: 1000, until: Infinity },
      ...{ survey: () => Promise.resolve(INDEX), log: nothing, progress: nothing },
    },
  );
}

test.each<[string, Counts, Counts, number]>([
  ['that are repaired', { missing: 2, different: 1 }, { repaired: 3 }, 0],
  ['that a live change fixes before the repair', { missing: 2 }, { repaired: 1, equal: 1 }, 0],
  ['that a live change fixes during the repair', { missing: 2 }, { repaired: 1, newer: 1 }, 0],
  ['that a young delete forbids to repair, each once', { missing: 2 }, { repaired: 1, moving: 1 }, 1],
  ['that are malformed, still moving or frozen', { missing: 1, moving: 1, frozen: 1 }, { malformed: 1 }, 3],
])('differences remain of those %s', async (_, found, applied, remaining) => {
  expect(await repair(found, applied)).toMatchObject({ complete: true, differences: remaining });
});
