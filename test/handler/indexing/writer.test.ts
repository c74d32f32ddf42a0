// States of items reach the index whatever they were read from, and an ordinary invocation takes one request.
import { afterAll, afterEach, expect, test } from '@jest/globals';
import { budgetFor } from '../../../handler/budget.ts';
import { refreshWritten } from '../../../handler/indexing/refresh.ts';
import type { ItemState } from '../../../handler/indexing/item-state.ts';
import { newWrite } from '../../../handler/indexing/write.ts';
import { Writer } from '../../../handler/indexing/writer.ts';
import { settleMalformed } from '../../../handler/dead-letters/settle-malformed.ts';
import { Metrics } from '../../../handler/telemetry/metrics.ts';
import { startProxy } from '../../stack/proxy.ts';
import { uniqueName, useSearch } from '../../stack/use-stack.ts';
import { documents, testFunction } from '../function.ts';
import { streamRecord } from '../records.ts';

const search = await useSearch();
const proxy = await startProxy(search.url);
afterEach(() => {
  proxy.clear();
});
afterAll(() => proxy.stop());

test('an item that never was a stream record is written, deleted and refused through the same code', async () => {
  const name = uniqueName('scanned');
  const fn = testFunction({ endpoint: proxy.url, mapping: [{ TableName: name }] });
  const { runtime } = fn;
  const table = runtime.tables.get(name);
  const state = (id: string, digits: string, image: ItemState['image']): ItemState => ({
    table,
    id,
    keys: { pk: { S: id } },
    image,
    oldImage: undefined,
    event: 'INSERT',
    version: { digits, type: 'external' },
  });
  const write = async (...states: ItemState[]): Promise<unknown[]> => {
    const writes = states.map((one) => newWrite(table, one.id, one));
    const [metrics, budget] = [new Metrics(), budgetFor(runtime.now(), 20_000)];
    await new Writer(runtime, metrics, budget, 20_000).write(writes);
    await settleMalformed(runtime, metrics, budget, writes, ({ state: met }) => ({
      keys: met?.keys ?? null,
      eventName: 'BACKFILL',
      sequenceNumber: null,
      approximateCreationDateTime: 1_763_800_000,
      record: { keys: met?.keys, image: met?.image },
    }));
    await refreshWritten(runtime, budget, writes);
    return writes.map(({ outcome, written }) => ({ ...outcome, written }));
  };
  const done = { kind: 'done', written: true };
  expect(
    await write(
      state('a', '100', { pk: { S: 'a' }, n: { N: '1.0' } }),
      state('b', '100', { pk: { S: 'b' } }),
      state('c', '100', { pk: { S: 'c' }, wrong: { N: 'x' } }),
    ),
  ).toEqual([done, done, { kind: 'done', written: false }]);
  expect([...fn.deadLetters.values()]).toEqual([
    expect.objectContaining({ eventName: 'BACKFILL', id: 'c', type: 'attribute_unreadable', sequenceNumber: null }),
  ]);
  // An equal version changes nothing, an older one neither; a newer state wins, and absent is one.
  expect(await write(state('a', '100', { pk: { S: 'a' }, n: { N: '2' } }), state('b', '99', undefined))).toEqual([
    { kind: 'done', written: false },
    { kind: 'done', written: false },
  ]);
  expect(await write(state('b', '101', undefined))).toEqual([done]);
  expect(await documents(search, name)).toEqual({ a: { pk: 'a', n: 1 } });
});

test('a warm invocation is one request, and the index is checked again when a second is over', async () => {
  const name = uniqueName('orders');
  const fn = testFunction({ endpoint: proxy.url, mapping: [{ TableName: name }] });
  let time = Date.now();
  Object.assign(fn.runtime, { now: () => time });
  const requests = async (): Promise<string[]> => {
    const before = proxy.requests.length;
    await fn.invoke([streamRecord({ table: name, keys: { pk: { S: 'a' } } })]);
    return proxy.requests.slice(before).map(({ operation }) => operation);
  };
  await requests();
  const bulk = `POST /${name}/_bulk`;
  expect(await requests()).toEqual([bulk]);
  time += 1000;
  expect(await requests()).toEqual([bulk]);
  time += 1;
  expect(await requests()).toEqual([`GET /${name}/_alias`, bulk]);
  expect(await requests()).toEqual([bulk]);
});

test('lines of a request name no index, since a cluster may forbid that', async () => {
  const names = [uniqueName('orders'), uniqueName('users')];
  const fn = testFunction({ endpoint: proxy.url, mapping: names.map((TableName) => ({ TableName })) });
  await fn.invoke(names.flatMap((table) => [streamRecord({ table, keys: { pk: { S: 'a' } } })]));
  const bulks = proxy.matching(/_bulk$/);
  expect(bulks.map(({ operation }) => operation).sort()).toEqual(names.map((name) => `POST /${name}/_bulk`).sort());
  for (const { body } of bulks) expect(body).not.toContain('_index');
  for (const name of names) expect(Object.keys(await documents(search, name))).toEqual(['a']);
});

test('after the cluster has throttled, a writer sends half as many requests at once', async () => {
  const name = uniqueName('throttled');
  const { runtime } = testFunction({ endpoint: proxy.url, mapping: [{ TableName: name }] });
  const table = runtime.tables.get(name);
  const writer = new Writer(runtime, new Metrics(), budgetFor(runtime.now(), 60_000), 60_000);
  /** The number of bulk requests for a thousand items. */
  const write = async (version: string): Promise<number> => {
    const before = proxy.matching(/_bulk$/).length;
    const writes = Array.from({ length: 1000 }, (_, n) =>
      newWrite(table, `${n}`, {
        ...{ table, id: `${n}`, keys: { pk: { S: `${n}` } }, image: { pk: { S: `${n}` } }, oldImage: undefined, event: 'INSERT' as const },
        version: { digits: version, type: 'external' },
      }),
    );
    await writer.write(writes);
    expect(writes.map(({ outcome }) => outcome?.kind)).toEqual(writes.map(() => 'done'));
    return proxy.matching(/_bulk$/).length - before;
  };
  expect(await write('100')).toBe(2);
  proxy.on(/_bulk$/, { response: { status: 429, body: { error: 'busy' } } });
  await write('101');
  expect(await write('102')).toBe(1);
}, 60_000);
