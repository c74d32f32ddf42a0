// The schedule of a large run, simulated with the real driver: see `npm run simulate`.
import { expect, test } from '@jest/globals';
import { simulate } from '../../../bench/simulation.ts';

const SETTINGS = { seed: 7, slices: 2_000, capacity: 2_000, failing: 0.02 } as const;

test.each([
  // Without anything that slows it down for long, the driver leaves next to nothing idle.
  [1, 1.1],
  [4, 1.1],
  // Here table and cluster throttle: the driver halves its load each time, and soon comes back to nearly what it was.
  [16, 1.35],
  [64, 1.35],
])('with %i slices at once, 2,000 slices take at most %f times as long as they must', async (concurrency, factor) => {
  const { seconds, ideal, invocations, failures, throttled, result } = await simulate({ ...SETTINGS, concurrency });
  expect(result).toMatchObject({ slices: 2_000, done: 2_000, parked: [], isOver: false });
  expect(failures).toBeGreaterThan(10);
  expect(invocations).toBeGreaterThan(2_000);
  expect(seconds).toBeGreaterThanOrEqual(ideal);
  expect(seconds / ideal).toBeLessThan(factor);
  // Not at the price of a table and a cluster that throttle all the time.
  expect(throttled).toBeLessThan(invocations / 50);
});

test('the same seed gives the same schedule, and another one another', async () => {
  const settings = { ...SETTINGS, slices: 200, concurrency: 16 };
  const [first, second, other] = [await simulate(settings), await simulate(settings), await simulate({ ...settings, seed: 8 })];
  expect(second).toEqual(first);
  expect(other.seconds).not.toBe(first.seconds);
});
