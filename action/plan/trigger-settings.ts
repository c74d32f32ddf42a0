// The settings of one trigger: what the options say × what AWS shows. Pure.
import type { CreateEventSourceMappingCommandInput, UpdateEventSourceMappingCommandInput } from '@aws-sdk/client-lambda';
import type { Trigger } from '../aws/triggers.ts';
import { change, isSame, type Change, type Warning } from './change.ts';
import type { Shown } from '../shown.ts';
import type { TriggerOptions } from '../options/trigger-options.ts';
import { DEFAULT } from './provenance.ts';

/** The values that a trigger is brought to; a destination and a filter only where the options file gives them. */
interface Wanted {
  readonly BatchSize: number;
  readonly MaximumBatchingWindowInSeconds: number;
  readonly ParallelizationFactor: number;
  readonly MaximumRecordAgeInSeconds: number;
  readonly MaximumRetryAttempts: number;
  readonly BisectBatchOnFunctionError: boolean;
}

const RESPONSES = ['ReportBatchItemFailures'] as const;
function settings(options: TriggerOptions): Wanted {
  return {
    BatchSize: options.batchSize,
    MaximumBatchingWindowInSeconds: options.windowSeconds,
    ParallelizationFactor: options.parallelization,
    MaximumRecordAgeInSeconds: options.maximumRecordAgeHours * 3_600,
    MaximumRetryAttempts: options.maximumRetries,
    BisectBatchOnFunctionError: options.bisect,
  };
}

const filters = (options: TriggerOptions): { Filters: { Pattern: string }[] } => ({
  Filters: options.filter.map((pattern) => ({ Pattern: JSON.stringify(pattern) })),
});

/** What a trigger is created with. */
export function createRequest(target: string, options: TriggerOptions): Omit<CreateEventSourceMappingCommandInput, 'EventSourceArn'> {
  return {
    FunctionName: target,
    ...settings(options),
    StartingPosition: options.startingPosition,
    FunctionResponseTypes: [...RESPONSES],
    ...(options.onFailure === undefined ? {} : { DestinationConfig: { OnFailure: { Destination: options.onFailure } } }),
    ...(options.filter.length === 0 ? {} : { FilterCriteria: filters(options) }),
    ...(options.enabled === undefined ? {} : { Enabled: options.enabled }),
  };
}

/** A setting of AWS → its name in the options file. */
const NAMES = {
  BatchSize: 'batch-size',
  MaximumBatchingWindowInSeconds: 'window-seconds',
  ParallelizationFactor: 'parallelization',
  MaximumRecordAgeInSeconds: 'maximum-record-age-seconds',
  MaximumRetryAttempts: 'maximum-retries',
  BisectBatchOnFunctionError: 'bisect',
} as const satisfies Record<keyof Wanted, string>;

/** What AWS means where it shows nothing. */
const ABSENT: Wanted = {
  BatchSize: 100,
  MaximumBatchingWindowInSeconds: 0,
  ParallelizationFactor: 1,
  MaximumRecordAgeInSeconds: -1,
  MaximumRetryAttempts: -1,
  BisectBatchOnFunctionError: false,
};

/** The settings as plans show them. */
export function shown(options: TriggerOptions): Record<string, Shown> {
  const wanted = settings(options);
  return {
    ...Object.fromEntries((Object.keys(NAMES) as (keyof Wanted)[]).map((key) => [NAMES[key], wanted[key]])),
    'report-batch-item-failures': true,
    ...(options.onFailure === undefined ? {} : { 'on-failure': options.onFailure }),
    ...(options.filter.length === 0 ? {} : { filter: options.filter.map((pattern) => JSON.stringify(pattern)) }),
  };
}

export interface TriggerUpdate {
  readonly fields: Omit<UpdateEventSourceMappingCommandInput, 'UUID'>;
  readonly changes: Change[];
  readonly warnings: Warning[];
}

/** The fields that bring a trigger to its options, and what a person should know of what they leave alone. */
export function planUpdate(
  { configuration, qualifier, reportsBatchItemFailures, state, uuid }: Trigger,
  options: TriggerOptions,
  target: string,
  {
    functionName,
    alias,
    optionsFile,
  }: { readonly functionName: string; readonly alias: string | undefined; readonly optionsFile: string | undefined },
  resource: string,
): TriggerUpdate {
  const fields: Omit<UpdateEventSourceMappingCommandInput, 'UUID'> = {};
  const changes: Change[] = [];
  const warnings: Warning[] = [];
  const wanted = settings(options);
  const source = (setting: string): string => (options.given.includes(setting) ? optionsFile : undefined) ?? DEFAULT;
  const differ = (path: string, before: Shown | undefined, after: Shown, reason = source(path)): void => {
    changes.push(change(resource, path, before ?? null, after, reason));
  };
  for (const key of Object.keys(NAMES) as (keyof Wanted)[]) {
    const before = configuration[key] ?? ABSENT[key];
    if (before === wanted[key]) continue;
    Object.assign(fields, { [key]: wanted[key] });
    differ(NAMES[key], before, wanted[key], source(key === 'MaximumRecordAgeInSeconds' ? 'maximum-record-age-hours' : NAMES[key]));
  }
  if (!reportsBatchItemFailures) {
    fields.FunctionResponseTypes = [...RESPONSES];
    differ('report-batch-item-failures', false, true, 'without it one failed record repeats its whole batch');
  }
  if (qualifier !== alias) {
    fields.FunctionName = target;
    differ('function', functionName, target, 'triggers hang on the alias');
  }
  const destination = configuration.DestinationConfig?.OnFailure?.Destination;
  if (options.onFailure !== undefined && options.onFailure !== destination) {
    fields.DestinationConfig = { OnFailure: { Destination: options.onFailure } };
    differ('on-failure', destination, options.onFailure);
  }
  const patterns = (configuration.FilterCriteria?.Filters ?? []).flatMap(({ Pattern }) => Pattern ?? []);
  const wantedPatterns = filters(options).Filters.map(({ Pattern }) => Pattern);
  if (wantedPatterns.length > 0 && !isSame(patterns.map(parsed), wantedPatterns.map(parsed))) {
    fields.FilterCriteria = filters(options);
    differ('filter', patterns, wantedPatterns);
  }
  if (configuration.StartingPosition !== undefined && configuration.StartingPosition !== options.startingPosition) {
    warnings.push({
      title: 'A starting position that cannot be changed',
      message: `The ${resource} began at ${configuration.StartingPosition}, the options say ${options.startingPosition}. It holds on create alone, and the trigger is left as it is`,
    });
  }
  const disabled = state === 'Disabled' || state === 'Disabling';
  if (options.enabled === true && disabled) {
    fields.Enabled = true;
    differ('enabled', false, true);
  } else if (options.enabled === false && !disabled) {
    fields.Enabled = false;
    differ('enabled', true, false);
  } else if (options.enabled === undefined && disabled) {
    warnings.push({
      title: 'A disabled trigger',
      message: `Trigger ${uuid} of ${resource.replace('trigger ', 'table ')} is disabled and stays so: the index falls behind, and DynamoDB keeps changes for a day. Enable it, or say enabled: true in the options file (trigger)`,
    });
  }
  return { fields, changes, warnings };
}

function parsed(pattern: string): unknown {
  try {
    return JSON.parse(pattern);
  } catch {
    return pattern;
  }
}
