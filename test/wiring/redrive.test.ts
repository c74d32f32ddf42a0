// redrive: the built action works off what the deployed function has left in S3, with a table of DynamoDB Local and a real index.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import { DeleteItemCommand, PutItemCommand, type AttributeValue } from '@aws-sdk/client-dynamodb';
import { paginateListEventSourceMappings, type EventSourceMappingConfiguration } from '@aws-sdk/client-lambda';
import { CreateBucketCommand, DeleteObjectCommand, GetObjectCommand, ListObjectsV2Command, PutObjectCommand } from '@aws-sdk/client-s3';
import { CreateQueueCommand } from '@aws-sdk/client-sqs';
import { streamRecord } from '../handler/records.ts';
import { ask, documents } from '../handler/function.ts';
import type { ActionRun } from '../stack/action-run.ts';
import { ACCOUNT, REGION } from '../stack/clients.ts';
import { runDeployed } from '../stack/deployed-package.ts';
import { failureDestination } from '../stack/failure-destination.ts';
import type { LambdaHost } from '../stack/lambda-host.ts';
import { Player } from '../stack/player.ts';
import { startProxy, type Proxy } from '../stack/proxy.ts';
import { uniqueName, useStack } from '../stack/use-stack.ts';
import { prepareDeployment, type Deployment } from './deployment.ts';

const stack = await useStack();
const { dynamodb, lambda, s3, sqs } = stack.clients;
type Item = Record<'id' | 'line' | 'o', AttributeValue>;
type StoredLetter = Record<string, unknown>;
let it: Deployment;
let search: Proxy;
let host: LambdaHost;
let table: string;
let failures: string;
let queue: string;

const makeBucket = (Bucket: string): Promise<unknown> =>
  s3.send(new CreateBucketCommand({ Bucket, CreateBucketConfiguration: { LocationConstraint: REGION } }));

/** Deploys with mappings that refuse a text in `o`. @param onFailure ARN of the destination of the trigger */
async function deploy(onFailure: string): Promise<void> {
  const workspace = await mkdtemp(join(tmpdir(), 'workspace-'));
  const options = `defaults:\n  mappings: { properties: { o: { type: object } } }\n  trigger: { on-failure: '${onFailure}' }\n`;
  await writeFile(join(workspace, 'search.yml'), options);
  const run = await it.run({ tables: table, endpoint: search.url, config: 'search.yml', timeout: '15' }, { workspace });
  await rm(workspace, { recursive: true });
  expect({ code: run.code, log: run.code === 0 ? '' : run.log }).toEqual({ code: 0, log: '' });
}

beforeAll(async () => {
  [it, search] = await Promise.all([prepareDeployment(stack), startProxy(stack.search.url)]);
  table = it.tables[0] ?? '';
  [failures, queue] = [uniqueName('failures'), uniqueName('failed')];
  await Promise.all([makeBucket(failures), sqs.send(new CreateQueueCommand({ QueueName: queue }))]);
  await deploy(`arn:aws:s3:::${failures}`);
  host = await runDeployed(lambda, it.name, stack.env);
}, 300_000);
afterAll(() => Promise.all([it.stop(), search.stop(), host.stop()]));
afterEach(async () => {
  it.aws.clear();
  search.clear();
  for (const Key of await keysOf()) await s3.send(new DeleteObjectCommand({ Bucket: it.bucket, Key }));
});

const place = (): string => `dead-letters/${it.name}/${table}/`;
const keysOf = async (Bucket = it.bucket, Prefix = place()): Promise<string[]> =>
  ((await s3.send(new ListObjectsV2Command({ Bucket, Prefix }))).Contents ?? []).flatMap(({ Key }) => Key ?? []);
const textOf = async (Bucket: string, Key: string): Promise<string> =>
  (await (await s3.send(new GetObjectCommand({ Bucket, Key }))).Body?.transformToString()) ?? '';
const letters = async (): Promise<StoredLetter[]> =>
  Promise.all((await keysOf()).map(async (key) => JSON.parse(await textOf(it.bucket, key)) as StoredLetter));
const countsOf = ({ outputs }: ActionRun): unknown => (JSON.parse(outputs.counts ?? '{}') as Record<string, unknown>)[table];
const found = async (): Promise<Record<string, unknown>> => {
  await ask(stack.search, 'POST', `/${table.toLowerCase()}/_refresh`);
  return documents(stack.search, table.toLowerCase());
};

let counter = 0;
const good = (id: string, n = 1): Item => ({ id: { S: id }, line: { N: '1' }, o: { M: { n: { N: String(n) } } } });
/** An item that the engine refuses. */
const bad = (id: string): Item => ({ ...good(id), o: { S: 'text' } });
const put = (item: Item): Promise<unknown> => dynamodb.send(new PutItemCommand({ TableName: table, Item: item }));
/** What the stream delivers about items, now. */
async function deliver(...items: Item[]): Promise<void> {
  const seconds = Math.floor(Date.now() / 1000);
  const records = items.map((item) =>
    streamRecord({ table, keys: { id: item.id, line: item.line } as never, image: item as never, counter: ++counter, seconds }),
  );
  const { payload, functionError } = await host.invoke({ Records: records });
  expect({ payload: JSON.parse(payload) as unknown, functionError }).toMatchObject({ payload: { batchItemFailures: [] } });
}

test('a dry run shows what there is by table and type of error, and changes nothing', async () => {
  await deliver(bad('a'), bad('b'));
  await it.put(`${place()}readme.txt`, 'not a dead letter');
  const before = await Promise.all((await keysOf()).map((key) => textOf(it.bucket, key)));
  const run = await it.run({ operation: 'redrive', 'dry-run': 'true' });
  expect(run).toMatchObject({ code: 0, outputs: { operation: 'redrive', complete: 'false', changed: 'false' } });
  expect(countsOf(run)).toMatchObject({ 'dead-letters': 2, foreign: 1 });
  expect(run.summary).toMatch(/type mapper\\_parsing\\_exception \| {2}\| 2 \|/);
  expect(run.log).toMatch(/dead letters: s3:\/\/.*other objects: 1/s);
  expect(await Promise.all((await keysOf()).map((key) => textOf(it.bucket, key)))).toEqual(before);
  expect(it.mutations()).toEqual([]);
  expect(await found()).toEqual({});
});

test('a dry run by a role that may not invoke the function has no numbers, says so, and changes nothing', async () => {
  const message = 'User is not authorized to perform: lambda:InvokeFunction';
  it.aws.on('lambda:Invoke', { response: { status: 403, body: { __type: 'AccessDeniedException', message } } }, Infinity);
  const run = await it.run({ operation: 'redrive', 'dry-run': 'true' });
  expect(run).toMatchObject({ code: 0, outputs: { complete: 'false' } });
  expect(run.log).toMatch(/The plan has no numbers of dead letters: .*lambda:InvokeFunction/);
  expect(run.log).toMatch(/dead letters: s3:/);
  expect(it.mutations()).toEqual([]);
});

test('items that were fixed are written, those that are gone are deleted, several dead letters of one item are read once, and other objects stay', async () => {
  await deliver(good('gone'));
  await deliver(bad('gone'));
  for (let n = 0; n < 3; n++) await deliver(bad('often'));
  await deliver(bad('fixed'));
  await Promise.all([put(good('fixed', 7)), put(good('often', 8))]);
  await it.put(`${place()}readme.txt`, 'not a dead letter');
  const run = await it.run({ operation: 'redrive' });
  expect(run.log).not.toContain('::error');
  expect(run).toMatchObject({ code: 0, outputs: { complete: 'true', changed: 'true', differences: '' } });
  expect(countsOf(run)).toMatchObject({ 'dead-letters': 5, redriven: 5, read: 3, written: 3, deleted: 1, foreign: 1, 'failed-again': 0 });
  expect(run.log).toMatch(/1 object is not a dead letter of this table, and was left unchanged/);
  expect(await keysOf()).toEqual([`${place()}readme.txt`]);
  expect(await found()).toEqual({
    'fixed|1': expect.objectContaining({ o: { n: 7 } }),
    'often|1': expect.objectContaining({ o: { n: 8 } }),
  });
}, 120_000);

test('an item that fails again fails the job and keeps its dead letter, with its attempts and the reason in the report, until it is fixed', async () => {
  await deliver(bad('again'));
  await put(bad('again'));
  for (const attempts of [2, 3]) {
    const run = await it.run({ operation: 'redrive' });
    expect(run).toMatchObject({ code: 1, outputs: { complete: 'true' } });
    expect(run.log).toMatch(/1 dead letter failed again\. Look at the reasons/);
    expect(countsOf(run)).toMatchObject({ 'dead-letters': 1, 'failed-again': 1 });
    expect(await letters()).toMatchObject([{ id: 'again|1', attempts }]);
  }
  const report = JSON.parse((await it.object(`runs/${it.name}/redrive/report.json`)) ?? '{}') as object;
  const [{ type } = { type: undefined }] = await letters();
  expect(report).toMatchObject({ operation: 'redrive', tables: { [table]: { complete: true, reasons: { [type as string]: 1 } } } });
  const list = await it.object(`runs/${it.name}/redrive/${table}/remaining.jsonl`);
  expect(JSON.parse(list ?? '{}')).toEqual({
    table,
    id: 'again|1',
    keys: { id: { S: 'again' }, line: { N: '1' } },
    kind: 'failed-again',
    type,
  });
  await put(good('again'));
  expect(countsOf(await it.run({ operation: 'redrive' }))).toMatchObject({ redriven: 1, 'failed-again': 0 });
  expect(await letters()).toEqual([]);
}, 120_000);

test('another place by input is worked off, and the one in use is left alone', async () => {
  await deliver(bad('elsewhere'));
  await put(good('elsewhere'));
  const bucket = uniqueName('other');
  await makeBucket(bucket);
  const [key = ''] = await keysOf();
  const Key = key.replace(place(), `kept/${table}/`);
  await s3.send(new PutObjectCommand({ Bucket: bucket, Key, Body: await textOf(it.bucket, key) }));
  const run = await it.run({ operation: 'redrive', 'dead-letters': `s3://${bucket}/kept` });
  expect(run).toMatchObject({ code: 0, outputs: { complete: 'true' } });
  expect(countsOf(run)).toMatchObject({ 'dead-letters': 1, redriven: 1 });
  expect(await keysOf(bucket, '')).toEqual([]);
  expect(await keysOf()).toEqual([key]);
});

test('a live change of the same item that arrives before the write of redrive stays, and the dead letter goes', async () => {
  await deliver(bad('raced'));
  await put(good('raced', 1));
  const overtaken = Promise.withResolvers<undefined>();
  search.on(
    ({ operation, body }) => operation.endsWith('/_bulk') && body.includes('raced'),
    () => {
      // While the write of redrive is under way, the next state of the item is delivered.
      void put(good('raced', 2))
        .then(() => deliver(good('raced', 2)))
        .then(() => {
          overtaken.resolve(undefined);
        }, overtaken.reject);
      return { until: overtaken.promise };
    },
  );
  const run = await it.run({ operation: 'redrive' });
  expect(run).toMatchObject({ code: 0, outputs: { complete: 'true' } });
  expect(await letters()).toEqual([]);
  expect((await found())['raced|1']).toMatchObject({ o: { n: 2 } });
});

const mapping = async (): Promise<EventSourceMappingConfiguration> => {
  for await (const { EventSourceMappings: [one] = [] } of paginateListEventSourceMappings({ client: lambda }, { FunctionName: it.name }))
    if (one !== undefined) return one;
  throw new Error('there is no trigger');
};

test('the items of batches that expired are read from the bucket of the on-failure destination, and its objects deleted', async () => {
  await Promise.all([put(good('expired', 1)), put(good('dropped', 1)), put(bad('never'))]);
  await dynamodb.send(new DeleteItemCommand({ TableName: table, Key: { id: { S: 'dropped' }, line: { N: '1' } } }));
  const trigger = await mapping();
  const destination = trigger.DestinationConfig?.OnFailure?.Destination ?? '';
  expect(destination).toBe(`arn:aws:s3:::${failures}`);
  const player = new Player({
    streams: stack.clients.streams,
    mapping: { ...trigger, MaximumRetryAttempts: 0, BisectBatchOnFunctionError: false },
    invoke: () => Promise.resolve({ payload: '{}', functionError: 'Unhandled' }),
    onFailure: failureDestination(destination, trigger.UUID ?? '', stack.clients),
  }).start();
  await player.drained();
  await player.stop();
  const objects = await keysOf(failures, '');
  expect(objects.length).toBeGreaterThan(0);
  expect(objects[0]).toMatch(new RegExp(`^aws/lambda/${trigger.UUID ?? ''}/[^/]+/\\d{4}/\\d\\d/\\d\\d/`));
  await put(good('expired', 2));
  // That of a trigger which no longer exists.
  const [object = ''] = objects;
  const orphan = object.replace(trigger.UUID ?? '', 'deleted');
  await s3.send(new PutObjectCommand({ Bucket: failures, Key: orphan, Body: await textOf(failures, object) }));
  const planned = await it.run({ operation: 'redrive', 'dry-run': 'true' });
  expect(countsOf(planned)).toMatchObject({ 'failed-batches': objects.length });
  expect(planned.log).toMatch(/items of expired batches: \d+/);
  expect(await keysOf(failures, '')).toEqual([...objects, orphan].sort());
  const run = await it.run({ operation: 'redrive' });
  expect(run).toMatchObject({ code: 0, outputs: { complete: 'true' } });
  expect(countsOf(run)).toMatchObject({ 'failed-batches': objects.length, redriven: objects.length, malformed: 1, 'failed-again': 0 });
  expect(run.log).toMatch(/1 item of expired batches cannot have a document and became a dead letter/);
  expect(await keysOf(failures, '')).toEqual([orphan]);
  const rest = await it.run({ operation: 'redrive', 'dead-letters': `s3://${failures}/aws/lambda` });
  expect(rest).toMatchObject({ code: 0, outputs: { complete: 'true' } });
  expect(countsOf(rest)).toMatchObject({ 'failed-batches': 1, redriven: 1 });
  expect(await keysOf(failures, '')).toEqual([]);
  expect(await letters()).toMatchObject([{ id: 'never|1', eventName: 'BACKFILL' }]);
  const now = await found();
  expect(now['expired|1']).toMatchObject({ o: { n: 2 } });
  expect(now).not.toHaveProperty('dropped|1');
}, 120_000);

test('a run that is killed is resumed: each dead letter is worked off, and counted, once', async () => {
  const ids = Array.from({ length: 60 }, (_, n) => `killed ${n}`);
  for (const id of ids) await put(good(id, 3));
  await deliver(...ids.map(bad));
  expect(await keysOf()).toHaveLength(60);
  let send: (signal: NodeJS.Signals) => void = () => undefined;
  let bulks = 0;
  search.on(
    /_bulk$/,
    () => {
      if (++bulks === 2) send('SIGKILL');
      return {};
    },
    Infinity,
  );
  await it.run({ operation: 'redrive' }, { onStart: (kill) => (send = kill) });
  expect(bulks).toBeGreaterThanOrEqual(2);
  search.clear();
  await deliver(bad('killed later'));
  await put(good('killed later', 3));
  const run = await it.run({ operation: 'redrive' });
  expect(run.log).toMatch(/goes on/);
  expect(run).toMatchObject({ code: 0, outputs: { complete: 'true' } });
  expect(countsOf(run)).toMatchObject({ 'dead-letters': 61, redriven: 61, 'failed-again': 0 });
  expect(await letters()).toEqual([]);
  const now = await found();
  for (const id of [...ids, 'killed later']) expect(now[`${id}|1`]).toMatchObject({ o: { n: 3 } });
}, 300_000);

test('a queue as on-failure destination receives positions only: the plan says so and names verify', async () => {
  await deploy(`arn:aws:sqs:${REGION}:${ACCOUNT}:${queue}`);
  const run = await it.run({ operation: 'redrive', 'dry-run': 'true' });
  expect(run.code).toBe(0);
  expect(run.log).toMatch(new RegExp(`expired batches: arn:aws:sqs:${REGION}:${ACCOUNT}:${queue} .*operation verify with repair: true`));
});

test.each([
  [
    'a place that is not one',
    { 'dead-letters': 'my-bucket/dead-letters' },
    /dead-letters: expected s3:\/\/<bucket>\/<prefix>, found "my-bucket/,
  ],
  [
    'a bucket that does not exist',
    { 'dead-letters': 's3://there-is-no-such-bucket-here/x' },
    /there is no bucket there-is-no-such-bucket-here, in which dead letters or expired batches are looked for\. Check the input dead-letters/,
  ],
  [
    'a place with another operation',
    { 'dead-letters': 's3://my-bucket/x', operation: 'verify' },
    /dead-letters: it has no meaning with operation verify/,
  ],
])('%s is refused with one sentence, and nothing is written', async (_, inputs, sentence) => {
  const before = await found();
  const run = await it.run({ operation: 'redrive', ...inputs });
  expect(run.code).toBe(1);
  expect(run.log).toMatch(sentence);
  expect(await found()).toEqual(before);
});

test('a function without a place for dead letters has nothing to work off', async () => {
  const other = await prepareDeployment(stack, { bucket: false });
  const tables = other.tables[0] ?? '';
  expect(await other.run({ tables })).toMatchObject({ code: 0 });
  const run = await other.run({ operation: 'redrive', 'code-bucket': other.bucket });
  await other.stop();
  expect(run.code).toBe(1);
  expect(run.log).toMatch(
    /has no place for dead letters, and no trigger of it has an S3 bucket as on-failure destination.*Name a place with the input dead-letters/,
  );
});
