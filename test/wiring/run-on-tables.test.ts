// backfill and verify: the built action drives the deployed function over a table of DynamoDB Local and a real index.
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { BatchWriteItemCommand } from '@aws-sdk/client-dynamodb';
import { ask, documents } from '../handler/function.ts';
import { useStack } from '../stack/use-stack.ts';
import { prepareDeployment, type Deployment } from './deployment.ts';

const stack = await useStack();
const ITEMS = 1200;
let it: Deployment;
let table: string;
let index: string;
const idOf = (n: number): string => `item ${n}|${n}`;
const item = (n: number): { id: { S: string }; line: { N: string }; text: { S: string } } => ({
  id: { S: `item ${n}` },
  line: { N: String(n) },
  text: { S: `words of item ${n}` },
});
const count = async (): Promise<number> => {
  await ask(stack.search, 'POST', `/${index}/_refresh`);
  return Number((await ask(stack.search, 'GET', `/${index}/_count`)).body.count);
};

beforeAll(async () => {
  it = await prepareDeployment(stack);
  table = it.tables[0] ?? '';
  index = table.toLowerCase();
  for (let at = 0; at < ITEMS; at += 25) {
    const batch = Array.from({ length: 25 }, (_, i) => ({ PutRequest: { Item: item(at + i) } }));
    await stack.clients.dynamodb.send(new BatchWriteItemCommand({ RequestItems: { [table]: batch } }));
  }
  expect(await it.run({ tables: table })).toMatchObject({ code: 0 });
});
afterAll(() => it.stop());

test('a dry run shows the plan of a run and changes nothing', async () => {
  const run = await it.run({ operation: 'backfill', 'dry-run': 'true' });
  expect(run).toMatchObject({ code: 0, outputs: { operation: 'backfill', complete: 'false' } });
  expect(run.log).toMatch(/table .*, backfill: about 1,200 items/);
  expect(it.mutations()).toEqual([]);
  expect(it.requests().filter(({ operation }) => operation === 'lambda:Invoke')).toEqual([]);
});

test('items of before the first deploy are found after a backfill, and verify finds nothing', async () => {
  const run = await it.run({ operation: 'backfill' });
  expect(run.log).not.toContain('::error');
  expect(run).toMatchObject({ code: 0, outputs: { complete: 'true', changed: 'true' } });
  expect(JSON.parse(run.outputs.counts ?? '{}')).toMatchObject({ [table]: { read: ITEMS, written: ITEMS, newer: 0, malformed: 0 } });
  expect(await count()).toBe(ITEMS);
  const again = await it.run({ operation: 'backfill' });
  expect(JSON.parse(again.outputs.counts ?? '{}')).toMatchObject({ [table]: { read: ITEMS } });
  const verified = await it.run({ operation: 'verify' });
  expect(verified).toMatchObject({ code: 0, outputs: { complete: 'true', differences: '0', changed: 'false' } });
  expect(verified.summary).toContain('"equal"');
});

test('verify finds damage in both directions, fails the job, and with repair fixes exactly that', async () => {
  await ask(stack.search, 'DELETE', `/${index}/_doc/${encodeURIComponent(idOf(3))}`);
  await ask(stack.search, 'POST', `/${index}/_update/${encodeURIComponent(idOf(4))}`, { doc: { text: 'changed by hand' } });
  await ask(stack.search, 'PUT', `/${index}/_doc/${encodeURIComponent('nobody|1')}`, { text: 'added by hand' });
  const run = await it.run({ operation: 'verify' });
  expect(run).toMatchObject({ code: 1, outputs: { complete: 'true', differences: '3' } });
  expect(run.log).toMatch(/3 differences between tables and indexes remain/);
  expect(JSON.parse(run.outputs.counts ?? '{}')).toMatchObject({ [table]: { missing: 1, different: 1, stale: 1 } });
  const results = it.requests().flatMap(({ body }) => (body.includes('"kind":"result"') ? [JSON.parse(body) as { slice: unknown }] : []));
  expect(results).toMatchObject([{ slice: { tables: { [table]: { missing: 1, different: 1, stale: 1 } } } }]);
  const list = await it.object(`runs/${it.name}/verify/${table}/differences.jsonl`);
  expect(
    list
      ?.trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { kind: string; id: string })
      .map(({ kind, id }) => [kind, id])
      .sort(),
  ).toEqual([
    ['different', idOf(4)],
    ['missing', idOf(3)],
    ['stale', 'nobody|1'],
  ]);
  const repaired = await it.run({ operation: 'verify', repair: 'true' });
  expect(repaired).toMatchObject({ code: 0, outputs: { complete: 'true', differences: '0' } });
  expect(JSON.parse(repaired.outputs.counts ?? '{}')).toMatchObject({ [table]: { repaired: 3, deleted: 1 } });
  expect(await count()).toBe(ITEMS);
  expect((await documents(stack.search, index))[idOf(4)] ?? { text: 'words of item 4' }).toMatchObject({ text: 'words of item 4' });
}, 300_000);

test('the differences of an earlier run are fixed without a new scan, those alone, and only as they are now', async () => {
  await ask(stack.search, 'DELETE', `/${index}/_doc/${encodeURIComponent(idOf(5))}`);
  await ask(stack.search, 'POST', `/${index}/_update/${encodeURIComponent(idOf(6))}`, { doc: { text: 'changed by hand' } });
  await ask(stack.search, 'PUT', `/${index}/_doc/${encodeURIComponent('nobody|2')}`, { text: 'added by hand' });
  expect(await it.run({ operation: 'verify' })).toMatchObject({ code: 1, outputs: { differences: '3' } });
  // One more that the report does not know.
  await ask(stack.search, 'DELETE', `/${index}/_doc/${encodeURIComponent(idOf(7))}`);
  const list = (await it.object(`runs/${it.name}/verify/${table}/differences.jsonl`)) ?? '';
  const other = JSON.stringify({ table: 'Others', id: 'x', keys: { id: { S: 'x' } }, kind: 'stale' });
  const wrong = JSON.stringify({ table, id: 'not its id', keys: { id: { S: 'a' }, line: { N: '1' } }, kind: 'missing' });
  await it.put('kept/differences.jsonl', `${list}${other}\n${wrong}\n`);
  const report = `s3://${it.bucket}/kept/differences.jsonl`;
  const planned = await it.run({ operation: 'verify', repair: 'true', report, 'dry-run': 'true' });
  expect(planned.log).toContain(`the differences in ${report}`);
  const run = await it.run({ operation: 'verify', repair: 'true', report });
  expect(run).toMatchObject({ code: 0, outputs: { complete: 'true', differences: '0' } });
  expect(JSON.parse(run.outputs.counts ?? '{}')).toMatchObject({ [table]: { repaired: 3, deleted: 1, unchecked: 1 } });
  expect(run.outputs.counts).not.toContain('"read"');
  expect(run.log).toContain('1 line of');
  const left = await it.run({ operation: 'verify', repair: 'true' });
  expect(JSON.parse(left.outputs.counts ?? '{}')).toMatchObject({ [table]: { repaired: 1, missing: 1, different: 0, stale: 0 } });
}, 300_000);

test.each([
  ['is missing', 'nothing/differences.jsonl', undefined, /report: there is no object s3:.*Name the differences\.jsonl of an earlier run/],
  ['is another one', 'kept/report.json', '{\n "format": 1\n}\n', /report: line 1 of s3:.* is not a difference/],
  [
    'has another key',
    'kept/key.jsonl',
    '{"table":"TABLE","id":"a","keys":{"id":{"S":"a"}},"kind":"missing"}\n',
    /report: line 1 of s3:.* has no key of the table/,
  ],
])('a report that %s is one sentence', async (_, key, text, sentence) => {
  if (text !== undefined) await it.put(key, text.replace('TABLE', table));
  const run = await it.run({ operation: 'verify', repair: 'true', report: `s3://${it.bucket}/${key}`, restart: 'true' });
  expect(run.code).toBe(1);
  expect(run.log).toMatch(sentence);
});

test('a run that would empty an index deletes nothing and says why', async () => {
  for (let n = 0; n < 150; n++) await ask(stack.search, 'PUT', `/${index}/_doc/${encodeURIComponent(`stray ${n}|${n}`)}`, { n });
  const run = await it.run({ operation: 'backfill' });
  expect(run).toMatchObject({ code: 1 });
  expect(run.log).toMatch(/150 of \d+ documents of .* delete-limit allows to delete 100: nothing was deleted/);
  expect(await count()).toBe(ITEMS + 150);
  expect(await it.run({ operation: 'backfill', 'delete-limit': '150' })).toMatchObject({ code: 0 });
  expect(await count()).toBe(ITEMS);
});

test.each([
  ['a table that the key mapping does not know', { tables: 'Nowhere' }, /does not know the table Nowhere/],
  ['a delete limit that is not one', { 'delete-limit': 'all' }, /delete-limit: expected a share such as 1%/],
  [
    'a report without a repair',
    { operation: 'verify', report: 's3://code/differences.jsonl' },
    /report: it has a meaning only with operation verify and repair: true/,
  ],
  ['a sample that is not one', { operation: 'verify', sample: '0%' }, /sample: expected a share above 0%/],
])('%s is refused with one sentence, and nothing is begun', async (_, inputs, sentence) => {
  const run = await it.run({ operation: 'backfill', ...inputs });
  expect(run.code).toBe(1);
  expect(run.log).toMatch(sentence);
  expect(it.mutations()).toEqual([]);
});
