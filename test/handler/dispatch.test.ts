// Which event is which, and what is said of one that is none of the function's.
import { afterAll, expect, test } from '@jest/globals';
import { dispatch } from '../../handler/dispatch.ts';
import { startFakeCluster } from './fake-cluster.ts';
import { testFunction } from './function.ts';
import { streamRecord } from './records.ts';

const cluster = await startFakeCluster();
afterAll(() => cluster.stop());
const { runtime } = testFunction({ endpoint: cluster.url, mapping: [{ TableName: 'orders' }] });
const context = { functionName: 'DynamoToES', getRemainingTimeInMillis: () => 20_000 };

test.each([
  ['nothing', undefined],
  ['null', null],
  ['a text', 'check'],
  ['a list', []],
  ['an object without a known key', { test: true }],
  ['a check that is not true', { check: 'yes' }],
  ['records that are no list', { Records: {} }],
])('an event that is %s is refused with what was expected', async (_, event) => {
  await expect(dispatch(runtime, event, context)).rejects.toThrow(/expected .*"Records".*"check": true/);
});

test('records of other services alone are refused with the remedy', async () => {
  await expect(dispatch(runtime, { Records: [{ eventSource: 'aws:s3' }] }, context)).rejects.toThrow(
    /none of them is from aws:dynamodb.*triggers/,
  );
});

test('records of a stream are a batch, and a check is a check, even if no context says how much time remains', async () => {
  const records = [streamRecord({ table: 'orders', keys: { pk: { S: 'a' } } })];
  await expect(dispatch(runtime, { Records: records }, undefined)).resolves.toEqual({ batchItemFailures: [] });
  await expect(dispatch(runtime, { check: true }, {})).resolves.toMatchObject({ ok: true });
  expect(cluster.written).toContain('orders/a');
});
