// The common part of backfill and verify: the deployed function processes tables, slice by slice, and a report shows the result.
import type { TableResult } from '../apply/slices/run-table.ts';
import { hasSessionEnded, SessionEndedError } from '../aws/errors.ts';
import type { Aws } from '../aws/session.ts';
import { listTriggers, streamOrigin } from '../aws/triggers.ts';
import { CancelledError, InputError, UserError } from '../errors.ts';
import { defaultReadCapacity } from '../plan/run-estimate.ts';
import { planRun } from '../plan/run-plan.ts';
import type { Run } from '../run.ts';
import { recordDifferences, reportResults, type Results, type Totals } from './run-results.ts';
import { planContext, tablesOf, targetOf } from './run-target.ts';
import { onTable, triggerLag } from './table-run.ts';

/** Runs backfill or verify on the tables of the inputs. @throws {UserError} where it fails, or differences remain */
export async function runOnTables(run: Run, operation: 'backfill' | 'verify'): Promise<void> {
  const { inputs, aws, report } = run;
  report.runOutputs({ complete: 'false' });
  const target = await targetOf(run);
  const tables = await tablesOf(run, target);
  const triggers = await listTriggers(aws, inputs.functionName, inputs.alias);
  const capacity = inputs.maxReadCapacity ?? Math.min(...tables.map(defaultReadCapacity));
  const plans = tables.map((table) =>
    planRun(
      table,
      triggers.filter(({ source }) => streamOrigin(source)?.table === table.name),
      planContext(run, operation, target, { table: table.name, capacity }),
    ),
  );
  const problems = plans.flatMap((plan) => plan.problems);
  if (problems.length > 0) throw new InputError(problems);
  for (const warning of plans.flatMap((plan) => plan.warnings)) report.warn(warning);
  report.plan(plans.flatMap((plan) => plan.changes));
  if (inputs.dryRun) return;
  const until = aws.clock.now() + inputs.timeLimitMinutes * 60_000;
  const lag = triggerLag(run);
  const results: Record<string, TableResult> = {};
  try {
    for (const table of tables) results[table.name] = await onTable(run, operation, target, table, { capacity, until, lag });
  } catch (error) {
    throw endOf(error, operation, aws);
  }
  const totals = await reportResults(run, operation, target, results);
  report.changed(totals.changed);
  if (operation === 'verify' && totals.complete && Object.values(results).every(({ failure }) => failure === undefined))
    await recordDifferences(run, results);
  conclude(run, operation, results, totals);
}

/** The end of a run that another one resumes, as a sentence that says how. */
function endOf(error: unknown, operation: string, { signal }: Aws): unknown {
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

/** @throws {UserError} where a table failed, or differences remain */
function conclude({ inputs, report }: Run, operation: 'backfill' | 'verify', results: Results, { complete, differences }: Totals): void {
  const failures = Object.entries(results).flatMap(([name, { failure }]) => (failure === undefined ? [] : [`table ${name}: ${failure}`]));
  if (failures.length > 0) throw new UserError(failures.join('; '), 'Run again: finished parts are not repeated');
  if (!complete) {
    report.warn({
      title: 'Not complete',
      message: `The time limit of ${inputs.timeLimitMinutes} minutes was reached: run operation ${operation} again, and it goes on where this run stopped`,
    });
    return;
  }
  if (differences > 0 && inputs.failOnDifferences)
    throw new UserError(
      `${differences} differences between tables and indexes remain`,
      inputs.repair ? 'Look at the report, and run again' : 'Run verify with repair: true to fix them, or look at the report',
    );
}
