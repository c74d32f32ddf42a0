// The function's tables: key, index and options of each, resolved once per table and start.
import { DEFAULT_OPTIONS, type FunctionConfig, type TableOptions } from '../formats/function-config.ts';
import { defaultIndex, indexNameProblem } from '../formats/index-name.ts';
import { parseS3Uri } from '../formats/s3-uri.ts';
import type { KeyMapping } from '../formats/key-mapping.ts';
import { numericFields, type NumericFields } from './documents/numeric-fields.ts';
import { excluding, including, type Projection } from './documents/projection.ts';
import type { Transform } from './documents/transform.ts';
import { MalformedRecord } from './records/malformed-record.ts';
import type { Log } from './telemetry/log.ts';

/** A location for dead letters. */
export interface DeadLetterPlace {
  readonly bucket: string;
  /** Without slashes at its ends; may be empty. */
  readonly prefix: string;
}

/** Why no record of a table is written. */
export type Refusal =
  /** Goes to the dead letters. */
  | { readonly kind: 'malformed'; readonly error: MalformedRecord }
  /** Is redelivered until somebody follows the reason's instructions. */
  | { readonly kind: 'failed'; readonly reason: string };

export interface Table {
  readonly name: string;
  /** Undefined if neither the options nor the table's name yield one. */
  readonly index: string | undefined;
  /** Attributes of the key, hash key first; undefined if the table is not in the key mapping. */
  readonly keyNames: readonly string[] | undefined;
  readonly refresh: boolean | 'wait_for';
  readonly versioned: boolean;
  /** `fail` if there is no location for dead letters. */
  readonly onMalformed: 'dead-letter' | 'fail' | 'drop';
  readonly deadLetters: DeadLetterPlace | undefined;
  readonly keepExpired: boolean;
  /** The options accept an alias over several indexes. */
  readonly multiIndexAlias: boolean;
  readonly project: Projection | undefined;
  readonly transform: Transform | undefined;
  readonly indexSettings: Readonly<Record<string, unknown>>;
  readonly mappings: Readonly<Record<string, unknown>>;
  /** Fields whose lists of numbers stay numbers, as the mappings declare them; undefined if there are none. */
  readonly numbers: NumericFields | undefined;
  /** Whether the trigger has ReportBatchItemFailures. Without it failures must be thrown, or Lambda treats the batch as done. */
  readonly partialResponse: boolean;
  /** While the table is reindexed: itself once with each of the two indexes that every change is written to. */
  readonly both: readonly [IndexedTable, IndexedTable] | undefined;
  /** It is the second of `both`: the names of its dead letters say so. */
  readonly isSecond: boolean;
  /** Undefined if its records are written, as is usual. */
  readonly refusal: Refusal | undefined;
}

/** A table that has an index. */
export type IndexedTable = Table & { readonly index: string };

/** The options of one table: its own over the defaults. Only one of include and exclude applies: the table's own. */
export function optionsOf(config: FunctionConfig, table: string): TableOptions {
  const { defaults, tables } = config.options;
  const own = (Object.hasOwn(tables, table) ? tables[table] : undefined) ?? {};
  const { include: _, exclude: __, ...rest } = defaults;
  return { ...(own.include === undefined && own.exclude === undefined ? defaults : rest), ...own };
}

/** All tables that the function has read in records, in the key mapping or in the options. */
export class Tables {
  readonly #known = new Map<string, Table>();
  readonly #config: FunctionConfig;
  readonly #mapping: KeyMapping;
  readonly #transforms: ReadonlyMap<string, Transform>;

  readonly #log: Pick<Log, 'warn'>;

  constructor(config: FunctionConfig, mapping: KeyMapping, transforms: ReadonlyMap<string, Transform>, log: Pick<Log, 'warn'>) {
    this.#config = config;
    this.#mapping = mapping;
    this.#transforms = transforms;
    this.#log = log;
  }

  /** The names of the tables of the key mapping and the options. */
  names(): string[] {
    return [
      ...new Set([...Object.values(this.#mapping).map((entry) => entry.TableName), ...Object.keys(this.#config.options.tables)]),
    ].sort();
  }

  get(name: string): Table {
    const known = this.#known.get(name);
    if (known !== undefined) return known;
    this.#warnOfOtherCase(name);
    const table = this.#resolve(name);
    this.#known.set(name, table);
    return table;
  }

  /** A deploy refuses such options, but not a trigger that was added by hand afterwards. */
  #warnOfOtherCase(name: string): void {
    const { tables } = this.#config.options;
    const other = Object.hasOwn(tables, name) ? undefined : Object.keys(tables).find((one) => one.toLowerCase() === name.toLowerCase());
    if (other === undefined) return;
    this.#log.warn(
      'the options file names this table in another case, and its options, exclude among them, are not applied: fix the name in the options file and run the action with operation: deploy',
      { table: name, options: `tables.${other}` },
    );
  }

  #resolve(name: string): Table {
    const options = { ...DEFAULT_OPTIONS, ...optionsOf(this.#config, name) };
    const key = name.toLowerCase();
    const mapping = Object.hasOwn(this.#mapping, key) ? this.#mapping[key] : undefined;
    const index = options.index ?? mapping?.Index ?? defaultIndex(name);
    const deadLetters = options['dead-letters'] === undefined ? undefined : parseS3Uri(options['dead-letters']);
    const onMalformed = options['on-malformed'];
    const table: Table = {
      name,
      index: index === undefined || indexNameProblem(index) !== undefined ? undefined : index,
      keyNames: mapping === undefined ? undefined : [mapping.PrimaryKey, ...(mapping.SortKey === undefined ? [] : [mapping.SortKey])],
      refresh: options.refresh,
      versioned: options.versioning === 'external',
      onMalformed: onMalformed === 'dead-letter' && deadLetters === undefined ? 'fail' : onMalformed,
      deadLetters,
      keepExpired: options['ttl-deletes'] === 'keep',
      multiIndexAlias: options['multi-index-alias'],
      project:
        options.include !== undefined ? including(options.include) : options.exclude !== undefined ? excluding(options.exclude) : undefined,
      transform: options.transform === undefined ? undefined : this.#transforms.get(options.transform),
      indexSettings: options['index-settings'] ?? {},
      mappings: options.mappings ?? {},
      numbers: numericFields(options.mappings ?? {}),
      partialResponse:
        options['partial-batch-response'] === 'auto'
          ? mapping?.ReportBatchItemFailures === true
          : options['partial-batch-response'] === 'always',
      both: undefined,
      isSecond: false,
      refusal: mapping !== undefined || Object.hasOwn(this.#config.options.tables, name) ? undefined : this.#refusal(name, index),
    };
    const { reindex = {} } = this.#config;
    const entry = Object.hasOwn(reindex, name) ? reindex[name] : undefined;
    if (entry === undefined) return table;
    const [first, second] = entry.indexes;
    return {
      ...table,
      both: [
        { ...table, index: first },
        { ...table, index: second, isSecond: true },
      ],
    };
  }

  /**
   * Whether records of a table that nobody named are refused. Nothing in an event proves its origin: anyone who may invoke the
   * function could otherwise write to the engine's own indexes, which begin with a dot.
   */
  #refusal(name: string, index: string | undefined): Refusal | undefined {
    // Records without a table are malformed anyway.
    if (name !== '' && this.#config.options['only-known-tables'] === true) {
      return {
        kind: 'failed',
        reason: `neither the key mapping nor the options file names the table ${name}, and the options say only-known-tables: run the action with operation: refresh-mapping, or remove the trigger`,
      };
    }
    if (index?.startsWith('.') !== true) return undefined;
    return {
      kind: 'malformed',
      error: new MalformedRecord(
        'index_hidden',
        `the index ${index} begins with a dot, as those of the engine itself, and neither the key mapping nor the options file names its table; run the action with operation: refresh-mapping, or give the table an index in the options file, and redrive the record`,
      ),
    };
  }
}
