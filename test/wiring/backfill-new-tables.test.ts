// backfill-new-tables: the first deploy of a table indexes the items that it contains, through the function that it has just deployed.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { BatchWriteItemCommand } from '@aws-sdk/client-dynamodb';
import { ask } from '../handler/function.ts';
import { uniqueName, useStack } from '../stack/use-stack.ts';
import { createTable, prepareDeployment, type Deployment } from './deployment.ts';

const stack = await useStack();
const ITEMS = 50;
/** AWS's responses where a permission is missing. */
const DENIED: Readonly<Record<string, string>> = {
  's3:PutObject': '<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>',
  'lambda:Invoke': '{"Message":"User is not authorized to perform: lambda:InvokeFunction"}',
};
let it: Deployment;

/** A table with items, and no stream. */
async function filled(): Promise<string> {
  const table = uniqueName('Filled');
  await createTable(stack, table);
  for (let at = 0; at < ITEMS; at += 25) {
    const batch = Array.from({ length: 25 }, (_, i) => ({
      PutRequest: { Item: { id: { S: `item ${at + i}` }, line: { N: '1' }, text: { S: 'words' } } },
    }));
    await stack.clients.dynamodb.send(new BatchWriteItemCommand({ RequestItems: { [table]: batch } }));
  }
  return table;
}

async function count(table: string): Promise<number> {
  const { status, body } = await ask(stack.search, 'GET', `/${table.toLowerCase()}/_count`);
  return status === 404 ? -1 : Number(body.count);
}

/** DescribeTable as of a table of this size. */
function resize(table: string, items: number, bytes: number): void {
  const rewrite = (body: string): string =>
    body.replace(/"ItemCount":\d+/, `"ItemCount":${items}`).replace(/"TableSizeBytes":\d+/, `"TableSizeBytes":${bytes}`);
  it.dynamodb.on(({ operation, body }) => operation === 'dynamodb:DescribeTable' && body.includes(`"${table}"`), { rewrite }, Infinity);
}

beforeAll(async () => {
  it = await prepareDeployment(stack, { count: 0 });
});
afterAll(() => it.stop());

const auto = { 'backfill-new-tables': '' };

test('the plan says how many items a new table holds and what the deploy does about them, and changes nothing', async () => {
  const table = await filled();
  const planned = await it.run({ ...auto, tables: table, 'dry-run': 'true' });
  expect(planned.code).toBe(0);
  expect(planned.log).toMatch(new RegExp(`table ${table}, backfill: about ${ITEMS} items, 0\\.\\d MB`));
  expect(planned.log).toMatch(
    new RegExp(`index ${table.toLowerCase()}, documents: written, and removed where their items no longer exist`),
  );
  expect(planned.log).toContain(`s3://${it.bucket}/runs/${it.name}/backfill/${table}/`);
  const never = await it.run({ tables: table, 'dry-run': 'true' });
  expect(never.log).toMatch(/backfill: not in this deploy: about 50 items, .* \(backfill-new-tables is never\)/);
  expect(it.mutations()).toEqual([]);
  expect(await count(table)).toBe(-1);
});

test('the items that a table contains are found after its first deploy, and the next deploy does not index them again', async () => {
  const table = await filled();
  const first = await it.run({ ...auto, tables: table });
  expect(first.log).not.toMatch(/::error|not complete/);
  expect(first).toMatchObject({ code: 0, outputs: { changed: 'true', complete: 'true', created: 'true' } });
  expect(JSON.parse(first.outputs.counts ?? '{}')).toMatchObject({ [table]: { read: ITEMS, written: ITEMS } });
  expect(first.summary).toContain('Items indexed');
  await ask(stack.search, 'POST', `/${table.toLowerCase()}/_refresh`);
  expect(await count(table)).toBe(ITEMS);
  const second = await it.run({ ...auto, tables: table });
  expect(second).toMatchObject({ code: 0, outputs: { changed: 'false', complete: '' } });
  expect(it.requests().filter(({ operation }) => operation === 'lambda:Invoke')).toEqual([]);
});

test('a table over the limits is left to a run of its own, with its size, cost and time, unless always is set', async () => {
  const table = await filled();
  resize(table, 10_000_000, 10_000_000_000);
  const run = await it.run({ ...auto, tables: table, 'dry-run': 'true' });
  expect(run.log).toMatch(
    /::warning.*about 10,000,000 items, 10\.0 GB.*run operation backfill with tables: \S+: about 2\.1 h and about \d\.\d\d USD/,
  );
  expect(run.log).toMatch(/not in this deploy: .* \(more than 1 GiB or 1,000,000 items\)/);
  const always = await it.run({ 'backfill-new-tables': 'always', tables: table });
  expect(JSON.parse(always.outputs.counts ?? '{}')).toMatchObject({ [table]: { written: ITEMS } });
});

test.each([
  ['a filter', 'trigger: { filter: [{ eventName: [INSERT] }] }', /its trigger has a filter/],
  ['LATEST', 'trigger: { starting-position: LATEST }', /starts from LATEST.*in 10 minutes or later, or set backfill-new-tables: always/],
  ['a disabled trigger', 'trigger: { enabled: false }', /its trigger is disabled.*Enable it, and run operation backfill/],
  ['versioning: none', 'versioning: none', /with versioning: none.*Set versioning: external in the options file/],
])('a new table with %s is deployed and not backfilled, and a warning says why and how', async (_, options, sentence) => {
  const table = await filled();
  const workspace = await mkdtemp(join(tmpdir(), 'workspace-'));
  await writeFile(join(workspace, 'search.yml'), `tables:\n  ${table}: { ${options} }\n`);
  const run = await it.run({ ...auto, tables: table, config: 'search.yml', 'dry-run': 'true' }, { workspace });
  expect(run.code).toBe(0);
  expect(run.log.split('\n').find((line) => line.startsWith('::warning') && line.includes('gets its first trigger'))).toMatch(sentence);
  await rm(workspace, { recursive: true });
});

test.each([
  ['the progress may not be written', 's3:PutObject', /not complete: .*s3:PutObject/],
  ['the function may not be invoked', 'lambda:Invoke', /not complete: .*lambda:InvokeFunction/],
])('where %s, the deploy succeeds, and a warning says how the backfill goes on', async (_, operation, sentence) => {
  const table = await filled();
  const denied = { status: 403, headers: { 'x-amzn-errortype': 'AccessDeniedException' }, body: DENIED[operation] ?? '' };
  it.aws.on(
    (request) => request.operation === operation && (request.path.includes('/runs/') || request.body.includes('"slice"')),
    { response: denied },
    1,
  );
  const run = await it.run({ ...auto, tables: table });
  expect(run.code).toBe(0);
  const warning = run.log.split('\n').find((line) => line.startsWith('::warning') && line.includes('not complete'));
  expect(warning).toMatch(sentence);
  expect(warning).toContain(`Run operation backfill with tables: ${table}`);
  expect(await it.run({ operation: 'backfill', tables: table })).toMatchObject({ code: 0, outputs: { complete: 'true' } });
  expect(await count(table)).toBeGreaterThanOrEqual(0);
});
