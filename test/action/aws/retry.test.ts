import { describe, expect, test } from '@jest/globals';
import { failsWith, retryUntil, type Attempt } from '../../../action/aws/retry.ts';
import { fakeClock } from '../fake-aws.ts';

describe('waiting for something that is busy', () => {
  test('ends with the first attempt that is not busy, and pauses longer each time, for 5 s at most', async () => {
    const clock = fakeClock();
    const made: number[] = [];
    const found = await retryUntil(
      clock,
      60_000,
      (attempt: Attempt<number>) => 'value' in attempt && attempt.value < 9,
      (before) => {
        made.push(before);
        return Promise.resolve(before);
      },
    );
    expect(found).toBe(9);
    expect(made).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(clock.slept.slice(0, 3)).toEqual([500, 750, 1_125]);
    expect(Math.max(...clock.slept)).toBe(5_000);
  });

  test('ends at the deadline with what the last attempt gave, a value or an error', async () => {
    const clock = fakeClock();
    expect(
      await retryUntil(
        clock,
        20_000,
        () => true,
        () => Promise.resolve('still busy'),
      ),
    ).toBe('still busy');
    expect(clock.now()).toBeGreaterThanOrEqual(20_000);
    expect(clock.now()).toBeLessThan(25_001);
    await expect(
      retryUntil(
        fakeClock(),
        20_000,
        failsWith(() => true),
        () => Promise.reject(new Error('in conflict')),
      ),
    ).rejects.toThrow('in conflict');
  });

  test('ends at once with an error that is not a matter of waiting', async () => {
    const clock = fakeClock();
    const refused = retryUntil(
      clock,
      20_000,
      failsWith((error) => error instanceof RangeError),
      () => Promise.reject(new Error('refused')),
    );
    await expect(refused).rejects.toThrow('refused');
    expect(clock.slept).toEqual([]);
  });
});
