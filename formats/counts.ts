// Counts of slices, added up by the function and by the action.
import type { Counts } from './slice.ts';

/** Counts that are in `after` beyond `before`. */
export function countsSince(before: Counts, after: Counts): Counts {
  return Object.fromEntries(
    (Object.entries(after) as [keyof Counts, number][]).map(([name, value]) => [name, value - (before[name] ?? 0)]),
  );
}

/** The sum of counts. */
export function addCounts(all: readonly Counts[]): Counts {
  const sum: Record<string, number> = {};
  for (const counts of all) for (const [name, value] of Object.entries(counts)) sum[name] = (sum[name] ?? 0) + value;
  return sum;
}
