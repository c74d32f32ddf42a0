// The first look of a run, on a real table and a real engine.
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { ObjectPlace, SurveyResponse } from '../../../../formats/slice.ts';
import { AwsError } from '../../../../handler/aws/error.ts';
import { runSlice } from '../../../../handler/events/slice/run-slice.ts';
import { startProxy, type Proxy } from '../../../stack/proxy.ts';
import { uniqueName, useStack } from '../../../stack/use-stack.ts';
import { createTable } from '../../../wiring/deployment.ts';
import { ask, memoryStore, testFunction } from '../../function.ts';

const stack = await useStack();
let dynamodb: Proxy;
beforeAll(async () => {
  dynamodb = await startProxy(stack.dynamodb.url);
});
afterAll(() => dynamodb.stop());

async function survey(
  create: boolean,
  objects: Partial<ReturnType<typeof memoryStore>> = {},
  places: readonly ObjectPlace[] = [],
): Promise<SurveyResponse & { table: string; index: string }> {
  const table = uniqueName('Survey');
  await createTable(stack, table);
  const index = table.toLowerCase();
  const fn = testFunction({
    endpoint: stack.search.url,
    mapping: [{ TableName: table, PrimaryKey: 'id', SortKey: 'line', Index: index }],
    env: { ...stack.env, AWS_ENDPOINT_URL_DYNAMODB: dynamodb.url },
    objects: { ...memoryStore(new Map()), ...objects },
  });
  const keys = [
    { name: 'id', type: 'S' },
    { name: 'line', type: 'N' },
  ] as const;
  const slice = {
    kind: 'survey',
    release: '9.9.9',
    bucket: 'code',
    prefix: 'runs/x',
    create,
    tables: [{ name: table, keys }],
    places,
  } as const;
  const found = (await runSlice(fn.runtime, slice, { functionName: 'DynamoToES', remaining: 30_000 })) as SurveyResponse;
  return { ...found, table, index };
}

const exists = async (index: string): Promise<boolean> => (await ask(stack.search, 'GET', `/${index}`)).status === 200;

test('a survey that may not create leaves a missing index missing, and shows it as empty', async () => {
  const { tables, problems, table, index } = await survey(false);
  expect(problems).toEqual([]);
  expect(tables[table]).toEqual({ name: index, index, uuid: '', documents: 0, shards: [], serverless: false });
  expect(await exists(index)).toBe(false);
});

test('a survey that may create makes a missing index', async () => {
  const { tables, table, index } = await survey(true);
  expect(tables[table]).toMatchObject({ index, documents: 0, shards: [-1] });
  expect(await exists(index)).toBe(true);
});

test.each(['Scan', 'BatchGetItem'])('a role that lacks dynamodb:%s is named before anything is made', async (operation) => {
  const denied = { status: 400, body: { __type: 'com.amazon.coral.service#AccessDeniedException', Message: 'not authorized' } };
  dynamodb.on(`dynamodb:${operation}`, { response: denied });
  const { problems, table, index } = await survey(true);
  expect(problems).toEqual([
    {
      what: `the function's role may not read the table ${table} (dynamodb:${operation}: AccessDeniedException)`,
      remedy: expect.stringContaining('dynamodb:Scan and dynamodb:BatchGetItem') as unknown,
    },
  ]);
  expect(await exists(index)).toBe(false);
});

test('a role that may not keep the progress is named', async () => {
  const put = (): Promise<undefined> => Promise.reject(new AwsError('AccessDenied', 403, 'Access Denied'));
  const { problems } = await survey(false, { put });
  expect(problems).toMatchObject([{ what: expect.stringContaining('s3://code/runs/x/ (s3:PutObject: AccessDenied)') as unknown }]);
});

test('a table that throttles is one that may be read', async () => {
  const busy = {
    status: 400,
    body: { __type: 'com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException', message: 'slow' },
  };
  dynamodb.on('dynamodb:Scan', { response: busy });
  expect((await survey(false)).problems).toEqual([]);
});

const PLACE = { bucket: 'letters', prefix: 'dead-letters/Orders/' };

test.each([
  ['s3:ListBucket', 'list'],
  ['s3:GetObject', 'get'],
] as const)('a role that lacks %s where others have written is named before anything is made', async (action, method) => {
  const denied = (bucket: string): Promise<never> | Promise<undefined> =>
    bucket === 'letters' ? Promise.reject(new AwsError('AccessDenied', 403, 'Access Denied')) : Promise.resolve(undefined);
  const { problems, index } = await survey(true, { [method]: denied }, [PLACE]);
  expect(problems).toEqual([
    {
      what: `the function's role may not work off the objects in s3://letters/dead-letters/Orders/ (${action}: AccessDenied)`,
      remedy: "Allow the function's role s3:GetObject, s3:PutObject and s3:DeleteObject on them, and s3:ListBucket on the bucket",
    },
  ]);
  expect(await exists(index)).toBe(false);
});

test('a bucket that does not exist is named before anything is made', async () => {
  const list = (): Promise<never> => Promise.reject(new AwsError('NoSuchBucket', 404, 'The specified bucket does not exist'));
  const { problems } = await survey(true, { list }, [PLACE]);
  expect(problems).toMatchObject([{ what: 'there is no bucket letters, in which dead letters or expired batches are looked for' }]);
});
