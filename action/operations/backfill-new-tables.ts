// The items of tables that get their first trigger in this deploy, indexed in the same run once the triggers exist.
import type { TableResult } from '../report/run-report.ts';
import { inParallel } from '../aws/retry.ts';
import { describeRunTable } from '../aws/tables.ts';
import { CancelledError, UserError } from '../errors.ts';
import { triggerOptions, type Options } from '../options/options.ts';
import { planNewTable, type NewTablePlan } from '../plan/new-tables.ts';
import { defaultReadCapacity } from '../plan/run-estimate.ts';
import { TRIGGER_SETTLED_MS } from '../plan/run-plan.ts';
import type { TriggerStep } from '../plan/trigger-step.ts';
import type { Run } from '../run.ts';
import type { MappedTables } from './source-tables.ts';
import { reportResults } from './run-results.ts';
import { planContext, type RunTarget } from './run-target.ts';
import { onTable, triggerLag } from './table-run.ts';

/** min: a deploy spends no longer on it, so that it ends within an hour, as the session of its role and the job of deploy.yml do. */
const MAX_MINUTES = 45;
/** DescribeTable calls at once. */
const MAX_PARALLEL = 20;

/** The state that a deploy leads to, as far as a run on a table needs it; without a bucket there is no run. */
export type NewTarget = Omit<RunTarget, 'bucket'> & { readonly bucket: string | undefined };

/** What the deploy does about the items of each table that gets its first trigger. @throws {AwsError} */
export async function planNewTables(
  run: Run,
  steps: readonly TriggerStep[],
  { sources }: Pick<MappedTables, 'sources'>,
  options: Options,
  target: NewTarget,
): Promise<NewTablePlan[]> {
  const { inputs, aws } = run;
  const fresh = sources.filter(
    ({ table, triggers }) => triggers.length === 0 && steps.some((step) => step.do === 'create' && step.table === table.name),
  );
  const plans = await inParallel(fresh, MAX_PARALLEL, async ({ table: { name } }) => {
    const table = await describeRunTable(aws, name);
    if (table === undefined) return undefined;
    const { bucket } = target;
    const capacity = inputs.maxReadCapacity ?? defaultReadCapacity(table);
    const context = bucket === undefined ? undefined : planContext(run, 'backfill', { ...target, bucket }, { table: name, capacity });
    return planNewTable(inputs.backfillNewTables, { table, trigger: triggerOptions(options, name), context });
  });
  return plans.filter((plan) => plan !== undefined);
}

/** Backfills them. One that does not complete is a warning with the way to resume it, and no failed deploy. @throws {CancelledError} */
export async function backfillNewTables(run: Run, plans: readonly NewTablePlan[], { bucket, ...target }: NewTarget): Promise<void> {
  const { inputs, aws, report } = run;
  const all = plans.flatMap(({ backfill }) => backfill ?? []);
  if (all.length === 0 || bucket === undefined) return;
  const minutes = Math.min(inputs.timeLimitMinutes, MAX_MINUTES);
  const made = aws.clock.now();
  const results: Record<string, TableResult> = {};
  const lag = triggerLag(run);
  // Those that wait come last, and wait together.
  for (const { table, waits, capacity } of all.toSorted((a, b) => Number(a.waits) - Number(b.waits))) {
    const until = made + minutes * 60_000;
    await asWarning(run, table.name, async () => {
      if (waits) await settled(run, table.name, made);
      const result = await onTable(run, 'backfill', { ...target, bucket }, table, { capacity, until, lag });
      results[table.name] = result;
      if (result.failure !== undefined) throw new UserError(result.failure);
      if (!result.complete) throw new UserError(`${minutes} minutes are over`);
    });
  }
  const names = Object.keys(results);
  if (names.length > 0)
    await asWarning(run, names.join(', '), async () => {
      await reportResults(run, 'backfill', { bucket }, results);
    });
  report.info(`Backfilled: ${names.length === 0 ? 'no table' : names.join(', ')}.`);
}

async function settled({ aws, report }: Run, table: string, made: number): Promise<void> {
  const left = made + TRIGGER_SETTLED_MS - aws.clock.now();
  if (left <= 0) return;
  report.info(`Table ${table}: its trigger starts from LATEST, so its items are indexed in ${Math.ceil(left / 60_000)} min`);
  await aws.clock.sleep(left);
}

async function asWarning({ report }: Run, table: string, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (error instanceof CancelledError || !(error instanceof UserError)) throw error;
    report.warn({
      title: 'A backfill that is not complete',
      message: `The deploy succeeded, but the backfill of ${table} is not complete: ${error.message.replace(/\.$/, '')}. Run operation backfill with tables: ${table}: it goes on where this one stopped`,
    });
  }
}
