// The triggers of the listed tables: options × what AWS shows → steps, changes and warnings. Pure.
import type { Trigger } from '../aws/triggers.ts';
import { streamOrigin } from '../aws/triggers.ts';
import { change, type Change, type Warning } from './change.ts';
import type { Problem } from '../errors.ts';
import type { SourceTable } from './key-mapping.ts';
import type { TriggerContext, TriggerStep } from './trigger-step.ts';
import { filterWarning, warningsOf } from './trigger-warnings.ts';
import { triggerOptions, type Options } from '../options/options.ts';
import { createRequest, planUpdate, shown } from './trigger-settings.ts';

export interface TriggerPlan {
  readonly steps: readonly TriggerStep[];
  readonly changes: readonly Change[];
  readonly warnings: readonly Warning[];
  readonly problems: readonly Problem[];
}

/** ms: a stream that was replaced can be read for a day (DynamoDB Streams), and an hour more for clocks. */
const STREAM_RETENTION_MS = 25 * 3_600_000;

/** @param triggers all of the function, also those of tables that are gone */
export function planTriggers(
  sources: readonly SourceTable[],
  triggers: readonly Trigger[],
  options: Options,
  context: TriggerContext,
): TriggerPlan {
  const parts: TriggerPlan[] = sources
    .filter(({ listed }) => context.managed && listed)
    .map((source) => planTable(source, options, context));
  const listed = new Set(sources.filter((source) => source.listed).map(({ table }) => table.name));
  const others = triggers.filter(({ source }) => !listed.has(streamOrigin(source)?.table ?? ''));
  if (context.managed) parts.push(planUnlisted(others, options, context));
  const known = parts.flatMap(({ steps }) => steps);
  return {
    steps: known,
    changes: parts.flatMap(({ changes }) => changes),
    problems: parts.flatMap(({ problems }) => problems),
    warnings: [...parts.flatMap(({ warnings }) => warnings), ...triggers.flatMap((trigger) => warningsOf(trigger, known, context))],
  };
}

function planTable({ table, triggers }: SourceTable, options: Options, context: TriggerContext): TriggerPlan {
  const steps: TriggerStep[] = [];
  const changes: Change[] = [];
  const warnings: Warning[] = [];
  const wanted = triggerOptions(options, table.name);
  const resource = `trigger ${table.name}`;
  const viewType = table.stream?.viewType;
  if (viewType === 'KEYS_ONLY' || viewType === 'OLD_IMAGE') {
    const message = `tables: the stream of table ${table.name} has the view type ${viewType}, which does not contain the current item, and a stream's view type cannot be changed. Disable the stream of ${table.name} and run again: it is enabled anew with NEW_AND_OLD_IMAGES`;
    return { steps, changes, warnings, problems: [{ where: 'tables', message }] };
  }
  if (table.stream === undefined) {
    changes.push(change(`table ${table.name}`, 'stream', undefined, 'NEW_AND_OLD_IMAGES', 'the table has no stream'));
  }
  const target = context.alias === undefined ? context.functionName : `${context.functionName}:${context.alias}`;
  const onStream = triggers.filter(({ source }) => source === table.stream?.arn);
  // A trigger that still calls $LATEST is moved to the alias, which keeps its place in the stream.
  const existing =
    onStream.find(({ qualifier }) => qualifier === context.alias) ?? onStream.find(({ qualifier }) => qualifier === undefined);
  if (existing === undefined) {
    steps.push({ do: 'create', table: table.name, stream: table.stream?.arn, request: createRequest(target, wanted) });
    const old = triggers.find(({ source }) => source !== table.stream?.arn);
    changes.push(
      change(
        resource,
        'trigger',
        undefined,
        { ...shown(wanted), 'starting-position': wanted['starting-position'], function: target },
        old === undefined
          ? 'the table has no trigger of this function'
          : 'the table has a new stream; the old trigger stays until the old stream is gone',
      ),
    );
  } else {
    const update = planUpdate(existing, wanted, target, context, resource);
    changes.push(...update.changes);
    warnings.push(...update.warnings);
    if (Object.keys(update.fields).length > 0) steps.push({ do: 'update', table: table.name, uuid: existing.uuid, changes: update.fields });
  }
  for (const old of triggers.filter(({ source }) => source !== table.stream?.arn)) {
    const gone = table.stream?.since !== undefined && context.now - table.stream.since > STREAM_RETENTION_MS;
    if (gone && options.pruneTriggers) {
      steps.push({ do: 'delete', table: table.name, uuid: old.uuid });
      changes.push(
        change(
          resource,
          'trigger',
          `${old.uuid} (${old.state})`,
          undefined,
          `its stream is gone, and ${context.optionsFile ?? 'the options file'} says prune-triggers`,
        ),
      );
    } else if (gone) {
      warnings.push({
        title: 'A trigger whose stream is gone',
        message: `Trigger ${old.uuid} reads a former stream of table ${table.name} that is gone; remove it, or set prune-triggers: true in the options file`,
      });
    }
  }
  if (wanted['on-failure'] === undefined && existing?.configuration.DestinationConfig?.OnFailure?.Destination === undefined) {
    warnings.push({
      title: 'No on-failure destination',
      message: `The trigger of table ${table.name} has no on-failure destination: an outage of more than ${wanted['maximum-record-age-hours']} hours would drop records without a trace. Set one in the options file (trigger: on-failure)`,
    });
  }
  if (wanted.filter.length > 0)
    warnings.push(
      ...filterWarning(
        table.name,
        wanted.filter.map((pattern) => JSON.stringify(pattern)),
      ),
    );
  return { steps, changes, warnings, problems: [] };
}

function planUnlisted(others: readonly Trigger[], options: Options, { optionsFile }: TriggerContext): TriggerPlan {
  const named = others.map((trigger) => ({ trigger, table: streamOrigin(trigger.source)?.table ?? trigger.source }));
  if (options.pruneTriggers) {
    return {
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
      warnings: [],
      problems: [],
    };
  }
  const warnings = named.map(({ trigger, table }) => ({
    title: 'A trigger that is not listed',
    message: `Trigger ${trigger.uuid} (${trigger.state}) on ${table} is not among the tables of this deploy and is left alone. Name the table in tables, or set prune-triggers: true in the options file`,
  }));
  return { steps: [], changes: [], warnings, problems: [] };
}
