// A table of many parts, driven by AWS Step Functions: the definition of the template, played, passes them to the deployed function.
import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { BatchWriteItemCommand } from '@aws-sdk/client-dynamodb';
import { CreateStateMachineCommand, DescribeExecutionCommand, ListExecutionsCommand } from '@aws-sdk/client-sfn';
import type { ListedSlice, Slice } from '../../formats/slice.ts';
import { ask } from '../handler/function.ts';
import { startProxy, type Proxy, type RecordedRequest } from '../stack/proxy.ts';
import { useStack } from '../stack/use-stack.ts';
import { stateMachine } from '../workflows/cloudformation.ts';
import { prepareDeployment, type Deployment } from './deployment.ts';

const stack = await useStack();
const ITEMS = 1_000;
/** MiB: a table that says it is so large is read in so many parts. */
const [LARGE, SMALL] = [
  { size: 320 * 64, parts: 320 },
  { size: 512, parts: 128 },
];
let it: Deployment;
let search: Proxy;
let table: string;
let machine: string;

/** The run of these inputs; pass 2, which waits two minutes, is not part of it. */
const backfill = (
  inputs: Readonly<Record<string, string>> = {},
  options: Parameters<Deployment['run']>[1] = {},
): ReturnType<Deployment['run']> =>
  it.run({ operation: 'backfill', prune: 'false', 'state-machine': machine, concurrency: '8', ...inputs }, options);

beforeAll(async () => {
  [it, search] = await Promise.all([prepareDeployment(stack), startProxy(stack.search.url)]);
  table = it.tables[0] ?? '';
  for (let at = 0; at < ITEMS; at += 25) {
    const batch = Array.from({ length: 25 }, (_, i) => ({
      PutRequest: { Item: { id: { S: `item ${at + i}` }, line: { N: '1' }, text: { S: 'x' } } },
    }));
    await stack.clients.dynamodb.send(new BatchWriteItemCommand({ RequestItems: { [table]: batch } }));
  }
  expect(await it.run({ tables: table, endpoint: search.url, timeout: '20' })).toMatchObject({ code: 0 });
  machine = await createMachine('');
}, 300_000);
beforeEach(() => {
  for (const proxy of [it.aws, it.dynamodb, search]) proxy.clear();
  sized(LARGE.size);
});
afterAll(() => Promise.all([it.stop(), search.stop()]));

/** Lets the table say that it is so large. @param size MiB */
function sized(size: number): void {
  it.dynamodb.clear();
  const rewrite = (body: string): string => body.replace(/"TableSizeBytes":\d+/, `"TableSizeBytes":${size * 1024 * 1024}`);
  it.dynamodb.on('dynamodb:DescribeTable', { rewrite }, Infinity);
}

/** As the template makes it. */
async function createMachine(suffix: string, values: Readonly<Record<string, string>> = {}): Promise<string> {
  const name = `${it.name}${suffix}`;
  const machine = stateMachine({ FunctionName: it.name, CodeBucketName: it.bucket, StateMachineName: name, ...values });
  const made = await stack.clients.sfn.send(new CreateStateMachineCommand({ ...machine, type: 'STANDARD' }));
  return made.stateMachineArn ?? '';
}

const count = async (): Promise<number> => {
  await ask(stack.search, 'POST', `/${table.toLowerCase()}/_refresh`);
  return Number((await ask(stack.search, 'GET', `/${table.toLowerCase()}/_count`)).body.count);
};
const readOf = (outputs: Readonly<Record<string, string>>): unknown =>
  (JSON.parse(outputs.counts ?? '{}') as Record<string, { read?: number }>)[table]?.read;
const statuses = async (): Promise<(string | undefined)[]> =>
  ((await stack.clients.sfn.send(new ListExecutionsCommand({ stateMachineArn: machine }))).executions ?? [])
    .toSorted((a, b) => Number(a.startDate) - Number(b.startDate))
    .map(({ status }) => status);
/** Ids of the slices of the latest execution. */
async function listed(log: string): Promise<string[]> {
  const name = [...log.matchAll(/The execution (\S+) of AWS Step Functions works on/g)].at(-1)?.[1] ?? '';
  const [key = ''] = (await it.keys()).filter((one) => one.endsWith(`/executions/${name}.json`));
  return (JSON.parse((await it.object(key)) ?? '[]') as ListedSlice[]).map(({ slice }) => slice.id);
}
const REFUSED = { response: { status: 403, body: { error: { type: 'security_exception', reason: 'no permissions for this' } } } };

test('a dry run names the state machine and starts nothing', async () => {
  const run = await backfill({ 'dry-run': 'true' });
  expect(run).toMatchObject({ code: 0, outputs: { complete: 'false' } });
  expect(run.log).toMatch(new RegExp(`state machine ${it.name}, execution: works on the tables`));
  expect(it.mutations()).toEqual([]);
  expect(await statuses()).toEqual([]);
});

test('320 parts are passed to the function by the state machine, those that fail once are tried again, and the index has every item', async () => {
  search.on(/_bulk$/, REFUSED, 3);
  const run = await backfill();
  expect(run.log).not.toContain('::error');
  expect(run).toMatchObject({ code: 0, outputs: { complete: 'true' } });
  expect(readOf(run.outputs)).toBe(ITEMS);
  expect(await count()).toBe(ITEMS);
  expect(await listed(run.log)).toHaveLength(LARGE.parts);
  expect(await statuses()).toEqual(['SUCCEEDED']);
  // The action itself invoked the function only to check the index, before and after.
  const invocations = it.requests().filter(({ operation }) => operation === 'lambda:Invoke');
  expect(new Set(invocations.map(({ body }) => (JSON.parse(body) as { slice: Slice }).slice.kind))).toEqual(new Set(['survey']));
  expect(run.log).toMatch(/pass 1: \d+ of 320 parts, .*\d+ at once, \d+ failed/);
}, 600_000);

test('a part that fails for ever fails the run with its number, all others are done, and the next run does that one alone', async () => {
  const isStuck = ({ operation, body }: RecordedRequest): boolean => operation.endsWith('_bulk') && body.includes('"item 13|1"');
  search.on(isStuck, REFUSED, Infinity);
  const run = await backfill({ restart: 'true' });
  expect(run).toMatchObject({ code: 1, outputs: { complete: 'true' } });
  expect(run.log).toMatch(/1 of 320 parts failed again and again \(scan-\d+: .*403/);
  expect((await statuses()).at(-1)).toBe('FAILED');
  search.clear();
  const next = await backfill();
  expect(next).toMatchObject({ code: 0, outputs: { complete: 'true' } });
  expect(next.log).toMatch(/failed \(1 of 320 slices are not done\): a new one does the open parts/);
  expect(await listed(next.log)).toHaveLength(1);
  expect(readOf(next.outputs)).toBe(ITEMS);
}, 600_000);

test('a cancelled job leaves the execution, and the next one follows it to its end', async () => {
  sized(SMALL.size);
  const followed = Promise.withResolvers<undefined>();
  let send: (signal: NodeJS.Signals) => void = () => undefined;
  const onStart = (kill: typeof send): void => {
    send = kill;
  };
  const isHeld = ({ operation, body }: RecordedRequest): boolean => operation.endsWith('_bulk') && body.includes('"item 21|1"');
  search.on(isHeld, { until: followed.promise }, Infinity);
  const onLog = (text: string): void => {
    if (/pass 1: \d+ of 128 parts/.test(text)) send('SIGINT');
  };
  const left = await backfill({ restart: 'true' }, { onStart, onLog });
  expect(left).toMatchObject({ code: 1, outputs: { complete: 'false' } });
  expect(left.log).toMatch(/The execution \S+ of AWS Step Functions goes on without this job/);
  const before = await statuses();
  expect(before.at(-1)).toBe('RUNNING');
  const back = await backfill(
    {},
    {
      onLog: (text) => {
        if (/The execution \S+ of AWS Step Functions goes on\s/.test(text)) followed.resolve(undefined);
      },
    },
  );
  expect(back.log).toMatch(/The execution \S+ of AWS Step Functions goes on\s/);
  expect(back).toMatchObject({ code: 0, outputs: { complete: 'true' } });
  expect(readOf(back.outputs)).toBe(ITEMS);
  expect(await statuses()).toEqual([...before.slice(0, -1), 'SUCCEEDED']);
}, 600_000);

test('a run begins with the job and ends with the state machine, which does the open parts alone', async () => {
  sized(SMALL.size);
  let send: (signal: NodeJS.Signals) => void = () => undefined;
  const onStart = (kill: typeof send): void => {
    send = kill;
  };
  let bulks = 0;
  search.on(
    /_bulk$/,
    () => {
      bulks += 1;
      if (bulks === 40) send('SIGINT');
      return {};
    },
    Infinity,
  );
  expect(await backfill({ restart: 'true', 'state-machine': '' }, { onStart })).toMatchObject({ code: 1, outputs: { complete: 'false' } });
  const run = await backfill();
  expect(run).toMatchObject({ code: 0, outputs: { complete: 'true' } });
  expect(readOf(run.outputs)).toBe(ITEMS);
  const parts = (await listed(run.log)).length;
  expect(parts).toBeGreaterThan(0);
  expect(parts).toBeLessThan(SMALL.parts - 20);
}, 600_000);

test('a run begins with the state machine and ends with the job; restart stops the execution of the former run', async () => {
  sized(SMALL.size);
  let send: (signal: NodeJS.Signals) => void = () => undefined;
  const onStart = (kill: typeof send): void => {
    send = kill;
  };
  const onLog = (text: string): void => {
    if (/pass 1: \d+ of 128 parts/.test(text)) send('SIGINT');
  };
  await backfill({ restart: 'true' }, { onStart, onLog });
  expect((await statuses()).at(-1)).toBe('RUNNING');
  // No job works beside it.
  const beside = await backfill({ 'state-machine': '' });
  expect(beside).toMatchObject({ code: 1 });
  expect(beside.log).toMatch(/The execution \S+ of AWS Step Functions is still working on this run. Set state-machine to follow it/);
  const { executions = [] } = await stack.clients.sfn.send(
    new ListExecutionsCommand({ stateMachineArn: machine, statusFilter: 'RUNNING' }),
  );
  const run = await backfill({ 'state-machine': '', restart: 'true' });
  expect(run).toMatchObject({ code: 0, outputs: { complete: 'true' } });
  expect(readOf(run.outputs)).toBe(ITEMS);
  expect(run.log).toMatch(/The execution \S+ of AWS Step Functions was stopped: the run begins anew/);
  const stopped = await stack.clients.sfn.send(new DescribeExecutionCommand({ executionArn: executions[0]?.executionArn }));
  expect(stopped.status).toBe('ABORTED');
  expect(await count()).toBe(ITEMS);
}, 600_000);

test('a state machine that this run cannot use is refused with one sentence, and nothing is begun', async () => {
  const arn = 'arn:aws:states:eu-west-1:123456789012:stateMachine:';
  const other = await createMachine('-other', { FunctionName: 'Other' });
  for (const [name, sentence] of [
    ['slices', /state-machine: expected the ARN of a state machine/],
    [`${arn.replace('123456789012', '210987654321')}slices`, /slices is in account 210987654321, region eu-west-1, and this job works in/],
    [`${arn}none`, /there is no state machine none .*Create it with docs\/cloudformation\/state-machine.yml/],
    [other, /invokes arn:aws:lambda:eu-west-1:123456789012:function:Other, and this run needs/],
  ] as const) {
    const run = await backfill({ 'state-machine': name });
    expect(run.code).toBe(1);
    expect(run.log).toMatch(sentence);
    expect(it.mutations()).toEqual([]);
  }
  it.aws.on('states:DescribeStateMachine', {
    response: {
      status: 400,
      body: { __type: 'AccessDeniedException', message: 'User is not authorized to perform: states:DescribeStateMachine' },
    },
  });
  expect((await backfill()).log).toMatch(/The deploying role needs the permission states:DescribeStateMachine/);
}, 300_000);
