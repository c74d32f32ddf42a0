import { describe, expect, test } from '@jest/globals';
import type { EventSourceMappingConfiguration } from '@aws-sdk/client-lambda';
import { streamOrigin, toTrigger, type Trigger } from '../../../action/aws/triggers.ts';
import { keyMapping, type SourceTable } from '../../../action/plan/key-mapping.ts';
import { loadOptions } from '../../../action/options/load.ts';
import type { Options } from '../../../action/options/options.ts';
import { planTriggers, type TriggerPlan } from '../../../action/plan/trigger-plan.ts';
import { noTriggerWarning } from '../../../action/plan/trigger-warnings.ts';

const STREAM = 'arn:aws:dynamodb:eu-west-1:123456789012:table/Orders/stream/2026-11-01T00:00:00.000';
const OLD = 'arn:aws:dynamodb:eu-west-1:123456789012:table/Orders/stream/2025-01-01T00:00:00.000';
const FUNCTION = 'arn:aws:lambda:eu-west-1:123456789012:function:Fn';
const NOW = Date.parse('2026-11-22T00:00:00Z');
const none: Options = await loadOptions(undefined, { workspace: '.', environment: 'STAGE' });

function options(trigger: Partial<Options['triggers']['defaults']> = {}, pruneTriggers = false): Options {
  return {
    ...none,
    pruneTriggers,
    triggers: { defaults: { ...none.triggers.defaults, 'on-failure': 'arn:aws:sqs:eu-west-1:123456789012:q', ...trigger }, tables: {} },
  };
}

function trigger(overrides: EventSourceMappingConfiguration = {}): Trigger {
  return toTrigger({
    UUID: 'uuid-1',
    EventSourceArn: STREAM,
    FunctionArn: FUNCTION,
    State: 'Enabled',
    StartingPosition: 'TRIM_HORIZON',
    BatchSize: 1000,
    MaximumBatchingWindowInSeconds: 0,
    ParallelizationFactor: 1,
    MaximumRecordAgeInSeconds: 82_800,
    MaximumRetryAttempts: -1,
    BisectBatchOnFunctionError: true,
    FunctionResponseTypes: ['ReportBatchItemFailures'],
    DestinationConfig: { OnFailure: { Destination: 'arn:aws:sqs:eu-west-1:123456789012:q' } },
    ...overrides,
  });
}

function source(triggers: readonly Trigger[] = [], overrides: Partial<SourceTable['table']> = {}, listed = true): SourceTable {
  return {
    table: {
      name: 'Orders',
      hashKey: 'id',
      rangeKey: undefined,
      stream: { arn: STREAM, viewType: 'NEW_AND_OLD_IMAGES', since: Date.parse('2026-11-01T00:00:00Z') },
      ...overrides,
    },
    triggers,
    listed,
  };
}

function plan(source: SourceTable, wanted = options(), context: { alias?: string; managed?: boolean } = {}): TriggerPlan {
  return planTriggers([source], source.triggers, wanted, {
    functionName: 'Fn',
    alias: context.alias,
    managed: context.managed ?? true,
    optionsFile: 'the options file search.yml',
    now: NOW,
  });
}

const titles = ({ warnings }: TriggerPlan): string[] => warnings.map(({ title }) => title);

describe('the trigger of a listed table', () => {
  test('that is as wanted needs nothing', () => {
    expect(plan(source([trigger()]))).toEqual({ steps: [], changes: [], warnings: [], problems: [] });
  });

  test('that is not there is created, its stream enabled first', () => {
    const made = plan(source([], { stream: undefined }));
    expect(made.steps).toMatchObject([
      {
        do: 'create',
        table: 'Orders',
        stream: undefined,
        request: {
          FunctionName: 'Fn',
          StartingPosition: 'TRIM_HORIZON',
          BatchSize: 1000,
          FunctionResponseTypes: ['ReportBatchItemFailures'],
        },
      },
    ]);
    expect(made.changes.map(({ resource, action }) => `${action} ${resource}`)).toEqual(['create table Orders', 'create trigger Orders']);
  });

  test.each(['KEYS_ONLY', 'OLD_IMAGE'] as const)('on a stream of %s is refused with the remedy', (viewType) => {
    const refused = plan(source([], { stream: { arn: STREAM, viewType, since: undefined } }));
    expect(refused).toMatchObject({ steps: [], problems: [{ where: 'tables' }] });
    expect(refused.problems[0]?.message).toMatch(/Disable the stream of Orders and run again/);
  });

  test.each<[string, EventSourceMappingConfiguration, object]>([
    ['batch size', { BatchSize: 100 }, { BatchSize: 1000 }],
    ['age', { MaximumRecordAgeInSeconds: -1 }, { MaximumRecordAgeInSeconds: 82_800 }],
    ['bisect', { BisectBatchOnFunctionError: false }, { BisectBatchOnFunctionError: true }],
    ['window', { MaximumBatchingWindowInSeconds: 5 }, { MaximumBatchingWindowInSeconds: 0 }],
    ['response types', { FunctionResponseTypes: [] }, { FunctionResponseTypes: ['ReportBatchItemFailures'] }],
    [
      'destination',
      { DestinationConfig: {} },
      { DestinationConfig: { OnFailure: { Destination: 'arn:aws:sqs:eu-west-1:123456789012:q' } } },
    ],
    [
      'what AWS does not show',
      { BatchSize: undefined, BisectBatchOnFunctionError: undefined },
      { BatchSize: 1000, BisectBatchOnFunctionError: true },
    ],
  ])('is brought to the options: %s, and nothing else is sent', (_name, state, changes) => {
    expect(plan(source([trigger(state)])).steps).toEqual([{ do: 'update', table: 'Orders', uuid: 'uuid-1', changes }]);
  });

  test('is changed for reasons that name the options file, or the default where the file says nothing', () => {
    const changed = plan(
      source([trigger({ BatchSize: 1, MaximumRecordAgeInSeconds: 60, ParallelizationFactor: 2, MaximumBatchingWindowInSeconds: 3 })]),
      options({ explicit: ['batch-size', 'maximum-record-age-hours'] }),
    );
    expect(Object.fromEntries(changed.changes.map(({ path, reason }) => [path, reason]))).toEqual({
      'batch-size': 'the options file search.yml',
      'maximum-record-age-seconds': 'the options file search.yml',
      parallelization: 'default',
      'window-seconds': 'default',
    });
    const pruned = plan(source([trigger()], {}, false), options({}, true));
    expect(pruned.changes.map(({ reason }) => reason)).toEqual([
      'tables does not name the table, and the options file search.yml says prune-triggers',
    ]);
  });

  test('that someone disabled stays so, with a warning, unless the options say otherwise', () => {
    const disabled = trigger({ State: 'Disabled' });
    expect(plan(source([disabled]))).toMatchObject({ steps: [], warnings: [{ title: 'A disabled trigger' }] });
    expect(plan(source([disabled]), options({ enabled: true })).steps).toMatchObject([{ changes: { Enabled: true } }]);
    expect(plan(source([trigger()]), options({ enabled: false })).steps).toMatchObject([{ changes: { Enabled: false } }]);
  });

  test('with another starting position is shown and left', () => {
    expect(plan(source([trigger({ StartingPosition: 'LATEST' })]))).toMatchObject({
      steps: [],
      warnings: [{ title: 'A starting position that cannot be changed' }],
    });
  });

  test('on a former stream stays until that is gone, beside a new one', () => {
    const old = trigger({ UUID: 'old', EventSourceArn: OLD });
    expect(plan(source([old]))).toMatchObject({
      steps: [{ do: 'create', stream: STREAM }],
      warnings: [{ title: 'A trigger whose stream is gone' }],
    });
    expect(plan(source([old, trigger()]), options({}, true)).steps).toEqual([{ do: 'delete', table: 'Orders', uuid: 'old' }]);
    const fresh = source([old, trigger()], { stream: { arn: STREAM, viewType: 'NEW_IMAGE', since: NOW - 3_600_000 } });
    expect(plan(fresh, options({}, true))).toMatchObject({ steps: [], warnings: [] });
  });

  test('that calls $LATEST is moved to the alias, and keeps its place', () => {
    expect(plan(source([trigger()]), options(), { alias: 'live' }).steps).toEqual([
      { do: 'update', table: 'Orders', uuid: 'uuid-1', changes: { FunctionName: 'Fn:live' } },
    ]);
    expect(plan(source([trigger({ FunctionArn: `${FUNCTION}:live` })]), options(), { alias: 'live' })).toMatchObject({
      steps: [],
      warnings: [],
    });
    const both = [trigger(), trigger({ UUID: 'two', FunctionArn: `${FUNCTION}:live` })];
    expect(plan(source(both), options(), { alias: 'live' })).toMatchObject({
      steps: [],
      warnings: [{ title: 'A trigger that calls $LATEST' }],
    });
  });

  test('draws warnings for what may lose or leave documents', () => {
    const bare = { ...none };
    expect(titles(plan(source([trigger({ DestinationConfig: {} })]), bare))).toEqual(['No on-failure destination']);
    const filtered = trigger({ FilterCriteria: { Filters: [{ Pattern: '{"dynamodb":{"NewImage":{"kind":{"S":["a"]}}}}' }] } });
    expect(plan(source([filtered]))).toMatchObject({ steps: [], warnings: [{ title: 'A filter on images' }] });
    expect(titles(plan(source([trigger()]), options({ filter: [{ dynamodb: { OldImage: {} } }] })))).toEqual(['A filter on images']);
    expect(titles(plan(source([trigger({ LastProcessingResult: 'PROBLEM: Function call failed' })])))).toEqual([
      'A trigger with a problem',
    ]);
  });
});

describe('a new function', () => {
  const context = { functionName: 'Fn', alias: undefined, managed: false };

  test('without a trigger draws one warning with both remedies', () => {
    expect(noTriggerWarning([], context)).toEqual([
      {
        title: 'A function without a trigger',
        message:
          'No trigger calls the new function Fn, and tables names no table. Set tables, or create an event source mapping from the stream of a table to Fn and run operation: refresh-mapping',
      },
    ]);
    expect(noTriggerWarning([], { ...context, alias: 'live' })[0]?.message).toContain('from the stream of a table to Fn:live and run');
  });

  test('that has triggers, of before or to come, draws none', () => {
    expect(noTriggerWarning([trigger()], context)).toEqual([]);
    expect(noTriggerWarning([], { ...context, managed: true })).toEqual([]);
  });
});

describe('other triggers', () => {
  const other = trigger({ UUID: 'other', EventSourceArn: STREAM.replace('Orders', 'Items') });
  const sources = [source([trigger()]), { ...source([other], { name: 'Items' }), listed: false }];
  const all = (wanted: Options, managed = true): TriggerPlan =>
    planTriggers(sources, [trigger(), other], wanted, { functionName: 'Fn', alias: undefined, managed, optionsFile: undefined, now: NOW });

  test('are shown, and removed only when the options say so', () => {
    expect(all(options())).toMatchObject({ steps: [], warnings: [{ title: 'A trigger that is not listed' }] });
    expect(all(options({}, true))).toMatchObject({
      steps: [{ do: 'delete', uuid: 'other' }],
      changes: [{ action: 'delete', resource: 'trigger Items' }],
      warnings: [],
    });
  });

  test('are all left alone without tables', () => {
    const hand = trigger({ FunctionResponseTypes: [] });
    expect(
      planTriggers([source([hand], {}, false)], [hand], options({}, true), {
        functionName: 'Fn',
        alias: undefined,
        managed: false,
        optionsFile: undefined,
        now: NOW,
      }),
    ).toMatchObject({
      steps: [],
      changes: [],
      warnings: [{ title: 'A trigger without ReportBatchItemFailures' }],
    });
  });
});

describe('the key mapping', () => {
  const tables = (...names: string[]): SourceTable[] => names.map((name) => source([], { name }));
  const of = (sources: SourceTable[], indexes: Record<string, string> = {}): ReturnType<typeof keyMapping> =>
    keyMapping(sources, { defaults: {}, tables: Object.fromEntries(Object.entries(indexes).map(([table, index]) => [table, { index }])) });

  test('is sorted and by lower-cased names', () => {
    const { mapping, problems } = of([source([], { name: 'Orders.2-x_Y', rangeKey: 'line' }), ...tables('_Items')]);
    expect(problems).toEqual([]);
    expect(Object.entries(mapping)).toEqual([
      ['_items', { TableName: '_Items', PrimaryKey: 'id', Index: 'items', ReportBatchItemFailures: true }],
      [
        'orders.2-x_y',
        { TableName: 'Orders.2-x_Y', PrimaryKey: 'id', SortKey: 'line', Index: 'orders.2-x_y', ReportBatchItemFailures: true },
      ],
    ]);
  });

  test('says of a table that reports failures only when each of its triggers does', () => {
    const said = (...triggers: Trigger[]): unknown =>
      keyMapping([source(triggers)], { defaults: {}, tables: {} }).mapping.orders?.ReportBatchItemFailures;
    expect(said()).toBe(true);
    expect(said(trigger(), trigger({ UUID: 'two' }))).toBe(true);
    expect(said(trigger(), trigger({ UUID: 'two', FunctionResponseTypes: [] }))).toBe(false);
  });

  test.each<[string, SourceTable[], Record<string, string>, RegExp[]]>([
    ['two tables in one index', tables('_Orders', 'Orders'), {}, [/Tables Orders and _Orders would share the index orders/]],
    ['one of them by name', tables('_Orders', 'Orders'), { Orders: 'orders' }, [/share/]],
    ['both by name', tables('_Orders', 'Orders'), { Orders: 'orders', _Orders: 'orders' }, []],
    ['names that differ in case alone', tables('Orders', 'orders'), { Orders: 'a', orders: 'b' }, [/differ in case alone/]],
    ['a name of which nothing is left', tables('___'), {}, [/Give it one in the options file: tables.___.index/]],
    ['an illegal index', tables('Orders'), { Orders: 'Orders' }, [/must be in lower case/]],
  ])('of %s', (_name, sources, indexes, expected) => {
    const { problems } = of(sources, indexes);
    expect(problems).toHaveLength(expected.length);
    for (const [at, pattern] of expected.entries()) expect(problems[at]?.message).toMatch(pattern);
  });

  test.each([
    [STREAM, { region: 'eu-west-1', account: '123456789012', table: 'Orders' }],
    ['arn:aws-us-gov:dynamodb:us-gov-west-1:1:table/a.b-c_d/stream/x', { region: 'us-gov-west-1', account: '1', table: 'a.b-c_d' }],
    ['arn:aws:sqs:eu-west-1:123456789012:q', undefined],
  ])('parses %s', (arn, origin) => {
    expect(streamOrigin(arn)).toEqual(origin);
  });
});
