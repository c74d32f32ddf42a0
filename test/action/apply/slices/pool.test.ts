// How slices are handed out, without a function.
import { expect, test } from '@jest/globals';
import { workOn } from '../../../../action/apply/slices/pool.ts';
import { RunStore, type PlannedSlice } from '../../../../action/apply/slices/run-store.ts';
import type { SliceResponse, WorkSlice } from '../../../../formats/slice.ts';
import { failure, fake } from '../../fake-aws.ts';

const slices = (count: number): PlannedSlice[] =>
  Array.from({ length: count }, (_, segment) => ({
    kind: 'scan',
    id: `scan-${segment}`,
    mode: 'write',
    table: { name: 'Orders', keys: [{ name: 'id', type: 'S' }] },
    segment,
    totalSegments: count,
  }));

/** Hands slices out. @returns the slices that the function got, in their order */
async function handedOut(count: number, concurrency: number, before: readonly Error[] = []): Promise<WorkSlice[]> {
  const seen: WorkSlice[] = [];
  const aws = fake({
    GetObject: [failure('NoSuchKey', 'There is none.', 404)],
    Invoke: [
      ...before,
      ({ Payload }: { Payload: Uint8Array }) => {
        const { slice } = JSON.parse(Buffer.from(Payload).toString('utf8')) as { slice: WorkSlice };
        seen.push(slice);
        const response: SliceResponse = { id: slice.id, done: true, counts: { read: 1 }, throttled: { table: 0, cluster: 0 } };
        return { Payload: Buffer.from(JSON.stringify(response)) };
      },
    ],
  });
  const { done, parked } = await workOn(slices(count), {
    aws,
    store: new RunStore(aws, 'bucket', 'runs/Fn/backfill/Orders/1'),
    functionName: 'Fn',
    qualifier: undefined,
    release: '1.0.0',
    operation: 'backfill',
    concurrency,
    maxReadCapacity: 1000,
    until: Infinity,
    progress: () => undefined,
  });
  expect({ done, parked }).toEqual({ done: count, parked: [] });
  return seen;
}

test.each([
  ['as many slices as run at once', 4, 4, 250],
  ['more slices than run at once', 9, 4, 250],
  ['fewer slices than may run at once', 2, 4, 500],
  ['a single slice', 1, 4, 1000],
])('%s never have more than the read capacity of the run together, from the first invocation on', async (_, count, concurrency, each) => {
  const seen = await handedOut(count, concurrency);
  expect(seen.map(({ capacity }) => capacity)).toEqual(Array.from({ length: count }, () => each));
});

test('an invocation that AWS throttles is a failure of its slice, which is handed out again', async () => {
  const throttled = failure('TooManyRequestsException', 'Rate exceeded', 429);
  expect(await handedOut(2, 1, [throttled])).toHaveLength(2);
});
