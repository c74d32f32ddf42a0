// Warnings about the triggers of the function, managed or not. Pure.
import { streamOrigin, type Trigger } from '../aws/triggers.ts';
import type { Warning } from './change.ts';
import type { TriggerContext, TriggerStep } from './trigger-step.ts';

/** Warnings about any trigger, managed or not; none about one that this very run removes or fixes. */
export function warningsOf(trigger: Trigger, steps: readonly TriggerStep[], context: TriggerContext): Warning[] {
  const step = steps.find((one) => one.do !== 'create' && one.uuid === trigger.uuid);
  if (step?.do === 'delete') return [];
  const table = streamOrigin(trigger.source)?.table ?? trigger.source;
  const fields = step?.do === 'update' ? step.changes : {};
  const warnings: Warning[] = [];
  if (!trigger.reportsBatchItemFailures && fields.FunctionResponseTypes === undefined) {
    warnings.push({
      title: 'A trigger without ReportBatchItemFailures',
      message: `Trigger ${trigger.uuid} of table ${table} lacks ReportBatchItemFailures: if one record fails, its whole batch is retried. Name the table in tables, or add it by hand`,
    });
  }
  if (context.alias !== undefined && trigger.qualifier === undefined && fields.FunctionName === undefined) {
    warnings.push({
      title: 'A trigger that calls $LATEST',
      message: `Trigger ${trigger.uuid} of table ${table} calls $LATEST, not the alias ${context.alias}: the code that it runs may be unchecked. Name the table in tables, or move it by hand`,
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
 * A warning about a function that is being created and that no trigger, present or planned, calls. None about one that exists:
 * a user who has not fixed it by then creates the triggers elsewhere, or intends it.
 */
export function noTriggerWarning(
  triggers: readonly Trigger[],
  { functionName, alias, managed }: Pick<TriggerContext, 'functionName' | 'alias' | 'managed'>,
): Warning[] {
  if (managed || triggers.length > 0) return [];
  const target = alias === undefined ? functionName : `${functionName}:${alias}`;
  return [
    {
      title: 'A function without a trigger',
      message: `No trigger calls the new function ${functionName}, and tables names no table. Set tables, or create an event source mapping from the stream of a table to ${target} and run operation: refresh-mapping`,
    },
  ];
}

/** A filter on images passes the change that makes an item match, and not the one that ends the match. */
export function filterWarning(table: string, patterns: readonly string[]): Warning[] {
  if (!patterns.some((pattern) => /"(?:NewImage|OldImage)"/.test(pattern))) return [];
  return [
    {
      title: 'A filter on images',
      message: `The trigger of table ${table} has a filter on images: an item that ceases to match keeps its document, which is then stale. Leave documents out with a transform that returns null`,
    },
  ];
}
