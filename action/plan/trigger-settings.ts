// The settings of one trigger: what the options say × what AWS shows. Names and defaults are in options/trigger-options.ts. Pure.
import type { CreateEventSourceMappingCommandInput, UpdateEventSourceMappingCommandInput } from '@aws-sdk/client-lambda';
import type { Trigger } from '../aws/triggers.ts';
import { change, isSame, type Change, type Warning } from './change.ts';
import type { Shown } from '../shown.ts';
import { TRIGGER_SETTINGS, type TriggerOptions, type TriggerSetting, type TriggerSettingName } from '../options/trigger-options.ts';
import { DEFAULT } from './provenance.ts';

const RESPONSES = ['ReportBatchItemFailures'] as const;

/** A plain setting of one trigger in AWS's units. */
interface PlainSetting {
  /** In the options file. */
  readonly name: TriggerSettingName;
  readonly field: string;
  /** By which plans show it. */
  readonly path: string;
  readonly wanted: number | boolean;
  readonly absent: number | boolean;
}

function plainSettings(options: TriggerOptions): PlainSetting[] {
  return (Object.keys(TRIGGER_SETTINGS) as TriggerSettingName[]).map((name) => {
    const { field, absent, converted }: TriggerSetting = TRIGGER_SETTINGS[name];
    const value = options[name];
    const wanted = converted === undefined ? value : Number(value) * converted.factor;
    return { name, field, absent, wanted, path: converted?.name ?? name };
  });
}

const filters = (options: TriggerOptions): { Filters: { Pattern: string }[] } => ({
  Filters: options.filter.map((pattern) => ({ Pattern: JSON.stringify(pattern) })),
});

/** A trigger's settings when it is created. */
export function createRequest(target: string, options: TriggerOptions): Omit<CreateEventSourceMappingCommandInput, 'EventSourceArn'> {
  const destination = options['on-failure'];
  return {
    FunctionName: target,
    ...Object.fromEntries(plainSettings(options).map(({ field, wanted }) => [field, wanted])),
    StartingPosition: options['starting-position'],
    FunctionResponseTypes: [...RESPONSES],
    ...(destination === undefined ? {} : { DestinationConfig: { OnFailure: { Destination: destination } } }),
    ...(options.filter.length === 0 ? {} : { FilterCriteria: filters(options) }),
    ...(options.enabled === undefined ? {} : { Enabled: options.enabled }),
  };
}

/** The settings as plans show them. */
export function shown(options: TriggerOptions): Record<string, Shown> {
  const destination = options['on-failure'];
  return {
    ...Object.fromEntries(plainSettings(options).map(({ path, wanted }) => [path, wanted])),
    'report-batch-item-failures': true,
    ...(destination === undefined ? {} : { 'on-failure': destination }),
    ...(options.filter.length === 0 ? {} : { filter: options.filter.map((pattern) => JSON.stringify(pattern)) }),
  };
}

export interface TriggerUpdate {
  readonly fields: Omit<UpdateEventSourceMappingCommandInput, 'UUID'>;
  readonly changes: Change[];
  readonly warnings: Warning[];
}

/** The fields that bring a trigger to its options, and warnings about settings that they leave alone. */
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
  const source = (setting: string): string => (options.explicit.includes(setting) ? optionsFile : undefined) ?? DEFAULT;
  const differ = (path: string, before: Shown | undefined, after: Shown, reason = source(path)): void => {
    changes.push(change(resource, path, before ?? null, after, reason));
  };
  for (const { name, field, path, wanted, absent } of plainSettings(options)) {
    const before = (configuration as Readonly<Record<string, number | boolean | undefined>>)[field] ?? absent;
    if (before === wanted) continue;
    Object.assign(fields, { [field]: wanted });
    differ(path, before, wanted, source(name));
  }
  if (!reportsBatchItemFailures) {
    fields.FunctionResponseTypes = [...RESPONSES];
    differ('report-batch-item-failures', false, true, 'without it one failed record repeats its whole batch');
  }
  if (qualifier !== alias) {
    fields.FunctionName = target;
    differ('function', functionName, target, 'triggers invoke the alias');
  }
  const destination = configuration.DestinationConfig?.OnFailure?.Destination;
  if (options['on-failure'] !== undefined && options['on-failure'] !== destination) {
    fields.DestinationConfig = { OnFailure: { Destination: options['on-failure'] } };
    differ('on-failure', destination, options['on-failure']);
  }
  const patterns = (configuration.FilterCriteria?.Filters ?? []).flatMap(({ Pattern }) => Pattern ?? []);
  const wantedPatterns = filters(options).Filters.map(({ Pattern }) => Pattern);
  if (wantedPatterns.length > 0 && !isSame(patterns.map(parsed), wantedPatterns.map(parsed))) {
    fields.FilterCriteria = filters(options);
    differ('filter', patterns, wantedPatterns);
  }
  if (configuration.StartingPosition !== undefined && configuration.StartingPosition !== options['starting-position']) {
    warnings.push({
      title: 'A starting position that cannot be changed',
      message: `The ${resource} began at ${configuration.StartingPosition}, the options say ${options['starting-position']}. A starting position applies only on creation, so the trigger is left as it is`,
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
