// Preconditions of a run on a table, and its estimate. Pure.
import type { Trigger } from '../aws/triggers.ts';
import type { RunTable } from '../aws/tables.ts';
import { change, type Change, type Warning } from './change.ts';
import type { Problem } from '../errors.ts';

/** ms: Lambda reads nothing of a stream for some minutes after a trigger was made or changed. */
const TRIGGER_SETTLED_MS = 10 * 60_000;
/** Read capacity units per second where the table's capacity is on demand; of a provisioned one a quarter is used. */
const ON_DEMAND = 2_000;
const PROVISIONED_SHARE = 0.25;
/** bytes that one unit reads consistently. */
const UNIT_BYTES = 4_096;
/** USD per million units read on demand (us-east-1), for an estimate. */
const USD_PER_MILLION = 0.125;
/** Items per second that four slices write to a small cluster, for an estimate. */
const ITEMS_PER_SECOND = 2_000;

/** Read capacity units per second that a run on the table may use by default. */
export function defaultReadCapacity({ provisionedRead }: Pick<RunTable, 'provisionedRead'>): number {
  return provisionedRead === undefined ? ON_DEMAND : Math.max(1, Math.floor(provisionedRead * PROVISIONED_SHARE));
}

export interface RunPlan {
  readonly changes: readonly Change[];
  readonly problems: readonly Problem[];
  readonly warnings: readonly Warning[];
}

/** @param triggers of the function on the table's streams @param writes whether the run writes to the index @param now ms since 1970 */
export function planRun(
  operation: string,
  table: RunTable,
  triggers: readonly Trigger[],
  { writes, capacity, now }: { readonly writes: boolean; readonly capacity: number; readonly now: number },
): RunPlan {
  const units = Math.ceil(table.bytes / UNIT_BYTES);
  const seconds = Math.max(units / capacity, table.items / ITEMS_PER_SECOND);
  const estimate = `about ${table.items} items, ${(table.bytes / 1e6).toFixed(1)} MB (as DynamoDB counted them up to six hours ago); about ${duration(seconds)} at ${capacity} read capacity units per second, ${units} units in all (${((units / 1e6) * USD_PER_MILLION).toFixed(2)} USD on demand)`;
  return {
    changes: [
      change(
        `table ${table.name}`,
        operation,
        undefined,
        estimate,
        writes ? 'items are read and their documents written' : 'items and documents are read and compared',
      ),
    ],
    ...preconditions(operation, table, triggers, now),
  };
}

function preconditions(
  operation: string,
  table: RunTable,
  triggers: readonly Trigger[],
  now: number,
): Pick<RunPlan, 'problems' | 'warnings'> {
  const problem = (message: string): Problem => ({ where: 'tables', message: `tables: ${message}` });
  const own = triggers.find(({ source }) => source === table.stream?.arn) ?? triggers[0];
  if (own === undefined) {
    const message = `Table ${table.name} has no trigger of this function: nothing keeps its index current after ${operation}. Deploy with the table in tables`;
    return { problems: [], warnings: [{ title: 'A table without a trigger', message }] };
  }
  if (operation === 'verify') return { problems: [], warnings: [] };
  const problems: Problem[] = [];
  if (table.stream === undefined)
    problems.push(
      problem(
        `the stream of table ${table.name} is off, so that changes during the run would be lost. Deploy with the table in tables first`,
      ),
    );
  if (own.state !== 'Enabled')
    problems.push(
      problem(
        `the trigger of table ${table.name} is ${own.state}, so that changes during the run would not arrive. Enable it and run again`,
      ),
    );
  const { StartingPosition: position, LastModified: modified, FilterCriteria: filter } = own.configuration;
  if (position !== 'TRIM_HORIZON' && now - Number(modified ?? 0) < TRIGGER_SETTLED_MS)
    problems.push(
      problem(
        `the trigger of table ${table.name} starts from LATEST and was changed less than 10 minutes ago: changes of the first minutes may be lost. Run again later`,
      ),
    );
  if ((filter?.Filters ?? []).length > 0)
    problems.push(
      problem(
        `the trigger of table ${table.name} has a filter: ${operation} would index records that the filter excludes, and their documents would go stale. Remove the filter, or leave attributes out with a transform`,
      ),
    );
  return { problems, warnings: [] };
}

function duration(seconds: number): string {
  if (seconds < 90) return `${Math.max(1, Math.round(seconds))} s`;
  return seconds < 5_400 ? `${Math.round(seconds / 60)} min` : `${(seconds / 3_600).toFixed(1)} h`;
}
