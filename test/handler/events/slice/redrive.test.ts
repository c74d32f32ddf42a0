// Dead letters and discarded batches on a real table and a real engine: read again, written, deleted.
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, jest, test } from '@jest/globals';
import { CreateTableCommand, DeleteItemCommand, PutItemCommand, type AttributeValue } from '@aws-sdk/client-dynamodb';
import type { Finding, RedriveSlice, SliceCheckpoint, SliceResponse } from '../../../../formats/slice.ts';
import { AwsError } from '../../../../handler/aws/error.ts';
import type { DeadLetter } from '../../../../handler/dead-letters/dead-letter.ts';
import { runSlice } from '../../../../handler/events/slice/run-slice.ts';
import { uniqueName, useStack } from '../../../stack/use-stack.ts';
import { ask, documents, memoryStore, testFunction, type TestFunction } from '../../function.ts';
import { streamRecord, type RecordOptions } from '../../records.ts';

const stack = await useStack();
type Item = Record<string, AttributeValue>;
type StoredLetter = DeadLetter & { readonly attempts?: number };

interface Subject {
  readonly name: string;
  readonly fn: TestFunction;
  /** By bucket and key. */
  readonly objects: Map<string, { text: string; etag: string }>;
  put(item: Item): Promise<void>;
  /** Gives the function records that fail, and stores their dead letters. */
  fail(...records: RecordOptions[]): Promise<void>;
  /** Runs a slice to its end, in invocations of so many ms. */
  run(slice?: Partial<RedriveSlice>, remaining?: number): Promise<SliceResponse>;
  /** One invocation. */
  once(slice: Partial<RedriveSlice>, remaining: number): Promise<SliceResponse>;
  checkpoint(id: string): SliceCheckpoint | undefined;
  letters(): StoredLetter[];
  found(): Promise<Record<string, unknown>>;
  findings(): Finding[];
}

async function subject(options: Partial<Parameters<typeof testFunction>[0]> = {}, name = uniqueName('Orders')): Promise<Subject> {
  await stack.clients.dynamodb.send(
    new CreateTableCommand({
      TableName: name,
      BillingMode: 'PAY_PER_REQUEST',
      AttributeDefinitions: [{ AttributeName: 'pk', AttributeType: 'S' }],
      KeySchema: [{ AttributeName: 'pk', KeyType: 'HASH' }],
    }),
  );
  const objects = new Map<string, { text: string; etag: string }>();
  const fn = testFunction({
    endpoint: stack.search.url,
    mapping: [{ TableName: name, Index: name.toLowerCase() }],
    env: { ...stack.env },
    objects: memoryStore(objects),
    tables: { [name]: { mappings: { properties: { o: { type: 'object' } } } } },
    ...options,
  });
  let slices = 0;
  const whole = (slice: Partial<RedriveSlice> = {}): RedriveSlice => ({
    kind: 'redrive',
    mode: 'apply',
    form: 'dead-letters',
    from: { bucket: 'code-bucket', prefix: `dead-letters/DynamoToES/${name}/` },
    until: Date.now() + 1,
    operation: 'redrive',
    release: '9.9.9',
    bucket: 'runs',
    prefix: 'runs/x',
    id: `s${slices++}`,
    capacity: 1e6,
    seconds: 60,
    tables: [{ name, keys: [{ name: 'pk', type: 'S' }] }],
    ...slice,
  });
  const invoke = async (slice: RedriveSlice, remaining: number): Promise<SliceResponse> =>
    (await runSlice(fn.runtime, slice, { functionName: 'DynamoToES', remaining })) as SliceResponse;
  return {
    name,
    fn,
    objects,
    put: async (Item) => {
      await stack.clients.dynamodb.send(new PutItemCommand({ TableName: name, Item }));
    },
    fail: async (...records) => {
      await fn.invoke(records.map((record) => streamRecord({ table: name, ...record })));
      for (const [key, letter] of fn.deadLetters) objects.set(key.replace('s3://', ''), { text: JSON.stringify(letter), etag: `"${key}"` });
      fn.deadLetters.clear();
    },
    run: async (slice, remaining = 30_000) => {
      const same = whole(slice);
      // As the action does: what gets no further five times in a row is a problem.
      let failures = 0;
      for (let i = 0; i < 5000; i++) {
        const response = await invoke(same, remaining);
        failures = response.problem === undefined ? 0 : failures + 1;
        if (response.done || failures === 5) return response;
      }
      throw new Error('the slice does not end');
    },
    once: (slice, remaining) => invoke(whole(slice), remaining),
    checkpoint: (id) => {
      const stored = objects.get(`runs/runs/x/slices/${id}.json`);
      return stored === undefined ? undefined : (JSON.parse(stored.text) as SliceCheckpoint);
    },
    letters: () => [...objects].filter(([key]) => key.startsWith('code-bucket/')).map(([, { text }]) => JSON.parse(text) as StoredLetter),
    found: async () => {
      await ask(stack.search, 'POST', `/${name.toLowerCase()}/_refresh`);
      return documents(stack.search, name.toLowerCase());
    },
    findings: () =>
      [...objects]
        .filter(([key]) => key.includes('/lists/'))
        .flatMap(([, { text }]) => text.trim().split('\n'))
        .map((line) => JSON.parse(line) as Finding),
  };
}

/** An item that the engine refuses: its mappings have an object where it has a text. */
const bad = (pk: string): Item => ({ pk: { S: pk }, o: { S: 'text' } });
const good = (pk: string, n = 1): Item => ({ pk: { S: pk }, o: { M: { n: { N: String(n) } } } });
/** Stream records carry the second in which they are made. */
const seconds = (): number => Math.floor(Date.now() / 1000);
const record = (item: Item, counter: number): RecordOptions => ({
  keys: { pk: item.pk as { S: string } },
  image: item as never,
  counter,
  seconds: seconds(),
});

/** Changes the table between the first read of items and their write. */
function afterTheFirstRead({ fn }: Subject, change: () => Promise<unknown>): void {
  const { dynamodb } = fn.runtime;
  const read = dynamodb.batchGet.bind(dynamodb);
  jest.spyOn(dynamodb, 'batchGet').mockImplementationOnce(async (...request) => {
    const found = await read(...request);
    await change();
    return found;
  });
}

test('an item that was fixed is written, one that is gone is deleted, and their dead letters go', async () => {
  const it = await subject();
  await it.fn.invoke([streamRecord({ table: it.name, ...record(good('gone'), 1) })]);
  await it.fail(record(bad('fixed'), 2), record(bad('gone'), 3));
  expect(it.letters()).toHaveLength(2);
  await it.put(good('fixed', 7));
  const { counts } = await it.run();
  expect(counts).toMatchObject({ 'dead-letters': 2, redriven: 2, written: 2, deleted: 1 });
  expect(counts).not.toHaveProperty('failed-again');
  expect(it.letters()).toEqual([]);
  expect(await it.found()).toEqual({ fixed: expect.objectContaining({ o: { n: 7 } }) });
});

test('an item that fails again keeps its dead letter, with the attempts and the new reason, until it is fixed', async () => {
  const it = await subject();
  await it.fail(record(bad('a'), 10));
  await it.put(bad('a'));
  const [before] = it.letters();
  expect((await it.run()).counts).toMatchObject({ 'failed-again': 1, written: 0 });
  expect(it.letters()).toEqual([
    { ...before, attempts: 2, failedAt: expect.any(String), reason: expect.stringContaining('the cluster refuses the document') },
  ]);
  expect(it.findings()).toEqual([{ table: it.name, id: 'a', keys: { pk: { S: 'a' } }, kind: 'failed-again', type: expect.any(String) }]);
  expect((await it.run()).counts).toMatchObject({ 'failed-again': 1 });
  expect(it.letters()).toMatchObject([{ attempts: 3 }]);
  await it.put(good('a'));
  expect((await it.run()).counts).toMatchObject({ redriven: 1 });
  expect(it.letters()).toEqual([]);
});

test('several dead letters of one item are one write', async () => {
  const it = await subject();
  for (let n = 0; n < 5; n++) await it.fail(record(bad('a'), 20 + n));
  expect(it.letters()).toHaveLength(5);
  await it.put(good('a'));
  expect((await it.run()).counts).toMatchObject({ 'dead-letters': 5, redriven: 5, read: 1, written: 1 });
  expect(it.letters()).toEqual([]);
});

test('a dead letter that is younger than the margin is written over the older state of its document', async () => {
  const it = await subject();
  await it.fn.invoke([streamRecord({ table: it.name, ...record(good('a', 1), 30) })]);
  await it.fail(record(bad('a'), 31));
  await it.put(good('a', 2));
  expect((await it.run()).counts).toMatchObject({ redriven: 1, written: 1 });
  expect(await it.found()).toMatchObject({ a: { o: { n: 2 } } });
});

test('a change that was written in the meantime stays, and the dead letter goes', async () => {
  const it = await subject();
  await it.fail(record(bad('a'), 40));
  await it.put(good('a', 2));
  await it.fn.invoke([streamRecord({ table: it.name, ...record(good('a', 3), 41) })]);
  expect((await it.run()).counts).toMatchObject({ redriven: 1, newer: 1, written: 0 });
  expect(await it.found()).toMatchObject({ a: { o: { n: 3 } } });
});

test('a delete that is younger than the margin leaves the dead letter to a later run', async () => {
  const it = await subject();
  await it.fail(record(bad('a'), 50));
  await sleep(1100);
  await it.fn.invoke([streamRecord({ table: it.name, keys: { pk: { S: 'a' } }, event: 'REMOVE', counter: 51, seconds: seconds() })]);
  await it.put(good('a'));
  expect((await it.run()).counts).toMatchObject({ moving: 1, written: 0 });
  expect(it.letters()).toHaveLength(1);
  expect(it.findings()).toMatchObject([{ id: 'a', kind: 'moving' }]);
});

test('a document that nothing can overwrite leaves dead letters and batches as they are, until it is gone', async () => {
  const it = await subject();
  await it.fail(record(bad('a'), 55), record(bad('gone'), 56), record(bad('b'), 57));
  await it.put(good('a'));
  await it.put(good('b'));
  const batch = 'failures/aws/lambda/uuid/shard/1';
  const records = [good('a'), good('gone'), good('b')].map((one, n) => streamRecord({ table: it.name, ...record(one, 58 + n) }));
  it.objects.set(batch, { text: discarded(records, true), etag: '"1"' });
  const frozen = ['a', 'gone'].map((id) => `/${it.name.toLowerCase()}/_doc/${id}`);
  // Nanoseconds, as another tool has them.
  for (const path of frozen)
    await ask(stack.search, 'PUT', `${path}?version=1763800000000000000&version_type=external`, { by: 'another tool' });
  expect((await it.run()).counts).toMatchObject({ 'dead-letters': 3, redriven: 1, frozen: 2 });
  expect(
    it
      .letters()
      .map(({ id }) => id)
      .sort(),
  ).toEqual(['a', 'gone']);
  const { counts } = await it.run({ form: 'failed-batches', from: FROM });
  expect(counts).toMatchObject({ 'failed-batches': 1, frozen: 2 });
  expect(counts).not.toHaveProperty('redriven');
  expect(it.objects.has(batch)).toBe(true);
  expect(new Set(it.findings().map(({ id, kind }) => `${id} ${kind}`))).toEqual(new Set(['a frozen', 'gone frozen']));
  await ask(stack.search, 'DELETE', `/${it.name.toLowerCase()}`);
  await ask(stack.search, 'PUT', `/${it.name.toLowerCase()}`, {});
  expect((await it.run()).counts).toMatchObject({ redriven: 2 });
  expect((await it.run({ form: 'failed-batches', from: FROM })).counts).toMatchObject({ redriven: 1 });
  expect(Object.keys(await it.found()).sort()).toEqual(['a', 'b']);
});

test.each([
  ['text that is not JSON', 'x'],
  ['another JSON', '{"version":1}'],
  ['one of a version to come', (letter: StoredLetter) => JSON.stringify({ ...letter, version: 2 })],
  ['one whose key is not a key of the table', (letter: StoredLetter) => JSON.stringify({ ...letter, keys: { pk: { N: '1' } } })],
  ['one whose id is not that of its key', (letter: StoredLetter) => JSON.stringify({ ...letter, id: 'b' })],
  ['one without a key', (letter: StoredLetter) => JSON.stringify({ ...letter, keys: null, id: null })],
  ['one of another table', (letter: StoredLetter) => JSON.stringify({ ...letter, table: 'Others' })],
])('an object that is no dead letter of the table is left alone and counted: %s', async (_, text) => {
  const it = await subject();
  await it.fail(record(bad('a'), 60));
  const [[key, stored]] = [...it.objects] as [[string, { text: string; etag: string }]];
  it.objects.set(key, { ...stored, text: typeof text === 'string' ? text : text(JSON.parse(stored.text) as StoredLetter) });
  const before = new Map(it.objects);
  expect((await it.run()).counts).toMatchObject({ foreign: 1, 'dead-letters': 0 });
  expect(it.objects.get(key)).toEqual(before.get(key));
});

test('an item that is removed between its read and its write leaves no document', async () => {
  const it = await subject();
  await it.fail(record(bad('a'), 70), record(bad('b'), 71));
  await it.put(good('a'));
  await it.put(good('b'));
  // The index never learns of the delete, as one that has forgotten it.
  afterTheFirstRead(it, () => stack.clients.dynamodb.send(new DeleteItemCommand({ TableName: it.name, Key: { pk: { S: 'a' } } })));
  expect((await it.run()).counts).toMatchObject({ redriven: 2, written: 2, deleted: 1 });
  expect(it.letters()).toEqual([]);
  expect(Object.keys(await it.found())).toEqual(['b']);
});

test('a dead letter that was replaced while its item was written stays', async () => {
  const it = await subject();
  await it.fail(record(bad('a'), 70));
  await it.put(good('a'));
  const [[key]] = [...it.objects] as [[string, unknown]];
  const { objects } = it.fn.runtime;
  Object.assign(it.fn.runtime, {
    objects: {
      ...objects,
      delete: async (...args: Parameters<typeof objects.delete>) => {
        const { text } = it.objects.get(key) ?? { text: '' };
        it.objects.set(key, { text, etag: '"newer"' });
        return objects.delete(...args);
      },
    },
  });
  await it.run();
  expect(it.objects.has(key)).toBe(true);
});

test.each([
  ['s3:DeleteObject', 'delete', good('a')],
  ['s3:PutObject', 'put', bad('a')],
] as const)('a role that lacks %s on dead letters is told so, and the dead letter stays', async (action, method, item) => {
  const it = await subject();
  await it.fail(record(bad('a'), 75));
  await it.put(item);
  const [before] = it.letters();
  const { objects } = it.fn.runtime;
  const denied = (bucket: string, ...rest: unknown[]): Promise<unknown> =>
    bucket === 'code-bucket'
      ? Promise.reject(new AwsError('AccessDenied', 403, 'Access Denied'))
      : (objects[method] as (...request: unknown[]) => Promise<unknown>)(bucket, ...rest);
  Object.assign(it.fn.runtime, { objects: { ...objects, [method]: denied } });
  const { problem, done } = await it.run();
  expect(done).toBe(false);
  expect(problem).toMatch(`(${action}: AccessDenied). Allow the function's role s3:GetObject, s3:PutObject and s3:DeleteObject on them`);
  expect(it.letters()).toEqual([before]);
});

test('a dry run counts by table and type of error, and changes nothing', async () => {
  const it = await subject();
  await it.fail(record(bad('a'), 80), record(bad('b'), 81));
  const before = new Map(it.objects);
  const { counts } = await it.run({ mode: 'count' });
  expect(counts).toMatchObject({ 'dead-letters': 2 });
  expect(it.findings().toSorted((a, b) => (a.id < b.id ? -1 : 1))).toEqual(
    ['a', 'b'].map((id) => ({ table: it.name, id, keys: { pk: { S: id } }, kind: 'dead-letter', type: expect.any(String) })),
  );
  for (const [key, stored] of before) expect(it.objects.get(key)).toEqual(stored);
  expect(await it.found()).toEqual({});
});

test('thousands of dead letters are worked off over many invocations, each once', async () => {
  const it = await subject();
  await it.fail(record(bad('0'), 90));
  const [[key, stored]] = [...it.objects] as [[string, { text: string; etag: string }]];
  it.objects.delete(key);
  const letter = JSON.parse(stored.text) as StoredLetter;
  const folder = key.slice(0, key.lastIndexOf('/') - 2);
  for (let n = 0; n < 2500; n++) {
    const id = `i${n % 2000}`;
    // Two days, so that the second dead letter of an item is in another folder.
    const text = JSON.stringify({ ...letter, id, keys: { pk: { S: id } } });
    it.objects.set(`${folder}${n < 2000 ? '01' : '02'}/${String(n % 2000).padStart(16, '0')}-${n}.json`, { text, etag: `"${n}"` });
  }
  it.objects.set(`${folder}01/readme.txt`, { text: 'x', etag: '"x"' });
  const { counts } = await it.run({}, 4_000);
  expect(counts).toMatchObject({ 'dead-letters': 2500, redriven: 2500, foreign: 1 });
  expect([...it.objects.keys()].filter((name) => name.startsWith('code-bucket/'))).toEqual([`${folder}01/readme.txt`]);
});

/** Lets the writes of an object fail, from a number of calls on: the invocation ends there, as one that is killed. */
function killAfter(it: Subject, calls: number, isMeant: (name: string) => boolean): void {
  const { objects } = it.fn.runtime;
  let left = calls;
  const meant = (name: string): Promise<void> => (isMeant(name) && left-- === 0 ? Promise.reject(new Error('killed')) : Promise.resolve());
  Object.assign(it.fn.runtime, {
    objects: {
      ...objects,
      get: (...args) => meant(`get ${args[0]}/${args[1]}`).then(() => objects.get(...args)),
      put: (...args) => meant(`put ${args[0]}/${args[1]}`).then(() => objects.put(...args)),
      delete: (...args) => meant(`delete ${args[0]}/${args[1]}`).then(() => objects.delete(...args)),
      list: (...args) => meant(`list ${args[0]}/${args[1]}`).then(() => objects.list(...args)),
    } satisfies typeof objects,
  });
}

test('a dead letter that failed again in an invocation that was killed is reported, with one attempt more', async () => {
  const it = await subject();
  await it.fail(record(bad('a'), 92), record(bad('b'), 93));
  await it.put(bad('a'));
  await it.put(bad('b'));
  killAfter(it, 0, (name) => name.startsWith('put runs/runs/x/slices/'));
  const slice = { id: 'killed', until: Date.now() + 1 };
  await sleep(5);
  await expect(it.run(slice)).rejects.toThrow('killed');
  expect(it.letters()).toMatchObject([{ attempts: 2 }, { attempts: 2 }]);
  expect((await it.run(slice)).counts).toMatchObject({ 'dead-letters': 2, 'failed-again': 2 });
  expect(it.letters()).toMatchObject([{ attempts: 2 }, { attempts: 2 }]);
  const named = new Set(it.findings().map(({ id, kind, type }) => `${id} ${kind} ${type}`));
  expect([...named].sort()).toEqual([expect.stringMatching(/^a failed-again \w+/), expect.stringMatching(/^b failed-again \w+/)]);
});

test('dead letters that are written before those of a page push none of them out of it', async () => {
  const it = await subject();
  await it.fail(record(bad('0'), 94));
  const [[key, stored]] = [...it.objects] as [[string, { text: string; etag: string }]];
  it.objects.delete(key);
  const letter = JSON.parse(stored.text) as StoredLetter;
  const folder = key.slice(0, key.lastIndexOf('/'));
  const add = (n: number, failedAt: string): void => {
    const text = JSON.stringify({ ...letter, failedAt, id: `i${n}`, keys: { pk: { S: `i${n}` } } });
    it.objects.set(`${folder}/${String(n).padStart(16, '0')}-1.json`, { text, etag: `"${n}"` });
  };
  for (let n = 0; n < 1000; n++) add(1000 + n, letter.failedAt);
  const slice = { id: 'pushed', mode: 'count', until: Date.now() + 1 } as const;
  killAfter(it, 3, (name) => name.startsWith('put runs/runs/x/slices/'));
  await expect(it.run(slice)).rejects.toThrow('killed');
  for (let n = 0; n < 60; n++) add(n, new Date(Date.now() + 60_000).toISOString());
  expect((await it.run(slice)).counts).toMatchObject({ 'dead-letters': 1000 });
});

test.each(['dead-letters', 'failed-batches'] as const)(
  'however low the read capacity is, each invocation that works off %s gets further',
  async (form) => {
    const it = await subject();
    const items = Array.from({ length: 12 }, (_, n) => good(`i${n}`));
    for (const item of items) await it.put(item);
    const records = items.map((item, n) => record(item, 110 + n));
    if (form === 'dead-letters') await it.fail(...records.map((one, n) => ({ ...one, image: bad(`i${n}`) as never })));
    else {
      const text = discarded(
        records.map((one) => streamRecord({ table: it.name, ...one })),
        true,
      );
      it.objects.set('failures/aws/lambda/uuid/shard/1', { text, etag: '"1"' });
    }
    let now = Date.now() + 1000;
    const slice = { id: 'slow', form, capacity: 0.5, until: now, ...(form === 'dead-letters' ? {} : { from: FROM }) };
    let deadline = now;
    // A sleep beyond the end of the invocation is cut off.
    const pause = (ms: number): Promise<void> =>
      now + ms > deadline ? Promise.reject(new Error('time is up')) : Promise.resolve(void (now += ms));
    Object.assign(it.fn.runtime, { now: () => now, sleep: pause });
    const read: number[] = [];
    for (let done = false; !done;) {
      deadline = now + 3000;
      const response = await it.once(slice, 30_000).catch(() => undefined);
      done = response?.done === true;
      read.push(it.checkpoint('slow')?.counts.read ?? 0);
      expect(read.length).toBeLessThan(20);
    }
    expect(read.slice(0, 3)).toEqual([4, 8, 12]);
    expect(it.letters()).toEqual([]);
    expect(Object.keys(await it.found())).toHaveLength(12);
  },
);

describe('of a table whose transform gives no document for some items', () => {
  const options = {
    defaults: { transform: 'transforms/hide.mjs' },
    transforms: { 'transforms/hide.mjs': (document: Record<string, unknown>) => (document.hidden === true ? null : document) },
  };
  const hidden = (pk: string): Item => ({ ...good(pk), hidden: { BOOL: true } });

  test('a newer delete is no reason to keep a dead letter: its item has none', async () => {
    const it = await subject(options);
    await it.fail(record(bad('a'), 130));
    await sleep(1100);
    await it.fn.invoke([streamRecord({ table: it.name, ...record(hidden('a'), 131) })]);
    await it.put(hidden('a'));
    const { counts } = await it.run();
    expect(counts).toMatchObject({ redriven: 1, newer: 1 });
    expect(counts).not.toHaveProperty('moving');
    expect(it.letters()).toEqual([]);
    expect(await it.found()).toEqual({});
  });

  test('an item that has none any more when it was written leaves no document', async () => {
    const it = await subject(options);
    await it.fail(record(bad('a'), 132), record(bad('b'), 133));
    await it.put(good('a'));
    await it.put(good('b'));
    // The index never learns of the change.
    afterTheFirstRead(it, () => it.put(hidden('a')));
    expect((await it.run()).counts).toMatchObject({ redriven: 2, written: 2, deleted: 1 });
    expect(Object.keys(await it.found())).toEqual(['b']);
  });
});

/** The object of an S3 on-failure destination. */
const discarded = (records: unknown[] | undefined, asText: boolean, functionArn = ''): string => {
  const payload = records === undefined ? undefined : { Records: records };
  return JSON.stringify({
    requestContext: { condition: 'RetryAttemptsExhausted', functionArn },
    version: '1.0',
    DDBStreamBatchInfo: { shardId: 'shardId-1', batchSize: records?.length ?? 1 },
    payload: asText ? JSON.stringify(payload) : payload,
  });
};
const FROM = { bucket: 'failures', prefix: 'aws/lambda/uuid/' };

test.each([true, false])(
  'the items of a batch that Lambda discarded are written once each, and its object goes: payload as text %s',
  async (asText) => {
    const it = await subject();
    await it.put(good('a', 5));
    await it.put(bad('c'));
    await it.fn.invoke([streamRecord({ table: it.name, ...record(good('b'), 100) })]);
    const records = [record(good('a', 1), 101), record(good('a', 2), 102), record(good('b'), 103), record(bad('c'), 104)].map((one) =>
      streamRecord({ table: it.name, ...one }),
    );
    it.objects.set('failures/aws/lambda/uuid/shard/1', { text: discarded(records, asText), etag: '"1"' });
    const { counts } = await it.run({ form: 'failed-batches', from: FROM });
    expect(counts).toMatchObject({ 'failed-batches': 1, read: 3, redriven: 1, malformed: 1, deleted: 1 });
    expect(await it.found()).toEqual({ a: expect.objectContaining({ o: { n: 5 } }) });
    expect([...it.fn.deadLetters.values()]).toMatchObject([{ id: 'c', eventName: 'BACKFILL', sequenceNumber: null }]);
    expect(it.objects.has('failures/aws/lambda/uuid/shard/1')).toBe(false);
  },
);

const BATCH = 'failures/aws/lambda/uuid/shard/1';

/** Stores a batch of so many items as the object BATCH. @returns its items */
function storeBatch(it: Subject, size: number, counter: number, id = 'i', etag = '"1"'): Item[] {
  const items = Array.from({ length: size }, (_, n) => good(`${id}${n}`));
  const records = items.map((item, n) => streamRecord({ table: it.name, ...record(item, counter + n) }));
  it.objects.set(BATCH, { text: discarded(records, true), etag });
  return items;
}

/** Calls `onRead` before each invocation reads the batch, with the number of the read. */
function watchBatch(it: Subject, onRead: (read: number) => void): void {
  const { objects } = it.fn.runtime;
  let reads = 0;
  const get: typeof objects.get = (bucket, name, signal) => {
    if (`${bucket}/${name}` === BATCH) onRead(++reads);
    return objects.get(bucket, name, signal);
  };
  Object.assign(it.fn.runtime, { objects: { ...objects, get } });
}

test.each([
  ['little read capacity', { size: 60, capacity: 20, pause: 0 }],
  ['a slow cluster', { size: 400, capacity: 1e6, pause: 50 }],
])(
  'with %s, a batch that takes longer than an invocation is worked off by several, each item once',
  async (_, { size, capacity, pause }) => {
    const it = await subject();
    const { cluster } = it.fn.runtime;
    const send = cluster.send.bind(cluster);
    jest.spyOn(cluster, 'send').mockImplementation(async (...request) => {
      await sleep(pause);
      return send(...request);
    });
    // DynamoDB Local takes no read capacity for an item that is absent.
    await Promise.all(storeBatch(it, size, 400).map((item) => it.put(item)));
    let invocations = 0;
    watchBatch(it, (read) => (invocations = read));
    const { counts, problem } = await it.run({ form: 'failed-batches', from: FROM, capacity }, 3_000);
    expect(problem).toBeUndefined();
    expect(invocations).toBeGreaterThan(1);
    expect(counts).toMatchObject({ 'failed-batches': 1, read: size, written: size, redriven: 1 });
    expect(it.objects.has(BATCH)).toBe(false);
  },
);

test('a batch that was replaced between two invocations is worked off from its beginning', async () => {
  const it = await subject();
  await Promise.all([...storeBatch(it, 60, 1000), good('j0')].map((item) => it.put(item)));
  let isReplaced = false;
  watchBatch(it, (read) => {
    if (read !== 2) return;
    storeBatch(it, 60, 1200, 'j', '"2"');
    isReplaced = true;
  });
  await it.run({ form: 'failed-batches', from: FROM, capacity: 20 }, 3_000);
  expect(isReplaced).toBe(true);
  expect(Object.keys(await it.found())).toContain('j0');
  expect(it.objects.has(BATCH)).toBe(false);
});

test('a batch stays when an item of one of its first steps is left to a later run', async () => {
  const it = await subject();
  storeBatch(it, 60, 800);
  await sleep(1100);
  await it.fn.invoke([streamRecord({ table: it.name, keys: { pk: { S: 'i0' } }, event: 'REMOVE', counter: 900, seconds: seconds() })]);
  await it.put(good('i0'));
  const { counts } = await it.run({ form: 'failed-batches', from: FROM });
  expect(counts).toMatchObject({ 'failed-batches': 1, read: 60, moving: 1 });
  expect(counts).not.toHaveProperty('redriven');
  expect(it.objects.has(BATCH)).toBe(true);
});

test.each([
  ['an item that a later run has to write', true],
  ['no item that is left', false],
])('a batch with %s is worked off whatever kills an invocation, at each of its steps', async (_, isKept) => {
  const it = await subject();
  const items = Array.from({ length: 9 }, (__, n) => good(`i${n}`));
  for (const item of items) await it.put(item);
  await it.put(bad('bad'));
  const past = seconds() - 3600;
  let now = Date.now();
  const wait = (ms: number): Promise<void> => Promise.resolve(void (now += ms));
  Object.assign(it.fn.runtime, { now: () => now, sleep: wait });
  const { objects } = it.fn.runtime;
  const batch = 'failures/aws/lambda/uuid/shard/1';
  const records = [...items, bad('bad')].map((item, n) => streamRecord({ table: it.name, ...record(item, n), seconds: past }));
  const text = discarded(records, true);
  let kills = 0;
  for (let isKilled = true; isKilled; kills++) {
    it.fn.deadLetters.clear();
    it.objects.set(batch, { text, etag: '"1"' });
    await ask(stack.search, 'DELETE', `/${it.name.toLowerCase()}`);
    const deleted = { table: it.name, keys: { pk: { S: 'i2' } }, event: 'REMOVE', counter: 500, seconds: seconds() } as const;
    if (isKept) await it.fn.invoke([streamRecord(deleted)]);
    killAfter(it, kills, () => true);
    const id = `kill-${isKept}-${kills}`;
    const slice = { id, form: 'failed-batches', from: FROM, capacity: 0.5 } as const;
    isKilled = await it.run(slice).then(
      () => false,
      () => true,
    );
    Object.assign(it.fn.runtime, { objects });
    const { counts, done } = await it.run(slice);
    expect(done).toBe(true);
    expect(it.objects.has(batch)).toBe(isKept);
    expect([...it.fn.deadLetters.values()].map((letter) => letter.id)).toEqual(['bad']);
    if (isKept) {
      expect(counts).toMatchObject({ read: 10, malformed: 1, moving: 1, 'failed-batches': 1 });
      const lists = it.checkpoint(id)?.lists ?? [];
      expect(lists.map((list) => JSON.parse(it.objects.get(`runs/${list}`)?.text ?? '') as Finding)).toMatchObject([{ id: 'i2' }]);
    }
    expect(Object.keys(await it.found()).sort()).toEqual(items.map((item) => item.pk?.S).filter((pk) => !isKept || pk !== 'i2'));
  }
  expect(kills).toBeGreaterThan(8);
});

test.each([
  ['without the records', discarded(undefined, false)],
  ['with records of another table', discarded([streamRecord({ table: 'Others', ...record(good('a'), 1) })], true)],
  ['that is not one of Lambda', '{"payload":"{}"}'],
])('an object of the failure destination is left alone and counted: %s', async (_, text) => {
  const it = await subject();
  it.objects.set('failures/aws/lambda/uuid/shard/1', { text, etag: '"1"' });
  expect((await it.run({ form: 'failed-batches', from: FROM })).counts).toMatchObject({ foreign: 1 });
  expect(it.objects.has('failures/aws/lambda/uuid/shard/1')).toBe(true);
});

test('in a place that several functions use, the batches of this one alone are worked off', async () => {
  const it = await subject();
  await it.put(good('a', 5));
  const functionArn = 'arn:aws:lambda:eu-west-1:123456789012:function:Fn';
  const owners = [functionArn, `${functionArn}:live`, `${functionArn}2`, functionArn.replace('eu-west-1', 'us-east-1'), ''];
  for (const [n, owner] of owners.entries()) {
    const text = discarded([streamRecord({ table: it.name, ...record(good('a'), 300 + n) })], true, owner);
    it.objects.set(`failures/aws/lambda/gone-${n}/shard/1`, { text, etag: `"${n}"` });
  }
  const from = { bucket: 'failures', prefix: 'aws/lambda/' };
  expect((await it.run({ form: 'failed-batches', from, functionArn })).counts).toMatchObject({ redriven: 2, foreign: 3 });
  expect([...it.objects.keys()].filter((key) => key.startsWith('failures/'))).toEqual(
    [2, 3, 4].map((n) => `failures/aws/lambda/gone-${n}/shard/1`),
  );
});

describe('of a table that is reindexed', () => {
  const reindexed = async (): Promise<Subject & { readonly second: string }> => {
    const name = uniqueName('Orders');
    const [first, second] = [name.toLowerCase(), `${name.toLowerCase()}-2`];
    const it = await subject({ reindex: { [name]: { indexes: [first, second], since: '2026-01-02T03:04:05.000Z' } } }, name);
    return { ...it, second };
  };
  const inSecond = async (it: { readonly second: string }): Promise<Record<string, unknown>> => {
    await ask(stack.search, 'POST', `/${it.second}/_refresh`);
    return documents(stack.search, it.second);
  };

  test('an item is written to both indexes, and the dead letters of both go', async () => {
    const it = await reindexed();
    await it.fail(record(bad('a'), 200));
    expect(it.letters().map(({ index }) => index)).toEqual([it.name.toLowerCase(), it.second]);
    await it.put(good('a'));
    expect((await it.run()).counts).toMatchObject({ 'dead-letters': 2, redriven: 2, read: 1, written: 2 });
    expect(it.letters()).toEqual([]);
    expect(Object.keys(await it.found())).toEqual(['a']);
    expect(Object.keys(await inSecond(it))).toEqual(['a']);
  });

  test('only the dead letter of the index that refuses it again stays', async () => {
    const it = await reindexed();
    await it.fail(record(bad('a'), 210));
    await ask(stack.search, 'DELETE', `/${it.second}`);
    await ask(stack.search, 'PUT', `/${it.second}`, {});
    await it.put(bad('a'));
    expect((await it.run()).counts).toMatchObject({ redriven: 1, 'failed-again': 1, written: 1 });
    expect(it.letters()).toMatchObject([{ index: it.name.toLowerCase(), attempts: 2 }]);
    expect(Object.keys(await inSecond(it))).toEqual(['a']);
  });
});
