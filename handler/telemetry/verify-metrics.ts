// The result of a comparison of tables and indexes, as metrics: an alarm shows that an index differs.
import type { ResultSlice, TableDifferences } from '../../formats/slice.ts';
import { NAMESPACE } from './metrics.ts';

/** By the name in a result. */
const NAMES = {
  missing: 'MissingDocuments',
  different: 'DifferentDocuments',
  stale: 'StaleDocuments',
} as const satisfies Record<keyof TableDifferences, string>;
const KINDS = Object.keys(NAMES) as (keyof TableDifferences)[];

/** One line for all tables together, by which the alarm goes, and one per table. Each must be alone on standard output. */
export function verifyMetrics(
  { tables }: Pick<ResultSlice, 'tables'>,
  timestamp: number,
  dimensions: Readonly<Record<string, string>>,
): string[] {
  const each = Object.entries(tables);
  const sum = (kind: keyof TableDifferences): number => each.reduce((total, [, one]) => total + one[kind], 0);
  const all = { missing: sum('missing'), different: sum('different'), stale: sum('stale') };
  return [line(all, timestamp, dimensions), ...each.map(([Table, one]) => line(one, timestamp, { ...dimensions, Table }))];
}

function line(differences: TableDifferences, timestamp: number, dimensions: Readonly<Record<string, string>>): string {
  const metrics = KINDS.map((kind) => ({ Name: NAMES[kind], Unit: 'Count' }));
  const directive = { Namespace: NAMESPACE, Dimensions: [Object.keys(dimensions)], Metrics: metrics };
  const values = Object.fromEntries(KINDS.map((kind) => [NAMES[kind], differences[kind]]));
  return JSON.stringify({ _aws: { Timestamp: timestamp, CloudWatchMetrics: [directive] }, ...dimensions, ...values });
}
