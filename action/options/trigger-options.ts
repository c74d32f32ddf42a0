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
  /** Names of the settings that the options file gives; all others are defaults. */
  readonly given: readonly string[];
}

/** Where the options file says nothing (contract 5). The age ends before the stream's own 24 hours, so that nothing is lost unseen. */
export const TRIGGER_DEFAULTS: TriggerOptions = {
  batchSize: 1000,
  windowSeconds: 0,
  parallelization: 1,
  startingPosition: 'TRIM_HORIZON',
  maximumRecordAgeHours: 23,
  maximumRetries: -1,
  bisect: true,
  onFailure: undefined,
  filter: [],
  enabled: undefined,
  given: [],
};
