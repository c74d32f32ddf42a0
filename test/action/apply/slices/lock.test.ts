// The lock of a table, in a bucket that is in memory.
import { afterEach, expect, test } from '@jest/globals';
import { takeLock, type HeldLock } from '../../../../action/apply/slices/lock.ts';
import { RunStore } from '../../../../action/apply/slices/run-store.ts';
import { bucketOf, type Bucket } from './bucket.ts';

const NAME = 'runs/Fn/locks/Orders.json';
const held: HeldLock[] = [];
afterEach(async () => {
  for (const lock of held.splice(0)) await lock.release();
});

const stored = (bucket: Bucket): Record<string, unknown> => JSON.parse(bucket.objects.get(NAME)?.text ?? '{}') as Record<string, unknown>;

async function take(bucket: Bucket, { holder = 'a', longestMs = 70_000, log = [] as string[], aws = bucket.aws } = {}): Promise<HeldLock> {
  const url = `https://github.com/o/r/actions/runs/${holder}`;
  const store = new RunStore(aws, 'code', 'runs/Fn/locks');
  const lock = await takeLock(store, 'Orders', aws.clock, { holder, url, longestMs }, (line) => log.push(line));
  held.push(lock);
  return lock;
}

test('a table is free again when its run has released it, and the next one waits for nothing', async () => {
  const bucket = bucketOf();
  await (await take(bucket)).release();
  expect(stored(bucket)).toMatchObject({ holder: '', lateUntil: 0 });
  const next = await take(bucket, { holder: 'b' });
  expect(next.lateUntil).toBe(0);
  expect(bucket.aws.slept).toEqual([]);
  expect(stored(bucket)).toMatchObject({ holder: 'b' });
});

test('the lock of a killed run is taken after 30 s without a beat, and its writes may arrive for as long as its requests last', async () => {
  const bucket = bucketOf();
  const killed = { holder: 'killed', url: 'https://github.com/o/r/actions/runs/1', beat: 7, lateUntil: 5, longestMs: 960_000 };
  bucket.put(NAME, JSON.stringify(killed));
  const log: string[] = [];
  const lock = await take(bucket, { log });
  const waited = bucket.aws.slept.reduce((a, b) => a + b, 0);
  expect(waited).toBe(30_000);
  expect(log).toEqual([
    'Another run has worked on the table Orders: waiting 30 s for a sign of it (https://github.com/o/r/actions/runs/1)',
  ]);
  expect(lock.lateUntil).toBe(waited + 960_000);
  // It survives that this run is killed as well.
  expect(stored(bucket)).toMatchObject({ holder: 'a', lateUntil: waited + 960_000 });
});

test('a run that beats keeps its table, and the other one ends with a link to it', async () => {
  const bucket = bucketOf();
  const live = { holder: 'live', url: 'https://github.com/o/r/actions/runs/1', lateUntil: 0, longestMs: 1 };
  bucket.put(NAME, JSON.stringify({ ...live, beat: 1 }));
  const clock = {
    ...bucket.aws.clock,
    sleep: (ms: number): Promise<void> => {
      bucket.put(NAME, JSON.stringify({ ...live, beat: 2 }));
      return bucket.aws.clock.sleep(ms);
    },
  };
  await expect(take(bucket, { aws: { ...bucket.aws, clock } })).rejects.toThrow(
    'Another run works on the table Orders: https://github.com/o/r/actions/runs/1. Wait until it is done, or cancel it; then run again',
  );
});

test('the time until which writes may arrive goes on to the next run, also after a release', async () => {
  const bucket = bucketOf();
  const first = await take(bucket);
  first.late(50_000);
  first.late(40_000);
  await first.release();
  expect((await take(bucket, { holder: 'b' })).lateUntil).toBe(50_000);
});

test('a release whose response is lost has happened, and a run that has lost its lock leaves it to the other', async () => {
  const bucket = bucketOf();
  const lock = await take(bucket);
  // As a beat that was written although its response was lost: another etag, the same holder.
  bucket.put(NAME, JSON.stringify({ ...stored(bucket), beat: 3 }));
  await lock.release();
  expect(lock.isLost).toBe(false);
  expect(stored(bucket)).toMatchObject({ holder: '' });
  const second = await take(bucket, { holder: 'b' });
  bucket.put(NAME, JSON.stringify({ ...stored(bucket), holder: 'c' }));
  await second.release();
  expect(second.isLost).toBe(true);
  expect(stored(bucket)).toMatchObject({ holder: 'c' });
});

test('a cancelled run still releases its table', async () => {
  const bucket = bucketOf();
  const lock = await take(bucket);
  bucket.cancel.abort(new Error('cancelled'));
  await lock.release();
  expect(stored(bucket)).toMatchObject({ holder: '' });
});
