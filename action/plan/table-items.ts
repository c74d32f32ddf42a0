// The items that each table of a deploy holds, and what becomes of them. Pure.
import type { NewTablePlan } from './new-tables.ts';
import type { SourceTable } from './key-mapping.ts';
import { sizeText } from './run-estimate.ts';
import type { TriggerStep } from './trigger-step.ts';

/** A sentence for each table: `about 2,000 items, 0.1 MB: indexed by this deploy`. A table that is gone has none. */
export function tableItems(
  sources: readonly SourceTable[],
  newTables: readonly NewTablePlan[],
  steps: readonly TriggerStep[],
): Record<string, string> {
  const fresh = new Map(newTables.map((plan) => [plan.table, plan]));
  return Object.fromEntries(
    sources.flatMap(({ table, triggers }) => {
      if (table.size === undefined) return [];
      const plan = fresh.get(table.name);
      const hasTrigger = triggers.length > 0 || steps.some((step) => step.do === 'create' && step.table === table.name);
      const known = hasTrigger ? 'not read, since its trigger keeps the index equal' : 'not indexed, since it has no trigger';
      const own = plan?.backfill === undefined ? 'not indexed by this deploy' : 'indexed by this deploy';
      return [[table.name, `${sizeText(table.size)}: ${plan === undefined ? known : own}`] as const];
    }),
  );
}
