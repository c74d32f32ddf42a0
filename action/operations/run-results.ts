// The result of a run on tables: the report in S3, outputs, summary and warnings.
import type { ResultSlice, TableDifferences } from '../../formats/slice.ts';
import { addCounts } from '../../formats/counts.ts';
import { RunStore } from '../apply/slices/run-store.ts';
import type { TableResult } from '../report/run-report.ts';
import { invoke } from '../aws/invoke.ts';
import { UserError } from '../errors.ts';
import type { TableOperation } from '../inputs/operation.ts';
import { RELEASE } from '../release.ts';
import { resultLines, runReport, runSummary, runWarnings } from '../report/run-report.ts';
import { redriveWarnings } from '../report/redrive-report.ts';
import type { Run } from '../run.ts';
import { runPrefix, type RunTarget } from './run-target.ts';

/** Results by table. */
export type Results = Readonly<Record<string, TableResult>>;

export interface Totals {
  /** All work was tried. */
  readonly complete: boolean;
  /** Differences that remain. */
  readonly differences: number;
  /** Whether anything was written to an index. */
  readonly changed: boolean;
}

/** Has the function write the result of a comparison as metrics. A run without them is no failure. */
export async function recordDifferences({ inputs, aws, report }: Run, results: Results): Promise<void> {
  const tables = Object.fromEntries(Object.entries(results).map(([name, result]) => [name, remaining(result, inputs.repair)]));
  try {
    const target = { name: inputs.functionName, version: inputs.alias, timeout: undefined };
    await invoke(aws, target, { slice: { kind: 'result', release: RELEASE, tables } satisfies ResultSlice });
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    report.info(`The metrics of this comparison are missing: ${error.message}`);
  }
}

/** What remains after a repair is frozen, or could not be written yet because of a young delete. */
function remaining({ counts, differences }: TableResult, repair: boolean): TableDifferences {
  const { missing = 0, different = 0, stale = 0, frozen = 0 } = counts;
  if (!repair) return { missing, different: different + frozen, stale };
  return { missing: Math.max(0, differences - frozen), different: Math.min(differences, frozen), stale: 0 };
}

/** Writes report.json and the outputs. @returns the store of the report @throws {AwsError} */
export async function writeReport(
  { inputs, aws, report }: Run,
  operation: TableOperation | 'reindex',
  { bucket }: Pick<RunTarget, 'bucket'>,
  results: Results,
): Promise<Omit<Totals, 'changed'> & { readonly store: RunStore }> {
  const all = Object.values(results);
  const complete = all.every((result) => result.complete);
  const differences = all.reduce((sum, result) => sum + result.differences, 0);
  const store = new RunStore(aws, bucket, runPrefix(inputs.functionName, operation));
  await store.write('report.json', JSON.stringify(runReport(operation, results), null, 2));
  for (const line of resultLines(results, store.uri('report.json'))) report.info(line);
  report.runOutputs({
    complete: String(complete),
    ...(operation === 'redrive' ? {} : { differences: String(differences) }),
    counts: JSON.stringify(Object.fromEntries(Object.entries(results).map(([name, { counts }]) => [name, counts]))),
    'report-uri': store.uri('report.json'),
  });
  return { store, complete, differences };
}

/** @param then how the next run goes on */
export function warnOfTimeLimit({ inputs, report }: Run, operation: TableOperation | 'reindex'): void {
  const then =
    inputs.stateMachine === undefined
      ? 'goes on where this run stopped'
      : 'follows the execution of AWS Step Functions, or goes on where that stopped';
  report.warn({
    title: 'Not complete',
    message: `The time limit of ${inputs.timeLimitMinutes} minutes was reached: run operation ${operation} again, and it ${then}`,
  });
}

/** Writes report.json, outputs, summary and warnings. @throws {AwsError} */
export async function reportResults(
  run: Run,
  operation: TableOperation,
  target: Pick<RunTarget, 'bucket'>,
  results: Results,
): Promise<Totals> {
  const { report } = run;
  const { store, complete, differences } = await writeReport(run, operation, target, results);
  report.section(runSummary(operation, results, store.uri('report.json')));
  for (const [name, result] of Object.entries(results)) {
    const messages =
      operation === 'redrive'
        ? redriveWarnings(name, result, store.uri(`${name}/remaining.jsonl`))
        : runWarnings(operation, name, result, store.uri(`${name}/differences.jsonl`));
    for (const message of messages) report.warn({ title: `Table ${name}`, message });
  }
  const { written = 0, repaired = 0, redriven = 0 } = addCounts(Object.values(results).map(({ counts }) => counts));
  return { complete, differences, changed: written + repaired + redriven > 0 };
}
