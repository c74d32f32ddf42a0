// A table whose index is being replaced: every change reaches both indexes, each with an outcome of its own.
import { afterAll, afterEach, expect, test } from '@jest/globals';
import type { TableOptions } from '../../../formats/function-config.ts';
import type { DeadLetter } from '../../../handler/dead-letters/dead-letter.ts';
import { startProxy } from '../../stack/proxy.ts';
import { uniqueName, useSearch } from '../../stack/use-stack.ts';
import { ask, documents, PLACE, testFunction, type FunctionOptions, type TestFunction } from '../function.ts';
import { streamRecord, type RecordOptions } from '../records.ts';

const search = await useSearch();
const proxy = await startProxy(search.url);
afterEach(() => {
  proxy.clear();
});
afterAll(() => proxy.stop());

interface Subject {
  readonly name: string;
  readonly alias: string;
  readonly first: string;
  readonly second: string;
  readonly fn: TestFunction;
  write(...records: RecordOptions[]): Promise<unknown>;
  /** Ids in the first and the second index, as a search sees them. */
  found(): Promise<[string[], string[]]>;
}

/** Both indexes exist, and the alias points to the first. */
async function subject(options: Partial<FunctionOptions> = {}, table: TableOptions = {}): Promise<Subject> {
  const name = uniqueName('Orders');
  const alias = name.toLowerCase();
  const [first, second] = [`${alias}-1`, `${alias}-2`];
  for (const index of [first, second]) await ask(search, 'PUT', `/${index}`, {});
  await ask(search, 'POST', '/_aliases', { actions: [{ add: { index: first, alias } }] });
  const fn = testFunction({
    endpoint: proxy.url,
    mapping: [{ TableName: name, Index: alias }],
    tables: { [name]: table },
    reindex: { [name]: { indexes: [first, second], since: '2026-01-02T03:04:05.000Z' } },
    ...options,
  });
  return {
    name,
    alias,
    first,
    second,
    fn,
    write: (...records) => fn.invoke(records.map((record) => streamRecord({ table: name, ...record }))),
    found: async () => [Object.keys(await documents(search, first)).sort(), Object.keys(await documents(search, second)).sort()],
  };
}
const key = (pk: string): { pk: { S: string } } => ({ pk: { S: pk } });
const done = { batchItemFailures: [] };

test('a change is written to both indexes, and searches see it in both at once', async () => {
  const it = await subject();
  expect(await it.write({ keys: key('a') }, { keys: key('b') })).toEqual(done);
  expect(await it.found()).toEqual([
    ['a', 'b'],
    ['a', 'b'],
  ]);
  expect(await it.write({ keys: key('a'), event: 'REMOVE' })).toEqual(done);
  expect(await it.found()).toEqual([['b'], ['b']]);
  expect(it.fn.metrics()).toMatchObject({ Records: 1, Deleted: 2 });
});

test('a table beside it that is not reindexed is written once', async () => {
  const other = uniqueName('Users');
  const it = await subject({ mapping: [{ TableName: other }] });
  await it.fn.invoke([streamRecord({ table: other, keys: key('a') }), streamRecord({ table: it.name, keys: key('a') })]);
  expect(await it.found()).toEqual([['a'], ['a']]);
  expect(Object.keys(await documents(search, other.toLowerCase()))).toEqual(['a']);
  expect(it.fn.metrics()).toMatchObject({ Indexed: 3 });
});

test('once the alias has moved, or replaced the first index, changes still arrive once and deletes too', async () => {
  const it = await subject();
  await it.write({ keys: key('a') }, { keys: key('b') });
  await ask(search, 'POST', '/_aliases', {
    actions: [{ remove_index: { index: it.first } }, { add: { index: it.second, alias: it.first } }],
  });
  expect(await it.write({ keys: key('c') }, { keys: key('a'), event: 'REMOVE' })).toEqual(done);
  expect(await it.found()).toEqual([
    ['b', 'c'],
    ['b', 'c'],
  ]);
});

test.each([0, 1])(
  'a document that one of the indexes refuses becomes a dead letter of that index, and is written to the other: %s',
  async (at) => {
    const it = await subject();
    const [refusing, other] = at === 0 ? [it.first, it.second] : [it.second, it.first];
    await ask(search, 'PUT', `/${refusing}/_mapping`, { properties: { o: { type: 'object' } } });
    expect(await it.write({ keys: key('a'), image: { ...key('a'), o: { S: 'text' } }, counter: 7 })).toEqual(done);
    const found = await it.found();
    expect([found[at], found[1 - at]]).toEqual([[], ['a']]);
    const [[place, letter]] = [...it.fn.deadLetters] as [[string, DeadLetter]];
    expect(it.fn.deadLetters.size).toBe(1);
    expect(letter).toMatchObject({ index: refusing, id: 'a' });
    expect(place.startsWith(`${PLACE}/${it.name}/`)).toBe(true);
    expect(place).toMatch(at === 0 ? /[0-9a-f]{16}-\d+\.json$/ : new RegExp(`[0-9a-f]{16}-\\d+-${refusing}\\.json$`));
    expect(other).not.toBe(refusing);
  },
);

test('a document that both indexes refuse leaves two dead letters, neither of which replaces the other', async () => {
  const it = await subject();
  for (const index of [it.first, it.second]) await ask(search, 'PUT', `/${index}/_mapping`, { properties: { o: { type: 'object' } } });
  await it.write({ keys: key('a'), image: { ...key('a'), o: { S: 'text' } } });
  expect([...it.fn.deadLetters.values()].map(({ index }) => index).sort()).toEqual([it.first, it.second]);
});

test('a record that no index could take leaves one dead letter', async () => {
  const it = await subject();
  await it.fn.invoke([streamRecord({ table: it.name, keys: { pk: { X: 'a' } } })]);
  expect([...it.fn.deadLetters.values()].map(({ index }) => index)).toEqual([it.alias]);
});

test.each([0, 1])('a record is not done while one of the indexes does not accept it, and the other has it meanwhile: %s', async (at) => {
  const it = await subject();
  const [blocked, other] = at === 0 ? [it.first, it.second] : [it.second, it.first];
  await ask(search, 'PUT', `/${blocked}/_settings`, { 'index.blocks.write': true });
  const record = streamRecord({ table: it.name, keys: key('a') });
  expect(await it.fn.invoke([record], 4_000)).toEqual({
    batchItemFailures: [{ itemIdentifier: (record.dynamodb as { SequenceNumber: string }).SequenceNumber }],
  });
  expect(it.fn.logs.find(({ message }) => message === 'batch not done')).toMatchObject({ records: 1, notDone: 1 });
  await ask(search, 'POST', `/${other}/_refresh`);
  expect(Object.keys(await documents(search, other))).toEqual(['a']);
  await ask(search, 'PUT', `/${blocked}/_settings`, { 'index.blocks.write': false });
  expect(await it.fn.invoke([record])).toEqual(done);
  expect(await it.found()).toEqual([['a'], ['a']]);
});

test('a transform is called once for both indexes, and a field of several kinds is mapped in each', async () => {
  let calls = 0;
  const it = await subject(
    {
      transforms: {
        'transforms/count.mjs': (document) => {
          calls++;
          return { ...(document as object), tag: 'x' };
        },
      },
    },
    { transform: 'transforms/count.mjs' },
  );
  const list = { L: [{ M: { k: { S: 'v' } } }, { M: { k: { N: '1' } } }] };
  expect(await it.write({ keys: key('a'), image: { ...key('a'), list } }, { keys: key('b') })).toEqual(done);
  expect(calls).toBe(2);
  expect(it.fn.deadLetters.size).toBe(0);
  expect(await it.found()).toEqual([
    ['a', 'b'],
    ['a', 'b'],
  ]);
});

test('a defect in the writes to one index is thrown once those to the other are over', async () => {
  const it = await subject();
  const { indexes } = it.fn.runtime;
  const { ensure } = indexes;
  let isOver = false;
  indexes.ensure = async (table, signal) => {
    if (table.index === it.first) throw new Error('a defect');
    return ensure.call(indexes, table, signal);
  };
  proxy.on(`POST /${it.second}/_bulk`, {
    rewrite: (body) => {
      isOver = true;
      return body;
    },
  });
  await expect(it.write({ keys: key('a') })).rejects.toThrow('a defect');
  expect(isOver).toBe(true);
});

test('the check looks at both indexes, and names the one that accepts no documents', async () => {
  const it = await subject();
  expect(await it.fn.check()).toMatchObject({ ok: true, tables: { [it.name]: { index: it.alias, exists: true } } });
  await ask(search, 'PUT', `/${it.second}/_settings`, { 'index.blocks.write': true });
  const { ok, problems } = await it.fn.check(8_000);
  expect(ok).toBe(false);
  expect(problems.map(({ what }) => what)).toEqual([expect.stringContaining(it.second)]);
});
