import type { TableResult } from '../report/run-report.ts';
import { isDenied } from '../aws/errors.ts';
import { functionArn } from '../aws/function.ts';
import { UserError } from '../errors.ts';
import { countedChanges, planRedrive, type RedrivePlan } from '../plan/redrive-plan.ts';
import type { Run } from '../run.ts';
import { conclude, limitsOf, prepareRun, showPlans, workOnTables, type PreparedRun } from './run-on-tables.ts';
import { reportResults } from './run-results.ts';
import { deadLettersOf, planContext } from './run-target.ts';
import { countOnTable, type RedriveCount } from './table-run.ts';

/**
 * Works off dead letters, and the batches in S3 on-failure destinations: reads each item again and writes its present state.
 * @throws {UserError} where it fails, or dead letters failed again
 */
export async function redrive(run: Run): Promise<void> {
  const { inputs, aws, report } = run;
  const prepared = await prepareRun(run);
  const { target, tables, capacity } = prepared;
  const plans = new Map(
    tables.map(({ table, triggers }) => {
      const context = {
        ...planContext(run, 'redrive', target, { table: table.name, capacity }),
        functionArn: functionArn(aws, inputs.functionName),
      };
      return [table.name, planRedrive(table, inputs.deadLetters ?? deadLettersOf(target, table.name), triggers, context)] as const;
    }),
  );
  showPlans(run, prepared, [...plans.values()]);
  if (inputs.dryRun) return countTables(run, prepared, plans);
  const results = await workOnTables(run, 'redrive', prepared, (table) => sourcesOf(plans, table));
  const totals = await reportResults(run, 'redrive', target, results);
  report.changed(totals.changed);
  conclude(run, 'redrive', results, totals);
  const failed = sum(results, 'failed-again');
  if (failed > 0)
    throw new UserError(
      `${failed === 1 ? '1 dead letter' : `${failed} dead letters`} failed again`,
      'Look at the reasons in the summary and in the dead letters, remove the cause, and run redrive again',
    );
}

const sourcesOf = (plans: ReadonlyMap<string, RedrivePlan>, table: string): RedrivePlan['sources'] => plans.get(table)?.sources ?? [];

const sum = (results: Readonly<Record<string, TableResult>>, count: keyof TableResult['counts']): number =>
  Object.values(results).reduce((total, { counts }) => total + (counts[count] ?? 0), 0);

/** Adds to the plan how many there are of each type. */
async function countTables(run: Run, prepared: PreparedRun, plans: ReadonlyMap<string, RedrivePlan>): Promise<void> {
  const { report } = run;
  const limits = limitsOf(run, prepared);
  const counted: Record<string, RedriveCount['counts']> = {};
  for (const { table } of prepared.tables) {
    const { name } = table;
    let found: RedriveCount;
    try {
      found = await countOnTable(run, prepared.target, table, limits, sourcesOf(plans, name));
    } catch (error) {
      // A role that only plans may not invoke the function.
      if (!isDenied(error)) throw error;
      report.warn({ title: 'Dead letters that are not counted', message: `The plan has no numbers of dead letters: ${error.message}` });
      return;
    }
    const { counts, reasons, problem } = found;
    if (problem !== undefined)
      report.warn({
        title: 'Dead letters that are not counted',
        message: `Table ${name}: not all dead letters could be counted: ${problem}`,
      });
    counted[name] = counts;
    report.plan(countedChanges(name, counts, reasons));
  }
  report.runOutputs({ counts: JSON.stringify(counted) });
}
