// The check against a cluster that is busy, blocked or reads little out: what is transient is waited for, what lasts is named by its cause.
import { afterAll, beforeEach, describe, expect, test } from '@jest/globals';
import { startProxy, type RecordedRequest } from '../../stack/proxy.ts';
import { uniqueName, useSearch } from '../../stack/use-stack.ts';
import { ask, testFunction, type TestFunction } from '../function.ts';
import { streamRecord } from '../records.ts';

const search = await useSearch();
const proxy = await startProxy(search.url);
beforeEach(() => {
  proxy.clear();
});
afterAll(() => proxy.stop());

const isBulk = ({ path }: RecordedRequest): boolean => path.includes('/_bulk');
const refusal = (status: number, type: string, reason: string): { response: { status: number; body: unknown } } => ({
  response: { status, body: { error: { type, reason }, status } },
});
const BUSY = refusal(429, 'es_rejected_execution_exception', 'rejected execution of coordinating operation');

/** Lets pauses take no time: the clock goes on by them. @returns ms of pauses so far */
function withoutPauses({ runtime }: TestFunction): () => number {
  let waited = 0;
  Object.assign(runtime, {
    now: () => Date.now() + waited,
    sleep: (ms: number) => {
      waited += ms;
      return Promise.resolve();
    },
  });
  return () => waited;
}

/** A function for a table of its own whose pauses take no time: its clock goes on by them. */
function impatient(): { fn: TestFunction; index: string; waited: () => number } {
  const name = uniqueName('Orders');
  const fn = testFunction({ endpoint: proxy.url, mapping: [{ TableName: name }] });
  const waited = withoutPauses(fn);
  return { fn, index: name.toLowerCase(), waited };
}

describe('a failure that ends within the time of the check is not a problem', () => {
  test.each<[string, (request: RecordedRequest) => boolean]>([
    ['the first request', ({ path }) => path === '/'],
    ['the check of the index', ({ path }) => path.endsWith('/_alias')],
    ['the creation of the index', ({ method }) => method === 'PUT'],
    ['a bulk request', isBulk],
  ])('where %s meets a busy cluster', async (_, matcher) => {
    const { fn } = impatient();
    proxy.on(matcher, BUSY, 3);
    expect(await fn.check()).toMatchObject({ ok: true, problems: [] });
  });

  test('even if Retry-After is long', async () => {
    const { fn, waited } = impatient();
    proxy.on(isBulk, { response: { ...BUSY.response, headers: { 'retry-after': '3' } } });
    expect(await fn.check()).toMatchObject({ ok: true });
    expect(waited()).toBeGreaterThanOrEqual(3000);
  });

  test('also in an item of the bulk request', async () => {
    const { fn } = impatient();
    const item = { delete: { status: 503, error: { type: 'unavailable_shards_exception', reason: 'primary shard is not active' } } };
    proxy.on(isBulk, { response: { status: 200, body: { errors: true, items: [item] } } });
    expect(await fn.check()).toMatchObject({ ok: true });
  });
});

describe('a failure that lasts is a problem with a remedy for its cause', () => {
  test.each<[string, Parameters<typeof refusal>, RegExp, boolean]>([
    ['a busy cluster', [429, 'es_rejected_execution_exception', 'rejected execution'], /busy.*capacity/, true],
    ['an open breaker', [429, 'circuit_breaking_exception', '[parent] Data too large'], /memory/, true],
    ['a full disk', [429, 'cluster_block_exception', 'index [x] blocked by: [TOO_MANY_REQUESTS/12/disk usage exceeded];'], /disk/, false],
    [
      'a write block',
      [403, 'cluster_block_exception', 'index [x] blocked by: [FORBIDDEN/8/index write (api)];'],
      /index\.blocks\.write/,
      false,
    ],
    ['no master', [503, 'master_not_discovered_exception', 'no master'], /health/, true],
    ['a throttle', [403, '', 'Request throttled due to too many requests'], /busy/, true],
    ['no permission', [403, 'security_exception', 'no permissions for [indices:data/write/bulk]'], /role or user/, false],
    ['a wrong password', [401, 'security_exception', 'unable to authenticate user'], /credentials/, false],
  ])('%s', async (_, input, remedy, passes) => {
    const { fn } = impatient();
    proxy.on(isBulk, refusal(...input), Infinity);
    const { ok, problems, transient } = await fn.check();
    expect({ ok, transient }).toEqual({ ok: false, transient: passes ? true : undefined });
    expect(problems).toEqual([{ what: expect.any(String) as unknown, remedy: expect.stringMatching(remedy) as unknown }]);
    expect(problems[0]?.remedy).not.toContain('subnets');
  });

  test('a cluster that blocks the creation of indexes', async () => {
    const { fn, index } = impatient();
    await ask(search, 'PUT', '/_cluster/settings', { persistent: { 'cluster.blocks.create_index': true } });
    const { ok, tables, problems } = await fn
      .check()
      .finally(() => ask(search, 'PUT', '/_cluster/settings', { persistent: { 'cluster.blocks.create_index': null } }));
    expect(ok).toBe(false);
    expect(Object.values(tables)).toEqual([{ index, exists: false }]);
    expect(problems).toEqual([
      {
        what: expect.stringContaining('create-index blocked') as unknown,
        remedy: expect.stringMatching(/disk space.*cluster\.blocks\.create_index/) as unknown,
      },
    ]);
  });

  test('a cluster to which no connection can be made, without waiting for long', async () => {
    const fn = testFunction({ endpoint: 'http://127.0.0.1:1', mapping: [{ TableName: 'Orders' }] });
    const waited = withoutPauses(fn);
    const { problems } = await fn.check();
    expect(problems).toEqual([
      { what: expect.stringContaining('does not respond') as unknown, remedy: expect.stringContaining('subnets') as unknown },
    ]);
    expect(waited()).toBeLessThan(6000);
  });

  test('a server that responds in place of the cluster when the index is created', async () => {
    const { fn } = impatient();
    proxy.on(({ method }) => method === 'PUT', { response: { status: 400, body: '<html>Bad Request</html>' } }, Infinity);
    expect((await fn.check()).problems).toEqual([
      { what: expect.stringContaining('Bad Request') as unknown, remedy: expect.stringContaining('ES_ENDPOINT') as unknown },
    ]);
  });

  test('each table has its own, and a blocked one does not use up the time of another', async () => {
    const names = [uniqueName('a'), uniqueName('b')];
    const fn = testFunction({ endpoint: proxy.url, mapping: names.map((TableName) => ({ TableName })) });
    const [blocked = '', open = ''] = names;
    proxy.on(({ path }) => path.startsWith(`/${blocked}/_bulk`), BUSY, Infinity);
    const { problems, tables } = await fn.check(3000);
    expect(problems.map(({ what }) => what)).toEqual([expect.stringContaining(blocked)]);
    expect(tables[open]).toEqual({ index: open, exists: true });
  });
});

describe('where the function may read no settings', () => {
  const unreadable = ({ path }: RecordedRequest): boolean => /_settings|_ingest|^\/$/.test(path);
  const denied = refusal(403, 'security_exception', 'no permissions for [indices:monitor/settings/get]');

  test('a writable index is ok', async () => {
    const { fn } = impatient();
    proxy.on(unreadable, denied, Infinity);
    expect(await fn.check()).toMatchObject({ ok: true });
  });

  test('a missing pipeline is shown by the write that changes nothing', async () => {
    const { fn, index } = impatient();
    await ask(search, 'PUT', `/${index}`, { settings: { 'index.final_pipeline': 'not-there' } });
    proxy.on(unreadable, denied, Infinity);
    expect((await fn.check()).problems).toEqual([
      { what: expect.stringContaining('not-there') as unknown, remedy: expect.stringContaining('pipeline') as unknown },
    ]);
  });
});

describe('an ingest pipeline', () => {
  const withPipelines = async (index: string, processors: unknown[], settings: Record<string, string>): Promise<void> => {
    await ask(search, 'PUT', `/_ingest/pipeline/${index}`, { processors });
    expect((await ask(search, 'PUT', `/${index}`, { settings: { 'index.default_pipeline': index, ...settings } })).status).toBe(200);
  };

  test.each<[string, unknown]>([
    ['needs a field that no empty document has', { rename: { field: 'x', target_field: 'y' } }],
    ['drops documents', { drop: {} }],
    ['works', { set: { field: 'x', value: 1 } }],
  ])('that %s is not a problem, and no document is left', async (_, processor) => {
    const { fn, index } = impatient();
    await withPipelines(index, [processor], {});
    expect(await fn.check()).toMatchObject({ ok: true });
    expect((await ask(search, 'POST', `/${index}/_search`)).text).toContain('"value":0');
  });

  test('that is missing behind one that refuses empty documents is a problem', async () => {
    const { fn, index } = impatient();
    await withPipelines(index, [{ rename: { field: 'x', target_field: 'y' } }], { 'index.final_pipeline': 'gone' });
    expect((await fn.check()).problems).toEqual([
      { what: expect.stringContaining('gone') as unknown, remedy: expect.stringContaining('pipeline') as unknown },
    ]);
  });

  test('that is missing inside another one is a problem', async () => {
    const { fn, index } = impatient();
    await withPipelines(index, [{ pipeline: { name: 'gone' } }], {});
    expect((await fn.check()).problems).toEqual([
      { what: expect.stringContaining('gone') as unknown, remedy: expect.stringContaining('pipeline') as unknown },
    ]);
  });
});

test('requests name their index in the path alone, for clusters that allow it nowhere else', async () => {
  const { fn, index } = impatient();
  // The engine's response with rest.action.multi.allow_explicit_index: false.
  proxy.on(
    ({ path, body }) => path.includes('_bulk') && body.includes('"_index"'),
    refusal(400, 'illegal_argument_exception', 'explicit index in bulk is not allowed'),
    Infinity,
  );
  const table = Object.keys((await fn.check()).tables)[0] ?? '';
  expect(await fn.check()).toMatchObject({ ok: true });
  const records = [
    streamRecord({ table, keys: { pk: { S: 'a' } } }),
    streamRecord({ table, keys: { pk: { S: 'b' } } }),
    streamRecord({ table, event: 'REMOVE', keys: { pk: { S: 'c' } } }),
  ];
  expect(await fn.invoke(records)).toEqual({ batchItemFailures: [] });
  expect(proxy.matching(isBulk).every(({ path }) => path.startsWith(`/${index}/_bulk`))).toBe(true);
});

test('blocked index creation is waited for by the stream too, and named where it lasts', async () => {
  const { fn, index } = impatient();
  const table = fn.runtime.tables.names()[0] ?? '';
  proxy.on(
    ({ method, path }) => method === 'PUT' && path === `/${index}`,
    refusal(403, 'index_create_block_exception', 'blocked by: [FORBIDDEN/10/cluster create-index blocked (api)];'),
    Infinity,
  );
  const record = streamRecord({ table, keys: { pk: { S: 'a' } } });
  expect(await fn.invoke([record])).not.toEqual({ batchItemFailures: [] });
  expect(fn.deadLetters.size).toBe(0);
  expect(JSON.stringify(fn.logs)).toContain('cluster.blocks.create_index');
});
