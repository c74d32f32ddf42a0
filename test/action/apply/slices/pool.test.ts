// How slices are handed out, without a function.
import { expect, test } from '@jest/globals';
import type { DriverResult, DriverState } from '../../../../action/apply/slices/driver.ts';
import { workOn } from '../../../../action/apply/slices/pool.ts';
import { RunStore } from '../../../../action/apply/slices/run-store.ts';
import { CancelledError } from '../../../../action/errors.ts';
import type { SliceCheckpoint, SliceResponse, WorkSlice } from '../../../../formats/slice.ts';
import { failure, fake } from '../../fake-aws.ts';
import { slices } from './slices.ts';

type Reply = Partial<SliceResponse> | Error;

interface Work {
  /** Slices that the function got, in their order. */
  readonly seen: WorkSlice[];
  /** Read capacity and number of the slices that were with the function at the same time, after each began. */
  readonly together: { capacity: number; slices: number }[];
  readonly states: DriverState[];
  /** ms from now on for which writes may arrive, as the lock was told. */
  readonly late: number[];
  readonly checkpoints: Map<string, Partial<SliceCheckpoint>>;
  readonly lock: { isLost: boolean };
  readonly cancel: AbortController;
  readonly result: Promise<DriverResult>;
}

/** Hands slices out. @param reply of the function, by slice and the number of the invocation; by default it is done at once */
function handOut(
  count: number,
  {
    concurrency = 4,
    reply = () => ({}),
    pause = () => Promise.resolve(undefined),
    done = [],
  }: Partial<{
    concurrency: number;
    reply: (slice: WorkSlice, nth: number, work: Work) => Reply | Promise<Reply>;
    pause: () => Promise<string | undefined>;
    done: readonly string[];
  }> = {},
): Work {
  const running = new Map<string, number>();
  const cancel = new AbortController();
  const work: Omit<Work, 'result'> = {
    ...{ seen: [], together: [], states: [], late: [], cancel },
    checkpoints: new Map(done.map((id) => [id, { done: true, counts: {} }])),
    lock: { isLost: false },
  };
  const aws = fake(
    {
      GetObject: [
        ({ Key }: { Key: string }) => {
          const found = work.checkpoints.get(/slices\/(.*)\.json$/.exec(Key)?.[1] ?? '');
          if (found === undefined) throw failure('NoSuchKey', 'There is none.', 404);
          return { ETag: '"x"', Body: { transformToByteArray: () => Promise.resolve(Buffer.from(JSON.stringify(found))) } };
        },
      ],
      Invoke: [
        async ({ Payload }: { Payload: Uint8Array }) => {
          const { slice } = JSON.parse(Buffer.from(Payload).toString('utf8')) as { slice: WorkSlice };
          work.seen.push(slice);
          running.set(slice.id, slice.capacity);
          work.together.push({ capacity: [...running.values()].reduce((a, b) => a + b, 0), slices: running.size });
          try {
            const found = await reply(slice, work.seen.filter(({ id }) => id === slice.id).length, work as Work);
            if (found instanceof Error) throw found;
            const response = { id: slice.id, done: true, counts: { read: 1 }, throttled: { table: 0, cluster: 0 }, ...found };
            return { Payload: Buffer.from(JSON.stringify(response)) };
          } finally {
            running.delete(slice.id);
          }
        },
      ],
    },
    { signal: cancel.signal },
  );
  const result = workOn(slices(count), {
    aws,
    store: new RunStore(aws, 'bucket', 'runs/Fn/backfill/Orders/1'),
    functionName: 'Fn',
    qualifier: undefined,
    release: '1.0.0',
    timeout: 60,
    lock: {
      get isLost() {
        return work.lock.isLost;
      },
      late: (until) => work.late.push(until - aws.clock.now()),
    },
    pause,
    operation: 'backfill',
    run: '1',
    phase: 'scan',
    log: () => undefined,
    concurrency,
    maxReadCapacity: 1000,
    until: 24 * 3_600_000,
    progress: (state) => work.states.push(state),
  });
  return { ...work, result };
}

const turns = async (count: number): Promise<void> => {
  for (let i = 0; i < count; i++) await new Promise(setImmediate);
};

test.each([
  ['as many slices as run at once', 4, 4, 250],
  ['more slices than run at once', 9, 4, 250],
  ['fewer slices than may run at once', 2, 4, 500],
  ['a single slice', 1, 4, 1000],
])('%s never have more than the read capacity of the run together, from the first invocation on', async (_, count, concurrency, each) => {
  // A later slice takes longer, so that all are with the function together.
  const { seen, together, result } = handOut(count, { concurrency, reply: () => turns(3).then(() => ({})) });
  expect(await result).toMatchObject({ done: count, parked: [] });
  expect(seen).toHaveLength(count);
  expect(seen.slice(0, concurrency).map(({ capacity }) => capacity)).toEqual(
    Array.from({ length: Math.min(count, concurrency) }, () => each),
  );
  expect(Math.max(...together.map(({ capacity }) => capacity))).toBeLessThanOrEqual(1000);
  expect(Math.max(...together.map((one) => one.slices))).toBe(Math.min(count, concurrency));
});

test('the slice that is left at the end gets the capacity of those that are done', async () => {
  const { seen, together, result } = handOut(4, { reply: ({ id }, nth) => turns(5).then(() => ({ done: id !== 'scan-0' || nth === 3 })) });
  expect(await result).toMatchObject({ done: 4 });
  expect(seen.filter(({ id }) => id === 'scan-0').map(({ capacity }) => capacity)).toEqual([250, expect.any(Number), 1000]);
  expect(Math.max(...together.map(({ capacity }) => capacity))).toBeLessThanOrEqual(1000);
});

test('a slice that has begun goes on before others begin, so that a long one is not the last', async () => {
  const { seen, result } = handOut(3, { concurrency: 1, reply: ({ id }, nth) => ({ done: id !== 'scan-0' || nth === 3 }) });
  await result;
  expect(seen.map(({ id }) => id)).toEqual(['scan-0', 'scan-0', 'scan-0', 'scan-1', 'scan-2']);
});

test('where the cluster throttles, half as many slices run at once, and where DynamoDB does, they read half as much', async () => {
  const cluster = handOut(12, {
    reply: ({ id }) => turns(3).then(() => ({ throttled: { table: 0, cluster: id === 'scan-0' ? 5 : 0 } })),
  });
  await cluster.result;
  expect(Math.max(...cluster.together.slice(0, 4).map((one) => one.slices))).toBe(4);
  expect(Math.max(...cluster.together.slice(6).map((one) => one.slices))).toBe(2);
  const table = handOut(12, {
    reply: ({ id }) => turns(3).then(() => ({ throttled: { table: id === 'scan-0' ? 5 : 0, cluster: 0 } })),
  });
  await table.result;
  expect(Math.max(...table.together.slice(6).map(({ capacity }) => capacity))).toBeLessThanOrEqual(500);
});

test('an invocation that AWS throttles is a failure of its slice, which is handed out again', async () => {
  const throttled = failure('TooManyRequestsException', 'Rate exceeded', 429);
  const { seen, late, result } = handOut(2, { concurrency: 1, reply: ({ id }) => (id === 'scan-0' && !seen[1] ? throttled : {}) });
  expect(await result).toMatchObject({ done: 2, parked: [] });
  expect(seen.map(({ id }) => id)).toEqual(['scan-0', 'scan-0', 'scan-1']);
  // Nothing began, so nothing is left behind.
  expect(late).toEqual([]);
});

test('a slice that fails five times without getting further is parked, and the others go on', async () => {
  const { seen, result } = handOut(3, { reply: ({ id }) => (id === 'scan-1' ? { done: false, problem: 'it is stuck' } : {}) });
  expect(await result).toMatchObject({ done: 2, isOver: false, parked: [{ id: 'scan-1', reason: 'it is stuck' }] });
  expect(seen.filter(({ id }) => id === 'scan-1')).toHaveLength(5);
});

test('a slice that fails now and then but gets further is not parked', async () => {
  const { result } = handOut(1, { reply: (_, nth) => (nth < 9 ? { done: false, problem: 'now and then', counts: { pages: nth } } : {}) });
  expect(await result).toMatchObject({ done: 1, parked: [] });
});

test('a slice whose response is lost but whose checkpoint says that it is done is not handed out again', async () => {
  const { seen, late, result } = handOut(1, {
    reply: ({ id }, _, { checkpoints }) => {
      checkpoints.set(id, { done: true, counts: { read: 7 } });
      return Object.assign(new Error('socket hang up'), { code: 'ECONNRESET' });
    },
  });
  expect(await result).toMatchObject({ done: 1, counts: { read: 7 } });
  expect(seen).toHaveLength(1);
  // The function may run for 60 s, and the cluster be at its last request for as long.
  expect(late).toEqual([120_000]);
});

test.each<[string, Reply, number[]]>([
  ['whose write got no response, leaves that', { late: true }, [60_000]],
  ['that ended in good order leaves nothing', {}, []],
  ['that came no further leaves nothing if all its writes had a response', { done: false, problem: 'the cluster is busy' }, []],
])('a slice %s behind', async (_, reply, expected) => {
  const { late, result } = handOut(1, { reply: () => reply });
  await result;
  expect(late).toEqual(expected);
});

test('slices that a former run has finished are not handed out again', async () => {
  const { seen, result } = handOut(3, { done: ['scan-0', 'scan-2'] });
  expect(await result).toMatchObject({ done: 3, slices: 3 });
  expect(seen.map(({ id }) => id)).toEqual(['scan-1']);
});

test('no slice begins while there is a reason to wait, and the progress says it', async () => {
  const reasons = ['the triggers are behind', 'the triggers are still behind', undefined];
  const { seen, states, result } = handOut(1, {
    pause: () => {
      expect(seen).toEqual([]);
      return Promise.resolve(reasons.shift());
    },
  });
  expect(await result).toMatchObject({ done: 1 });
  expect(states.flatMap(({ waiting }) => waiting ?? [])).toEqual(['the triggers are behind', 'the triggers are still behind']);
});

test('a cancelled run ends at once, hands no more out, and records that writes may still arrive', async () => {
  const { cancel, seen, late, result } = handOut(9, {
    reply: () =>
      new Promise<Reply>((resolve) => {
        // As the SDK does when its request is aborted.
        cancel.signal.addEventListener('abort', () => {
          resolve(failure('AbortError', 'Request aborted'));
        });
      }),
  });
  await turns(20);
  expect(seen).toHaveLength(4);
  cancel.abort(new CancelledError());
  await expect(result).rejects.toThrow(/cancelled|aborted/i);
  expect(seen).toHaveLength(4);
  expect(late).toEqual([120_000]);
});

test('a run whose table another one has taken over hands no more out', async () => {
  const { seen, lock, result } = handOut(9, {
    concurrency: 1,
    reply: () => {
      lock.isLost = true;
      return {};
    },
  });
  await expect(result).rejects.toThrow('Another run has taken over the table. Run again when it is done');
  expect(seen).toHaveLength(1);
});
