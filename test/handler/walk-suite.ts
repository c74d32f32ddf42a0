// Reading an index whole, and comparing it, on every engine: run against OpenSearch 2 by default, against all others by `npm run test:engines`.
import { describe, expect, test } from '@jest/globals';
import { isSameDocument } from '../../handler/documents/comparison.ts';
import { documentText } from '../../handler/documents/document.ts';
import { readDocuments, type IndexedDocument } from '../../handler/cluster/documents.ts';
import { isNotRead, type NotRead, type Reader } from '../../handler/cluster/reader.ts';
import { surveyIndex, walkShard, type IndexFacts, type WalkedDocument } from '../../handler/cluster/walk.ts';
import { indexBody } from '../../handler/cluster/index-body.ts';
import { isFrozen } from '../../handler/records/backfill-version.ts';
import type { SearchAddress } from '../stack/search.ts';
import { uniqueName } from '../stack/use-stack.ts';
import { ask, testFunction } from './function.ts';

interface Written {
  readonly id: string;
  readonly version: number | bigint;
  readonly type?: 'external' | 'external_gte';
  /** Undefined: a delete. */
  readonly source?: string;
}

/** Throws for what could not be read. */
function found<Found extends object>(result: Found | NotRead): Found {
  if (isNotRead(result)) throw new Error(result.reason);
  return result;
}

/** The tests of walks, documents and versions on one engine. */
export function walkSuite(search: SearchAddress): void {
  const auth = search.auth === undefined ? {} : { auth: { type: 'basic', ...search.auth } as const };
  const { runtime } = testFunction({ endpoint: search.url, ca: search.ca, ...auth });
  const reader: Reader = { cluster: runtime.cluster, now: runtime.now, signal: new AbortController().signal };

  const bulk = async (index: string, written: readonly Written[], refresh = true): Promise<number[]> => {
    const body = written
      .map(({ id, version, type = 'external', source }) => {
        const line = `{"${source === undefined ? 'delete' : 'index'}":{"_id":${JSON.stringify(id)},"version":${version},"version_type":"${type}"}}\n`;
        return source === undefined ? line : `${line}${source}\n`;
      })
      .join('');
    const { text } = await reader.cluster.send(
      {
        method: 'POST',
        path: `/${index}/_bulk`,
        query: { refresh: String(refresh) },
        body: [Buffer.from(body)],
        contentType: 'application/x-ndjson',
      },
      reader.signal,
    );
    const { items } = JSON.parse(text) as { items: Record<string, { status: number }>[] };
    return items.flatMap((item) => Object.values(item)).map(({ status }) => status);
  };
  const created = async (shards: number, more: object = {}): Promise<string> => {
    const index = uniqueName('walk');
    const settings = { number_of_shards: shards, number_of_replicas: 0, refresh_interval: -1 };
    expect((await ask(search, 'PUT', `/${index}`, { settings, ...more })).status).toBe(200);
    return index;
  };
  const survey = async (name: string): Promise<IndexFacts> => found(await surveyIndex(reader, name));
  const read = async (index: string, ids: readonly string[]): Promise<ReadonlyMap<string, IndexedDocument>> =>
    found(await readDocuments(reader, index, ids));

  /** All documents of a shard, page by page. @param between is called after each page */
  async function walked(
    { index, shards }: IndexFacts,
    shard: number,
    { from = -1, size = 40, between = (): Promise<unknown> => Promise.resolve() } = {},
  ): Promise<WalkedDocument[]> {
    const all: WalkedDocument[] = [];
    for (let after = from; ;) {
      const page = found(await walkShard(reader, index, { shard, after, to: shards[shard] ?? -1, size }));
      all.push(...page);
      if (page.length < size) return all;
      after = page.at(-1)?.sequenceNumber ?? -1;
      await between();
    }
  }
  const idsOf = (all: readonly WalkedDocument[]): string[] => all.map(({ id }) => id).sort();
  const documents = (count: number, version: number | bigint = 1): Written[] =>
    Array.from({ length: count }, (_, n) => ({ id: `id|${n}`, version, source: `{"n":${n}}` }));

  describe('a walk', () => {
    // docs/documents.md#ignored-values
    test.each([
      { settings: {}, word: 201, map: search.kind.startsWith('opensearch') && search.kind !== 'opensearch-1' ? 201 : 400, listed: ['n'] },
      { settings: { 'mapping.ignore_malformed': false }, word: 400, map: 400, listed: [] },
    ])('meets what the engine accepts of another type, with the settings $settings', async ({ settings, word, map, listed }) => {
      const index = uniqueName('walk');
      expect((await ask(search, 'PUT', `/${index}`, indexBody({ indexSettings: settings, mappings: {} }, false))).status).toBe(200);
      const statuses = await bulk(index, [
        { id: 'first', version: 1, source: '{"n":1.5,"t":"text","o":{"a":1}}' },
        { id: 'word', version: 1, source: '{"n":"word"}' },
        { id: 'map', version: 1, source: '{"n":{"a":1}}' },
        { id: 'map for a text', version: 1, source: '{"t":{"a":1}}' },
        { id: 'word for a map', version: 1, source: '{"o":"word"}' },
      ]);
      expect(statuses).toEqual([201, word, map, map, 400]);
      const ignored = (await walked(await survey(index), 0)).filter(({ ignored: fields }) => fields.length > 0);
      expect(ignored.flatMap(({ ignored: fields }) => fields)).toEqual(listed);
    });

    test('names the fields whose values the engine lists as ignored', async () => {
      const index = await created(1, {
        mappings: { properties: { price: { type: 'double', ignore_malformed: true }, 'a.b': { type: 'long', ignore_malformed: true } } },
      });
      await bulk(index, [
        { id: 'good', version: 1, source: '{"price":1.5}' },
        { id: 'word', version: 1, source: '{"price":"on request","a.b":"x"}' },
      ]);
      const ignored = (await walked(await survey(index), 0)).map(({ id, ignored: fields }) => [id, fields.toSorted()]);
      expect(Object.fromEntries(ignored)).toEqual({ good: [], word: ['a.b', 'price'] });
    });

    test('finds every document of every shard once, page by page, without those that are deleted', async () => {
      const index = await created(3);
      await bulk(index, documents(500));
      await bulk(index, [...documents(100, 2), { id: 'id|400', version: 2 }, { id: 'never', version: 2 }]);
      const facts = await survey(index);
      expect(facts).toMatchObject({ index, documents: 499, uuid: expect.stringMatching(/.{10}/) as unknown });
      expect(facts.shards).toHaveLength(3);
      const shards = await Promise.all([0, 1, 2].map((shard) => walked(facts, shard)));
      expect(shards.every((all) => all.length > 100)).toBe(true);
      expect(idsOf(shards.flat())).toEqual(idsOf(documents(500).filter(({ id }) => id !== 'id|400') as never));
      for (const [shard, all] of shards.entries()) expect(all.at(-1)?.sequenceNumber).toBeLessThanOrEqual(facts.shards[shard] ?? -1);
      expect((await survey(index)).shards).toEqual(facts.shards);
    });

    test('misses no document while others are written, changed and deleted', async () => {
      const index = await created(2);
      await bulk(index, documents(300));
      const facts = await survey(index);
      let round = 1;
      const between = (): Promise<unknown> =>
        bulk(index, [
          ...documents(300, ++round).filter((_, n) => n % 40 === round),
          { id: `id|${290 - round}`, version: round },
          { id: `new|${round}`, version: 1, source: '{}' },
        ]);
      const all = [...(await walked(facts, 0, { between })), ...(await walked(facts, 1, { between }))];
      expect(round).toBeGreaterThan(4);
      const ids = idsOf(all);
      // What is not met was written meanwhile, and is above the highest number of the beginning.
      const touched = new Map(
        (await Promise.all([0, 1].map(async (shard) => walked(await survey(index), shard)))).flat().map((one) => [one.id, one]),
      );
      const missed = documents(300).filter(({ id }) => !ids.includes(id));
      for (const { id } of missed) {
        const now = touched.get(id);
        if (now !== undefined) expect(BigInt(now.version)).toBeGreaterThan(1n);
      }
      expect(new Set(ids).size).toBe(ids.length);
      expect(ids.length).toBeGreaterThan(200);
    });

    test('goes on where it was, also after the index was closed and opened', async () => {
      const index = await created(1);
      await bulk(index, documents(120));
      const facts = await survey(index);
      const first = found(await walkShard(reader, index, { shard: 0, after: -1, to: facts.shards[0] ?? 0, size: 50 }));
      expect((await ask(search, 'POST', `/${index}/_close`)).status).toBe(200);
      expect(await walkShard(reader, index, { shard: 0, after: 49, to: 119, size: 50 })).toMatchObject({
        reason: expect.any(String) as unknown,
      });
      expect((await ask(search, 'POST', `/${index}/_open?wait_for_active_shards=1`)).status).toBe(200);
      const rest = await walked(facts, 0, { from: first.at(-1)?.sequenceNumber ?? -1 });
      expect(idsOf([...first, ...rest])).toEqual(idsOf(documents(120) as never));
    });

    test('of an empty index ends at once', async () => {
      const facts = await survey(await created(2));
      expect(facts).toMatchObject({ documents: 0, shards: [-1, -1] });
      expect(await walked(facts, 1)).toEqual([]);
    });
  });

  test('an alias is surveyed as the one index behind it, and refused over several', async () => {
    const [one, other] = [await created(1), await created(1)];
    await bulk(one, documents(3));
    const alias = uniqueName('alias');
    await ask(search, 'POST', '/_aliases', { actions: [{ add: { index: one, alias } }] });
    expect(await survey(alias)).toMatchObject({ index: one, documents: 3, shards: [2] });
    await ask(search, 'POST', '/_aliases', { actions: [{ add: { index: other, alias } }] });
    expect(await surveyIndex(reader, alias)).toMatchObject({
      kind: 'configuration',
      reason: expect.stringMatching(/2 indexes/) as unknown,
    });
  });

  describe('documents', () => {
    test('are read with every digit of source and version, before a refresh too, and compare equal to their items', async () => {
      const index = await created(1, { mappings: { dynamic: false } });
      const image = {
        n: { N: '12345678901234567890123456789012345678' },
        big: { N: '9.9999999999999999999999999999999999999E+125' },
        set: { NS: ['2.50', '1'] },
        m: { M: { list: { L: [{ S: 'x' }, { NULL: true }] }, _id: { S: 'y' } } },
        text: { S: '"}]\\ é \u2028' },
      };
      const version = 1_763_800_000n * 2n ** 29n + 3n;
      expect(await bulk(index, [{ id: 'a "b"|1', version, source: documentText(image) }], false)).toEqual([201]);
      const all = await read(index, ['a "b"|1', 'none']);
      expect([...all.keys()]).toEqual(['a "b"|1']);
      const one = all.get('a "b"|1');
      expect(one).toMatchObject({ version: String(version), sequenceNumber: '0' });
      expect(isSameDocument(documentText({ ...image, set: { NS: ['1', '2.50'] } }), one?.source ?? '', image)).toBe(true);
      expect(isSameDocument(documentText({ ...image, n: { N: '12345678901234567890123456789012345679' } }), one?.source ?? '', image)).toBe(
        false,
      );
      // An index that does not exist has no documents.
      expect(await readDocuments(reader, 'not-there', ['a'])).toEqual(new Map());
    });

    test('keep their greatest version: external refuses an equal one, external_gte accepts it, deletes too', async () => {
      const index = await created(1);
      const v = 1_763_800_000n * 2n ** 29n;
      const source = '{"n":1}';
      const after = async (written: Written): Promise<number> => (await bulk(index, [written]))[0] ?? 0;
      expect(await after({ id: 'a', version: v, source })).toBe(201);
      expect(await after({ id: 'a', version: v, source: '{"n":2}' })).toBe(409);
      expect(await after({ id: 'a', version: v, type: 'external_gte', source: '{"n":3}' })).toBe(200);
      expect(await after({ id: 'a', version: v - 1n, type: 'external_gte', source })).toBe(409);
      expect(await after({ id: 'a', version: v - 1n, type: 'external_gte' })).toBe(409);
      expect((await read(index, ['a'])).get('a')).toMatchObject({ source: '{"n":3}', version: String(v) });
      expect(await after({ id: 'a', version: v, type: 'external_gte' })).toBe(200);
      expect((await read(index, ['a'])).size).toBe(0);
      // The tombstone still refuses what is older, and an equal write of a blind page.
      expect(await after({ id: 'a', version: v - 1n, type: 'external_gte', source })).toBe(409);
      expect(await after({ id: 'a', version: v, source })).toBe(409);
      // After a close and open it is forgotten: the reason for the second pass.
      await ask(search, 'POST', `/${index}/_close`);
      await ask(search, 'POST', `/${index}/_open?wait_for_active_shards=1`);
      expect(await after({ id: 'a', version: v - 1n, source })).toBe(201);
    });

    test('with a version of the future stay frozen for what comes now', async () => {
      const index = await created(1);
      const future = 1_763_800_000_000_000_000n;
      expect(await bulk(index, [{ id: 'a', version: future, source: '{}' }])).toEqual([201]);
      const now = BigInt(Math.floor(Date.now() / 1000)) * 2n ** 29n;
      expect(await bulk(index, [{ id: 'a', version: now, type: 'external_gte', source: '{"n":1}' }])).toEqual([409]);
      const { version = '' } = (await read(index, ['a'])).get('a') ?? {};
      expect([version, isFrozen(version, Date.now())]).toEqual([String(future), true]);
      // The remedy: its delete has a higher version still, which is gone with the tombstone.
      expect((await ask(search, 'DELETE', `/${index}/_doc/a`)).status).toBe(200);
      expect(await bulk(index, [{ id: 'a', version: now, type: 'external_gte', source: '{"n":1}' }])).toEqual([409]);
      await ask(search, 'POST', `/${index}/_close`);
      await ask(search, 'POST', `/${index}/_open?wait_for_active_shards=1`);
      expect(await bulk(index, [{ id: 'a', version: now, type: 'external_gte', source: '{"n":1}' }])).toEqual([201]);
    });
  });
}
