// Nothing in an event proves where it comes from: what the function does with tables that neither the key mapping nor the options name.
import { afterAll, beforeEach, describe, expect, test } from '@jest/globals';
import { startFakeCluster } from '../fake-cluster.ts';
import { testFunction, type FunctionOptions, type TestFunction } from '../function.ts';
import { sequenceNumber, streamRecord, type RecordOptions } from '../records.ts';

const cluster = await startFakeCluster();
afterAll(() => cluster.stop());
beforeEach(() => {
  cluster.written.length = 0;
  cluster.changes.length = 0;
});

const functionWith = (options: Partial<FunctionOptions> = {}): TestFunction =>
  testFunction({ endpoint: cluster.url, mapping: [{ TableName: 'orders' }], ...options });
const key = (pk: string): { keys: RecordOptions['keys'] & object } => ({ keys: { pk: { S: pk } } });

describe('an index that begins with a dot', () => {
  test.each<[string, 'INSERT' | 'REMOVE']>([
    ['.kibana', 'INSERT'],
    ['.kibana', 'REMOVE'],
    ['_.kibana_1', 'INSERT'],
    ['-_.Opendistro_security', 'INSERT'],
  ])('is never written for a table that nobody named: %s, %s', async (table, event) => {
    const fn = functionWith();
    const records = [streamRecord({ table, event, ...key('x') }), streamRecord({ table: 'orders', ...key('a') })];
    expect(await fn.invoke(records)).toEqual({ batchItemFailures: [] });
    expect(cluster.written).toEqual(['orders/a']);
    expect(cluster.changes.filter((change) => change.includes('.'))).toEqual([]);
    expect([...fn.deadLetters.values()]).toMatchObject([{ table, id: 'x', type: 'index_hidden' }]);
    expect([...fn.deadLetters.values()][0]?.reason).toMatch(/begins with a dot.*refresh-mapping.*options file/);
  });

  test('is written where the key mapping or the options file name its table', async () => {
    const fn = functionWith({
      mapping: [{ TableName: '.mapped' }, { TableName: 'other', Index: '.own' }],
      tables: { '.listed': {}, named: { index: '.named' } },
      defaults: { 'partial-batch-response': 'always' },
    });
    const tables = ['.mapped', 'other', '.listed', 'named'];
    expect(await fn.invoke(tables.map((table) => streamRecord({ table, ...key('a') })))).toEqual({ batchItemFailures: [] });
    expect([...cluster.written].sort()).toEqual(['.listed/a', '.mapped/a', '.named/a', '.own/a']);
  });
});

describe('with only-known-tables', () => {
  const options = { onlyKnownTables: true, defaults: { 'partial-batch-response': 'always' } } as const;

  test('records of a table that nobody named fail with the remedy, and those of others are written', async () => {
    const fn = functionWith(options);
    const records = [streamRecord({ table: 'orders', ...key('a') }), streamRecord({ table: 'hand-made', counter: 77, ...key('b') })];
    expect(await fn.invoke(records)).toEqual({ batchItemFailures: [{ itemIdentifier: sequenceNumber(77) }] });
    expect(cluster.written).toEqual(['orders/a']);
    expect(cluster.changes.filter((change) => change.includes('hand-made'))).toEqual([]);
    expect(fn.logs.at(-1)?.reason).toMatch(/names the table hand-made.*refresh-mapping/);
  });

  test('the whole batch fails if the trigger has no ReportBatchItemFailures', async () => {
    const fn = functionWith({ onlyKnownTables: true });
    await expect(fn.invoke([streamRecord({ table: 'hand-made', ...key('b') })])).rejects.toThrow(/only-known-tables.*refresh-mapping/);
    expect(cluster.written).toEqual([]);
  });

  test('no dead letter is written for such a table, whatever its records are', async () => {
    const fn = functionWith(options);
    const [malformed, expired] = [
      { ...streamRecord({ table: 'hand-made', ...key('b') }), eventName: 'UPSERT' },
      streamRecord({ table: '.hand-made', event: 'REMOVE', expired: true, ...key('c') }),
    ];
    for (const record of [malformed, expired]) expect((await fn.invoke([record])).batchItemFailures).toHaveLength(1);
    expect(fn.deadLetters.size).toBe(0);
  });

  test('tables of the options file are known, and records of no table at all are malformed as ever', async () => {
    const fn = functionWith({ ...options, tables: { 'hand-made': {} } });
    const stray = { ...streamRecord(key('x')), eventSourceARN: 'arn:aws:dynamodb:eu-west-1:1:nothing' };
    expect(await fn.invoke([streamRecord({ table: 'hand-made', ...key('b') }), stray])).toEqual({ batchItemFailures: [] });
    expect(cluster.written).toEqual(['hand-made/b']);
    expect([...fn.deadLetters.values()]).toMatchObject([{ type: 'source_unreadable' }]);
  });
});

test('without it, tables that nobody named are indexed under their names, as triggers made by hand need it', async () => {
  const fn = functionWith({ onlyKnownTables: false, defaults: { 'partial-batch-response': 'always' } });
  expect(await fn.invoke([streamRecord({ table: 'Hand-Made', ...key('b') })])).toEqual({ batchItemFailures: [] });
  expect(cluster.written).toEqual(['hand-made/b']);
});
