import { inParallel } from '../aws/retry.ts';
import { enableStream } from '../aws/tables.ts';
import { createTrigger, deleteTrigger, updateTrigger, waitUntilSettled, type OnWait, type Trigger } from '../aws/triggers.ts';
import type { Run } from '../run.ts';
import type { SourceTable } from '../plan/key-mapping.ts';
import type { TableReport } from '../report/render-summary.ts';
import type { KeyMapping } from '../../formats/key-mapping.ts';
import type { TriggerStep } from '../plan/trigger-step.ts';

/** Lambda's control plane accepts about fifteen calls a second in all, and waiting for a trigger needs several. */
const MAX_PARALLEL = 5;

/** Carries the steps out; tables are processed in parallel. @throws {UserError} */
export async function applyTriggers({ aws, report }: Run, steps: readonly TriggerStep[]): Promise<void> {
  await inParallel(steps, MAX_PARALLEL, async (step) => {
    switch (step.do) {
      case 'create': {
        const stream = step.stream ?? (await enableStream(aws, step.table)).arn;
        const uuid = await createTrigger(aws, { ...step.request, EventSourceArn: stream }, waitsFor(report, step.table));
        const made = await waitUntilSettled(aws, uuid);
        report.info(`Trigger ${uuid} of table ${step.table} is ${made.state}.`);
        warnOfProblem(report, step.table, made);
        break;
      }
      case 'update': {
        await updateTrigger(aws, step.uuid, step.changes, waitsFor(report, step.table));
        const changed = await waitUntilSettled(aws, step.uuid);
        report.info(`Trigger ${step.uuid} of table ${step.table} is changed, and ${changed.state}.`);
        warnOfProblem(report, step.table, changed);
        break;
      }
      case 'delete':
        await deleteTrigger(aws, step.uuid);
        report.info(`Trigger ${step.uuid} of table ${step.table} is removed.`);
        break;
    }
  });
}

const waitsFor =
  (report: Run['report'], table: string): OnWait =>
  (words) => {
    report.info(`The trigger of table ${table} waits for up to two minutes for a stream or policy that AWS may not know yet: ${words}`);
  };

function warnOfProblem(report: Run['report'], table: string, { uuid, problem }: Trigger): void {
  if (problem !== undefined) report.warn({ title: 'A trigger with a problem', message: `Trigger ${uuid} of table ${table}: ${problem}` });
}

/** The tables for output and summary. */
export function tableReports(mapping: KeyMapping, sources: readonly SourceTable[], alias: string | undefined): Record<string, TableReport> {
  const byName = new Map(sources.map((source) => [source.table.name, source]));
  return Object.fromEntries(
    Object.values(mapping).map(({ TableName: name, PrimaryKey: hash, SortKey: range, Index: index }) => {
      const triggers = byName.get(name)?.triggers ?? [];
      const own = triggers.find(({ qualifier }) => qualifier === alias) ?? triggers[0];
      return [name, { index, keys: range === undefined ? [hash] : [hash, range], trigger: own?.state ?? null }];
    }),
  );
}
