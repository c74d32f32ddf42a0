// The settings of a trigger, one table: the schema of the options file, its defaults, the request to AWS and the plan all go by it.

/** A setting that has one plain value in the options file and in AWS. */
export interface TriggerSetting<Value extends number | boolean = number | boolean> {
  /** Of the event source mapping (https://docs.aws.amazon.com/lambda/latest/api/API_CreateEventSourceMapping.html). */
  readonly field: string;
  /** Where the options file says nothing. */
  readonly default: Value;
  /** AWS's default, where it shows nothing. */
  readonly absent: Value;
  /** AWS's units in one of the options file's, where the two differ, and the name by which plans show AWS's. */
  readonly converted?: { readonly factor: number; readonly name: string };
  /** Of a whole number: the least and the greatest value, and what it counts. */
  readonly range?: readonly [min: number, max: number, unit: string];
  readonly description: string;
}

/** By the name in the options file. The age ends before the stream's own 24 hours, so that nothing is lost without a trace. */
export const TRIGGER_SETTINGS = {
  'batch-size': {
    field: 'BatchSize',
    default: 1000,
    absent: 100,
    range: [1, 10000, 'records'],
    description: 'Maximum number of records per invocation.',
  },
  'window-seconds': {
    field: 'MaximumBatchingWindowInSeconds',
    default: 0,
    absent: 0,
    range: [0, 300, 'seconds'],
    description: 'Time for which Lambda gathers records before it invokes the function.',
  },
  parallelization: {
    field: 'ParallelizationFactor',
    default: 1,
    absent: 1,
    range: [1, 10, 'batches per shard'],
    description: 'Batches of one shard that are processed at once; the order of each item is kept.',
  },
  'maximum-record-age-hours': {
    field: 'MaximumRecordAgeInSeconds',
    default: 23,
    absent: -1,
    converted: { factor: 3_600, name: 'maximum-record-age-seconds' },
    range: [1, 168, 'hours'],
    description: 'Age at which a record expires and Lambda sends it to on-failure; the stream itself keeps records for 24 hours.',
  },
  'maximum-retries': {
    field: 'MaximumRetryAttempts',
    default: -1,
    absent: -1,
    range: [-1, 10000, '-1: no limit'],
    description: 'Number of times that Lambda retries a failing batch; -1 sets no limit but the maximum age.',
  },
  bisect: {
    field: 'BisectBatchOnFunctionError',
    default: true,
    absent: false,
    description: 'Whether Lambda splits a failing batch in two.',
  },
} as const satisfies Record<string, TriggerSetting>;

export type TriggerSettingName = keyof typeof TRIGGER_SETTINGS;
type Values = { readonly [Name in TriggerSettingName]: (typeof TRIGGER_SETTINGS)[Name]['default'] extends number ? number : boolean };

/** The settings of one table's trigger by their names in the options file, every default filled in. */
export interface TriggerOptions extends Values {
  readonly 'starting-position': 'TRIM_HORIZON' | 'LATEST';
  /** ARN of the on-failure destination */
  readonly 'on-failure': string | undefined;
  /** Event patterns, as in Lambda's filter criteria. */
  readonly filter: readonly Readonly<Record<string, unknown>>[];
  /** Undefined: a trigger that someone disabled stays disabled. */
  readonly enabled: boolean | undefined;
  /** Names of the settings that the options file sets; all others are defaults. */
  readonly explicit: readonly string[];
}

/** Where the options file says nothing. */
export const TRIGGER_DEFAULTS: TriggerOptions = {
  ...(Object.fromEntries(Object.entries(TRIGGER_SETTINGS).map(([name, setting]) => [name, setting.default])) as unknown as Values),
  'starting-position': 'TRIM_HORIZON',
  'on-failure': undefined,
  filter: [],
  enabled: undefined,
  explicit: [],
};
