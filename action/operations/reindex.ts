// Builds a new index beside the one that serves, fills and compares it, and leads searches to it.
import { randomUUID } from 'node:crypto';
import { ReindexRecord } from '../apply/slices/reindex-record.ts';
import { RunStore } from '../apply/slices/run-store.ts';
import type { Reindexed } from '../../formats/function-config.ts';
import type { StateMachine } from '../aws/state-machine.ts';
import type { RunTable } from '../aws/tables.ts';
import { listTriggers, streamOrigin } from '../aws/triggers.ts';
import { isDenied } from '../aws/errors.ts';
import { InputError, UserError } from '../errors.ts';
import type { Change } from '../plan/change.ts';
import { planReindex, planUnseen, reindexChanges, type ReindexContext, type ReindexPlan } from '../plan/reindex-plan.ts';
import { indexOf, reindexWarnings } from '../plan/reindexed-tables.ts';
import { defaultReadCapacity } from '../plan/run-estimate.ts';
import { machineChanges, planRun, runChanges } from '../plan/run-plan.ts';
import { reindexSection } from '../report/run-report.ts';
import type { Run } from '../run.ts';
import { knownIndex, servingIndex } from './table-indexes.ts';
import { endParts, runReindex, type ReindexResult } from './reindex-steps.ts';
import { endOf, machineOf } from './run-on-tables.ts';
import { warnOfTimeLimit, writeReport } from './run-results.ts';
import { planContext, runPrefix, tablesOf, targetOf, type RunTarget } from './run-target.ts';
import { lockTable, sharingTables, triggerLag } from './table-run.ts';

/**
 * Begins, goes on with, or ends the reindex of a table, or leads its searches back to the former index.
 * @throws {UserError} where no run is possible, or the new index could not be made equal to the table
 */
export async function reindex(run: Run): Promise<void> {
  const { inputs, aws, report } = run;
  report.runOutputs({ complete: 'false' });
  const target = await targetOf(run);
  const table = await tableOf(run, target);
  const capacity = inputs.maxReadCapacity ?? defaultReadCapacity(table);
  await checkPreconditions(run, target, table, capacity);
  const store = new RunStore(aws, target.bucket, runPrefix(inputs.functionName, 'reindex', table.name));
  const prepared = { target, table, capacity, store, machine: await machineOf(run, target) };
  const plan = await showPlan(run, prepared);
  if (plan === undefined || inputs.dryRun) return;
  if (plan.goesOn) report.info(`Table ${table.name}: the reindex of ${plan.state.startedAt} goes on`);
  await work(run, prepared, plan);
}

interface Prepared {
  readonly target: RunTarget;
  readonly table: RunTable;
  /** Read capacity units per second. */
  readonly capacity: number;
  /** Of the record. */
  readonly store: RunStore;
  /** Hands out the slices; undefined: the action does. */
  readonly machine: StateMachine | undefined;
}

async function work(run: Run, { target, table, capacity, store, machine }: Prepared, plan: ReindexPlan): Promise<void> {
  const { inputs, aws } = run;
  const until = aws.clock.now() + inputs.timeLimitMinutes * 60_000;
  try {
    const lock = await lockTable(run, target, table.name);
    try {
      const former = await ReindexRecord.read(store);
      if (former !== undefined && !former.finished && former.id !== plan.state.id) await endParts(run, target, table, former.id, lock);
      const record = await ReindexRecord.begin(store, plan.state);
      const limits = { capacity, machine, until, lag: triggerLag(run), lock, deleteOldIndex: inputs.deleteOldIndex };
      await conclude(run, target, record, table, await runReindex(run, target, table, record, limits));
    } finally {
      await lock.release();
    }
  } catch (error) {
    throw endOf(error, 'reindex', aws);
  }
}

async function tableOf(run: Run, target: RunTarget): Promise<RunTable> {
  const { tables } = run.inputs;
  const [table, ...others] = tables.length === 1 ? await tablesOf(run, target) : [];
  if (table !== undefined && others.length === 0) return table;
  const named = tables.length === 0 ? 'names none' : `names ${tables.length}`;
  throw new InputError([{ where: 'tables', message: `tables: a reindex is of one table, and the input ${named}. Name one` }]);
}

/** @throws {InputError} */
async function checkPreconditions(run: Run, target: RunTarget, table: RunTable, capacity: number): Promise<void> {
  const { inputs, aws, report } = run;
  const context = planContext(run, 'backfill', target, { table: table.name, capacity });
  const triggers = await listTriggers(aws, inputs.functionName, inputs.alias);
  const own = triggers.filter(({ source }) => streamOrigin(source)?.table === table.name);
  const { problems, warnings } = planRun(table, own, context);
  const problem = (message: string): { where: string; message: string } => ({ where: 'tables', message: `tables: ${message}` });
  const sharing = sharingTables(target, table.name);
  const all = [
    ...problems,
    ...(context.serverless
      ? [
          problem(
            `table ${table.name} cannot be reindexed on OpenSearch Serverless, which has no shards to read: whether the new index has documents without an item could not be told. Give the table another index in the options file, deploy, and run backfill`,
          ),
        ]
      : []),
    ...(sharing.length > 0
      ? [
          problem(
            `table ${table.name} shares the index ${context.index} with ${sharing.join(', ')}, and a reindex is of one table. Give each an index of its own in the options file`,
          ),
        ]
      : []),
  ];
  if (all.length > 0) throw new InputError(all);
  for (const warning of warnings) report.warn(warning);
}

/** @returns undefined in a dry run by a role that may not look at the indexes @throws {InputError} where no run is possible */
async function showPlan(run: Run, prepared: Prepared): Promise<ReindexPlan | undefined> {
  const { inputs, aws, report } = run;
  const { target, table } = prepared;
  for (const warning of reindexWarnings(target.config.reindex, aws.clock.now())) report.warn(warning);
  let context: ReindexContext;
  try {
    context = await contextOf(run, prepared);
  } catch (error) {
    // A role that only plans may neither invoke the function nor read how far a run is.
    if (!inputs.dryRun || !isDenied(error)) throw error;
    const name = indexOf(target, table.name) ?? '';
    report.warn({
      title: 'Indexes that are not looked at',
      message: `The plan knows neither the index that ${name} leads to nor whether an earlier reindex of table ${table.name} goes on: ${error.message}`,
    });
    const { to, deleteOldIndex } = inputs;
    const { changes, filled } = valid(planUnseen({ table: table.name, name, entry: entryOf(target, table), to, deleteOldIndex }));
    report.plan([...changes, ...filling(run, prepared, filled, to === undefined ? 'backfill' : 'verify')]);
    return undefined;
  }
  const plan = valid(planReindex(context));
  const { step, to } = plan.state;
  const filled = step === 'end' ? undefined : to.index;
  report.plan([...reindexChanges(context, plan), ...filling(run, prepared, filled, step === 'verify' ? 'verify' : 'backfill')]);
  return plan;
}

/** @throws {InputError} for a sentence */
function valid<Plan extends object>(plan: Plan | string): Plan {
  if (typeof plan === 'string') throw new InputError([{ where: 'tables', message: plan }]);
  return plan;
}

const entryOf = ({ config: { reindex = {} } }: RunTarget, { name }: RunTable): Reindexed | undefined =>
  Object.hasOwn(reindex, name) ? reindex[name] : undefined;

/** @throws {AwsError} where the role may not look at the indexes, or read the record @throws {UserError} where the function fails */
async function contextOf(run: Run, { target, table, store }: Prepared): Promise<ReindexContext> {
  const { inputs, aws } = run;
  const serving = await servingIndex(run, table.name);
  const entry = entryOf(target, table);
  const otherName = entry?.indexes.find((index) => index !== serving.index);
  return {
    table: table.name,
    serving,
    entry,
    other: otherName === undefined ? undefined : await knownIndex(run, table.name, otherName),
    former: await ReindexRecord.read(store),
    to: inputs.to,
    deleteOldIndex: inputs.deleteOldIndex,
    restart: inputs.restart,
    now: new Date(aws.clock.now()).toISOString(),
    id: randomUUID(),
  };
}

/** The rows about the index that is filled or compared. @param index undefined: none is */
function filling(
  run: Run,
  { target, table, capacity, machine }: Prepared,
  index: string | undefined,
  operation: 'backfill' | 'verify',
): readonly Change[] {
  if (index === undefined) return [];
  const about = planContext(run, operation, target, { table: table.name, capacity });
  const place = `s3://${target.bucket}/${runPrefix(run.inputs.functionName, 'reindex', table.name)}/`;
  const rows = runChanges(table, { ...about, repair: true, prune: true, index, place }, operation === 'backfill');
  return [...rows, ...machineChanges(machine?.name)];
}

/** Writes report.json, outputs and summary. @throws {UserError} where it has failed */
async function conclude(run: Run, target: RunTarget, record: ReindexRecord, table: RunTable, result: ReindexResult): Promise<void> {
  const { report } = run;
  const results = { [table.name]: result };
  const { store, complete } = await writeReport(run, 'reindex', target, results);
  report.changed(true);
  const { from, to, step } = record.state;
  const end = { table: table.name, from: from.index, to: to.index, serves: step === 'end', writesBoth: result.writesBoth };
  report.section(reindexSection(results, store.uri('report.json'), end));
  if (result.failure !== undefined)
    throw new UserError(`table ${table.name}: ${result.failure}`, 'Look at the report, and run again: finished parts are not repeated');
  if (!complete) warnOfTimeLimit(run, 'reindex');
}
