// Counts of slices, added up by the function and by the action.
import type { Counts, IgnoredFields } from './slice.ts';

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

/** Fields that are kept of many: an index can have thousands. */
const MAX_FIELDS = 100;

/** The sum for each field, the most frequent ones first. */
export function addIgnored(all: readonly (IgnoredFields | undefined)[]): IgnoredFields {
  const sum = new Map<string, number>();
  for (const fields of all)
    for (const [field, documents] of Object.entries(fields ?? {})) sum.set(field, (sum.get(field) ?? 0) + documents);
  return Object.fromEntries([...sum].sort(([a, x], [b, y]) => y - x || (a < b ? -1 : 1)).slice(0, MAX_FIELDS));
}
