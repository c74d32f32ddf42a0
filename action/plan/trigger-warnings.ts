// What a person should know of the triggers of the function, managed or not. Pure.
import { streamOrigin, type Trigger } from '../aws/triggers.ts';
import type { Warning } from './change.ts';
import type { TriggerContext, TriggerStep } from './trigger-step.ts';

/** What a person should know of any trigger, managed or not; not of one that is to be removed or mended in this very run. */
export function warningsOf(trigger: Trigger, steps: readonly TriggerStep[], context: TriggerContext): Warning[] {
  const step = steps.find((one) => one.do !== 'create' && one.uuid === trigger.uuid);
  if (step?.do === 'delete') return [];
  const table = streamOrigin(trigger.source)?.table ?? trigger.source;
  const fields = step?.do === 'update' ? step.changes : {};
  const warnings: Warning[] = [];
  if (!trigger.reportsBatchItemFailures && fields.FunctionResponseTypes === undefined) {
    warnings.push({
      title: 'A trigger without ReportBatchItemFailures',
      message: `Trigger ${trigger.uuid} of table ${table} lacks ReportBatchItemFailures: one record that fails makes its whole batch come again. Name the table in tables, or add it by hand`,
    });
  }
  if (context.alias !== undefined && trigger.qualifier === undefined && fields.FunctionName === undefined) {
    warnings.push({
      title: 'A trigger that calls $LATEST',
      message: `Trigger ${trigger.uuid} of table ${table} calls $LATEST, not the alias ${context.alias}: what it runs may be unchecked. Name the table in tables, or move it by hand`,
    });
  }
  if (trigger.problem !== undefined)
    warnings.push({ title: 'A trigger with a problem', message: `Trigger ${trigger.uuid} of table ${table}: ${trigger.problem}` });
  if (fields.FilterCriteria === undefined) {
    const patterns = (trigger.configuration.FilterCriteria?.Filters ?? []).flatMap(({ Pattern }) => Pattern ?? []);
    warnings.push(...filterWarning(table, patterns));
  }
  return warnings;
}

/**
 * What a person should know of a function that is being created and that no trigger, present or planned, calls. Not of one that exists:
 * whoever has not mended it by then makes the triggers elsewhere, or means it so.
 */
export function unfedWarning(
  triggers: readonly Trigger[],
  { functionName, alias, managed }: Pick<TriggerContext, 'functionName' | 'alias' | 'managed'>,
): Warning[] {
  if (managed || triggers.length > 0) return [];
  const target = alias === undefined ? functionName : `${functionName}:${alias}`;
  return [
    {
      title: 'A function that nothing feeds',
      message: `Nothing feeds the new function ${functionName}: no trigger calls it, and tables names no table. Set tables, or create an event source mapping from the stream of a table to ${target} and run operation: refresh-mapping`,
    },
  ];
}

/** A filter on what an item looks like passes the change that makes it match, and not the one that ends it. */
export function filterWarning(table: string, patterns: readonly string[]): Warning[] {
  if (!patterns.some((pattern) => /"(?:NewImage|OldImage)"/.test(pattern))) return [];
  return [
    {
      title: 'A filter on images',
      message: `The trigger of table ${table} has a filter on images: an item that ceases to match keeps its document, a ghost. Leave documents out with a transform that returns null`,
    },
  ];
}
