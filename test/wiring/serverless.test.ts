// backfill and verify on OpenSearch Serverless, by its documented interface: everything but stale documents.
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { PutItemCommand } from '@aws-sdk/client-dynamodb';
import { ask, documents } from '../handler/function.ts';
import { startCollection, type Collection } from '../stack/serverless.ts';
import { useStack } from '../stack/use-stack.ts';
import { prepareDeployment, type Deployment } from './deployment.ts';

const stack = await useStack();
const ITEMS = 40;
const LIMIT = 'OpenSearch Serverless has no shards to read, so documents without an item are neither found nor removed';
let it: Deployment;
let collection: Collection;
let table: string;
let index: string;
const path = (id: string): string => `/${index}/_doc/${encodeURIComponent(id)}`;

beforeAll(async () => {
  [it, collection] = await Promise.all([prepareDeployment(stack), startCollection(stack.search.url)]);
  table = it.tables[0] ?? '';
  index = table.toLowerCase();
  for (let n = 0; n < ITEMS; n++) {
    const item = { id: { S: `item ${n}` }, line: { N: '1' }, text: { S: `words of item ${n}` } };
    await stack.clients.dynamodb.send(new PutItemCommand({ TableName: table, Item: item }));
  }
  await it.put('STAGE_es_creds', `ES_ENDPOINT='${collection.url}'\nES_AUTH=sigv4\nES_SERVICE=aoss\nES_REGION=eu-west-1\n`);
  expect(await it.run({ tables: table })).toMatchObject({ code: 0 });
});
afterAll(() => Promise.all([it.stop(), collection.stop()]));

test.each(['backfill', 'verify'])('the plan of %s says what cannot be found', async (operation) => {
  const { log } = await it.run({ operation, 'dry-run': 'true' });
  expect(log).toMatch(
    /documents: (?:written|compared) \(OpenSearch Serverless has no shards to read: documents without an item are neither found nor removed\)/,
  );
});

test('a backfill indexes all items, removes nothing, and says so in log, summary and report', async () => {
  await ask(stack.search, 'PUT', `${path('nobody|1')}?refresh=true`, { text: 'added by hand' });
  const run = await it.run({ operation: 'backfill' });
  expect(run.log).not.toContain('::error');
  expect(run).toMatchObject({ code: 0, outputs: { complete: 'true' } });
  expect(JSON.parse(run.outputs.counts ?? '{}')).toMatchObject({ [table]: { read: ITEMS, written: ITEMS } });
  for (const text of [run.log, run.summary]) expect(text).toContain(LIMIT);
  const report = JSON.parse((await it.object(`runs/${it.name}/backfill/report.json`)) ?? '{}') as { tables: object };
  expect(report.tables).toMatchObject({ [table]: { limits: [LIMIT] } });
  await ask(stack.search, 'POST', `/${index}/_refresh`);
  expect(Object.keys(await documents(stack.search, index))).toHaveLength(ITEMS + 1);
});

test('verify finds and fixes missing and different documents, and no stale ones', async () => {
  await ask(stack.search, 'DELETE', path('item 3|1'));
  await ask(stack.search, 'POST', `/${index}/_update/${encodeURIComponent('item 4|1')}`, { doc: { text: 'changed by hand' } });
  const run = await it.run({ operation: 'verify', repair: 'true' });
  expect(run).toMatchObject({ code: 0, outputs: { complete: 'true', differences: '0' } });
  expect(JSON.parse(run.outputs.counts ?? '{}')).toMatchObject({
    [table]: { missing: 1, different: 1, stale: 0, repaired: 2, deleted: 0 },
  });
  expect(run.log).toContain(LIMIT);
  expect((await ask(stack.search, 'GET', path('item 4|1'))).body).toMatchObject({ _source: { text: 'words of item 4' } });
  expect((await ask(stack.search, 'GET', path('nobody|1'))).body).toMatchObject({ found: true });
}, 300_000);

test('nothing was requested that a collection does not have', () => {
  expect(collection.requests.length).toBeGreaterThan(10);
  expect(collection.refused.map(({ method, path: asked }) => `${method} ${asked}`)).toEqual([]);
});
