// The promise itself: at the end of the stream every index equals its table, whatever happened on the way.
//
// Random writes go to tables of DynamoDB Local; the built function reads their real streams, through a proxy that throttles, cuts,
// delays beyond the deadline (such a request still reaches the cluster, late) and responds with nonsense, while its process is killed in
// the middle of batches and old batches are replayed. Beside the stream run backfills and repairs that are abandoned and go on, and indexes
// are closed and opened, which makes them forget what was deleted. Then every item is compared with its document.
//
// CONVERGENCE_SEED repeats a run; CONVERGENCE_MINUTES lets it go on for that long, CONVERGENCE_OPERATIONS for that many writes.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, expect, test } from '@jest/globals';
import { CreateTableCommand, type AttributeValue, DeleteItemCommand, paginateScan, PutItemCommand } from '@aws-sdk/client-dynamodb';
import { CreateBucketCommand } from '@aws-sdk/client-s3';
import { unmarshall } from '@aws-sdk/util-dynamodb';
import { writeFunction } from '../stack/function-folder.ts';
import { startLambda } from '../stack/lambda-host.ts';
import { Player } from '../stack/player.ts';
import { startProxy, type Behaviour } from '../stack/proxy.ts';
import { randomFrom } from '../stack/random.ts';
import { uniqueName, useStack } from '../stack/use-stack.ts';
import { ask } from '../handler/function.ts';
import { BesideStream } from './beside-stream.ts';

const stack = await useStack();
const seed = Number(process.env.CONVERGENCE_SEED ?? Math.floor(Math.random() * 2 ** 31));
const minutes = Number(process.env.CONVERGENCE_MINUTES ?? 0);
const operations = Number(process.env.CONVERGENCE_OPERATIONS ?? 3000);
/** ms: short, so that delays beyond it cost little. */
const TIMEOUT = 2000;
const RELEASE = '0.0.0';
const KEYS = 60;

/** Calls and requests that are kept: a run of many minutes must not hold them all. */
const KEEP = 2000;
const proxy = await startProxy(stack.search.url, { keep: KEEP });
const folder = await mkdtemp(join(tmpdir(), 'convergence-'));
afterAll(async () => {
  await proxy.stop();
  await rm(folder, { recursive: true, force: true });
});

const random = randomFrom(seed);
const pick = <T>(items: readonly T[]): T => items[Math.floor(random() * items.length)] as T;

/** The faults of a request, and their frequency. */
const FAULTS: readonly (readonly [number, () => Behaviour])[] = [
  [0.06, () => ({ response: { status: 429, body: { error: { type: 'es_rejected_execution_exception', reason: 'busy' } } } })],
  [0.03, () => ({ response: { status: 503, body: 'Service Unavailable' } })],
  [0.04, () => ({ reset: 'before' })],
  [0.04, () => ({ reset: 'after' })],
  [0.03, () => ({ truncateBytes: 30 })],
  [0.02, () => ({ delayMs: TIMEOUT * 2 })],
  [0.03, () => ({ delayMs: 100 })],
  [0.02, () => ({ response: { status: 403, body: { Message: 'not authorized, for a moment' } } })],
];

function fault(): Behaviour | undefined {
  let at = random();
  for (const [share, behaviour] of FAULTS) if ((at -= share) < 0) return behaviour();
  return undefined;
}

interface TestTable {
  readonly name: string;
  readonly index: string;
  readonly stream: string;
  readonly sortKey: boolean;
  /** Whether its trigger has ReportBatchItemFailures. */
  readonly reports: boolean;
}

async function createTable(name: string, sortKey: boolean, reports: boolean): Promise<TestTable> {
  const { TableDescription } = await stack.clients.dynamodb.send(
    new CreateTableCommand({
      TableName: name,
      BillingMode: 'PAY_PER_REQUEST',
      AttributeDefinitions: [
        { AttributeName: 'pk', AttributeType: 'S' as const },
        ...(sortKey ? [{ AttributeName: 'sk', AttributeType: 'N' as const }] : []),
      ],
      KeySchema: [
        { AttributeName: 'pk', KeyType: 'HASH' as const },
        ...(sortKey ? [{ AttributeName: 'sk', KeyType: 'RANGE' as const }] : []),
      ],
      StreamSpecification: { StreamEnabled: true, StreamViewType: 'NEW_AND_OLD_IMAGES' },
    }),
  );
  return { name, index: name.toLowerCase(), stream: TableDescription?.LatestStreamArn ?? '', sortKey, reports };
}

const keyOf = (table: TestTable, n: number): Record<string, AttributeValue> =>
  table.sortKey ? { pk: { S: `item|${n % 7}` }, sk: { N: String(n) } } : { pk: { S: `item ${n}` } };

function randomItem(table: TestTable, n: number, round: number): Record<string, AttributeValue> {
  const values: Record<string, AttributeValue> = {
    round: { N: String(round) },
    text: { S: `words ${Math.floor(random() * 1000)}` },
    flag: { BOOL: random() < 0.5 },
    map: { M: { inner: { N: String(Math.floor(random() * 100)) }, none: { NULL: true } } },
    set: { SS: ['a', 'b', 'c'].slice(0, 1 + Math.floor(random() * 3)) },
    list: { L: [{ S: 'x' }, { S: String(round) }] },
  };
  // Attributes come and go: what an item no longer has must not stay in its document.
  return { ...keyOf(table, n), ...Object.fromEntries(Object.entries(values).filter(([name]) => name === 'round' || random() < 0.6)) };
}

/** The document of an item by the SDK's own unmarshalling: the items here hold nothing that it gets wrong. */
function expected(item: Record<string, AttributeValue>): unknown {
  return JSON.parse(
    JSON.stringify(unmarshall(item), (_, value: unknown) => (value instanceof Set ? [...(value as Set<unknown>)].sort() : value)),
  );
}

test(
  `every index equals its table (CONVERGENCE_SEED=${seed})`,
  async () => {
    const tables = [await createTable(uniqueName('Orders'), true, true), await createTable(uniqueName('9.people'), false, false)];
    const mapping = Object.fromEntries(
      tables.map(({ name, index, sortKey, reports }) => [
        name.toLowerCase(),
        { TableName: name, PrimaryKey: 'pk', ...(sortKey ? { SortKey: 'sk' } : {}), Index: index, ReportBatchItemFailures: reports },
      ]),
    );
    writeFunction(folder, mapping, {
      endpoint: proxy.url,
      release: RELEASE,
      options: { defaults: { 'on-malformed': 'fail' }, tables: {} },
    });
    const hosts = await Promise.all(
      tables.map(() => startLambda({ folder, name: 'convergence', environment: stack.env, timeout: TIMEOUT / 1000 })),
    );
    const players = tables.map(({ stream, reports }, i) =>
      new Player({
        streams: stack.clients.streams,
        retryMs: 20,
        keep: KEEP,
        mapping: {
          EventSourceArn: stream,
          StartingPosition: 'TRIM_HORIZON',
          BatchSize: 100,
          BisectBatchOnFunctionError: true,
          FunctionResponseTypes: reports ? ['ReportBatchItemFailures'] : [],
        },
        invoke: (event) => {
          const host = hosts[i];
          if (host === undefined) throw new Error('no host');
          return host.invoke(event);
        },
      }).start(),
    );
    proxy.on(() => true, fault, Infinity);

    const bucket = uniqueName('code');
    await stack.clients.s3.send(
      new CreateBucketCommand({ Bucket: bucket, CreateBucketConfiguration: { LocationConstraint: 'eu-west-1' } }),
    );
    const beside = (table: TestTable, prefix: string, isOver: () => boolean): BesideStream => {
      const keys = [{ name: 'pk', type: 'S' as const }, ...(table.sortKey ? [{ name: 'sk', type: 'N' as const }] : [])];
      const host = hosts[tables.indexOf(table)];
      if (host === undefined) throw new Error('no host');
      return new BesideStream({ stack, host, bucket, prefix, release: RELEASE, table: { name: table.name, keys }, isOver });
    };
    let isEnd = false;
    let ended = 0;
    const besides = tables.map(async (table) => {
      for (let runs = 0; !isEnd; runs++) {
        let left = Math.floor(random() * 30);
        // Every other run is the former one, which goes on where it was abandoned.
        const run = beside(table, `runs/${table.index}/${runs >> 1}`, () => isEnd || left-- <= 0);
        if (await (runs % 4 < 2 ? run.backfill() : run.repair())) ended++;
        await sleep(200);
      }
    });

    const until = Date.now() + minutes * 60_000;
    for (let round = 0; minutes > 0 ? Date.now() < until : round < operations; round++) {
      const table = pick(tables);
      const n = Math.floor(random() * KEYS);
      const command = { TableName: table.name };
      if (random() < 0.3) await stack.clients.dynamodb.send(new DeleteItemCommand({ ...command, Key: keyOf(table, n) }));
      else await stack.clients.dynamodb.send(new PutItemCommand({ ...command, Item: randomItem(table, n, round) }));
      if (random() < 0.01) pick(hosts).kill();
      if (random() < 0.01) {
        const player = pick(players);
        const old = player.history.length === 0 ? undefined : pick(player.history);
        // Beside the stream, whenever the function has time for it; it may fail like everything else.
        if (old !== undefined) void player.replay(old.records);
      }
      if (random() < 0.003) {
        const { index } = pick(tables);
        await ask(stack.search, 'POST', `/${index}/_close`);
        await ask(stack.search, 'POST', `/${index}/_open`);
      }
      if (random() < 0.05) await sleep(random() * 40);
    }

    // The faults end, and the late requests that are still on their way arrive.
    proxy.clear();
    await Promise.all(players.map((player) => player.drained()));
    isEnd = true;
    await Promise.all(besides);
    await sleep(TIMEOUT * 2 + 500);
    // What a replay or a late request has left behind, and an index forgot, is found and fixed.
    for (const table of tables) expect(await beside(table, `runs/${table.index}/last`, () => false).repair()).toBe(true);
    await Promise.all(players.map((player) => player.stop()));
    await Promise.all(hosts.map((host) => host.stop()));

    for (const table of tables) {
      const items = new Map<string, unknown>();
      for await (const page of paginateScan({ client: stack.clients.dynamodb }, { TableName: table.name, ConsistentRead: true })) {
        for (const item of page.Items ?? []) {
          const { pk, sk } = item;
          items.set(table.sortKey ? `${pk?.S?.replace('|', '\\|')}|${sk?.N}` : String(pk?.S), expected(item));
        }
      }
      await ask(stack.search, 'POST', `/${table.index}/_refresh`);
      const { body } = await ask(stack.search, 'POST', `/${table.index}/_search`, { size: 10_000 });
      const { hits } = body.hits as { hits: { _id: string; _source: Record<string, unknown> }[] };
      const documents = hits.map(
        ({ _id, _source: { set, ...rest } }) =>
          [_id, { ...rest, ...(Array.isArray(set) ? { set: (set as string[]).sort() } : {}) }] as const,
      );
      expect(new Map([...documents].sort())).toEqual(new Map([...items].sort()));
      expect(items.size).toBeGreaterThan(0);
    }
    const attempts = players.flatMap(({ history }) => history);
    // The run did meet what it is about: failures reported, failures thrown, and processes that died.
    expect(attempts.some(({ response }) => response.functionError !== undefined)).toBe(true);
    expect(attempts.some(({ response }) => response.payload.includes('itemIdentifier'))).toBe(true);
    expect(ended).toBeGreaterThan(0);
    expect(hosts.reduce((sum, host) => sum + host.coldStarts, 0)).toBeGreaterThan(hosts.length);
  },
  minutes * 60_000 + 600_000,
);
