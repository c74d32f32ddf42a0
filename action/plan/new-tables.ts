// backfill-new-tables: which of the tables that get their first trigger are backfilled by the deploy itself, and what is said of the others. Pure.
import type { RunTable } from '../aws/tables.ts';
import type { NewTables } from '../inputs/inputs.ts';
import type { TriggerOptions } from '../options/trigger-options.ts';
import { change, type Change, type Warning } from './change.ts';
import { costText, durationText, estimateRun, sizeText } from './run-estimate.ts';
import { runChanges, type RunPlanContext } from './run-plan.ts';

/** `auto` backfills up to this; of a larger table it says how. */
const MAX_BYTES = 1024 ** 3;
const MAX_ITEMS = 1_000_000;

/** A table that gets its first trigger in this deploy. */
export interface NewTable {
  readonly table: RunTable;
  /** Of the trigger that it gets. */
  readonly trigger: Pick<TriggerOptions, 'starting-position' | 'filter' | 'enabled'>;
  /** Undefined: no bucket is known in which the progress could be kept. */
  readonly context: RunPlanContext | undefined;
}

export interface NewTablePlan {
  /** Its name. */
  readonly table: string;
  /** Undefined: this deploy does not backfill it. `waits`: only when its trigger is settled. */
  readonly backfill: { readonly table: RunTable; readonly waits: boolean; readonly capacity: number } | undefined;
  readonly changes: readonly Change[];
  readonly warnings: readonly Warning[];
}

/** What a deploy does about the items that a new table contains. */
export function planNewTable(mode: NewTables, { table, trigger, context }: NewTable): NewTablePlan {
  const obstacle = mode === 'never' ? undefined : obstacleOf(mode, table, trigger, context);
  if (mode !== 'never' && obstacle === undefined && context !== undefined) {
    const waits = trigger['starting-position'] === 'LATEST';
    const wait = waits ? [waitChange(table)] : [];
    const changes = [...wait, ...runChanges(table, context)];
    return { table: table.name, backfill: { table, waits, capacity: context.capacity }, changes, warnings: [] };
  }
  const reason = mode === 'never' ? 'backfill-new-tables is never' : (obstacle?.short ?? '');
  const changes = [change(`table ${table.name}`, 'backfill', undefined, `not in this deploy: ${sizeText(table)} are not indexed`, reason)];
  const message = `Table ${table.name} gets its first trigger, and the items that it contains (${sizeText(table)}) are not indexed by this deploy: ${obstacle?.sentence ?? ''}`;
  const warnings = obstacle === undefined ? [] : [{ title: 'Items of a new table', message }];
  return { table: table.name, backfill: undefined, changes, warnings };
}

const waitChange = (table: RunTable): Change =>
  change(`table ${table.name}`, 'wait', undefined, '10 min', 'a trigger that starts from LATEST may miss the changes of its first minutes');

/** The way to start the backfill by hand. */
const byHand = (table: RunTable): string => `run operation backfill with tables: ${table.name}`;

interface Obstacle {
  /** For the plan. */
  readonly short: string;
  /** For the warning: why, and how to fix it. */
  readonly sentence: string;
}

function obstacleOf(
  mode: 'auto' | 'always',
  table: RunTable,
  trigger: NewTable['trigger'],
  context: RunPlanContext | undefined,
): Obstacle | undefined {
  const by = byHand(table);
  if (context === undefined)
    return {
      short: 'there is no code bucket',
      sentence: `progress is kept in the code bucket, which is not set. Set code-bucket, deploy, and ${by}`,
    };
  if (!context.versioned)
    return {
      short: 'the table has versioning: none',
      sentence: `with versioning: none an item that was read could not be told from newer changes. Set versioning: external in the options file, deploy, and ${by}`,
    };
  if (trigger.filter.length > 0)
    return {
      short: 'its trigger has a filter',
      sentence: `its trigger has a filter, and documents of items that the filter excludes would go stale. Remove the filter, deploy, and ${by}`,
    };
  if (trigger.enabled === false)
    return {
      short: 'its trigger is disabled',
      sentence: `its trigger is disabled, so that changes meanwhile would not arrive. Enable it, and ${by}`,
    };
  if (mode === 'always') return undefined;
  if (trigger['starting-position'] === 'LATEST')
    return {
      short: 'its trigger starts from LATEST',
      sentence: `its trigger starts from LATEST, and may miss the changes of its first minutes. To index the items, ${by} in 10 minutes or later, or set backfill-new-tables: always, with which the deploy waits that long`,
    };
  if (table.bytes <= MAX_BYTES && table.items <= MAX_ITEMS) return undefined;
  const estimate = estimateRun(table, context);
  return {
    short: 'more than 1 GiB or 1,000,000 items',
    sentence: `auto is for tables of up to 1 GiB and 1,000,000 items. To index them, ${by}: ${durationText(estimate)} and ${costText(estimate)} by the estimate of its plan; backfill-new-tables: always does it in the deploy`,
  };
}
