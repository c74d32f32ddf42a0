import { describe, expect, test } from '@jest/globals';
import { failsWith, retryUntil, type Attempt } from '../../../action/aws/retry.ts';
import { clock } from '../fake-aws.ts';

describe('waiting for something that is busy', () => {
  test('ends with the first attempt that is not busy, and pauses longer each time, for 5 s at most', async () => {
    const pace = clock();
    const made: number[] = [];
    const found = await retryUntil(
      pace,
      60_000,
      (attempt: Attempt<number>) => 'value' in attempt && attempt.value < 9,
      (before) => {
        made.push(before);
        return Promise.resolve(before);
      },
    );
    expect(found).toBe(9);
    expect(made).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(pace.slept.slice(0, 3)).toEqual([500, 750, 1_125]);
    expect(Math.max(...pace.slept)).toBe(5_000);
  });

  test('ends at the deadline with what the last attempt gave, a value or an error', async () => {
    const pace = clock();
    expect(
      await retryUntil(
        pace,
        20_000,
        () => true,
        () => Promise.resolve('still busy'),
      ),
    ).toBe('still busy');
    expect(pace.now()).toBeGreaterThanOrEqual(20_000);
    expect(pace.now()).toBeLessThan(25_001);
    await expect(
      retryUntil(
        clock(),
        20_000,
        failsWith(() => true),
        () => Promise.reject(new Error('in conflict')),
      ),
    ).rejects.toThrow('in conflict');
  });

  test('ends at once with an error that is not a matter of waiting', async () => {
    const pace = clock();
    const refused = retryUntil(
      pace,
      20_000,
      failsWith((error) => error instanceof RangeError),
      () => Promise.reject(new Error('refused')),
    );
    await expect(refused).rejects.toThrow('refused');
    expect(pace.slept).toEqual([]);
  });
});
