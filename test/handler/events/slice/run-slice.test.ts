// Slices on a real table and a real engine: written, compared, walked, looked at again.
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from '@jest/globals';
import { BatchWriteItemCommand, type AttributeValue, DeleteItemCommand, PutItemCommand } from '@aws-sdk/client-dynamodb';
import type { Finding, SliceCheckpoint, SliceResponse, SurveyResponse, SurveySlice, WorkSlice } from '../../../../formats/slice.ts';
import { runSlice } from '../../../../handler/events/slice/run-slice.ts';
import { startProxy } from '../../../stack/proxy.ts';
import { createTable } from '../../../stack/tables.ts';
import { uniqueName, useStack } from '../../../stack/use-stack.ts';
import { ask, documents, memoryStore, testFunction, type TestFunction } from '../../function.ts';

const stack = await useStack();
const invocation = { functionName: 'DynamoToES', remaining: 30_000 };
type Item = Record<string, AttributeValue>;

interface Subject {
  readonly name: string;
  readonly fn: TestFunction;
  readonly objects: Map<string, { text: string; etag: string }>;
  put(...items: Item[]): Promise<void>;
  /** One invocation. */
  once(slice: Partial<WorkSlice>): Promise<SliceResponse>;
  /** Runs a slice to its end. */
  run(slice: Partial<WorkSlice>): Promise<SliceResponse>;
  lists(): Finding[];
  survey(create: boolean): SurveySlice;
}

async function subject(options: Partial<Parameters<typeof testFunction>[0]> = {}): Promise<Subject> {
  const name = uniqueName('Orders');
  await createTable(stack.clients.dynamodb, name, [
    ['pk', 'S'],
    ['sk', 'N'],
  ]);
  const objects = new Map<string, { text: string; etag: string }>();
  const fn = testFunction({
    endpoint: stack.search.url,
    mapping: [{ TableName: name, SortKey: 'sk', Index: name.toLowerCase() }],
    env: { ...stack.env },
    objects: memoryStore(objects),
    ...options,
  });
  let slices = 0;
  const table = {
    name,
    keys: [
      { name: 'pk', type: 'S' },
      { name: 'sk', type: 'N' },
    ],
  } as const;
  const whole = (slice: Partial<WorkSlice>): WorkSlice =>
    ({
      operation: 'verify',
      release: '9.9.9',
      bucket: 'code',
      prefix: 'runs/x',
      id: `s${slices++}`,
      capacity: 1e6,
      seconds: 60,
      table,
      tables: [table],
      ...slice,
    }) as unknown as WorkSlice;
  return {
    name,
    fn,
    objects,
    survey: (create) => ({ kind: 'survey', release: '9.9.9', bucket: 'code', prefix: 'runs/x', create, tables: [table] }),
    put: async (...items) => {
      for (let at = 0; at < items.length; at += 25) {
        const batch = items.slice(at, at + 25).map((Item) => ({ PutRequest: { Item } }));
        await stack.clients.dynamodb.send(new BatchWriteItemCommand({ RequestItems: { [name]: batch } }));
      }
    },
    once: async (slice) => (await runSlice(fn.runtime, whole(slice), invocation)) as SliceResponse,
    run: async (slice) => {
      const same = whole(slice);
      for (let i = 0; i < 50; i++) {
        const response = (await runSlice(fn.runtime, same, invocation)) as SliceResponse;
        if (response.done || response.problem !== undefined) return response;
      }
      throw new Error('the slice does not end');
    },
    lists: () =>
      [...objects]
        .filter(([key]) => key.includes('/lists/'))
        .flatMap(([, { text }]) => text.trim().split('\n'))
        .map((line) => JSON.parse(line) as Finding),
  };
}

const item = (n: number, more: Item = {}): Item => ({
  pk: { S: `a|${n % 5}` },
  sk: { N: String(n) },
  n: { N: '12345678901234567890.5' },
  ...more,
});
const idOf = (n: number): string => `a\\|${n % 5}|${n}`;

test('a table is written, damage is found in both directions, decided and fixed, and nothing else is written', async () => {
  const it = await subject();
  await it.put(...Array.from({ length: 300 }, (_, n) => item(n, { set: { SS: ['c', 'a', 'b'] }, map: { M: { x: { NULL: true } } } })));
  const survey = async (): Promise<SurveyResponse> => (await runSlice(it.fn.runtime, it.survey(true), invocation)) as SurveyResponse;
  expect(await survey()).toMatchObject({ tables: { [it.name]: { documents: 0, shards: [-1] } }, problems: [] });
  const written = [];
  for (const segment of [0, 1]) written.push(await it.run({ kind: 'scan', mode: 'write', segment, totalSegments: 2 }));
  expect(written.reduce((sum, { counts }) => sum + (counts.written ?? 0), 0)).toBe(300);
  const { index, shards } = (await survey()).tables[it.name] ?? { index: '', shards: [] };
  expect(Object.keys(await documents(stack.search, index)).length).toBe(300);

  // Nothing differs: the comparison writes nothing at all.
  const whole = { kind: 'scan', mode: 'compare', segment: 0, totalSegments: 1 } as const;
  expect((await it.run(whole)).counts).toMatchObject({ read: 300, equal: 300, candidates: 0 });
  expect((await it.run({ kind: 'walk', index, shard: 0, from: -1, to: shards[0] ?? 0 })).counts).toMatchObject({
    candidates: 0,
    unchecked: 0,
  });
  expect((await survey()).tables[it.name]?.shards).toEqual(shards);

  await ask(stack.search, 'DELETE', `/${index}/_doc/${encodeURIComponent(idOf(7))}`);
  await ask(stack.search, 'POST', `/${index}/_update/${encodeURIComponent(idOf(8))}`, { doc: { n: 1 } });
  for (const id of ['b|1', 'x', 'a\\|1|07', 'a|'])
    await ask(stack.search, 'PUT', `/${index}/_doc/${encodeURIComponent(id)}`, { by: 'hand' });
  const damaged = await survey();
  expect((await it.run(whole)).counts).toMatchObject({ equal: 298, candidates: 2 });
  expect((await it.run({ kind: 'walk', index, shard: 0, from: -1, to: damaged.tables[it.name]?.shards[0] ?? 0 })).counts).toMatchObject({
    candidates: 1,
    unchecked: 3,
  });
  const found = it.lists();
  expect(found.map(({ id, kind }) => [id, kind]).sort()).toEqual(
    [
      [idOf(7), 'missing'],
      [idOf(8), 'different'],
      ['b|1', 'stale'],
    ].sort(),
  );

  it.objects.set('code/candidates', { text: found.map((one) => `${JSON.stringify(one)}\n`).join(''), etag: '"x"' });
  // The delete by hand left a tombstone one above the version of its document; states that are read in a later second come above it.
  await sleep(2_100);
  const decide = await it.run({ kind: 'look', mode: 'decide', list: 'candidates', isLast: true });
  expect(decide.counts).toMatchObject({ missing: 1, different: 1, stale: 1, equal: 0 });
  const apply = await it.run({ kind: 'look', mode: 'apply', list: 'candidates', isLast: true });
  expect(apply.counts).toMatchObject({ repaired: 3, deleted: 1 });
  const after = await survey();
  expect((await it.run(whole)).counts).toMatchObject({ equal: 300, candidates: 0 });
  expect((await it.run({ kind: 'walk', index, shard: 0, from: -1, to: after.tables[it.name]?.shards[0] ?? 0 })).counts).toMatchObject({
    candidates: 0,
  });
});

test('a document whose item has none by its transform is found once, by the walk of the index', async () => {
  const it = await subject({
    defaults: { transform: 'transforms/hide.mjs' },
    transforms: { 'transforms/hide.mjs': (document) => (document.hidden === true ? null : document) },
  });
  await it.put(item(1), item(2, { hidden: { BOOL: true } }), item(3, { hidden: { BOOL: true } }));
  await it.run({ kind: 'scan', mode: 'write', segment: 0, totalSegments: 1 });
  const index = it.name.toLowerCase();
  await ask(stack.search, 'PUT', `/${index}/_doc/${encodeURIComponent(idOf(2))}`, { by: 'hand' });
  await ask(stack.search, 'POST', `/${index}/_refresh`);
  const scanned = await it.run({ kind: 'scan', mode: 'compare', segment: 0, totalSegments: 1 });
  expect(scanned.counts).toMatchObject({ read: 3, equal: 2, candidates: 0 });
  expect((await it.run({ kind: 'walk', index, shard: 0, from: -1, to: 1000 })).counts).toMatchObject({ candidates: 1 });
  expect(it.lists().map(({ id, kind }) => [id, kind])).toEqual([[idOf(2), 'stale']]);
});

test('a change on its way is no difference, and one that moves between two looks is looked at again', async () => {
  const it = await subject();
  await it.put(item(1), item(2), item(3));
  await it.run({ kind: 'scan', mode: 'write', segment: 0, totalSegments: 1 });
  for (const n of [1, 2])
    await stack.clients.dynamodb.send(new PutItemCommand({ TableName: it.name, Item: item(n, { late: { S: 'x' } }) }));
  expect((await it.run({ kind: 'scan', mode: 'compare', segment: 0, totalSegments: 1 })).counts).toMatchObject({ candidates: 2 });
  const found = it.lists();
  it.objects.set('code/candidates', { text: found.map((one) => `${JSON.stringify(one)}\n`).join(''), etag: '"x"' });
  // The record of one arrives, the other changes again.
  await ask(
    stack.search,
    'PUT',
    `/${it.name.toLowerCase()}/_doc/${encodeURIComponent(idOf(1))}`,
    JSON.parse('{"pk":"a|1","sk":1,"n":12345678901234567890.5,"late":"x"}'),
  );
  await stack.clients.dynamodb.send(new PutItemCommand({ TableName: it.name, Item: item(2, { late: { S: 'y' } }) }));
  const before = it.lists().length;
  const { counts } = await it.run({ kind: 'look', mode: 'decide', list: 'candidates', isLast: false });
  expect(counts).toMatchObject({ missing: 0, different: 0, stale: 0 });
  expect(
    it
      .lists()
      .slice(before)
      .map(({ id, kind }) => [id, kind]),
  ).toContainEqual([idOf(2), 'moving']);
});

test('a page that is made again changes nothing, and an old copy cannot move the cursor back', async () => {
  const it = await subject();
  await it.put(...Array.from({ length: 40 }, (_, n) => item(n)));
  const slice = { id: 'twice', kind: 'scan', mode: 'write', segment: 0, totalSegments: 1 } as const;
  const done = await it.run(slice);
  expect(done.counts).toMatchObject({ written: 40, read: 40 });
  expect(await it.run(slice)).toEqual({ ...done, throttled: { table: 0, cluster: 0 } });
  // A copy that read the checkpoint before it was written.
  const stale = memoryStore(it.objects);
  Object.assign(it.fn.runtime, { objects: { ...stale, get: () => Promise.resolve(undefined) } });
  expect(await it.run(slice).catch(() => 'superseded')).toBeDefined();
  expect(JSON.parse(it.objects.get('code/runs/x/slices/twice.json')?.text ?? '{}')).toMatchObject({ done: true, counts: { read: 40 } });
});

test('a copy of an invocation that comes too late does not change the list that the checkpoint names', async () => {
  const it = await subject();
  await it.put(item(1), item(2));
  const slice = { id: 'late', kind: 'scan', mode: 'compare', segment: 0, totalSegments: 1 } as const;
  expect((await it.run(slice)).counts).toMatchObject({ candidates: 2 });
  const { lists } = JSON.parse(it.objects.get('code/runs/x/slices/late.json')?.text ?? '{}') as SliceCheckpoint;
  const before = lists.map((list) => it.objects.get(`code/${list}`)?.text);
  expect(before.join('').trim().split('\n')).toHaveLength(2);
  // It read the checkpoint before there was one, and the table when it had one item less.
  const store = memoryStore(it.objects);
  const get = (...args: Parameters<typeof store.get>): ReturnType<typeof store.get> =>
    args[1].endsWith('late.json') ? Promise.resolve(undefined) : store.get(...args);
  Object.assign(it.fn.runtime, { objects: { ...store, get } });
  await stack.clients.dynamodb.send(new DeleteItemCommand({ TableName: it.name, Key: { pk: { S: 'a|1' }, sk: { N: '1' } } }));
  expect(await it.once(slice)).toMatchObject({ superseded: true });
  expect(lists.map((list) => it.objects.get(`code/${list}`)?.text)).toEqual(before);
});

test('after a repair, documents whose items are gone are deleted, and nothing else is changed', async () => {
  const it = await subject();
  const index = it.name.toLowerCase();
  await it.put(item(1), item(2));
  await it.run({ kind: 'scan', mode: 'write', segment: 0, totalSegments: 1 });
  await ask(stack.search, 'POST', `/${index}/_update/${encodeURIComponent(idOf(2))}`, { doc: { n: 1 } });
  await stack.clients.dynamodb.send(new DeleteItemCommand({ TableName: it.name, Key: { pk: { S: 'a|1' }, sk: { N: '1' } } }));
  const lines = [1, 2, 3].map((n) => {
    const { pk, sk } = item(n);
    return JSON.stringify({ table: it.name, id: idOf(n), keys: { pk, sk }, kind: 'missing' });
  });
  it.objects.set('code/repaired', { text: lines.join('\n'), etag: '"x"' });
  const { counts } = await it.run({ kind: 'look', mode: 'confirm', list: 'repaired', isLast: true });
  expect(counts).toEqual({ pages: 1, deleted: 1, 'read-capacity': expect.any(Number) as unknown });
  await ask(stack.search, 'POST', `/${index}/_refresh`);
  expect(await documents(stack.search, index)).toEqual({ [idOf(2)]: expect.objectContaining({ n: 1 }) });
});

test('a key that a list names twice is looked at once', async () => {
  const it = await subject();
  await it.put(item(1), item(2));
  const found = [1, 2, 1].map((n) => {
    const { pk, sk } = item(n);
    return `${JSON.stringify({ table: it.name, id: idOf(n), keys: { pk, sk }, kind: 'missing' })}\n`;
  });
  it.objects.set('code/twice', { text: found.join(''), etag: '"x"' });
  for (const [mode, counts] of [
    ['decide', { moving: 2 }],
    ['apply', { repaired: 2 }],
    ['confirm', { deleted: 0 }],
  ] as const) {
    const response = await it.run({ kind: 'look', mode, list: 'twice', isLast: true });
    expect(response).toMatchObject({ done: true, counts });
  }
});

test('an item that the engine refuses becomes a dead letter, and the rest is written', async () => {
  const it = await subject({ defaults: { mappings: { properties: { strict: { type: 'object', dynamic: 'strict' } } } } });
  await it.put(item(1), item(2, { strict: { M: { no: { S: 'x' } } } }), item(3));
  expect((await it.run({ kind: 'scan', mode: 'write', segment: 0, totalSegments: 1 })).counts).toMatchObject({
    written: 2,
    malformed: 1,
    newer: 0,
  });
  expect([...it.fn.deadLetters]).toEqual([
    [expect.stringMatching(/-none\.json$/), expect.objectContaining({ eventName: 'BACKFILL', sequenceNumber: null, id: idOf(2) })],
  ]);
});

test('what a live change wrote is newer than what was read, and a delete is not undone', async () => {
  const it = await subject();
  await it.put(item(1), item(2));
  const now = Math.floor(Date.now() / 1000);
  const { streamRecord } = await import('../../records.ts');
  await it.fn.invoke([
    streamRecord({ table: it.name, event: 'REMOVE', keys: { pk: { S: 'a|1' }, sk: { N: '1' } }, seconds: now }),
    streamRecord({
      table: it.name,
      event: 'MODIFY',
      keys: { pk: { S: 'a|2' }, sk: { N: '2' } },
      image: item(2, { live: { BOOL: true } }) as never,
      seconds: now,
    }),
  ]);
  expect((await it.run({ kind: 'scan', mode: 'write', segment: 0, totalSegments: 1 })).counts).toMatchObject({ written: 0, newer: 2 });
  await ask(stack.search, 'POST', `/${it.name.toLowerCase()}/_refresh`);
  expect(await documents(stack.search, it.name.toLowerCase())).toEqual({ [idOf(2)]: expect.objectContaining({ live: true }) });
  await stack.clients.dynamodb.send(new DeleteItemCommand({ TableName: it.name, Key: { pk: { S: 'a|1' }, sk: { N: '1' } } }));
});

test('a frozen document is reported and written by nothing, until someone deletes it', async () => {
  const it = await subject();
  const index = it.name.toLowerCase();
  await it.put(item(1), item(2));
  await it.run({ kind: 'scan', mode: 'write', segment: 0, totalSegments: 1 });
  // Nanoseconds, as another tool has them.
  const future = 'version=1763800000000000000&version_type=external';
  const frozen = [idOf(1), 'gone|1'].map((id) => `/${index}/_doc/${encodeURIComponent(id)}`);
  for (const path of frozen) await ask(stack.search, 'PUT', `${path}?${future}&refresh=true`, { by: 'another tool' });
  const states = async (): Promise<unknown[]> =>
    Promise.all(frozen.map(async (path) => (await ask(stack.search, 'GET', path)).body._seq_no));
  const before = await states();
  const whole = { kind: 'scan', segment: 0, totalSegments: 1 } as const;
  expect((await it.run({ ...whole, mode: 'compare' })).counts).toMatchObject({ candidates: 1, equal: 1 });
  expect((await it.run({ kind: 'walk', index, shard: 0, from: -1, to: 1000 })).counts).toMatchObject({ candidates: 1 });
  const candidates = it.lists();
  const listed = (findings: readonly Finding[]): string => {
    const list = `list-${it.objects.size}`;
    it.objects.set(`code/${list}`, { text: findings.map((one) => `${JSON.stringify(one)}\n`).join(''), etag: '"x"' });
    return list;
  };
  const decided = await it.run({ kind: 'look', mode: 'decide', list: listed(candidates), isLast: true });
  expect(decided.counts).toMatchObject({ frozen: 2, missing: 0, different: 0, stale: 0, moving: 0 });
  const found = it.lists().filter(({ kind }) => kind === 'frozen');
  expect(found.map(({ id }) => id).sort()).toEqual([idOf(1), 'gone|1']);
  const none = { repaired: 0, deleted: 0, newer: 0, moving: 0 };
  // Counted where it is found: by the look, or at the end of a backfill.
  for (const [findings, count] of [
    [found, 0],
    [candidates, 2],
  ] as const)
    expect((await it.run({ kind: 'look', mode: 'apply', list: listed(findings), isLast: true })).counts).toMatchObject({
      ...none,
      frozen: count,
    });
  const again = await it.run({ ...whole, mode: 'write', id: 'again' });
  expect(again.counts).toMatchObject({ read: 2, frozen: 1 });
  expect((again.counts.written ?? 0) + (again.counts.newer ?? 0)).toBe(1);
  const [list = ''] = (JSON.parse(it.objects.get('code/runs/x/slices/again.json')?.text ?? '{}') as SliceCheckpoint).lists;
  expect(JSON.parse(it.objects.get(`code/${list}`)?.text ?? '')).toMatchObject({ id: idOf(1), keys: found[0]?.keys, kind: 'frozen' });
  expect(await states()).toEqual(before);

  for (const path of frozen) await ask(stack.search, 'DELETE', path);
  await ask(stack.search, 'POST', `/${index}/_close`);
  await ask(stack.search, 'POST', `/${index}/_open?wait_for_active_shards=1`);
  const repaired = await it.run({ kind: 'look', mode: 'apply', list: listed(found), isLast: true });
  expect(repaired.counts).toMatchObject({ repaired: 1, frozen: 0, equal: 1 });
  expect((await it.run({ ...whole, mode: 'compare' })).counts).toMatchObject({ equal: 2, candidates: 0 });
});

test('a slice of another release is refused with the remedy, and so is a table without versions', async () => {
  const it = await subject({ defaults: { versioning: 'none' } });
  await it.put(item(1));
  await expect(runSlice(it.fn.runtime, { ...it.survey(true), release: '0.0.1' }, invocation)).rejects.toThrow(/run operation deploy/);
  expect((await it.run({ kind: 'scan', mode: 'write', segment: 0, totalSegments: 1 })).problem).toMatch(/versioning: external/);
});

test('a slice says that one of its writes got no response, since that may still arrive', async () => {
  const proxy = await startProxy(stack.search.url);
  const it = await subject({ endpoint: proxy.url });
  await it.put(item(1), item(2));
  const whole = { kind: 'scan', mode: 'write', segment: 0, totalSegments: 1 } as const;
  proxy.on(/_bulk$/, { response: { status: 504, body: 'upstream request timeout' } });
  expect(await it.run(whole)).toMatchObject({ done: true, late: true, counts: { read: 2, written: 2 } });
  proxy.on(/_bulk$/, { truncateBytes: 5 });
  expect(await it.run(whole)).toMatchObject({ done: true, late: true, counts: { read: 2 } });
  expect(await it.run(whole)).toEqual(expect.not.objectContaining({ late: true }));
  await proxy.stop();
});

test('a slice works no longer than it is told, whatever its invocation has', async () => {
  const it = await subject();
  await it.put(...Array.from({ length: 40 }, (_, n) => item(n)));
  // Two units per second, and a second of work: a part of the table is read.
  const slice = { kind: 'scan', mode: 'write', segment: 0, totalSegments: 1, operation: 'backfill', release: '9.9.9' } as const;
  const table = {
    name: it.name,
    keys: [
      { name: 'pk', type: 'S' },
      { name: 'sk', type: 'N' },
    ],
  } as const;
  const place = { bucket: 'code', prefix: 'runs/x', id: 'short', capacity: 1, seconds: 1 };
  const response = (await runSlice(it.fn.runtime, { ...slice, ...place, table }, { ...invocation, remaining: 900_000 })) as SliceResponse;
  expect(response.done).toBe(false);
  expect(response.counts.read ?? 0).toBeLessThan(40);
});

test('a driver that counts failures gets one from an invocation that comes no further, and only from such a one', async () => {
  const proxy = await startProxy(stack.search.url);
  const it = await subject({ endpoint: proxy.url });
  await it.put(...Array.from({ length: 3 }, (_, n) => item(n)));
  const slice = { kind: 'scan', mode: 'write', id: 'counted', segment: 0, totalSegments: 1, failsWhenStuck: true } as const;
  const checkpoint = (): SliceCheckpoint => JSON.parse(it.objects.get('code/runs/x/slices/counted.json')?.text ?? '{}') as SliceCheckpoint;
  proxy.on(/_bulk$/, { response: { status: 403, body: { error: { type: 'security_exception', reason: 'no permissions' } } } });
  await expect(it.run(slice)).rejects.toThrow(/403/);
  expect(checkpoint()).toMatchObject({ done: false, cursor: null });
  expect(checkpoint().problem).toMatch(/403/);
  expect(await it.run(slice)).toMatchObject({ done: true, counts: { written: 3 } });
  expect(checkpoint()).not.toHaveProperty('problem');
  await proxy.stop();
  // No step fits into a moment; nor does it for the driver that goes by checkpoints, which gets no failure.
  const moment = { kind: 'scan', mode: 'write', segment: 0, totalSegments: 1, seconds: 0.001 } as const;
  await expect(it.run({ ...moment, failsWhenStuck: true })).rejects.toThrow(/too short for one step/);
  expect(await it.run(moment)).toMatchObject({
    done: false,
    problem: 'the time of an invocation is too short for one step: raise timeout or memory-size of the function, or max-read-capacity',
  });
}, 60_000);

test('an invocation that DynamoDB throttles from its beginning to its end is a failure only for a driver that counts them', async () => {
  const proxy = await startProxy(stack.dynamodb.url);
  const it = await subject({ env: { ...stack.env, AWS_ENDPOINT_URL_DYNAMODB: proxy.url } });
  await it.put(item(1));
  const throttled = { __type: 'com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException', message: 'slow' };
  const scan = { kind: 'scan', mode: 'write', segment: 0, totalSegments: 1, seconds: 1 } as const;
  proxy.on('dynamodb:Scan', { response: { status: 400, body: throttled } }, Infinity);
  await expect(it.run({ ...scan, failsWhenStuck: true })).rejects.toThrow(/DynamoDB throttled the reads of \S+ for as long as/);
  const response = await it.once(scan);
  expect(response).toMatchObject({ done: false, throttled: { table: expect.any(Number) as unknown } });
  expect(response).not.toHaveProperty('problem');
  await proxy.stop();
});

test('however low the read capacity is, each invocation gets further, by what fits into its time', async () => {
  const it = await subject();
  const index = it.name.toLowerCase();
  await it.put(...Array.from({ length: 60 }, (_, n) => item(n)));
  await it.run({ kind: 'scan', mode: 'write', segment: 0, totalSegments: 1 });
  await ask(stack.search, 'POST', `/${index}/_refresh`);
  const findings = Array.from({ length: 60 }, (_, n) => {
    const { pk, sk } = item(n);
    return JSON.stringify({ table: it.name, id: idOf(n), keys: { pk, sk }, kind: 'different' });
  });
  it.objects.set('code/candidates', { text: findings.join('\n'), etag: '"x"' });
  let now = Date.now();
  let deadline = now;
  // A sleep beyond the end of the invocation is cut off.
  const sleep = (ms: number): Promise<void> =>
    now + ms > deadline ? Promise.reject(new Error('time is up')) : Promise.resolve(void (now += ms));
  Object.assign(it.fn.runtime, { now: () => now, sleep });
  for (const slice of [
    { kind: 'walk', index, shard: 0, from: -1, to: 1000, id: 'walk' },
    { kind: 'look', mode: 'decide', list: 'candidates', isLast: true, id: 'look' },
  ] as const) {
    let [done, pages] = [false, 0];
    while (!done) {
      deadline = now + 10_000;
      await it.once({ ...slice, capacity: 0.5, seconds: 10 }).catch(() => undefined);
      const checkpoint = JSON.parse(it.objects.get(`code/runs/x/slices/${slice.id}.json`)?.text ?? '{}') as SliceCheckpoint;
      expect(checkpoint.counts.pages).toBeGreaterThan(pages);
      ({ done } = checkpoint);
      pages = checkpoint.counts.pages ?? 0;
    }
    expect(pages).toBeGreaterThan(5);
  }
});

test('the slices of a list that are open are counted by their checkpoints', async () => {
  const it = await subject();
  const ids = Array.from({ length: 100 }, (_, n) => `scan-${n}`);
  const store = memoryStore(it.objects);
  const { signal } = new AbortController();
  await store.put('code', 'runs/x/executions/list.json', JSON.stringify(ids.map((id) => ({ slice: { id }, pages: 0 }))), signal);
  for (const [n, id] of ids.entries())
    if (n % 10 !== 3) await store.put('code', `runs/x/slices/${id}.json`, JSON.stringify({ done: n % 10 !== 5 }), signal);
  const count = { kind: 'count', release: '9.9.9', bucket: 'code', prefix: 'runs/x', list: 'runs/x/executions/list.json' } as const;
  expect(await runSlice(it.fn.runtime, count, invocation)).toEqual({ slices: 100, open: 20 });
  await expect(runSlice(it.fn.runtime, { ...count, list: 'runs/x/none.json' }, invocation)).rejects.toThrow(/does not exist/);
});

test('slices with an index work on that one, and leave the index of the table as it is', async () => {
  const it = await subject();
  const [own, target] = [it.name.toLowerCase(), `${it.name.toLowerCase()}-2`];
  await it.put(item(1), item(2), item(3));
  for (const index of [own, target]) await ask(stack.search, 'PUT', `/${index}`, {});
  const scan = { kind: 'scan', segment: 0, totalSegments: 1, index: target } as const;
  expect((await it.run({ ...scan, mode: 'write' })).counts).toMatchObject({ read: 3, written: 3 });
  await ask(stack.search, 'DELETE', `/${target}/_doc/${encodeURIComponent(idOf(2))}`);
  expect((await it.run({ ...scan, mode: 'compare' })).counts).toMatchObject({ equal: 2, candidates: 1 });
  const list = [...it.objects.keys()].find((key) => key.includes('/lists/'))?.replace('code/', '') ?? '';
  expect((await it.run({ kind: 'look', mode: 'decide', list, isLast: false, index: target })).counts).toMatchObject({ missing: 1 });
  expect((await it.run({ kind: 'look', mode: 'decide', list, isLast: false })).counts).toMatchObject({ missing: 1, different: 0 });
  const surveyed = (await runSlice(it.fn.runtime, { ...it.survey(false), index: target }, invocation)) as SurveyResponse;
  expect(surveyed.tables[it.name]).toMatchObject({ name: target, index: target });
  await ask(stack.search, 'POST', `/${own}/_refresh`);
  expect(await documents(stack.search, own)).toEqual({});
});
