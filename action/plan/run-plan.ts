// The plan of a run on tables: preconditions, an estimate, and what is written where. Pure.
import type { RunTable } from '../aws/tables.ts';
import type { TableOperation } from '../inputs/operation.ts';
import { streamOrigin, type Trigger } from '../aws/triggers.ts';
import { change, type Change, type Warning } from './change.ts';
import type { Problem } from '../errors.ts';
import { costText, durationText, estimatedBy, estimateRun, sizeText, thenCompared, type RunLimits } from './run-estimate.ts';

/** ms: Lambda reads nothing of a stream for some minutes after a trigger was made or changed. */
export const TRIGGER_SETTLED_MS = 10 * 60_000;

export interface RunPlan {
  readonly changes: readonly Change[];
  readonly problems: readonly Problem[];
  readonly warnings: readonly Warning[];
}

/** Everything that the plan of a run depends on beside the table and its triggers. */
export interface RunPlanContext extends RunLimits {
  readonly operation: TableOperation;
  readonly repair: boolean;
  /** Whether documents without an item are removed. */
  readonly prune: boolean;
  /** URI of the list of differences of an earlier run, which alone are looked at; undefined: all is. */
  readonly report?: string | undefined;
  /** As the input says it. */
  readonly deleteLimit: string;
  /** Name of the table's index. */
  readonly index: string;
  /** Whether the cluster has no shards to read (OpenSearch Serverless). */
  readonly serverless: boolean;
  /** Whether documents have versions that tell what was read from newer changes. */
  readonly versioned: boolean;
  /** `s3://…/` where the run keeps its objects. */
  readonly place: string;
  /** Of the function. */
  readonly region: string;
  /** ms since 1970 */
  readonly now: number;
}

/** @param triggers of the function on the table's streams */
export function planRun(table: RunTable, triggers: readonly Trigger[], context: RunPlanContext): RunPlan {
  return { changes: runChanges(table, context), ...preconditions(table, triggers, context) };
}

/** The rows of a plan for a table that is loaded or compared. @param isReindex the index is filled, and then compared */
export function runChanges(table: Pick<RunTable, 'name' | 'items' | 'bytes'>, context: RunPlanContext, isReindex = false): Change[] {
  const { operation, index, place, capacity, report } = context;
  const once = estimateRun(table, context);
  const estimate = isReindex ? thenCompared(once) : once;
  const passes = isReindex ? 'both passes of backfill and of verify' : 'both passes';
  const row = (resource: string, path: string, after: string, reason: string): Change => change(resource, path, undefined, after, reason);
  const written = [
    row(`index ${index}`, 'documents', ...effect(context)),
    row(place, 'objects', 'progress, list of differences and report', 'a later run resumes it'),
  ];
  if (report !== undefined)
    return [
      row(`table ${table.name}`, operation, `the differences in ${report}`, 'each is looked at again; nothing else is read'),
      ...written,
    ];
  return [
    row(`table ${table.name}`, operation, sizeText(table), 'as DynamoDB counted them up to six hours ago'),
    row(
      `table ${table.name}`,
      'time',
      `${durationText(estimate)} at ${capacity} read capacity units per second${operation === 'verify' ? ', plus 30 s or more if anything differs' : ''}`,
      estimatedBy(passes),
    ),
    row(
      `table ${table.name}`,
      'cost',
      `${costText(estimate)}, including ${estimate.units.toLocaleString('en-US')} read capacity units`,
      `${passes}; reads on demand, Lambda and S3 at the prices of us-east-1`,
    ),
    ...written,
  ];
}

/** The row for a state machine that works on the tables of a run. @param name undefined: there is none */
export const machineChanges = (name: string | undefined): Change[] =>
  name === undefined
    ? []
    : [change(`state machine ${name}`, 'execution', undefined, 'works on the tables', 'goes on if the job ends; the next run follows it')];

/** What happens to the documents of the index, and why. */
function effect({ operation, repair, prune, deleteLimit, serverless }: RunPlanContext): [after: string, reason: string] {
  const limit = `as far as delete-limit (${deleteLimit}) allows`;
  if (serverless) {
    const not = 'OpenSearch Serverless has no shards to read: documents without an item are neither found nor removed';
    return [operation === 'backfill' ? 'written' : repair ? 'compared, and fixed where they differ' : 'compared', not];
  }
  if (operation === 'backfill')
    return prune
      ? ['written, and removed where their items no longer exist', `live changes always win; removed ${limit}`]
      : ['written', 'live changes always win; with prune: false, documents without an item stay'];
  return repair
    ? ['compared, and fixed where they differ', `live changes always win; removed ${limit}`]
    : ['compared', 'nothing in the index is changed'];
}

/** A problem of a table that the input `tables` names. */
export const problem = (message: string): Problem => ({ where: 'tables', message: `tables: ${message}` });

const unversioned = (table: string): Problem =>
  problem(
    `table ${table} has versioning: none, with which an item that was read could not be told from newer changes. Set versioning: external in the options file and deploy again`,
  );

/** What a run requires of a table and its triggers. */
export function preconditions(
  table: RunTable,
  triggers: readonly Trigger[],
  context: RunPlanContext,
): Pick<RunPlan, 'problems' | 'warnings'> {
  const { problems, warnings } = ofTriggers(table, triggers, context);
  return { problems: [...(context.versioned ? [] : [unversioned(table.name)]), ...problems], warnings };
}

function ofTriggers(
  table: RunTable,
  triggers: readonly Trigger[],
  { operation, region, now }: RunPlanContext,
): Pick<RunPlan, 'problems' | 'warnings'> {
  const own = triggers.find(({ source }) => source === table.stream?.arn) ?? triggers[0];
  if (own === undefined) {
    const message = `Table ${table.name} has no trigger of this function: nothing keeps its index current after ${operation}. Deploy with the table in tables`;
    return { problems: [], warnings: [{ title: 'A table without a trigger', message }] };
  }
  if (operation !== 'backfill') return { problems: [], warnings: [] };
  const problems: Problem[] = [];
  const origin = streamOrigin(own.source);
  if (table.stream === undefined)
    problems.push(
      problem(
        `the stream of table ${table.name} is off, so that changes during the run would be lost. Deploy with the table in tables first`,
      ),
    );
  // DynamoDB Local has a region of its own.
  else if (origin !== undefined && origin.region !== region && origin.region !== 'ddblocal')
    problems.push(
      problem(
        `the trigger of table ${table.name} reads a stream in region ${origin.region}, and the table is in ${region}, so that changes during the run could be lost. Deploy in the region of the table, and with the table in tables`,
      ),
    );
  else if (own.source !== table.stream.arn)
    problems.push(
      problem(
        `the trigger of table ${table.name} reads a former stream, so that changes during the run would not arrive. Deploy with the table in tables first`,
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
