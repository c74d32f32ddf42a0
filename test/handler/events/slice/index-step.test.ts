// The steps of a reindex with the indexes of a real cluster: each is refused where the indexes are not as the run has seen them.
import { expect, test } from '@jest/globals';
import type { IndexResponse, IndexSlice, KnownIndex } from '../../../../formats/index-slice.ts';
import { runSlice } from '../../../../handler/events/slice/run-slice.ts';
import { startProxy } from '../../../stack/proxy.ts';
import { uniqueName, useSearch } from '../../../stack/use-stack.ts';
import { ask, testFunction } from '../../function.ts';

const search = await useSearch();

interface Subject {
  readonly name: string;
  step(step: IndexSlice['step']): Promise<IndexResponse>;
  /** Creates an index, with a document. */
  put(index: string): Promise<KnownIndex>;
  alias(index: string, alias: string, more?: object): Promise<void>;
}

function subject(mappings: Record<string, unknown> = {}, url = search.url): Subject {
  const table = uniqueName('Orders');
  const name = table.toLowerCase();
  const fn = testFunction({ endpoint: url, mapping: [{ TableName: table, Index: name }], tables: { [table]: { mappings } } });
  const uuidOf = async (index: string): Promise<string> => {
    const { body } = await ask(search, 'GET', `/${index}/_settings?flat_settings=true`);
    return (body as Record<string, { settings: Record<string, string> }>)[index]?.settings['index.uuid'] ?? '';
  };
  return {
    name,
    step: async (step) =>
      (await runSlice(
        fn.runtime,
        { kind: 'index', release: '9.9.9', table, step },
        { functionName: 'F', remaining: 30_000 },
      )) as IndexResponse,
    put: async (index) => {
      await ask(search, 'PUT', `/${index}/_doc/1`, { a: 1 });
      return { index, uuid: await uuidOf(index) };
    },
    alias: async (index, alias, more = {}) => {
      await ask(search, 'POST', '/_aliases', { actions: [{ add: { index, alias, ...more } }] });
    },
  };
}

const aliasesOf = async (index: string): Promise<unknown> =>
  ((await ask(search, 'GET', `/${index}/_alias`)).body as Record<string, { aliases: unknown }>)[index]?.aliases;

test('a look shows the index behind the name, its other aliases, and the numbers that are taken', async () => {
  const it = subject();
  expect(await it.step({ do: 'look' })).toEqual({
    problem: { what: `there is no index ${it.name}`, remedy: expect.stringContaining('backfill') },
  });
  const first = await it.put(`${it.name}-1`);
  for (const index of [`${it.name}-3`, `${it.name}-x`, `${it.name}-4-5`]) await it.put(index);
  await it.alias(first.index, it.name);
  await it.alias(first.index, 'all-orders');
  await it.alias(first.index, `${it.name}-7`);
  const { serving } = await it.step({ do: 'look' });
  expect(serving).toEqual({
    ...first,
    name: it.name,
    isAlias: true,
    documents: 1,
    aliases: ['all-orders', `${it.name}-7`],
    numbered: [`${it.name}-1`, `${it.name}-3`, `${it.name}-7`],
  });
  expect((await it.step({ do: 'look', index: `${it.name}-3` })).known?.index).toBe(`${it.name}-3`);
  expect(await it.step({ do: 'look', index: `${it.name}-7` })).not.toHaveProperty('known');
  expect(await it.step({ do: 'look', index: `${it.name}-9` })).not.toHaveProperty('known');
});

test('an index is created with the mappings of the options, and once more only if it is empty and nothing leads to it', async () => {
  const it = subject({ properties: { place: { type: 'geo_point' } } });
  const index = `${it.name}-2`;
  const { known } = await it.step({ do: 'create', index });
  expect((await ask(search, 'GET', `/${index}/_mapping`)).text).toContain('"place":{"type":"geo_point"}');
  expect((await it.step({ do: 'create', index })).known).toEqual(known);
  await it.alias(index, 'somebody');
  expect((await it.step({ do: 'create', index })).problem?.what).toBe(`the index ${index} exists already, and an alias points to it`);
  await it.put(index);
  expect((await it.step({ do: 'create', index })).problem?.what).toBe(`the index ${index} exists already and has 1 documents`);
});

test('mappings that the engine refuses are a problem with its reason, and leave no index', async () => {
  const it = subject({ properties: { place: { type: 'nowhere' } } });
  const { problem } = await it.step({ do: 'create', index: `${it.name}-2` });
  expect(problem?.what).toMatch(/could not be created: .*nowhere/);
  expect(problem?.remedy).toMatch(/index-settings and mappings/);
  expect((await ask(search, 'HEAD', `/${it.name}-2`)).status).toBe(404);
});

test('a name moves in one request, with the filter of the alias, and once more changes nothing', async () => {
  const it = subject();
  const [from, to] = [await it.put(`${it.name}-1`), await it.put(`${it.name}-2`)];
  await it.alias(from.index, it.name, { filter: { term: { a: 1 } } });
  await it.alias(from.index, 'others');
  for (let i = 0; i < 2; i++) expect((await it.step({ do: 'swap', from, to })).serving).toMatchObject({ ...to, isAlias: true });
  expect(await aliasesOf(to.index)).toEqual({ [it.name]: { filter: { term: { a: 1 } } } });
  expect(await aliasesOf(from.index)).toEqual({ others: {} });
});

test('a name that is an index is replaced by an alias in one request, and its aliases move with it', async () => {
  const it = subject();
  const [from, to] = [await it.put(it.name), await it.put(`${it.name}-2`)];
  await it.alias(it.name, 'all-orders', { filter: { term: { a: 1 } } });
  expect((await it.step({ do: 'swap', from, to })).serving).toMatchObject({ ...to, isAlias: true });
  expect(await aliasesOf(to.index)).toEqual({ [it.name]: {}, 'all-orders': { filter: { term: { a: 1 } } } });
});

test.each(['before the request', 'during it'])('a name that someone else has moved stays where it is: %s', async (when) => {
  const proxy = await startProxy(search.url);
  const it = subject({}, proxy.url);
  const [from, to, third] = [await it.put(`${it.name}-1`), await it.put(`${it.name}-2`), await it.put(`${it.name}-3`)];
  await it.alias(from.index, it.name);
  const move = (): Promise<unknown> =>
    ask(search, 'POST', '/_aliases', {
      actions: [{ remove: { index: from.index, alias: it.name } }, { add: { index: third.index, alias: it.name } }],
    });
  if (when === 'before the request') await move();
  else proxy.on('POST /_aliases', () => ({ until: move() }));
  expect((await it.step({ do: 'swap', from, to })).problem).toBeDefined();
  expect((await it.step({ do: 'look' })).serving?.index).toBe(third.index);
  await proxy.stop();
});

test('a step that the cluster forbids is a problem with the missing right, and nothing is moved or deleted', async () => {
  const proxy = await startProxy(search.url);
  const it = subject({}, proxy.url);
  const [from, to] = [await it.put(`${it.name}-1`), await it.put(`${it.name}-2`)];
  await it.alias(from.index, it.name);
  const error = { type: 'security_exception', reason: 'no permissions for this and User [name=writer]' };
  for (const request of ['POST /_aliases', `DELETE /${to.index}`])
    proxy.on(request, { response: { status: 403, body: { error, status: 403 } } });
  expect((await it.step({ do: 'swap', from, to })).problem).toMatchObject({
    what: expect.stringMatching(/^pointing .* to .*-2 is not allowed: HTTP 403 /) as unknown,
    remedy: expect.stringContaining('(indices:admin/aliases)') as unknown,
  });
  expect((await it.step({ do: 'delete', ...to })).problem).toMatchObject({
    what: expect.stringMatching(/^deleting .*-2 is not allowed: HTTP 403 /) as unknown,
    remedy: expect.stringContaining('(indices:admin/delete, es:ESHttpDelete)') as unknown,
  });
  expect((await it.step({ do: 'look', index: to.index })).serving?.index).toBe(from.index);
  expect((await ask(search, 'HEAD', `/${to.index}`)).status).toBe(200);
  await proxy.stop();
});

test('searches are not led to an index that was created anew since it was compared', async () => {
  const it = subject();
  const [from, to] = [await it.put(`${it.name}-1`), await it.put(`${it.name}-2`)];
  await it.alias(from.index, it.name);
  await ask(search, 'DELETE', `/${to.index}`);
  await it.put(to.index);
  expect((await it.step({ do: 'swap', from, to })).problem?.what).toMatch(/was deleted and created anew since it was compared/);
  expect((await it.step({ do: 'look' })).serving?.index).toBe(from.index);
});

test('only an index that nothing leads to, and that is still the same, is deleted', async () => {
  const it = subject();
  const [serving, old] = [await it.put(`${it.name}-1`), await it.put(`${it.name}-2`)];
  await it.alias(serving.index, it.name);
  expect((await it.step({ do: 'delete', ...serving })).problem?.what).toMatch(/the aliases .* point to it/);
  await it.alias(old.index, 'somebody');
  expect((await it.step({ do: 'delete', ...old })).problem?.what).toMatch(/the aliases somebody point to it/);
  await ask(search, 'POST', '/_aliases', { actions: [{ remove: { index: old.index, alias: 'somebody' } }] });
  expect((await it.step({ do: 'delete', index: old.index, uuid: 'another' })).problem?.what).toMatch(/created anew meanwhile/);
  for (let i = 0; i < 2; i++) expect(await it.step({ do: 'delete', ...old })).toEqual({ known: expect.objectContaining(old) });
  expect((await ask(search, 'HEAD', `/${old.index}`)).status).toBe(404);
});

test('a look is repeated after what is transient, and a move whose response was lost is found made', async () => {
  const proxy = await startProxy(search.url);
  const it = subject({}, proxy.url);
  const first = await it.put(it.name);
  proxy.on(/_alias$/, { reset: 'before' }, 2);
  proxy.on(/_settings/, { response: { status: 503, body: 'busy' } });
  expect((await it.step({ do: 'look' })).serving).toMatchObject(first);
  const { known: to = { index: '', uuid: '' } } = await it.step({ do: 'create', index: `${it.name}-2` });
  proxy.on('POST /_aliases', { reset: 'after' });
  expect((await it.step({ do: 'swap', from: first, to })).serving).toMatchObject({ index: to.index, isAlias: true });
  await proxy.stop();
});
