// What AWS Step Functions does beside pass 1: it waits for triggers that are behind, and works on pass 2, dead letters and a new index, all
// with a function that an alias serves.
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { PutMetricDataCommand } from '@aws-sdk/client-cloudwatch';
import { BatchWriteItemCommand } from '@aws-sdk/client-dynamodb';
import {
  CreateStateMachineCommand,
  DescribeExecutionCommand,
  GetExecutionHistoryCommand,
  ListExecutionsCommand,
  StartExecutionCommand,
} from '@aws-sdk/client-sfn';
import { RELEASE } from '../../action/release.ts';
import type { ListedSlice } from '../../formats/slice.ts';
import { ask } from '../handler/function.ts';
import type { ActionRun } from '../stack/action-run.ts';
import { useStack } from '../stack/use-stack.ts';
import { stateMachine } from '../workflows/cloudformation.ts';
import { prepareDeployment, type Deployment } from './deployment.ts';

const stack = await useStack();
const { sfn, metrics, dynamodb } = stack.clients;
const ITEMS = 50;
const ALIAS = 'live';
/** ms between two looks at an execution. */
const LOOK_MS = 100;
let it: Deployment;
let table: string;
let index: string;
let machine: string;

beforeAll(async () => {
  it = await prepareDeployment(stack);
  table = it.tables[0] ?? '';
  index = table.toLowerCase();
  for (let at = 0; at < ITEMS; at += 25) {
    const batch = Array.from({ length: 25 }, (_, i) => ({ PutRequest: { Item: { id: { S: `item ${at + i}` }, line: { N: '1' } } } }));
    await dynamodb.send(new BatchWriteItemCommand({ RequestItems: { [table]: batch } }));
  }
  // Pass 2 waits for as long as an invocation may last, and a minute.
  expect(await it.run({ tables: table, alias: ALIAS, timeout: '5' })).toMatchObject({ code: 0 });
  const made = stateMachine({ FunctionName: it.name, AliasName: ALIAS, CodeBucketName: it.bucket, StateMachineName: it.name });
  machine = (await sfn.send(new CreateStateMachineCommand({ ...made, type: 'STANDARD' }))).stateMachineArn ?? '';
}, 300_000);
beforeEach(() => {
  for (const proxy of [it.aws, it.dynamodb]) proxy.clear();
});
afterAll(() => it.stop());

const run = (inputs: Readonly<Record<string, string>>, options: Parameters<Deployment['run']>[1] = {}): Promise<ActionRun> =>
  it.run({ tables: table, alias: ALIAS, 'state-machine': machine, ...inputs }, options);

/** What the triggers have read last. @param ms its age @param minutes ago */
async function lag(ms: number, minutes: number): Promise<void> {
  const Dimensions = [{ Name: 'FunctionName', Value: it.name }];
  const Timestamp = new Date(Date.now() - minutes * 60_000);
  await metrics.send(
    new PutMetricDataCommand({ Namespace: 'AWS/Lambda', MetricData: [{ MetricName: 'IteratorAge', Dimensions, Timestamp, Value: ms }] }),
  );
}

const executions = async (): Promise<string[]> =>
  ((await sfn.send(new ListExecutionsCommand({ stateMachineArn: machine }))).executions ?? []).map(({ name = '' }) => name);
const found = async (name = index): Promise<string[]> => {
  await ask(stack.search, 'POST', `/${name}/_refresh`);
  const { body } = await ask(stack.search, 'POST', `/${name}/_search`, { size: 1000 });
  return (body.hits as { hits: { _id: string }[] }).hits.map(({ _id }) => _id).sort();
};
const all = Array.from({ length: ITEMS }, (_, n) => `item ${n}|1`).sort();

/** A definition whose children look again at once. */
function quick(definition: string): string {
  const made = definition.replace('"Seconds": 120', '"Seconds": 1');
  expect(made).not.toBe(definition);
  return made;
}

/** Starts what a child of the map plays, as an execution of its own, whose history can be read. */
async function startChild(listed: ListedSlice): Promise<string> {
  const { roleArn, definition } = stateMachine({ FunctionName: it.name, AliasName: ALIAS, CodeBucketName: it.bucket });
  const { States: states } = JSON.parse(quick(definition)) as { States: { Slices: { ItemProcessor: Readonly<Record<string, unknown>> } } };
  const { ProcessorConfig: _, ...child } = states.Slices.ItemProcessor;
  const { stateMachineArn } = await sfn.send(
    new CreateStateMachineCommand({ name: `${it.name}-child`, roleArn, definition: JSON.stringify(child), type: 'STANDARD' }),
  );
  const { executionArn = '' } = await sfn.send(
    new StartExecutionCommand({ stateMachineArn, name: 'child', input: JSON.stringify(listed) }),
  );
  return executionArn;
}

test('a part is not begun while the triggers are behind, and is once they have caught up', async () => {
  const prefix = `runs/${it.name}/backfill/${table}/waits`;
  const keys = [
    { name: 'id', type: 'S' },
    { name: 'line', type: 'N' },
  ] as const;
  await lag(301_000, 5);
  const executionArn = await startChild({
    slice: {
      ...{ kind: 'scan', id: 'scan-0', mode: 'write', operation: 'backfill', table: { name: table, keys }, segment: 0, totalSegments: 1 },
      ...{ release: RELEASE, bucket: it.bucket, prefix, capacity: 1000, seconds: 5, failsWhenStuck: true },
    },
    pages: 0,
  });
  const waits = async (): Promise<number> => {
    const { events = [] } = await sfn.send(new GetExecutionHistoryCommand({ executionArn }));
    return events.filter(({ type }) => type === 'WaitStateEntered').length;
  };
  while ((await waits()) < 2) await sleep(LOOK_MS);
  expect(await it.object(`${prefix}/slices/scan-0.json`)).toBeUndefined();
  await lag(300_000, 1);
  let status: string | undefined = 'RUNNING';
  while (status === 'RUNNING') {
    await sleep(LOOK_MS);
    ({ status } = await sfn.send(new DescribeExecutionCommand({ executionArn })));
  }
  expect(status).toBe('SUCCEEDED');
  expect(await it.object(`${prefix}/slices/scan-0.json`)).toContain('"done":true');
  // Searches move only once the triggers are less than a minute behind.
  await lag(0, 0);
}, 120_000);

test('both passes of a backfill are handed out by executions, and a document without an item is removed', async () => {
  await ask(stack.search, 'PUT', `/${index}/_doc/nobody%7C1?version=1&version_type=external`, { id: 'nobody', line: 1 });
  const done = await run({ operation: 'backfill' });
  expect(done.log).not.toContain('::error');
  expect(done).toMatchObject({ code: 0, outputs: { complete: 'true' } });
  expect(await found()).toEqual(all);
  for (const phase of ['scan', 'walk', 'apply'])
    expect(await executions()).toContainEqual(expect.stringMatching(new RegExp(`-${phase}-1$`)));
}, 300_000);

test('dead letters are worked off by an execution, and counted by the action', async () => {
  const deadLetter = {
    version: 1,
    table,
    id: 'item 7|1',
    keys: { id: { S: 'item 7' }, line: { N: '1' } },
    type: 'mapper_parsing_exception',
  };
  const failed = { failedAt: '2026-01-02T03:04:05.000Z', approximateCreationDateTime: 1_767_322_000, sequenceNumber: '1' };
  const key = `dead-letters/${it.name}/${table}/2026/01/02/0123456789abcdef-1.json`;
  await it.put(key, JSON.stringify({ ...deadLetter, ...failed }));
  const before = await executions();
  const planned = await run({ operation: 'redrive', 'dry-run': 'true' });
  expect(planned).toMatchObject({ code: 0 });
  expect(planned.log).toMatch(/dead letters: 1 .*/);
  expect(planned.log).toContain(`state machine ${it.name}, execution: works on the tables`);
  expect(await executions()).toEqual(before);
  const done = await run({ operation: 'redrive' });
  expect(done).toMatchObject({ code: 0, outputs: { complete: 'true' } });
  expect(JSON.parse(done.outputs.counts ?? '{}')).toMatchObject({ [table]: { 'dead-letters': 1, redriven: 1 } });
  expect(await it.object(key)).toBeUndefined();
  expect((await executions()).filter((name) => !before.includes(name))).toEqual([expect.stringMatching(/-redrive-0-1$/)]);
}, 120_000);

test('a new index is filled by executions, one of which a restart stops, and searches use the one that was begun anew', async () => {
  let send: (signal: NodeJS.Signals) => void = () => undefined;
  const onStart = (kill: typeof send): void => {
    send = kill;
  };
  const before = await executions();
  const isFollowed = (text: string): boolean => /The execution \S+-scan-1 of AWS Step Functions works on/.test(text);
  const left = await run(
    { operation: 'reindex' },
    {
      onStart,
      onLog: (text) => {
        if (isFollowed(text)) send('SIGINT');
      },
    },
  );
  expect(left).toMatchObject({ code: 1, outputs: { complete: 'false' } });
  expect(left.log).toMatch(/goes on without this job/);
  const done = await run({ operation: 'reindex', restart: 'true' });
  expect(done.log).not.toContain('::error');
  expect(done).toMatchObject({ code: 0, outputs: { complete: 'true' } });
  expect(done.log).toContain(`searches use ${index}-3 from now on`);
  expect(await found()).toEqual(all);
  expect(await found(`${index}-3`)).toEqual(all);
  const walks = (await executions()).filter((name) => name.endsWith('-walk-1') && !before.includes(name));
  expect(walks).toHaveLength(2);
}, 300_000);
