// Behaviour that is the same on every engine: run against OpenSearch 2 by default, against all others by `npm run test:engines`.
import { describe, expect, test } from '@jest/globals';
import type { Attribute } from '../../handler/records/attribute.ts';
import type { SearchAddress } from '../stack/search.ts';
import { uniqueName } from '../stack/use-stack.ts';
import { ask, documents, testFunction, type FunctionOptions, type TestFunction } from './function.ts';
import { streamRecord, type RecordOptions } from './records.ts';

/** The tests of documents, indexes, order and failures on one engine. */
export function engineSuite(search: SearchAddress): void {
  const auth = search.auth === undefined ? {} : { auth: { type: 'basic', ...search.auth } as const };
  const deploy = (options: Partial<FunctionOptions> = {}): TestFunction =>
    testFunction({ endpoint: search.url, ca: search.ca, ...auth, ...options });
  const key = (pk: string): { pk: Attribute } => ({ pk: { S: pk } });

  /** A function for one table of its own; `write` makes records of that table. */
  const table = (
    options: Partial<FunctionOptions> = {},
  ): {
    fn: TestFunction;
    index: string;
    write: (...records: RecordOptions[]) => Promise<unknown>;
    all: () => Promise<Record<string, unknown>>;
  } => {
    const name = uniqueName('Orders');
    const index = name.toLowerCase();
    const fn = deploy({ mapping: [{ TableName: name }], ...options });
    return {
      fn,
      index,
      write: (...records) => fn.invoke(records.map((record) => streamRecord({ table: name, ...record }))),
      all: () => documents(search, index),
    };
  };
  const done = { batchItemFailures: [] };

  describe('documents', () => {
    test('INSERT, MODIFY and REMOVE are found by search at once', async () => {
      const { write, all } = table();
      expect(await write({ keys: key('a'), image: { ...key('a'), n: { N: '1' } } }, { keys: key('b') })).toEqual(done);
      expect(await all()).toEqual({ a: { pk: 'a', n: 1 }, b: { pk: 'b' } });
      expect(
        await write({ event: 'MODIFY', keys: key('a'), image: { ...key('a'), s: { S: 'now' } } }, { event: 'REMOVE', keys: key('b') }),
      ).toEqual(done);
      expect(await all()).toEqual({ a: { pk: 'a', s: 'now' } });
    });

    test('every attribute type arrives, with every digit in the source', async () => {
      const { write, index } = table();
      const image = {
        ...key('a'),
        n38: { N: '12345678901234567890123456789012345678' },
        big: { N: '9.9999999999999999999999999999999999999E+125' },
        small: { N: '-1E-130' },
        b: { B: 'AP+A' },
        bool: { BOOL: true },
        nul: { NULL: true },
        m: { M: { inner: { N: '1.10' }, _id: { S: 'x' } } },
        mixed: { L: [{ N: '1' }, { S: 'two' }, { BOOL: true }, { M: { q: { N: '3' } } }, { NULL: true }] },
        maps: { L: [{ M: { q: { N: '3' } } }, { NULL: true }] },
        ss: { SS: ['a'] },
        ns: { NS: ['1', '2.5'] },
        bs: { BS: ['AQ=='] },
        empty: { S: '' },
      };
      expect(await write({ keys: key('a'), image })).toEqual(done);
      const { text } = await ask(search, 'GET', `/${index}/_doc/a?_source=true`);
      expect(text).toContain(
        '{"pk":"a","n38":12345678901234567890123456789012345678,"big":9.9999999999999999999999999999999999999E+125,"small":-1E-130,"b":"AP+A","bool":true,"nul":null,' +
          '"m":{"inner":1.10,"__id":"x"},"mixed":["1","two","true","{\\"q\\":3}",null],"maps":[{"q":3},null],"ss":["a"],"ns":[1,2.5],"bs":["AQ=="],"empty":""}',
      );
    });

    test('no attribute name stops an item or breaks the index at a later delete', async () => {
      const plain = ['_id', '_source', '_type', '_index', '_routing', '_version', '_seq_no', '_primary_term', '_field_names', '_ignored'];
      const more = [
        '_nested_path',
        '_size',
        '_doc_count',
        '_feature',
        '_tombstone',
        '__soft_deletes',
        '_ignored_source',
        '_data_stream_timestamp',
      ];
      const awkward = ['', '\u001f', '*', 'x y', '__proto__', 'constructor', 'toJSON'];
      // In an index of their own: in no engine can `_` be a value and `_._` another.
      const dotted = ['_id.x', '.', 'a..b', 'c.', 'd. .e'];
      for (const names of [[...plain, ...more, ...awkward], dotted]) {
        const { write, all, fn } = table();
        for (const [i, value] of [{ S: 'text' }, { N: '1' }].entries()) {
          const image = Object.fromEntries([...names, 'pk'].map((name) => [name, value]));
          expect(await write({ keys: key(`k${i}`), image })).toEqual(done);
        }
        expect(fn.deadLetters.size).toBe(0);
        expect(await write({ event: 'REMOVE', keys: key('k0') })).toEqual(done);
        expect(Object.keys(await all())).toEqual(['k1']);
      }
    });

    test('an item of 32 levels is indexed', async () => {
      let attribute: Attribute = { N: '1' };
      for (let level = 0; level < 31; level++) attribute = { M: { m: attribute } };
      const { write, all } = table();
      expect(await write({ keys: key('a'), image: { ...key('a'), m: attribute } })).toEqual(done);
      expect(Object.keys(await all())).toEqual(['a']);
    });

    test('values of several scalar kinds in one new field are indexed as text', async () => {
      const { write, all, fn } = table();
      const list = (...values: Attribute[]): Attribute => ({ L: values.map((k) => ({ M: { k, 'd.e': k } })) });
      expect(
        await write(
          { keys: key('a'), image: { ...key('a'), l: list({ S: 'v' }, { N: '1' }), m: list({ BOOL: true }, { N: '1' }, { S: 'x' }) } },
          { keys: key('b'), image: { ...key('b'), plain: { N: '1' } } },
        ),
      ).toEqual(done);
      expect(fn.deadLetters.size).toBe(0);
      expect(Object.keys(await all()).sort()).toEqual(['a', 'b']);
    });

    test('whatever the name of the field and however many there are', async () => {
      const { write, all, fn } = table();
      const both: Attribute = { L: [{ S: 'v' }, { N: '1' }].map((k) => ({ M: { k } })) };
      const names = ['line\nbreak', 'line\u2028break', 'a.b', '__proto__', 'brackets [x] y', '"quoted"', '*', '_id'];
      const item = (id: string, fields: readonly string[]): RecordOptions => ({
        keys: key(id),
        image: { ...key(id), ...Object.fromEntries(fields.map((name) => [name, both])) },
      });
      expect(await write(item('a', names), item('b', ['x', 'y']), item('c', ['y', 'z']))).toEqual(done);
      expect([...fn.deadLetters.values()].map(({ reason }) => reason)).toEqual([]);
      expect(Object.keys(await all()).sort()).toEqual(['a', 'b', 'c']);
    });

    test('also below a field that the options map as nested', async () => {
      const { write, all, fn } = table({
        defaults: {
          mappings: { properties: { items: { type: 'nested', include_in_parent: true }, m: { properties: { n: { type: 'nested' } } } } },
        },
      });
      const both: Attribute = { L: [{ S: 'v' }, { N: '1' }].map((k) => ({ M: { k, o: { M: { k } } } })) };
      const image = { items: both, m: { M: { n: both } }, plain: both };
      expect(await write({ keys: key('a'), image: { ...key('a'), ...image } })).toEqual(done);
      expect([...fn.deadLetters.values()].map(({ reason }) => reason)).toEqual([]);
      expect(Object.keys(await all())).toEqual(['a']);
    });

    test('through an alias in its write index alone', async () => {
      const { write, fn, index: name } = table();
      for (const [made, body] of [
        [`${name}-1`, { aliases: { [name]: {} }, mappings: { properties: { l: { properties: { k: { type: 'double' } } } } } }],
        [`${name}-2`, { aliases: { [name]: { is_write_index: true } } }],
      ] as const) {
        expect((await ask(search, 'PUT', `/${made}`, body)).status).toBe(200);
      }
      const both: Attribute = { L: [{ S: 'v' }, { N: '1' }].map((k) => ({ M: { k } })) };
      expect(await write({ keys: key('a'), image: { ...key('a'), l: both } })).toEqual(done);
      expect([...fn.deadLetters.values()].map(({ reason }) => reason)).toEqual([]);
    });

    test('a field may hold a boolean first and anything later', async () => {
      const { write, all, fn } = table();
      const later: Attribute[] = [
        { S: 'text' },
        { N: '1.5' },
        { L: [{ S: 'x' }] },
        { NULL: true },
        { S: 'x'.repeat(40_000) },
        { BOOL: false },
      ];
      await write({ keys: key('first'), image: { ...key('first'), v: { BOOL: true }, l: { L: [{ BOOL: true }] } } });
      await write(...later.map((v, i) => ({ keys: key(`k${i}`), image: { ...key(`k${i}`), v, l: v } })));
      expect([...fn.deadLetters.values()].map(({ reason }) => reason)).toEqual([]);
      expect(Object.keys(await all())).toHaveLength(1 + later.length);
    });

    test('a field may hold a number first and a text later, and a date first and a text later', async () => {
      const { write, all } = table();
      await write({ keys: key('a'), image: { ...key('a'), x: { N: '1' }, d: { S: '2024-01-02' } } });
      expect(await write({ keys: key('b'), image: { ...key('b'), x: { S: 'text' }, d: { S: 'hello' } } })).toEqual(done);
      expect(
        await write({ keys: key('c'), image: { ...key('c'), x: { N: '1.5' }, d: { N: '12345678901234567890123456789012345678' } } }),
      ).toEqual(done);
      expect(Object.keys(await all()).sort()).toEqual(['a', 'b', 'c']);
    });
  });

  describe('lists of numbers in fields that take them', () => {
    test('a point is found by its place', async () => {
      const { write, index } = table({ defaults: { mappings: { properties: { point: { type: 'geo_point' } } } } });
      const point = { L: [{ N: '5.60' }, { N: '51.89' }] };
      const inMap = { M: { lat: { N: '51.89' }, lon: { N: '5.60' } } };
      expect(
        await write({ keys: key('list'), image: { ...key('list'), point } }, { keys: key('map'), image: { ...key('map'), point: inMap } }),
      ).toEqual(done);
      const near = { geo_distance: { distance: '1km', point: { lat: 51.89, lon: 5.6 } } };
      const { body } = await ask(search, 'POST', `/${index}/_search`, { query: near });
      const { hits } = body.hits as { hits: { _id: string }[] };
      expect(hits.map(({ _id }) => _id).sort()).toEqual(['list', 'map']);
    });

    // The k-NN plugin of OpenSearch is none of its modules.
    (/^elasticsearch-[89]/.test(search.kind) ? test : test.skip)('a vector is found by its neighbours', async () => {
      const embedding = { type: 'dense_vector', dims: 3, index: true, similarity: 'l2_norm' };
      const { write, index, fn } = table({ defaults: { mappings: { properties: { embedding } } } });
      const vector = (...digits: string[]): Attribute => ({ L: digits.map((N) => ({ N })) });
      expect(
        await write(
          { keys: key('a'), image: { ...key('a'), embedding: vector('0.1', '0.2', '-0.3') } },
          { keys: key('b'), image: { ...key('b'), embedding: vector('9', '9', '9') } },
        ),
      ).toEqual(done);
      expect(fn.deadLetters.size).toBe(0);
      const knn = { field: 'embedding', query_vector: [0.1, 0.2, -0.3], k: 1, num_candidates: 10 };
      const { body } = await ask(search, 'POST', `/${index}/_search`, { knn });
      expect((body.hits as { hits: { _id: string }[] }).hits.map(({ _id }) => _id)).toEqual(['a']);
    });
  });

  describe('identity', () => {
    test('long and odd keys each have their own document, also after a second write', async () => {
      const keys = ['a|b', 'a\\|b', '~', ' ', '"\\\n', '😀'.repeat(200), 'x'.repeat(2000), `${'x'.repeat(2000)}y`, '../..', '%2F', '_id'];
      const { write, all } = table();
      for (let round = 0; round < 2; round++)
        expect(await write(...keys.map((pk) => ({ keys: key(pk), image: { ...key(pk), round: { N: String(round) } } })))).toEqual(done);
      expect(
        Object.values(await all())
          .map((document) => (document as { pk: string }).pk)
          .sort(),
      ).toEqual([...keys].sort());
      expect(await write(...keys.map((pk) => ({ event: 'REMOVE', keys: key(pk) }) as const))).toEqual(done);
      expect(await all()).toEqual({});
    });

    test('every legal table name has its index, and several tables go in one event', async () => {
      const suffix = uniqueName('x');
      const names = [`_-Under.${suffix}`, `9-digits.and_more-${suffix}`, `UPPER_${suffix}`];
      const fn = deploy({ mapping: names.map((TableName) => ({ TableName, Index: TableName.toLowerCase().replace(/^[_-]+/, '') })) });
      expect(await fn.invoke(names.map((name) => streamRecord({ table: name, keys: key(name) })))).toEqual(done);
      for (const name of names) expect(await documents(search, name.toLowerCase().replace(/^[_-]+/, ''))).toEqual({ [name]: { pk: name } });
    });
  });

  describe('the index', () => {
    test('is created with settings that take every item, once, by functions that race', async () => {
      const name = uniqueName('race');
      const functions = Array.from({ length: 4 }, () => deploy({ mapping: [{ TableName: name }] }));
      const responses = await Promise.all(functions.map((fn, i) => fn.invoke([streamRecord({ table: name, keys: key(`k${i}`) })])));
      expect(responses).toEqual([done, done, done, done]);
      const settings = JSON.stringify((await ask(search, 'GET', `/${name}/_settings?flat_settings=true`)).body);
      expect(settings).toContain('"index.gc_deletes":"1h"');
      expect(settings).toContain('"index.mapping.coerce":"true"');
      expect(settings).toContain('"index.mapping.ignore_malformed":"true"');
      expect(settings).toContain('"index.mapping.total_fields.limit":"5000"');
      expect(Object.keys(await documents(search, name))).toHaveLength(4);
    });

    test('that is deleted under a warm function comes back with the same settings', async () => {
      const { write, index, fn } = table();
      await write({ keys: key('a') });
      await ask(search, 'DELETE', `/${index}`);
      Object.assign(fn.runtime, { now: () => Date.now() + 1001 });
      expect(await write({ keys: key('b') })).toEqual(done);
      expect(JSON.stringify((await ask(search, 'GET', `/${index}/_settings?flat_settings=true`)).body)).toContain(
        '"index.gc_deletes":"1h"',
      );
    });

    test('has the settings and mappings of the options over the product’s own', async () => {
      const { write, index } = table({
        defaults: {
          'index-settings': { refresh_interval: '7s', index: { number_of_replicas: 0 }, 'index.gc_deletes': '2h' },
          mappings: { properties: { when: { type: 'date' } } },
        },
      });
      expect(await write({ keys: key('a'), image: { ...key('a'), when: { S: '2024-01-02' }, n: { N: '1' } } })).toEqual(done);
      const settings = JSON.stringify((await ask(search, 'GET', `/${index}/_settings?flat_settings=true`)).body);
      for (const text of [
        '"index.refresh_interval":"7s"',
        '"index.number_of_replicas":"0"',
        '"index.gc_deletes":"2h"',
        '"index.mapping.coerce":"true"',
      ])
        expect(settings).toContain(text);
      const mapping = JSON.stringify((await ask(search, 'GET', `/${index}/_mapping`)).body);
      expect(mapping).toContain('"when":{"type":"date"}');
      expect(mapping).toContain('"n":{"type":"double"}');
    });

    test('of a first REMOVE is created, so that its tombstone fences a late INSERT', async () => {
      const { write, all } = table();
      expect(await write({ event: 'REMOVE', keys: key('a'), counter: 1005 })).toEqual(done);
      expect(await write({ keys: key('a'), counter: 1001 })).toEqual(done);
      expect(await all()).toEqual({});
    });

    test('may be a write alias over several indexes', async () => {
      const alias = uniqueName('alias');
      await ask(search, 'PUT', `/${alias}-1`, { aliases: { [alias]: {} } });
      await ask(search, 'PUT', `/${alias}-2`, { aliases: { [alias]: { is_write_index: true } } });
      const { write } = table({ defaults: { index: alias } });
      expect(await write({ keys: key('a') })).toEqual(done);
      expect(await documents(search, `${alias}-2`)).toEqual({ a: { pk: 'a' } });
    });
  });

  describe('order', () => {
    test('the last record of a key in a batch wins', async () => {
      const { write, all, fn } = table();
      expect(
        await write(
          { keys: key('a'), image: { ...key('a'), n: { N: '1' } } },
          { event: 'REMOVE', keys: key('a') },
          { keys: key('a'), image: { ...key('a'), n: { N: '2' } } },
          { keys: key('b') },
          { event: 'REMOVE', keys: key('b') },
        ),
      ).toEqual(done);
      expect(await all()).toEqual({ a: { pk: 'a', n: 2 } });
      expect(fn.metrics()).toMatchObject({ Records: 5, Collapsed: 3, Indexed: 1, Deleted: 1 });
    });

    test('replays, in order or not, leave the newer state', async () => {
      const { write, all, fn } = table();
      const state = (n: number): RecordOptions => ({ keys: key('a'), image: { ...key('a'), n: { N: String(n) } }, counter: 2000 + n });
      await write(state(1));
      await write(state(3));
      expect(await write(state(2))).toEqual(done);
      expect(fn.metrics()).toMatchObject({ Stale: 1, Indexed: 0, Malformed: 0 });
      await write(state(3));
      expect(await all()).toEqual({ a: { pk: 'a', n: 3 } });
      await write({ event: 'REMOVE', keys: key('a'), counter: 2004 });
      for (const n of [1, 2, 3]) await write(state(n));
      expect(await all()).toEqual({});
    });

    test('a stream that was created anew, with small counters, goes on', async () => {
      const { write, all } = table();
      await write({ keys: key('a'), image: { ...key('a'), n: { N: '1' } }, counter: 500_000, seconds: 1_763_800_000 });
      await write({ event: 'MODIFY', keys: key('a'), image: { ...key('a'), n: { N: '2' } }, counter: 1, seconds: 1_763_800_100 });
      expect(await all()).toEqual({ a: { pk: 'a', n: 2 } });
    });

    test('a record without a time is written without a version, and later ones still win', async () => {
      const { write, all } = table();
      await write({ keys: key('a'), image: { ...key('a'), n: { N: '1' } }, seconds: undefined });
      await write({ keys: key('a'), image: { ...key('a'), n: { N: '2' } } });
      expect(await all()).toEqual({ a: { pk: 'a', n: 2 } });
    });

    test('versioning: none gives the order of arrival', async () => {
      const { write, all } = table({ defaults: { versioning: 'none' } });
      await write({ keys: key('a'), image: { ...key('a'), n: { N: '2' } }, counter: 3002 });
      await write({ keys: key('a'), image: { ...key('a'), n: { N: '1' } }, counter: 3001 });
      expect(await all()).toEqual({ a: { pk: 'a', n: 1 } });
    });
  });

  describe('failures', () => {
    test('a document that the engine refuses is a dead letter, and the others are written', async () => {
      const { write, all, fn } = table({ defaults: { mappings: { properties: { o: { type: 'object' } } } } });
      const bad = { keys: key('bad'), image: { ...key('bad'), o: { S: 'private words' } } };
      expect(await write({ keys: key('a') }, bad, { keys: key('b') }, { event: 'REMOVE', keys: key('c') })).toEqual(done);
      expect(Object.keys(await all()).sort()).toEqual(['a', 'b']);
      const [deadLetter] = fn.deadLetters.values();
      expect(fn.deadLetters.size).toBe(1);
      expect(deadLetter).toMatchObject({
        version: 1,
        id: 'bad',
        status: 400,
        eventName: 'INSERT',
        keys: { pk: { S: 'bad' } },
        release: '9.9.9',
        record: { dynamodb: { NewImage: bad.image } },
      });
      expect(deadLetter?.reason).toMatch(/\bo\b/);
      expect(JSON.stringify(fn.logs)).not.toContain('private');
    });

    test('a field too many is malformed', async () => {
      const { write, all, fn } = table({ defaults: { 'index-settings': { 'mapping.total_fields.limit': 5 } } });
      const fields = Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`f${i}`, { N: '1' }]));
      expect(await write({ keys: key('a') }, { keys: key('bad'), image: { ...key('bad'), ...fields } })).toEqual(done);
      expect([...fn.deadLetters.values()].map(({ id }) => id)).toEqual(['bad']);
      expect(Object.keys(await all())).toEqual(['a']);
    });

    test('a closed index fails the batch with a remedy and fills no dead letters', async () => {
      const { write, index, fn } = table();
      await write({ keys: key('a') });
      await ask(search, 'POST', `/${index}/_close`);
      const response = (await write({ keys: key('b'), counter: 4000 }, { keys: key('c'), counter: 4001 })) as {
        batchItemFailures: { itemIdentifier: string }[];
      };
      expect(response.batchItemFailures).toHaveLength(1);
      expect(response.batchItemFailures[0]?.itemIdentifier.startsWith('4000')).toBe(true);
      expect(fn.deadLetters.size).toBe(0);
      expect(JSON.stringify(fn.logs)).toContain('Open the index');
    });

    test('an alias without a write index fails the batch with a remedy', async () => {
      const alias = uniqueName('nowrite');
      for (const i of [1, 2]) await ask(search, 'PUT', `/${alias}-${i}`, { aliases: { [alias]: {} } });
      const { write, fn } = table({ defaults: { index: alias } });
      expect(await write({ keys: key('a') })).not.toEqual(done);
      expect(fn.deadLetters.size).toBe(0);
      expect(JSON.stringify(fn.logs)).toContain('write index');
    });

    test('an index that blocks writes is waited for and not blamed on the records', async () => {
      const { write, index, fn, all } = table();
      await write({ keys: key('a') });
      await ask(search, 'PUT', `/${index}/_settings`, { 'index.blocks.write': true });
      const unblock = new Promise((resolve) => setTimeout(resolve, 300)).then(() =>
        ask(search, 'PUT', `/${index}/_settings`, { 'index.blocks.write': null }),
      );
      expect(await write({ keys: key('b') })).toEqual(done);
      await unblock;
      expect(fn.deadLetters.size).toBe(0);
      expect(Object.keys(await all()).sort()).toEqual(['a', 'b']);
    });
  });

  describe('the check', () => {
    const problem = (what: RegExp, remedy: RegExp): unknown => ({
      what: expect.stringMatching(what) as unknown,
      remedy: expect.stringMatching(remedy) as unknown,
    });

    test('creates a missing index as the first record would, proves that the function may write, and changes no document', async () => {
      const { fn, write, index, all } = table({ defaults: { mappings: { properties: { when: { type: 'date' } } } } });
      for (let round = 0; round < 2; round++) {
        const { tables, ...rest } = await fn.check();
        expect(rest).toMatchObject({ ok: true, environment: 'TEST', release: '9.9.9', problems: [] });
        expect(Object.values(tables)).toEqual([{ index, exists: true }]);
      }
      const { text } = await ask(search, 'GET', `/${index}?flat_settings=true`);
      for (const part of ['"index.gc_deletes":"1h"', '"when":{"type":"date"}']) expect(text).toContain(part);
      expect(await all()).toEqual({});
      await write({ keys: key('a') });
      expect(await fn.check()).toMatchObject({ ok: true });
      expect(await all()).toEqual({ a: { pk: 'a' } });
    });

    test('shows a mapping that the engine refuses', async () => {
      const { fn, index } = table({ defaults: { mappings: { mappings: { properties: { a: { type: 'keyword' } } } } } });
      const { ok, tables, problems } = await fn.check();
      expect({ ok, problems }).toEqual({ ok: false, problems: [problem(/could not be created: .*unsupported parameters/, /mappings/)] });
      expect(Object.values(tables)).toEqual([{ index, exists: false }]);
    });

    // Elasticsearch 7 has data streams in a module that is not open source.
    const testOfDataStreams = search.kind === 'elasticsearch-7' ? test.skip : test;
    testOfDataStreams('shows a template that makes data streams of the name', async () => {
      const { fn, index } = table();
      const template = { index_patterns: [index], data_stream: {}, priority: 900, template: {} };
      expect((await ask(search, 'PUT', `/_index_template/${index}`, template)).status).toBe(200);
      const { problems } = await fn.check();
      await ask(search, 'DELETE', `/_index_template/${index}`);
      expect(problems).toEqual([problem(/data streams/, /index_patterns|another index/)]);
    });

    test.each([
      ['default_pipeline', { settings: { 'index.default_pipeline': 'not-there' } }, /not-there/, /Create the ingest pipeline/],
      ['final_pipeline', { settings: { 'index.final_pipeline': 'not-there' } }, /not-there/, /Create the ingest pipeline/],
      ['required routing', { mappings: { _routing: { required: true } } }, /routing is required/, /does not require routing/],
    ] as const)('shows that %s would refuse every document, and none becomes a dead letter', async (_, body, what, remedy) => {
      const { fn, write, index } = table();
      expect((await ask(search, 'PUT', `/${index}`, body)).status).toBe(200);
      const { ok, problems } = await fn.check();
      expect({ ok, problems }).toEqual({ ok: false, problems: [problem(what, remedy)] });
      fn.deadLetters.clear();
      expect(await write({ keys: key('a') }, { keys: key('b') })).not.toEqual(done);
      expect(fn.deadLetters.size).toBe(0);
      expect(JSON.stringify(fn.logs)).toMatch(remedy);
    });

    test.each([
      ['index.blocks.write', true],
      ['index.blocks.read_only', true],
      ['index.blocks.read_only_allow_delete', true],
    ])('names %s, after it has waited for its end', async (block, value) => {
      const { fn, index } = table();
      await fn.check();
      await ask(search, 'PUT', `/${index}/_settings`, { [block]: value });
      const { problems } = await fn.check(1500);
      await ask(search, 'PUT', `/${index}/_settings`, { [block]: null });
      expect(problems).toEqual([problem(/is blocked: cluster_block_exception/, /[Bb]lock|disk/)]);
      expect(JSON.stringify(problems)).not.toContain('subnets');
    });

    test('shows an alias whose only index accepts no writes', async () => {
      const { fn, index } = table();
      await ask(search, 'PUT', `/${index}-1`, { aliases: { [index]: { is_write_index: false } } });
      expect((await fn.check()).problems).toEqual([problem(/no write index/, /is_write_index/)]);
    });

    test('is content with an alias over one index', async () => {
      const { fn, index } = table();
      await ask(search, 'PUT', `/${index}-1`, { aliases: { [index]: {} } });
      expect(await fn.check()).toMatchObject({ ok: true });
    });

    test.each([true, false])(
      'refuses an alias over several indexes, unless the options accept it (with a write index: %s)',
      async (writes) => {
        const { fn, index } = table();
        const accepting = deploy({ tables: { [index]: { index, 'multi-index-alias': true } } });
        await ask(search, 'PUT', `/${index}-1`, { aliases: { [index]: {} } });
        await ask(search, 'PUT', `/${index}-2`, { aliases: { [index]: writes ? { is_write_index: true } : {} } });
        expect((await fn.check()).problems).toEqual([problem(/alias over 2 indexes/, /multi-index-alias/)]);
        expect((await accepting.check()).problems).toEqual(writes ? [] : [problem(/no write index/, /is_write_index/)]);
      },
    );
  });

  test('after a rollover records are written to the write index, with one warning per start', async () => {
    const { fn, write, index } = table();
    await ask(search, 'PUT', `/${index}-000001`, { aliases: { [index]: { is_write_index: true } } });
    await write({ keys: key('a') });
    expect(fn.logs.filter(({ level }) => level === 'warn')).toEqual([]);
    expect((await ask(search, 'POST', `/${index}/_rollover`)).status).toBe(200);
    for (const later of [1001, 2002]) {
      Object.assign(fn.runtime, { now: () => Date.now() + later });
      expect(await write({ event: 'MODIFY', keys: key('a') })).toEqual(done);
    }
    expect(Object.keys(await documents(search, `${index}-000002`))).toEqual(['a']);
    expect(fn.logs.filter(({ level }) => level === 'warn')).toEqual([
      expect.objectContaining({ message: expect.stringContaining('write index') as unknown, alias: index, writeIndex: `${index}-000002` }),
    ]);
  });
}
