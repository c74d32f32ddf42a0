// The common part of backfill and verify: the deployed function processes tables, slice by slice, and a report shows the result.
import { addCounts } from '../apply/slices/counts.ts';
import { RunStore } from '../apply/slices/run-store.ts';
import type { TableResult } from '../apply/slices/run-table.ts';
import { listTriggers, streamOrigin } from '../aws/triggers.ts';
import { InputError, UserError } from '../errors.ts';
import { defaultReadCapacity, planRun } from '../plan/run-plan.ts';
import { runReport, runSummary } from '../report/run-report.ts';
import type { Run } from '../run.ts';
import { tablesOf, targetOf, type RunTarget } from './run-target.ts';
import { onTable } from './table-run.ts';

/** Runs backfill or verify on the tables of the inputs. @throws {UserError} where it fails, or differences remain */
export async function runOnTables(run: Run, operation: 'backfill' | 'verify'): Promise<void> {
  const { inputs, aws, report } = run;
  report.runOutputs({ complete: 'false' });
  const found = await targetOf(run);
  const tables = await tablesOf(run, found);
  const triggers = await listTriggers(aws, inputs.functionName, inputs.alias);
  const capacity = inputs.maxReadCapacity ?? Math.min(...tables.map(defaultReadCapacity));
  const plans = tables.map((table) =>
    planRun(
      operation,
      table,
      triggers.filter(({ source }) => streamOrigin(source)?.table === table.name),
      { writes: operation === 'backfill' || inputs.repair, capacity, now: aws.clock.now() },
    ),
  );
  const problems = plans.flatMap((plan) => plan.problems);
  if (problems.length > 0) throw new InputError(problems);
  for (const warning of plans.flatMap((plan) => plan.warnings)) report.warn(warning);
  report.plan(plans.flatMap((plan) => plan.changes));
  if (inputs.dryRun) return;
  const until = aws.clock.now() + inputs.timeLimitMinutes * 60_000;
  const results: Record<string, TableResult> = {};
  for (const table of tables) results[table.name] = await onTable(run, operation, found, table, { capacity, until });
  await finish(run, operation, found, results);
}

async function finish(
  { inputs, aws, report }: Run,
  operation: 'backfill' | 'verify',
  { bucket }: RunTarget,
  results: Readonly<Record<string, TableResult>>,
): Promise<void> {
  const all = Object.values(results);
  const complete = all.every((result) => result.complete);
  const differences = all.reduce((sum, result) => sum + result.differences, 0);
  const store = new RunStore(aws, bucket, `runs/${inputs.functionName}/${operation}`);
  await store.write('report.json', JSON.stringify(runReport(operation, results), null, 2));
  report.runOutputs({
    complete: String(complete),
    differences: String(differences),
    counts: JSON.stringify(Object.fromEntries(Object.entries(results).map(([name, { counts }]) => [name, counts]))),
    'report-uri': store.uri('report.json'),
  });
  report.section(runSummary(operation, results, store.uri('report.json')));
  const { written = 0, repaired = 0 } = addCounts(all.map(({ counts }) => counts));
  report.changed(written + repaired > 0);
  for (const [name, { counts }] of Object.entries(results)) {
    for (const kind of ['missing', 'different', 'stale', 'frozen'] as const) {
      const number = counts[kind] ?? 0;
      if (number > 0)
        report.warn({
          title: `Table ${name}`,
          message: `Table ${name}: ${number} ${kind}${(counts.repaired ?? 0) > 0 ? ' (repaired where possible)' : ''}. The list is ${store.uri(`${name}/differences.jsonl`)}`,
        });
    }
    if ((counts.malformed ?? 0) > 0)
      report.warn({
        title: `Table ${name}`,
        message: `Table ${name}: ${counts.malformed ?? 0} items cannot have a document${operation === 'backfill' ? ' and became dead letters' : ''}`,
      });
  }
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
