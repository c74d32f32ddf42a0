// The common part of the operations on tables: the deployed function processes tables, slice by slice, and a report shows the result.
import type { RedriveSource } from '../apply/slices/run-store.ts';
import type { TableResult } from '../report/run-report.ts';
import { hasSessionEnded, SessionEndedError } from '../aws/errors.ts';
import type { Aws } from '../aws/session.ts';
import { readStateMachine, type StateMachine } from '../aws/state-machine.ts';
import type { RunTable } from '../aws/tables.ts';
import { listTriggers, streamOrigin, type Trigger } from '../aws/triggers.ts';
import { CancelledError, InputError, UserError } from '../errors.ts';
import type { TableOperation } from '../inputs/operation.ts';
import { defaultReadCapacity } from '../plan/run-estimate.ts';
import { machineChanges, planRun, type RunPlan } from '../plan/run-plan.ts';
import type { Run } from '../run.ts';
import { recordDifferences, reportResults, type Results, type Totals, warnOfTimeLimit } from './run-results.ts';
import { planContext, tablesOf, targetOf, type RunTarget } from './run-target.ts';
import { onTable, triggerLag, type RunLimits } from './table-run.ts';

/** What a run on tables has to do with. */
export interface PreparedRun {
  readonly target: RunTarget;
  /** Each with the triggers of the function on its streams. */
  readonly tables: readonly { readonly table: RunTable; readonly triggers: readonly Trigger[] }[];
  /** Read capacity units per second. */
  readonly capacity: number;
  /** Hands out the slices; undefined: the action does. */
  readonly machine: StateMachine | undefined;
}

/** Runs backfill or verify on the tables of the inputs. @throws {UserError} where it fails, or differences remain */
export async function runOnTables(run: Run, operation: 'backfill' | 'verify'): Promise<void> {
  const { inputs, report } = run;
  const prepared = await prepareRun(run);
  const { target, tables, capacity } = prepared;
  const plans = tables.map(({ table, triggers }) =>
    planRun(table, triggers, planContext(run, operation, target, { table: table.name, capacity })),
  );
  showPlans(run, prepared, plans);
  if (inputs.dryRun) return;
  const results = await workOnTables(run, operation, prepared);
  const totals = await reportResults(run, operation, target, results);
  report.changed(totals.changed);
  // The differences of a report are not those of the tables.
  if (
    operation === 'verify' &&
    inputs.report === undefined &&
    totals.complete &&
    Object.values(results).every(({ failure }) => failure === undefined)
  )
    await recordDifferences(run, results);
  conclude(run, operation, results, totals);
  const { differences } = totals;
  if (totals.complete && differences > 0 && inputs.failOnDifferences)
    throw new UserError(
      differences === 1
        ? '1 difference between tables and indexes remains'
        : `${differences} differences between tables and indexes remain`,
      inputs.repair ? 'Look at the report, and run again' : 'Run verify with repair: true to fix them, or look at the report',
    );
}

/** Reads what a run on tables has to do with. @throws {UserError} where no run is possible */
export async function prepareRun(run: Run): Promise<PreparedRun> {
  const { inputs, aws, report } = run;
  report.runOutputs({ complete: 'false' });
  const target = await targetOf(run);
  const tables = await tablesOf(run, target);
  const triggers = await listTriggers(aws, inputs.functionName, inputs.alias);
  return {
    target,
    tables: tables.map((table) => ({ table, triggers: triggers.filter(({ source }) => streamOrigin(source)?.table === table.name) })),
    capacity: inputs.maxReadCapacity ?? Math.min(...tables.map(defaultReadCapacity)),
    machine: await machineOf(run, target),
  };
}

/** The state machine that hands out the slices; undefined: the action does. @throws {UserError} where it is not for this function */
export async function machineOf({ inputs, aws }: Run, { bucket }: Pick<RunTarget, 'bucket'>): Promise<StateMachine | undefined> {
  const { stateMachine } = inputs;
  return stateMachine === undefined ? undefined : readStateMachine(aws, stateMachine, { ...inputs, bucket });
}

/** Shows the plans of all tables. @throws {InputError} where one has a problem */
export function showPlans({ report }: Run, { machine }: Pick<PreparedRun, 'machine'>, plans: readonly RunPlan[]): void {
  const problems = plans.flatMap((plan) => plan.problems);
  if (problems.length > 0) throw new InputError(problems);
  for (const warning of plans.flatMap((plan) => plan.warnings)) report.warn(warning);
  report.plan([...plans.flatMap((plan) => plan.changes), ...machineChanges(machine?.name)]);
}

/** The limits of the whole run, which begin now. */
export const limitsOf = (run: Run, { capacity, machine }: Pick<PreparedRun, 'capacity' | 'machine'>): RunLimits => ({
  capacity,
  machine,
  until: run.aws.clock.now() + run.inputs.timeLimitMinutes * 60_000,
  lag: triggerLag(run),
});

/** Works on one table after the other. @param sourcesOf of `redrive`, by table @throws {UserError} with the way to resume, where the run ended in the middle */
export async function workOnTables(
  run: Run,
  operation: TableOperation,
  prepared: PreparedRun,
  sourcesOf: (table: string) => readonly RedriveSource[] = () => [],
): Promise<Record<string, TableResult>> {
  const limits = limitsOf(run, prepared);
  const results: Record<string, TableResult> = {};
  try {
    for (const { table } of prepared.tables)
      results[table.name] = await onTable(run, operation, prepared.target, table, limits, sourcesOf(table.name));
  } catch (error) {
    throw endOf(error, operation, run.aws);
  }
  return results;
}

/** The end of a run that another one resumes, as a sentence that says how. */
export function endOf(error: unknown, operation: string, { signal }: Aws): unknown {
  const resume = `Run operation ${operation} again: it resumes at the last checkpoints`;
  if (signal.aborted) return new CancelledError(resume);
  if (!hasSessionEnded(error)) return error;
  const reason = error instanceof SessionEndedError ? error.message : 'The AWS credentials of this job have ended';
  return new UserError(
    reason,
    `${resume}. For a longer run, let the job renew them (permission id-token: write), or raise role-duration-seconds of aws-actions/configure-aws-credentials`,
    { cause: error },
  );
}

/** @throws {UserError} where a table failed */
export function conclude(run: Run, operation: TableOperation, results: Results, { complete }: Pick<Totals, 'complete'>): void {
  const failures = Object.entries(results).flatMap(([name, { failure }]) => (failure === undefined ? [] : [`table ${name}: ${failure}`]));
  if (failures.length > 0) throw new UserError(failures.join('; '), 'Run again: finished parts are not repeated');
  if (!complete) warnOfTimeLimit(run, operation);
}
