import type { TableOptions } from '../handler/config.ts';
import type { Problem } from './errors.ts';
import { TRIGGER_DEFAULTS } from './trigger-options.ts';
import type { TriggerOptions } from './trigger-options.ts';

export type { TriggerOptions } from './trigger-options.ts';

/** What the options file says for one environment. */
export interface Options {
  /** As they stand in config.json; `transform` is the name in the package. No `dead-letters` unless the file names a place. */
  readonly defaults: TableOptions;
  /** By the table's exact name: its own options, which the handler lays over the defaults. */
  readonly tables: Readonly<Record<string, TableOptions>>;
  readonly triggers: { readonly defaults: TriggerOptions; readonly tables: Readonly<Record<string, TriggerOptions>> };
  readonly pruneTriggers: boolean;
  /** Entry of the package (`transforms/orders.mjs`) → its text. */
  readonly transforms: Readonly<Record<string, string>>;
  readonly warnings: readonly Problem[];
}

const NO_OPTIONS: Options = {
  defaults: {},
  tables: {},
  triggers: { defaults: TRIGGER_DEFAULTS, tables: {} },
  pruneTriggers: false,
  transforms: {},
  warnings: [],
};

/** The trigger settings of `table`. */
export function triggerOptions(options: Options, table: string): TriggerOptions {
  return (Object.hasOwn(options.triggers.tables, table) ? options.triggers.tables[table] : undefined) ?? options.triggers.defaults;
}

/**
 * Reads the options file `config` (relative to `workspace`; undefined: no file, all defaults) and the transforms it names.
 * @throws {InputError} with every problem of the files
 */
export async function loadOptions(
  config: string | undefined,
  context: { readonly workspace: string; readonly environment: string },
): Promise<Options> {
  if (config === undefined) return NO_OPTIONS;
  // The schema takes longer to load than most of the action, and most users have no options file. `eager`: in the one bundle all the same.
  const { readOptions } = await import(/* webpackMode: "eager" */ './options-reading.ts');
  return readOptions(config, context);
}
