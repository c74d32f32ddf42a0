// A table is reindexed while items change and searches go on: by the built action, killed at each of its steps.
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { BatchWriteItemCommand, DeleteItemCommand, DescribeTableCommand, paginateScan, PutItemCommand } from '@aws-sdk/client-dynamodb';
import { InvokeCommand } from '@aws-sdk/client-lambda';
import type { FunctionConfig } from '../../formats/function-config.ts';
import type { ActionRun } from '../stack/action-run.ts';
import { ask } from '../handler/function.ts';
import { downloadPackage } from '../stack/deployed-package.ts';
import { Player } from '../stack/player.ts';
import { useStack } from '../stack/use-stack.ts';
import { prepareDeployment, type Deployment } from './deployment.ts';

const stack = await useStack();
/** Items that stay as they are: every search has to find them all. */
const STABLE = 300;
/** Keys of items that come and go. */
const KEYS = 400;
/** ms between two changes, so that few items change twice in the half minute between two looks of a comparison. */
const CHANGE_EVERY = 100;
let it: Deployment;
let table: string;
let name: string;
let player: Player;
/** Searches that found less than there was before, and those that the engine failed. */
const problems: string[] = [];
let failed = 0;
let searches = 0;

const idOf = (id: string, line: number): string => `${id}|${line}`;
const key = (n: number): { id: { S: string }; line: { N: string } } => ({ id: { S: `moving ${n}` }, line: { N: '0' } });

/** What the function really runs. */
async function reindexOf(): Promise<FunctionConfig['reindex']> {
  const { files, remove } = await downloadPackage(stack.clients.lambda, it.name);
  await remove();
  return (JSON.parse(Buffer.from(files['config.json'] ?? []).toString('utf8')) as FunctionConfig).reindex;
}

async function indexesOf(alias: string): Promise<string[]> {
  const { body, status } = await ask(stack.search, 'GET', `/_alias/${alias}`);
  return status === 404 ? [] : Object.keys(body).sort();
}

const exists = async (index: string): Promise<boolean> => (await ask(stack.search, 'HEAD', `/${index}`)).status === 200;

async function documentsOf(index: string): Promise<Record<string, unknown>> {
  await ask(stack.search, 'POST', `/${index}/_refresh`);
  const { body, text } = await ask(stack.search, 'POST', `/${index}/_search`, { size: 10_000 });
  const hits = (body.hits as { hits: { _id: string; _source: { round?: number } }[] } | undefined)?.hits;
  if (hits === undefined) throw new Error(text);
  return Object.fromEntries(hits.map(({ _id, _source }) => [_id, _source.round ?? -1]));
}

async function itemsOf(): Promise<Record<string, unknown>> {
  const items: Record<string, unknown> = {};
  for await (const { Items = [] } of paginateScan({ client: stack.clients.dynamodb }, { TableName: table, ConsistentRead: true }))
    for (const { id, line, round } of Items) items[idOf(id?.S ?? '', Number(line?.N))] = Number(round?.N ?? -1);
  return items;
}

/** Changes and deletes items, and searches for those that stay, until it is stopped. */
function keepChanging(): { stop(): Promise<void> } {
  let isOver = false;
  const writing = (async () => {
    for (let round = 1; !isOver; round++) {
      const n = round % KEYS;
      const write =
        round % 3 === 0
          ? new DeleteItemCommand({ TableName: table, Key: key(n) })
          : new PutItemCommand({ TableName: table, Item: { ...key(n), round: { N: String(round) } } });
      await stack.clients.dynamodb.send(write as PutItemCommand);
      await new Promise((resolve) => setTimeout(resolve, CHANGE_EVERY));
    }
  })();
  const searching = (async () => {
    while (!isOver) {
      const { status, body } = await ask(stack.search, 'POST', `/${name}/_search`, {
        size: 0,
        track_total_hits: true,
        query: { term: { kind: 'stable' } },
      });
      const found = (body.hits as { total: { value: number } } | undefined)?.total.value;
      searches++;
      if (status !== 200) failed++;
      else if (found !== STABLE) problems.push(`${found ?? 'none'} of ${STABLE} documents were found`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  })();
  return {
    stop: async () => {
      isOver = true;
      await Promise.all([writing, searching]);
    },
  };
}

beforeAll(async () => {
  it = await prepareDeployment(stack);
  table = it.tables[0] ?? '';
  name = table.toLowerCase();
  for (let at = 0; at < STABLE; at += 25) {
    const batch = Array.from({ length: 25 }, (_, i) => ({
      PutRequest: { Item: { id: { S: 'stable' }, line: { N: String(at + i) }, kind: { S: 'stable' } } },
    }));
    await stack.clients.dynamodb.send(new BatchWriteItemCommand({ RequestItems: { [table]: batch } }));
  }
  expect(await it.run({ tables: table, timeout: '15', 'backfill-new-tables': 'always' })).toMatchObject({ code: 0 });
  const { Table } = await stack.clients.dynamodb.send(new DescribeTableCommand({ TableName: table }));
  player = new Player({
    streams: stack.clients.streams,
    mapping: {
      EventSourceArn: Table?.LatestStreamArn,
      StartingPosition: 'TRIM_HORIZON',
      BatchSize: 100,
      FunctionResponseTypes: ['ReportBatchItemFailures'],
    },
    invoke: async (event) => {
      const { Payload, FunctionError } = await stack.clients.lambda.send(
        new InvokeCommand({ FunctionName: it.name, Payload: JSON.stringify(event) }),
      );
      return {
        payload: Buffer.from(Payload ?? []).toString('utf8'),
        ...(FunctionError === undefined ? {} : { functionError: FunctionError }),
      };
    },
  }).start();
  await player.drained();
}, 300_000);
afterAll(async () => {
  await player.stop();
  await it.stop();
});

const reindex = (inputs: Record<string, string> = {}, options: Parameters<Deployment['run']>[1] = {}): Promise<ActionRun> =>
  it.run({ operation: 'reindex', tables: table, ...inputs }, options);

/** The record of the reindex, in the bucket. */
const record = async (): Promise<{ step: string; finished: boolean }> =>
  JSON.parse((await it.object(`runs/${it.name}/reindex/${table}/run.json`)) ?? '{}') as { step: string; finished: boolean };

/**
 * Kills the run when it is about to write its record for the n-th time: first as it begins, then after each step.
 * A killed run keeps the table for 30 s, which is not waited for here.
 */
async function killedAt(n: number): Promise<void> {
  let send: (signal: NodeJS.Signals) => void = () => undefined;
  let writes = 0;
  it.aws.on(
    ({ operation, path }) => operation === 's3:PutObject' && path.includes(`/reindex/${encodeURIComponent(table)}/run.json`),
    () => {
      if (++writes < n) return undefined;
      send('SIGKILL');
      return { reset: 'before' };
    },
    Infinity,
  );
  await reindex({}, { onStart: (kill) => (send = kill) });
  it.aws.clear();
  expect(writes).toBe(n);
  await it.put(`runs/${it.name}/locks/${table}.json`, JSON.stringify({ holder: '', url: '', beat: 0, lateUntil: 0, longestMs: 0 }));
}

/** Does something while items change and searches go on; at its end every one of the indexes equals the table, and no search has missed anything. */
async function whileChanging(work: () => Promise<void>, ...indexes: string[]): Promise<void> {
  const live = keepChanging();
  try {
    await work();
  } finally {
    await live.stop();
  }
  await player.drained();
  const items = await itemsOf();
  expect(Object.keys(items).length).toBeGreaterThanOrEqual(STABLE);
  for (const index of indexes) expect(await documentsOf(index)).toEqual(items);
  expect(problems).toEqual([]);
  expect(failed).toBe(0);
}

test.each([
  ['none', {}, /a reindex is of one table, and the input names none/],
  ['unknown', { tables: 'Nowhere' }, /does not know the table Nowhere/],
  ['another operation', { operation: 'verify', to: 'orders-1' }, /to: it has no meaning with operation verify/],
])('a wrong input is refused with one sentence, and nothing is begun: %s', async (_, inputs, sentence) => {
  const run = await it.run({ operation: 'reindex', ...inputs });
  expect(run.code).toBe(1);
  expect(run.log).toMatch(sentence);
  expect(it.mutations()).toEqual([]);
});

test('an index to go back to is refused where the function writes to one index', async () => {
  const run = await reindex({ to: `${name}-9` });
  expect(run).toMatchObject({ code: 1 });
  expect(run.log).toMatch(/to: .*-9 is not an index that changes of table .* are written to, and no reindex of it is under way/);
});

test('a dry run shows the steps, and that the index cannot be kept, and changes nothing', async () => {
  const run = await reindex({ 'dry-run': 'true' });
  expect(run).toMatchObject({ code: 0, outputs: { complete: 'false' } });
  expect(run.log).toContain(`index ${name}-2`);
  expect(run.log).toMatch(/one request replaces it by an alias, so that it cannot be kept/);
  expect(run.log).toMatch(/doubles the writes and the storage/);
  expect(it.mutations()).toEqual([]);
  expect(await exists(`${name}-2`)).toBe(false);
});

test('a dry run by a role that may not invoke the function shows the steps, says what it does not know, and changes nothing', async () => {
  const message = 'User is not authorized to perform: lambda:InvokeFunction';
  it.aws.on('lambda:Invoke', { response: { status: 403, body: { __type: 'AccessDeniedException', message } } }, Infinity);
  const run = await reindex({ 'dry-run': 'true' });
  expect(run).toMatchObject({ code: 0, outputs: { complete: 'false' } });
  expect(run.log).toContain(`The plan knows neither the index that ${name} leads to nor whether an earlier reindex of table ${table}`);
  expect(run.log).toContain(`index ${name}-<n>`);
  expect(run.log).toMatch(/time: .* at \d+ read capacity units per second/);
  const back = await reindex({ 'dry-run': 'true', to: `${name}-9` });
  const real = await reindex();
  it.aws.clear();
  expect(back).toMatchObject({ code: 1 });
  expect(back.log).toMatch(/to: .*-9 is not an index that changes of table .* are written to/);
  // A real run needs what it may not do.
  expect(real).toMatchObject({ code: 1 });
  expect(real.log).toMatch(/The deploying role needs the permission lambda:InvokeFunction/);
  expect(it.mutations()).toEqual([]);
});

test('delete-old-index where nothing is to be ended is refused with one sentence, and nothing is begun', async () => {
  const run = await reindex({ 'delete-old-index': 'true' });
  expect(run).toMatchObject({ code: 1 });
  expect(run.log).toMatch(/delete-old-index: changes of table .* are written to .* alone, so there is nothing to end/);
  expect(it.mutations()).toEqual([]);
});

/** The step at which a run is killed, and the write of its record: those before it are of its beginning and of the step before. */
const KILLS = [
  ['create', 2],
  ['deploy', 3],
  ['backfill', 3],
  ['verify', 3],
  ['end', 2],
] as const;

test('a name that is an index becomes an alias, with a kill at each step, and nothing is lost or missed meanwhile', async () => {
  await whileChanging(async () => {
    for (const [step, n] of KILLS) {
      await killedAt(n);
      // The step is made, and its end is not recorded.
      expect(await record()).toMatchObject({ step, finished: false });
      if (['create', 'deploy', 'backfill'].includes(step)) expect(await indexesOf(name)).toEqual([]);
    }
    expect(await indexesOf(name)).toEqual([`${name}-2`]);
    const run = await reindex();
    expect(run).toMatchObject({ code: 0, outputs: { complete: 'true' } });
    expect(await record()).toMatchObject({ finished: true });
    expect(await reindexOf()).toBeUndefined();
    // The engine fails searches for the instant in which it removes an index.
    expect(failed).toBeLessThan(searches / 20);
    failed = 0;
  }, `${name}-2`);
}, 900_000);

test('the next reindex keeps the old index and writes to both, a deploy too, and searches can go back', async () => {
  const both = [`${name}-2`, `${name}-3`] as const;
  await whileChanging(
    async () => {
      const run = await reindex();
      expect(run).toMatchObject({ code: 0, outputs: { complete: 'true', differences: '0', changed: 'true' } });
      expect(run.log).toMatch(/searches use .*-3 from now on/);
      expect(run.summary).toContain(`to: ${name}-2`);
      expect(await indexesOf(name)).toEqual([`${name}-3`]);
      expect((await reindexOf())?.[table]?.indexes).toEqual(both);
      expect(await it.run({ tables: table, description: 'pushed in between' })).toMatchObject({ code: 0 });
      expect((await reindexOf())?.[table]?.indexes).toEqual(both);
    },
    ...both,
  );
  await whileChanging(
    async () => {
      expect(await reindex({ to: `${name}-2` })).toMatchObject({ code: 0, outputs: { complete: 'true' } });
      expect(await indexesOf(name)).toEqual([`${name}-2`]);
    },
    ...both,
  );
}, 900_000);

test('delete-old-index ends the writing of two indexes and deletes the one that searches do not use', async () => {
  await whileChanging(async () => {
    const run = await reindex({ 'delete-old-index': 'true' });
    expect(run).toMatchObject({ code: 0, outputs: { complete: 'true' } });
    expect(await reindexOf()).toBeUndefined();
    expect(await exists(`${name}-3`)).toBe(false);
    expect(await indexesOf(name)).toEqual([`${name}-2`]);
  }, `${name}-2`);
}, 900_000);

test('a name that someone else has moved stays where it is', async () => {
  await killedAt(3);
  expect(await record()).toMatchObject({ step: 'deploy' });
  await ask(stack.search, 'PUT', `/${name}-other`, {});
  await ask(stack.search, 'POST', '/_aliases', {
    actions: [{ remove: { index: `${name}-2`, alias: name } }, { add: { index: `${name}-other`, alias: name } }],
  });
  const run = await reindex();
  expect(run).toMatchObject({ code: 1 });
  expect(run.log).toMatch(/leads to .*-other and no longer to .*-2 as when the reindex .* began: someone else has moved it/);
  expect(await indexesOf(name)).toEqual([`${name}-other`]);
}, 900_000);
