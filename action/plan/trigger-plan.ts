// The triggers of the listed tables: options × what AWS shows → steps, changes and warnings. Pure.
import { streamOrigin, type Trigger } from '../aws/triggers.ts';
import { change, type Change, type Warning } from './change.ts';
import type { Problem } from '../errors.ts';
import type { SourceTable } from './key-mapping.ts';
import type { TriggerContext, TriggerStep } from './trigger-step.ts';
import { filterWarning, warningsOf } from './trigger-warnings.ts';
import { triggerOptions, type Options } from '../options/options.ts';
import type { TriggerOptions } from '../options/trigger-options.ts';
import { createRequest, planUpdate, shown } from './trigger-settings.ts';

type Table = SourceTable['table'];

export interface TriggerPlan {
  readonly steps: readonly TriggerStep[];
  readonly changes: readonly Change[];
  readonly warnings: readonly Warning[];
  readonly problems: readonly Problem[];
}

/** ms: a stream that was replaced can be read for a day (DynamoDB Streams), and an hour more for clocks. */
const STREAM_RETENTION_MS = 25 * 3_600_000;

const NOTHING: TriggerPlan = { steps: [], changes: [], warnings: [], problems: [] };

const together = (parts: readonly TriggerPlan[]): TriggerPlan => ({
  steps: parts.flatMap(({ steps }) => steps),
  changes: parts.flatMap(({ changes }) => changes),
  warnings: parts.flatMap(({ warnings }) => warnings),
  problems: parts.flatMap(({ problems }) => problems),
});

/** @param triggers all of the function, also those of tables that are gone */
export function planTriggers(
  sources: readonly SourceTable[],
  triggers: readonly Trigger[],
  options: Options,
  context: TriggerContext,
): TriggerPlan {
  const listed = new Set(sources.filter((source) => source.listed).map(({ table }) => table.name));
  const others = triggers.filter(({ source }) => !listed.has(streamOrigin(source)?.table ?? ''));
  const plan = context.managed
    ? together([
        ...sources.filter((source) => source.listed).map((source) => planTable(source, options, context)),
        planUnlisted(others, options, context),
      ])
    : NOTHING;
  return { ...plan, warnings: [...plan.warnings, ...triggers.flatMap((trigger) => warningsOf(trigger, plan.steps, context))] };
}

/** The plan for a listed table: for the trigger on its stream, and for those on former streams. */
function planTable({ table, triggers }: SourceTable, options: Options, context: TriggerContext): TriggerPlan {
  const viewType = table.stream?.viewType;
  if (viewType === 'KEYS_ONLY' || viewType === 'OLD_IMAGE') {
    const message = `tables: the stream of table ${table.name} has the view type ${viewType}, which does not contain the current item, and a stream's view type cannot be changed. Disable the stream of ${table.name} and run again: it is enabled anew with NEW_AND_OLD_IMAGES`;
    return { ...NOTHING, problems: [{ where: 'tables', message }] };
  }
  const wanted = triggerOptions(options, table.name);
  const onStream = triggers.filter(({ source }) => source === table.stream?.arn);
  const former = triggers.filter(({ source }) => source !== table.stream?.arn);
  // A trigger that still calls $LATEST is moved to the alias, which keeps its place in the stream.
  const existing =
    onStream.find(({ qualifier }) => qualifier === context.alias) ?? onStream.find(({ qualifier }) => qualifier === undefined);
  return together([
    existing === undefined ? planCreation(table, wanted, former.length > 0, context) : planChange(table, existing, wanted, context),
    ...former.map((trigger) => planFormer(table, trigger, options, context)),
    { ...NOTHING, warnings: warningsOfOptions(table, wanted, existing) },
  ]);
}

const targetOf = ({ functionName, alias }: TriggerContext): string => (alias === undefined ? functionName : `${functionName}:${alias}`);

/** @param hasFormer whether a trigger reads a former stream of the table */
function planCreation({ name, stream }: Table, wanted: TriggerOptions, hasFormer: boolean, context: TriggerContext): TriggerPlan {
  const target = targetOf(context);
  const settings = { ...shown(wanted), 'starting-position': wanted['starting-position'], function: target };
  const reason = hasFormer
    ? 'the table has a new stream; the old trigger stays until the old stream is gone'
    : 'the table has no trigger of this function';
  return {
    ...NOTHING,
    steps: [{ do: 'create', table: name, stream: stream?.arn, request: createRequest(target, wanted) }],
    changes: [
      ...(stream === undefined ? [change(`table ${name}`, 'stream', undefined, 'NEW_AND_OLD_IMAGES', 'the table has no stream')] : []),
      change(`trigger ${name}`, 'trigger', undefined, settings, reason),
    ],
  };
}

function planChange({ name }: Table, existing: Trigger, wanted: TriggerOptions, context: TriggerContext): TriggerPlan {
  const { fields, changes, warnings } = planUpdate(existing, wanted, targetOf(context), context, `trigger ${name}`);
  const isSame = Object.keys(fields).length === 0;
  return { ...NOTHING, steps: isSame ? [] : [{ do: 'update', table: name, uuid: existing.uuid, changes: fields }], changes, warnings };
}

/** The plan for a trigger on a former stream of a table, which it reads until that stream is gone. */
function planFormer(
  { name, stream }: Table,
  { uuid, state }: Trigger,
  { pruneTriggers }: Options,
  { now, optionsFile }: TriggerContext,
): TriggerPlan {
  const isGone = stream?.since !== undefined && now - stream.since > STREAM_RETENTION_MS;
  if (!isGone) return NOTHING;
  if (pruneTriggers) {
    const reason = `its stream is gone, and ${optionsFile ?? 'the options file'} says prune-triggers`;
    return {
      ...NOTHING,
      steps: [{ do: 'delete', table: name, uuid }],
      changes: [change(`trigger ${name}`, 'trigger', `${uuid} (${state})`, undefined, reason)],
    };
  }
  const title = 'A trigger whose stream is gone';
  const message = `Trigger ${uuid} reads a former stream of table ${name} that is gone; remove it, or set prune-triggers: true in the options file`;
  return { ...NOTHING, warnings: [{ title, message }] };
}

function warningsOfOptions({ name }: Table, wanted: TriggerOptions, existing: Trigger | undefined): Warning[] {
  const destination = wanted['on-failure'] ?? existing?.configuration.DestinationConfig?.OnFailure?.Destination;
  const patterns = wanted.filter.map((pattern) => JSON.stringify(pattern));
  return [
    ...(destination === undefined
      ? [
          {
            title: 'No on-failure destination',
            message: `The trigger of table ${name} has no on-failure destination: an outage of more than ${wanted['maximum-record-age-hours']} hours would drop records without a trace. Set one in the options file (trigger: on-failure)`,
          },
        ]
      : []),
    ...(patterns.length === 0 ? [] : filterWarning(name, patterns)),
  ];
}

function planUnlisted(others: readonly Trigger[], options: Options, { optionsFile }: TriggerContext): TriggerPlan {
  const named = others.map((trigger) => ({ trigger, table: streamOrigin(trigger.source)?.table ?? trigger.source }));
  if (options.pruneTriggers) {
    return {
      ...NOTHING,
      steps: named.map(({ trigger, table }) => ({ do: 'delete', table, uuid: trigger.uuid })),
      changes: named.map(({ trigger, table }) =>
        change(
          `trigger ${table}`,
          'trigger',
          `${trigger.uuid} (${trigger.state})`,
          undefined,
          `tables does not name the table, and ${optionsFile ?? 'the options file'} says prune-triggers`,
        ),
      ),
    };
  }
  const warnings = named.map(({ trigger, table }) => ({
    title: 'A trigger that is not listed',
    message: `Trigger ${trigger.uuid} (${trigger.state}) on ${table} is not among the tables of this deploy and is left alone. Name the table in tables, or set prune-triggers: true in the options file`,
  }));
  return { ...NOTHING, warnings };
}
