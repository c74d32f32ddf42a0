// A new index for a table under live changes and searches, on every engine: the steps of the function, each of which is made again as after a
// kill. Run against OpenSearch 2 by default, against all others by `npm run test:engines`.
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from '@jest/globals';
import {
  BatchWriteItemCommand,
  CreateTableCommand,
  DeleteItemCommand,
  paginateScan,
  PutItemCommand,
  type AttributeValue,
} from '@aws-sdk/client-dynamodb';
import type { FunctionConfig } from '../../formats/function-config.ts';
import type { IndexResponse, IndexSlice, KnownIndex } from '../../formats/index-slice.ts';
import type { SliceResponse, WorkSlice } from '../../formats/slice.ts';
import { runSlice } from '../../handler/events/slice/run-slice.ts';
import { surveyIndex } from '../../handler/cluster/walk.ts';
import { Player } from '../stack/player.ts';
import { startProxy, type Proxy } from '../stack/proxy.ts';
import type { Stack } from '../stack/stack.ts';
import { uniqueName } from '../stack/use-stack.ts';
import { ask, memoryStore, testFunction, type TestFunction } from './function.ts';

/** Items that stay as they are: every search has to find them all. */
const STABLE = 60;
/** Keys of items that come and go. */
const MOVING = 100;
/** ms between two changes, so that few items change between two looks. */
const CHANGE_EVERY = 50;
/** ms between two looks. */
const LOOK_EVERY = 1_000;
/** Looks at items that keep changing. */
const MAX_LOOKS = 50;
const INVOCATION = { functionName: 'DynamoToES', remaining: 60_000 };

/** A table whose stream is delivered to a function, and whose index is replaced by the steps of another one. */
class Subject {
  readonly table = uniqueName('Orders');
  readonly name = this.table.toLowerCase();
  readonly #stack: Stack;
  /** In front of the engine, for the steps alone. */
  readonly #proxy: Proxy;
  readonly #objects = new Map<string, { text: string; etag: string }>();
  /** The function that the trigger invokes, and the one that makes the steps: of one package. */
  #live: TestFunction;
  #steps: TestFunction;
  #slices = 0;
  #invocation: Promise<unknown> = Promise.resolve();
  player: Player | undefined;

  private constructor(stack: Stack, proxy: Proxy) {
    this.#stack = stack;
    this.#proxy = proxy;
    this.#live = this.#function(stack.search.url);
    this.#steps = this.#function(proxy.url);
  }

  static async of(stack: Stack): Promise<Subject> {
    const subject = new Subject(
      stack,
      await startProxy(stack.search.url, { ...(stack.search.ca === undefined ? {} : { ca: stack.search.ca }) }),
    );
    const { TableDescription: made } = await stack.clients.dynamodb.send(
      new CreateTableCommand({
        TableName: subject.table,
        BillingMode: 'PAY_PER_REQUEST',
        AttributeDefinitions: [{ AttributeName: 'pk', AttributeType: 'S' }],
        KeySchema: [{ AttributeName: 'pk', KeyType: 'HASH' }],
        StreamSpecification: { StreamEnabled: true, StreamViewType: 'NEW_AND_OLD_IMAGES' },
      }),
    );
    for (let at = 0; at < STABLE; at += 20) {
      const batch = Array.from({ length: 20 }, (_, i) => ({
        PutRequest: { Item: { pk: { S: `stable-${at + i}` }, kind: { S: 'stable' } } },
      }));
      await stack.clients.dynamodb.send(new BatchWriteItemCommand({ RequestItems: { [subject.table]: batch } }));
    }
    subject.player = new Player({
      streams: stack.clients.streams,
      mapping: {
        EventSourceArn: made?.LatestStreamArn,
        StartingPosition: 'TRIM_HORIZON',
        BatchSize: 50,
        FunctionResponseTypes: ['ReportBatchItemFailures'],
      },
      invoke: async (event) => {
        const invocation = subject.#live.invoke((event as { Records: unknown[] }).Records);
        subject.#invocation = invocation;
        return { payload: JSON.stringify(await invocation) };
      },
    }).start();
    await subject.player.drained();
    return subject;
  }

  async stop(): Promise<void> {
    await this.player?.stop();
    await this.#proxy.stop();
  }

  #function(endpoint: string, reindex?: FunctionConfig['reindex']): TestFunction {
    const { search, env } = this.#stack;
    return testFunction({
      endpoint,
      ...(search.auth === undefined ? {} : { auth: { type: 'basic', ...search.auth } as const }),
      ca: search.ca,
      mapping: [{ TableName: this.table, Index: this.name }],
      env: { ...env },
      objects: memoryStore(this.#objects),
      reindex,
    });
  }

  /** @param indexes that every change is written to from now on; none: that of the name */
  deploy(...indexes: [string, string] | []): void {
    const reindex = indexes.length === 0 ? undefined : { [this.table]: { indexes, since: new Date().toISOString() } };
    this.#live = this.#function(this.#stack.search.url, reindex);
    this.#steps = this.#function(this.#proxy.url, reindex);
  }

  /** Resolves when no invocation of a former package is under way. */
  async idle(): Promise<void> {
    await this.#invocation;
  }

  async step(step: IndexSlice['step']): Promise<IndexResponse> {
    const slice: IndexSlice = { kind: 'index', release: '9.9.9', table: this.table, step };
    const response = (await runSlice(this.#steps.runtime, slice, INVOCATION)) as IndexResponse;
    expect(response.problem).toBeUndefined();
    return response;
  }

  /** The same step twice: the run was killed when it had made it, and had not written that down. */
  async killed(step: IndexSlice['step']): Promise<IndexResponse> {
    await this.step(step);
    return this.step(step);
  }

  /** Works on a part to its end. */
  async work(part: object): Promise<SliceResponse['counts']> {
    return this.#toItsEnd(this.#sliceOf(part));
  }

  /** As `work`; the first invocation hangs in its write until the next one, of the run after a kill, has ended. */
  async killedWork(part: object): Promise<SliceResponse['counts']> {
    const slice = this.#sliceOf(part);
    const [begun, held] = [Promise.withResolvers<undefined>(), Promise.withResolvers<undefined>()];
    this.#proxy.on(/_bulk/, () => {
      begun.resolve(undefined);
      return { until: held.promise };
    });
    const first = runSlice(this.#steps.runtime, slice, INVOCATION);
    await begun.promise;
    const counts = await this.#toItsEnd(slice);
    held.resolve(undefined);
    expect(await first).toMatchObject({ superseded: true });
    return counts;
  }

  #sliceOf(part: object): WorkSlice {
    const table = { name: this.table, keys: [{ name: 'pk', type: 'S' }] } as const;
    const common = { operation: 'reindex', release: '9.9.9', bucket: 'code', prefix: 'runs/x', capacity: 1e6, seconds: 60 } as const;
    return { ...common, id: `part-${this.#slices++}`, table, tables: [table], ...part } as unknown as WorkSlice;
  }

  async #toItsEnd(slice: WorkSlice): Promise<SliceResponse['counts']> {
    for (;;) {
      const { done, counts, problem } = (await runSlice(this.#steps.runtime, slice, INVOCATION)) as SliceResponse;
      expect(problem).toBeUndefined();
      if (done) return counts;
    }
  }

  /** Keys of the lists that parts have left since the last call. */
  lists(): string[] {
    const lists = [...this.#objects.keys()].filter((key) => key.includes('/lists/')).map((key) => key.replace('code/', ''));
    const fresh = lists.filter((list) => !this.#seen.has(list));
    for (const list of fresh) this.#seen.add(list);
    return fresh;
  }
  readonly #seen = new Set<string>();

  /** Pass 2 over an index: what has no item is listed. */
  async walk(index: string): Promise<void> {
    await ask(this.#stack.search, 'POST', `/${index}/_refresh`);
    const { runtime } = this.#steps;
    const facts = await surveyIndex({ cluster: runtime.cluster, now: runtime.now, signal: new AbortController().signal }, index);
    if ('kind' in facts) throw new Error(facts.reason);
    for (const [shard, to] of facts.shards.entries()) await this.work({ kind: 'walk', index, shard, from: -1, to });
  }

  /** Looks at all lists until nothing moves any more, and fixes what differs. @returns what could not be fixed */
  async settle(index: string): Promise<number> {
    let differences = 0;
    let lists = this.lists();
    for (let look = 0; lists.length > 0 && look < MAX_LOOKS; look++) {
      await sleep(LOOK_EVERY);
      for (const list of lists) {
        const {
          missing = 0,
          different = 0,
          stale = 0,
          frozen = 0,
        } = await this.work({ kind: 'look', mode: 'decide', list, isLast: false, index });
        differences += missing + different + stale + frozen;
      }
      const found = this.lists();
      lists = found.filter((list) => list.endsWith('-moving.jsonl'));
      for (const list of found.filter((one) => !lists.includes(one))) {
        const {
          repaired = 0,
          newer = 0,
          equal = 0,
          moving = 0,
        } = await this.work({ kind: 'look', mode: 'apply', list, isLast: true, index });
        differences -= repaired + newer + equal + moving;
      }
      this.lists();
    }
    return differences;
  }

  async put(pk: string, round: number): Promise<void> {
    await this.#stack.clients.dynamodb.send(
      new PutItemCommand({
        TableName: this.table,
        Item: { pk: { S: pk }, round: { N: String(round) } } satisfies Record<string, AttributeValue>,
      }),
    );
  }

  async remove(pk: string): Promise<void> {
    await this.#stack.clients.dynamodb.send(new DeleteItemCommand({ TableName: this.table, Key: { pk: { S: pk } } }));
  }

  /** Items by key, with the round that wrote them. */
  async items(): Promise<Record<string, unknown>> {
    const items: Record<string, unknown> = {};
    for await (const { Items = [] } of paginateScan(
      { client: this.#stack.clients.dynamodb },
      { TableName: this.table, ConsistentRead: true },
    ))
      for (const { pk, round } of Items) items[pk?.S ?? ''] = Number(round?.N ?? -1);
    return items;
  }

  async documents(index: string): Promise<Record<string, unknown>> {
    await ask(this.#stack.search, 'POST', `/${index}/_refresh`);
    const { body, text } = await ask(this.#stack.search, 'POST', `/${index}/_search`, { size: 1000 });
    const hits = (body.hits as { hits: { _id: string; _source: { round?: number } }[] } | undefined)?.hits;
    if (hits === undefined) throw new Error(text);
    return Object.fromEntries(hits.map(({ _id, _source }) => [_id, _source.round ?? -1]));
  }

  /** Documents that stay, as a search by the name finds them; undefined: the engine failed the search. */
  async found(): Promise<number | undefined> {
    const query = { size: 0, track_total_hits: true, query: { match: { kind: 'stable' } } };
    const { status, body } = await ask(this.#stack.search, 'POST', `/${this.name}/_search`, query);
    return status === 200 ? (body.hits as { total: { value: number } }).total.value : undefined;
  }

  async exists(index: string): Promise<boolean> {
    return (await ask(this.#stack.search, 'HEAD', `/${index}`)).status === 200;
  }
}

/** Changes and deletes items, and searches for those that stay, while `work` is done. @returns searches that failed, and the numbers found */
async function whileChanging(subject: Subject, work: () => Promise<void>): Promise<{ failed: number; found: Set<number> }> {
  let isOver = false;
  let failed = 0;
  const found = new Set<number>();
  const writing = (async () => {
    for (let round = 1; !isOver; round++) {
      const pk = `moving-${round % MOVING}`;
      await (round % 3 === 0 ? subject.remove(pk) : subject.put(pk, round));
      await sleep(CHANGE_EVERY);
    }
  })();
  const searching = (async () => {
    while (!isOver) {
      const number = await subject.found();
      if (number === undefined) failed += 1;
      else found.add(number);
    }
  })();
  try {
    await work();
  } finally {
    isOver = true;
    await Promise.all([writing, searching]);
  }
  await subject.player?.drained();
  return { failed, found };
}

/** Fills a new index beside one that serves, compares it, and leads searches to it: each step as after a kill. */
async function reindex(subject: Subject, from: KnownIndex, index: string): Promise<KnownIndex> {
  const { known: to = { index: '', uuid: '' } } = await subject.killed({ do: 'create', index });
  // Killed between two deploys: changes go to the old index alone for a while, before anything is read.
  subject.deploy(from.index, index);
  subject.deploy();
  subject.deploy(from.index, index);
  const segments = [0, 1].map((segment) => ({ kind: 'scan', segment, totalSegments: 2, index }));
  for (const segment of segments) await subject.killedWork({ ...segment, mode: 'write' });
  await subject.walk(index);
  for (const list of subject.lists()) await subject.work({ kind: 'look', mode: 'apply', list, isLast: true, index });
  subject.lists();
  for (const segment of segments) await subject.work({ ...segment, mode: 'compare' });
  await subject.walk(index);
  expect(await subject.settle(index)).toBe(0);
  await subject.killed({ do: 'swap', from, to });
  return to;
}

/** The test of a reindex on one engine. */
export function reindexSuite(stack: Stack): void {
  test('an index is replaced twice under live changes and kills: nothing is lost in either, and no search misses what was there', async () => {
    const subject = await Subject.of(stack);
    const { name } = subject;
    const serving = async (): Promise<KnownIndex & { isAlias: boolean }> => {
      const { serving: one } = await subject.step({ do: 'look' });
      if (one === undefined) throw new Error('nothing serves');
      return one;
    };
    // The name is an index: it is replaced by an alias, and cannot be kept.
    const first = await whileChanging(subject, async () => {
      const { index, uuid, isAlias } = await serving();
      expect([index, isAlias]).toEqual([name, false]);
      await reindex(subject, { index, uuid }, `${name}-2`);
      subject.deploy();
    });
    expect(first.found).toEqual(new Set([STABLE]));
    expect(await serving()).toMatchObject({ index: `${name}-2`, isAlias: true });
    expect(await subject.documents(`${name}-2`)).toEqual(await subject.items());

    const second = await whileChanging(subject, async () => {
      const { index, uuid } = await serving();
      await reindex(subject, { index, uuid }, `${name}-3`);
    });
    // An alias moves without an instant in which searches fail.
    expect(second).toEqual({ failed: 0, found: new Set([STABLE]) });
    const items = await subject.items();
    for (const index of [`${name}-2`, `${name}-3`]) expect(await subject.documents(index)).toEqual(items);

    // Back, and the end: the other index goes.
    const [old, back] = [await serving(), (await subject.step({ do: 'look', index: `${name}-2` })).known];
    const third = await whileChanging(subject, async () => {
      if (back === undefined) throw new Error('the former index is gone');
      await subject.killed({ do: 'swap', from: old, to: back });
      subject.deploy();
      await subject.idle();
      await subject.killed({ do: 'delete', index: old.index, uuid: old.uuid });
    });
    expect(third).toEqual({ failed: 0, found: new Set([STABLE]) });
    expect([await subject.exists(`${name}-2`), await subject.exists(`${name}-3`)]).toEqual([true, false]);
    expect(await subject.documents(name)).toEqual(await subject.items());
    await subject.stop();
  }, 300_000);
}
