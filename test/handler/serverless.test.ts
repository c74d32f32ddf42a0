// OpenSearch Serverless by its documented interface: missing features are not requested, refused settings are left out.
import { afterAll, afterEach, expect, test } from '@jest/globals';
import { startProxy } from '../stack/proxy.ts';
import { uniqueName, useSearch } from '../stack/use-stack.ts';
import { ask, documents, testFunction, type TestFunction } from './function.ts';
import { streamRecord } from './records.ts';
import type { TableOptions } from '../../formats/function-config.ts';

const search = await useSearch();
const proxy = await startProxy(search.url);
afterEach(() => {
  proxy.clear();
});
afterAll(() => proxy.stop());

const REFUSAL = { error: { type: 'illegal_argument_exception', reason: 'unknown setting [index.gc_deletes]' }, status: 400 };

function collection(name: string, defaults: TableOptions = {}): TestFunction {
  return testFunction({ endpoint: proxy.url, auth: { type: 'sigv4', service: 'aoss' }, mapping: [{ TableName: name }], defaults });
}

test('neither _refresh nor GET / is requested', async () => {
  const name = uniqueName('aoss');
  const fn = collection(name, { refresh: 'wait_for' });
  expect(await fn.check()).toMatchObject({ ok: true, cluster: {} });
  expect(await fn.invoke([streamRecord({ table: name })])).toEqual({ batchItemFailures: [] });
  expect(proxy.requests.filter(({ method, path }) => path.includes('refresh') || (method === 'GET' && path === '/'))).toEqual([]);
});

test('an index is created without the settings that a collection refuses', async () => {
  const name = uniqueName('aoss');
  proxy.on(
    (request) => request.method === 'PUT' && request.body.includes('settings'),
    { response: { status: 400, body: REFUSAL } },
    Infinity,
  );
  expect(await collection(name).invoke([streamRecord({ table: name })])).toEqual({ batchItemFailures: [] });
  await ask(search, 'POST', `/${name}/_refresh`);
  expect(Object.keys(await documents(search, name))).toEqual(['a']);
});

test('the settings of the options are sent alone before they count as refused', async () => {
  const name = uniqueName('aoss');
  const options = { 'index-settings': { 'analysis.analyzer.own.type': 'simple' } };
  proxy.on(
    (request) => request.method === 'PUT' && request.body.includes('gc_deletes'),
    { response: { status: 400, body: REFUSAL } },
    Infinity,
  );
  expect(await collection(name, options).invoke([streamRecord({ table: name })])).toEqual({ batchItemFailures: [] });
  expect((await ask(search, 'GET', `/${name}/_settings`)).text).toContain('"own"');
});

test('settings of the options that the collection refuses too are a problem of the configuration, reported at once', async () => {
  const name = uniqueName('aoss');
  const options = { 'index-settings': { 'analysis.analyzer.own.type': 'simple' } };
  proxy.on(
    (request) => request.method === 'PUT' && request.body.includes('settings'),
    { response: { status: 400, body: REFUSAL } },
    Infinity,
  );
  const fn = collection(name, options);
  const response = (await fn.invoke([streamRecord({ table: name })], 5000)) as { batchItemFailures: unknown[] };
  expect(response.batchItemFailures).toHaveLength(1);
  expect(proxy.requests.filter(({ method }) => method === 'PUT')).toHaveLength(2);
  expect(JSON.stringify(fn.logs)).toContain('index-settings');
});
