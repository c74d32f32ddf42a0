import type { TableOptions } from '../../formats/function-config.ts';
import type { Place, Problem } from '../errors.ts';
import { TRIGGER_DEFAULTS, type TriggerOptions } from './trigger-options.ts';

/** The options file for one environment. */
export interface Options {
  /** As they are in config.json; `transform` is the name in the package. No `dead-letters` unless the file names a place. */
  readonly defaults: TableOptions;
  /** By the table's exact name: its own options, which the handler merges over the defaults. */
  readonly tables: Readonly<Record<string, TableOptions>>;
  /** By the table's exact name: where the options file names it. */
  readonly tablePlaces: Readonly<Record<string, Place>>;
  readonly triggers: { readonly defaults: TriggerOptions; readonly tables: Readonly<Record<string, TriggerOptions>> };
  readonly pruneTriggers: boolean;
  /** Undefined: records of tables that nobody named are indexed too. */
  readonly onlyKnownTables?: true;
  /** Entry of the package (`transforms/orders.mjs`) → its text. */
  readonly transforms: Readonly<Record<string, string>>;
  readonly warnings: readonly Problem[];
}

/** Of a job without an options file. */
export const NO_OPTIONS: Options = {
  defaults: {},
  tables: {},
  tablePlaces: {},
  triggers: { defaults: TRIGGER_DEFAULTS, tables: {} },
  pruneTriggers: false,
  transforms: {},
  warnings: [],
};

/** The trigger settings of `table`. */
export function triggerOptions(options: Options, table: string): TriggerOptions {
  return (Object.hasOwn(options.triggers.tables, table) ? options.triggers.tables[table] : undefined) ?? options.triggers.defaults;
}
