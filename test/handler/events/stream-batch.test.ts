// One event from its records to its response: the function's counts, and its own defects.
import { afterAll, afterEach, expect, test } from '@jest/globals';
import { collapse } from '../../../handler/events/collapse.ts';
import { requestsOf } from '../../../handler/indexing/requests.ts';
import type { Ready } from '../../../handler/indexing/write.ts';
import { startProxy } from '../../stack/proxy.ts';
import { uniqueName, useSearch } from '../../stack/use-stack.ts';
import { testFunction } from '../function.ts';
import { streamRecord } from '../records.ts';

const search = await useSearch();
const proxy = await startProxy(search.url);
afterEach(() => {
  proxy.clear();
});
afterAll(() => proxy.stop());

const BULK = /^POST \/[^/]+\/_bulk$/;

test('the age of a batch is that of its oldest record, even if a later one replaces it', async () => {
  const name = uniqueName('orders');
  const fn = testFunction({ endpoint: proxy.url, mapping: [{ TableName: name }] });
  Object.assign(fn.runtime, { now: () => 1_763_800_060_500 });
  const at = (pk: string, seconds: number | undefined): Record<string, unknown> =>
    streamRecord({ table: name, keys: { pk: { S: pk } }, seconds });
  await fn.invoke([at('b', 1_763_800_010), at('a', 1_763_800_000), at('a', 1_763_800_020), at('c', undefined)]);
  expect(fn.metrics()).toMatchObject({ RecordAge: 60_500, Collapsed: 1 });
  await fn.invoke([at('c', undefined)]);
  expect(fn.metrics()).not.toHaveProperty('RecordAge');
});

test('documents that were built in a former round are sent, even when there is no time to build more', async () => {
  const fn = testFunction({ endpoint: proxy.url, mapping: [{ TableName: 'orders' }] });
  const records = ['a', 'b', 'c'].map((pk) => streamRecord({ table: 'orders', keys: { pk: { S: pk } } }));
  const pending = collapse(records, fn.runtime.tables, fn.runtime.log).writes as readonly Ready[];
  const signal = new AbortController().signal;
  const requests = async (until: number, maxWrites: number): Promise<string[][]> => {
    const ids: string[][] = [];
    for await (const request of requestsOf(pending, { now: () => 1000, until, signal, itemLimit: 100, maxWrites })) {
      ids.push(request.writes.map(({ state }) => state.id));
    }
    return ids;
  };
  expect(await requests(1000, 2)).toEqual([]);
  expect(await requests(1001, 2)).toEqual([['a', 'b'], ['c']]);
  Object.assign(pending[1] as Ready, { operation: undefined });
  expect(await requests(1000, 2)).toEqual([['a', 'c']]);
});

test('a defect of the function is thrown once no request is open', async () => {
  const name = uniqueName('orders');
  const arrived = Promise.withResolvers<undefined>();
  const responded = Promise.withResolvers<undefined>();
  const thrown = Promise.withResolvers<undefined>();
  let defect = false;
  const fn = testFunction({
    endpoint: proxy.url,
    mapping: [{ TableName: name }],
    defaults: { transform: 'transforms/last.mjs' },
    transforms: {
      'transforms/last.mjs': async (document, { keys }) => {
        if (keys.pk !== 'k899') return document;
        await arrived.promise;
        defect = true;
        return document;
      },
    },
  });
  Object.assign(fn.runtime, {
    now: () => {
      if (!defect) return Date.now();
      defect = false;
      thrown.resolve(undefined);
      throw new Error('a defect');
    },
  });
  proxy.on(BULK, () => {
    arrived.resolve(undefined);
    return { until: responded.promise };
  });
  // As many as go into two requests.
  const invoked = fn.invoke(Array.from({ length: 900 }, (_, i) => streamRecord({ table: name, keys: { pk: { S: `k${i}` } } })));
  let settled = false;
  invoked.catch(() => (settled = true));
  await thrown.promise;
  for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate);
  expect(settled).toBe(false);
  responded.resolve(undefined);
  await expect(invoked).rejects.toThrow('a defect');
  expect(proxy.matching(BULK)).toHaveLength(1);
});

test('an event without records, as a tumbling window sends it, is done', async () => {
  expect(await testFunction({ endpoint: 'http://127.0.0.1:1' }).invoke([])).toEqual({ batchItemFailures: [] });
});
