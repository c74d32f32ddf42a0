// How a slice keeps within its read capacity, by a clock that sleeping moves.
import { expect, test } from '@jest/globals';
import { AwsError } from '../../../handler/aws/error.ts';
import { ReadPace } from '../../../handler/aws/read-pace.ts';

const { signal } = new AbortController();

class Clock {
  ms = 0;
  readonly now = (): number => this.ms;
  readonly sleep = (ms: number): Promise<void> => {
    this.ms += ms;
    return Promise.resolve();
  };
}

function paced(capacity: number): { pace: ReadPace; clock: Clock; read: (items: number, units: number) => Promise<unknown> } {
  const clock = new Clock();
  const pace = new ReadPace(capacity, clock.now, clock.sleep);
  const read = (items: number, units: number): Promise<unknown> =>
    pace.read(() => Promise.resolve({ items: Array.from({ length: items }), capacity: units }), signal);
  return { pace, clock, read };
}

test('the first read begins at once, and each one waits for what the one before it used', async () => {
  const { pace, clock, read } = paced(10);
  await read(4, 50);
  expect(clock.ms).toBe(0);
  await read(4, 20);
  expect(clock.ms).toBe(5000);
  await read(4, 10);
  expect(clock.ms).toBe(7000);
  expect(pace.used).toBe(80);
});

test('a throttled pace of less than a unit per second is not raised', async () => {
  const { pace, clock, read } = paced(0.5);
  const throttled = new AwsError('ProvisionedThroughputExceededException', 400, 'slow');
  let calls = 0;
  await pace.read(() => (calls++ === 0 ? Promise.reject(throttled) : Promise.resolve({ items: [1], capacity: 5 })), signal);
  const before = clock.ms;
  await read(1, 1);
  expect(clock.ms - before).toBeGreaterThan(9000);
});

test('a read that does not wait leaves it to the next one, which waits for both', async () => {
  const { pace, clock, read } = paced(10);
  await read(4, 50);
  await pace.read(() => Promise.resolve({ items: [1], capacity: 50 }), signal, false);
  expect(clock.ms).toBe(0);
  await read(4, 10);
  expect(clock.ms).toBe(10_000);
});

test('a read that DynamoDB throttles is made again at half the rate', async () => {
  const { pace, clock, read } = paced(10);
  const throttled = new AwsError('ProvisionedThroughputExceededException', 400, 'slow');
  let calls = 0;
  await pace.read(() => (calls++ === 0 ? Promise.reject(throttled) : Promise.resolve({ items: [1], capacity: 10 })), signal);
  expect([calls, pace.throttled]).toEqual([2, 1]);
  const before = clock.ms;
  await read(1, 0);
  expect(clock.ms - before).toBeGreaterThanOrEqual(1500);
});

test.each([
  ['as many as there may be, where there is capacity for a whole page', 128, 100, undefined, 100],
  ['few, before it is known how large they are', 1, 100, undefined, 4],
  ['no more than there may be', 1, 3, undefined, 3],
  ['as many as two seconds have capacity for', 10, 100, [10, 5], 40],
  ['one, where that alone takes more', 1, 100, [4, 400], 1],
] as const)('items that are read together are %s', async (_, capacity, most, before, expected) => {
  const { pace, read } = paced(capacity);
  if (before !== undefined) await read(before[0], before[1]);
  expect(pace.atOnce(most)).toBe(expected);
});

test('half as many items are read together if each is read twice', async () => {
  const { pace, read } = paced(10);
  await read(10, 5);
  expect(pace.atOnce(100, 2)).toBe(20);
});

test('the pace is overdrawn when the next read has to wait for more than two seconds', async () => {
  const { pace, read } = paced(10);
  await read(4, 20);
  expect(pace.isOverdrawn).toBe(false);
  await read(4, 21);
  expect(pace.isOverdrawn).toBe(true);
});
