import type { TableOptions } from '../handler/config.ts';
import type { Problem } from './errors.ts';

/** The settings of one table's trigger, every default filled in. */
export interface TriggerOptions {
  /** records, 1–10000 */
  readonly batchSize: number;
  /** s, 0–300 */
  readonly windowSeconds: number;
  /** 1–10 */
  readonly parallelization: number;
  readonly startingPosition: 'TRIM_HORIZON' | 'LATEST';
  /** h, 1–168 */
  readonly maximumRecordAgeHours: number;
  /** -1: without end */
  readonly maximumRetries: number;
  readonly bisect: boolean;
  /** ARN of the on-failure destination */
  readonly onFailure: string | undefined;
  /** Event patterns, as Lambda's filter criteria take them. */
  readonly filter: readonly Readonly<Record<string, unknown>>[];
  /** Undefined: a trigger that someone disabled stays disabled. */
  readonly enabled: boolean | undefined;
}

/** What the options file says for one environment. */
export interface Options {
  /** As they stand in config.json; `transform` is the name in the package. */
  readonly defaults: TableOptions;
  /** By the table's exact name, the defaults merged in. */
  readonly tables: Readonly<Record<string, TableOptions>>;
  readonly triggers: { readonly defaults: TriggerOptions; readonly tables: Readonly<Record<string, TriggerOptions>> };
  readonly pruneTriggers: boolean;
  /** Entry of the package (`transforms/orders.mjs`) → its text. */
  readonly transforms: Readonly<Record<string, string>>;
  readonly warnings: readonly Problem[];
}

/** The trigger settings of `table`. */
export function triggerOptions(options: Options, table: string): TriggerOptions {
  return options.triggers.tables[table] ?? options.triggers.defaults;
}

/**
 * Reads the options file `config` (relative to `workspace`; undefined: no file, all defaults) and the transforms it names.
 * @throws {InputError} with every problem of the file
 */
export function loadOptions(_config: string | undefined, _context: { workspace: string; environment: string }): Promise<Options> {
  throw new Error('in work');
}
