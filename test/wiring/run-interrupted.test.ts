// Runs on a table that end in the middle: cancelled, killed, at the end of their time or of their credentials; and functions that are killed.
import { createServer } from 'node:http';
import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { BatchWriteItemCommand } from '@aws-sdk/client-dynamodb';
import { ask } from '../handler/function.ts';
import { listen } from '../stack/loopback.ts';
import { startProxy, type Proxy } from '../stack/proxy.ts';
import { killFunction, useStack } from '../stack/use-stack.ts';
import { prepareDeployment, type Deployment } from './deployment.ts';

const stack = await useStack();
const ITEMS = 120;
/** Characters of an item: eight pages of 1 MiB are in the table. */
const LENGTH = 60_000;
let it: Deployment;
let search: Proxy;
let table: string;

beforeAll(async () => {
  [it, search] = await Promise.all([prepareDeployment(stack), startProxy(stack.search.url)]);
  table = it.tables[0] ?? '';
  for (let at = 0; at < ITEMS; at += 20) {
    const batch = Array.from({ length: 20 }, (_, i) => ({
      PutRequest: { Item: { id: { S: `item ${at + i}` }, line: { N: '1' }, text: { S: 'x'.repeat(LENGTH) } } },
    }));
    await stack.clients.dynamodb.send(new BatchWriteItemCommand({ RequestItems: { [table]: batch } }));
  }
  // A short time limit: pass 2 waits for as long after a kill.
  expect(await it.run({ tables: table, endpoint: search.url, timeout: '15' })).toMatchObject({ code: 0 });
});
beforeEach(() => {
  it.aws.clear();
  search.clear();
});
afterAll(() => Promise.all([it.stop(), search.stop()]));

const lock = async (): Promise<object> => JSON.parse((await it.object(`runs/${it.name}/locks/${table}.json`)) ?? '{}') as object;
const countsOf = (outputs: Readonly<Record<string, string>>): unknown =>
  (JSON.parse(outputs.counts ?? '{}') as Record<string, unknown>)[table];

/** How often each document was in a bulk request since the records began. */
function writes(): number[] {
  const times = new Map<string, number>();
  for (const { body } of search.matching(/_bulk$/))
    for (const [, id = ''] of body.matchAll(/"_id":"(item [^"]*)"/g)) times.set(id, (times.get(id) ?? 0) + 1);
  return [...times.values()];
}

test('a cancelled run is out without its slices, with its table free and the way to resume; after kills of function and action the next one ends, and each page is written at most twice', async () => {
  let send: (signal: NodeJS.Signals) => void = () => undefined;
  const onStart = (kill: typeof send): void => {
    send = kill;
  };
  const never = Promise.withResolvers<undefined>();
  // The first invocation checks the index, the second one is a part of the table: it never responds.
  it.aws.on('lambda:Invoke', {});
  it.aws.on('lambda:Invoke', () => {
    send('SIGINT');
    return { until: never.promise };
  });
  const cancelled = await it.run({ operation: 'backfill' }, { onStart });
  expect(cancelled).toMatchObject({ code: 1, outputs: { complete: 'false' } });
  expect(cancelled.log).toContain('The job was cancelled. Run operation backfill again: it resumes at the last checkpoints');
  expect(await lock()).toMatchObject({ holder: '' });
  never.resolve(undefined);
  it.aws.clear();

  // One page is written when its function is killed, a later one when the action is.
  let bulks = 0;
  search.on(
    /_bulk$/,
    () => {
      bulks += 1;
      if (bulks === 2) return { rewrite: (body) => killFunction(it.name).then(() => body) };
      if (bulks === 4) send('SIGKILL');
      return {};
    },
    Infinity,
  );
  await it.run({ operation: 'backfill' }, { onStart });
  expect(bulks).toBeGreaterThanOrEqual(4);
  expect(await lock()).not.toMatchObject({ holder: '' });

  const run = await it.run({ operation: 'backfill' });
  expect(run.log).not.toContain('::error');
  expect(run).toMatchObject({ code: 0, outputs: { complete: 'true' } });
  expect(run.log).toMatch(/Another run has worked on the table .*: waiting 30 s for a sign of it/);
  expect(run.log).toMatch(/goes on/);
  expect(run.log).toMatch(/pass 2 begins, when no write of an interrupted part can arrive any more/);
  const times = writes();
  expect(times).toHaveLength(ITEMS);
  expect(Math.max(...times)).toBe(2);
  const counts = countsOf(run.outputs) as { read: number; written: number; newer: number };
  expect(counts.read).toBe(ITEMS);
  expect(counts.written + counts.newer).toBe(ITEMS);
  await ask(stack.search, 'POST', `/${table.toLowerCase()}/_refresh`);
  expect((await ask(stack.search, 'GET', `/${table.toLowerCase()}/_count`)).body).toMatchObject({ count: ITEMS });
}, 600_000);

const EXPIRED = {
  response: {
    status: 403,
    headers: { 'x-amzn-errortype': 'ExpiredTokenException' },
    body: { message: 'The security token included in the request is expired' },
  },
};

test.each([
  ['a role', {}, 'arn:aws:iam::123456789012:role/Deployer'],
  [
    'a role with a path',
    { 'role-to-assume': 'arn:aws:iam::123456789012:role/teams/search/Deployer' },
    'arn:aws:iam::123456789012:role/teams/search/Deployer',
  ],
])('credentials of %s that end are renewed where the job can get a token, and the run goes on', async (_, inputs, role) => {
  const github = await listen(createServer((_, response) => response.end(JSON.stringify({ value: 'a-token' }))));
  it.aws.on('sts:GetCallerIdentity', {
    rewrite: (body) => body.replace(/<Arn>.*?<\/Arn>/, '<Arn>arn:aws:sts::123456789012:assumed-role/Deployer/session</Arn>'),
  });
  it.aws.on('lambda:Invoke', {});
  it.aws.on('lambda:Invoke', EXPIRED);
  const env = { ACTIONS_ID_TOKEN_REQUEST_URL: `${github.url}/?version=1`, ACTIONS_ID_TOKEN_REQUEST_TOKEN: 'request-token' };
  const run = await it.run({ operation: 'verify', restart: 'true', ...inputs }, { env });
  await github.stop();
  expect(run).toMatchObject({ code: 0, outputs: { complete: 'true', differences: '0' } });
  const assumed = it.requests().filter(({ body }) => body.includes('Action=AssumeRoleWithWebIdentity'));
  expect(assumed).toHaveLength(1);
  const asked = new URLSearchParams(assumed[0]?.body);
  expect([asked.get('RoleArn'), asked.get('RoleSessionName'), asked.get('WebIdentityToken')]).toEqual([role, 'session', 'a-token']);
  const keys = it
    .requests()
    .filter(({ operation }) => operation === 'lambda:Invoke')
    .map(({ headers }) => /Credential=([^/]+)/.exec(headers.authorization ?? '')?.[1]);
  expect(keys[0]).toBe(keys[1]);
  expect(keys[2]).not.toBe(keys[1]);
});

test('credentials that end and can not be renewed end the run with the way to resume', async () => {
  it.aws.on('lambda:Invoke', {});
  it.aws.on('lambda:Invoke', EXPIRED, Infinity);
  const run = await it.run({ operation: 'verify', restart: 'true' });
  expect(run).toMatchObject({ code: 1, outputs: { complete: 'false' } });
  expect(run.log).toMatch(
    /The AWS credentials of this job have ended. Run operation verify again: it resumes at the last checkpoints. For a longer run, .*role-duration-seconds/,
  );
});

test('no part begins while the triggers are far behind, and the time limit ends the run cleanly', async () => {
  it.aws.on(
    'cloudwatch:GetMetricData',
    { response: { status: 200, body: { MetricDataResults: [{ Id: 'age', StatusCode: 'Complete', Timestamps: [1], Values: [600_000] }] } } },
    Infinity,
  );
  const run = await it.run({ operation: 'verify', restart: 'true', 'time-limit-minutes': '1' });
  expect(run).toMatchObject({ code: 0, outputs: { complete: 'false' } });
  expect(run.log).toContain('no new part is begun, because the triggers of the function are 10 minutes behind');
  expect(run.log).toMatch(/::warning.*The time limit of 1 minutes was reached/);
  // The check of the index alone.
  expect(it.requests().filter(({ operation }) => operation === 'lambda:Invoke')).toHaveLength(1);
}, 300_000);
