// Runs on tables that must not begin, or not go on: each ends with one sentence that says why and how to fix it.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { DeleteTableCommand, PutItemCommand, UpdateTableCommand, waitUntilTableNotExists } from '@aws-sdk/client-dynamodb';
import {
  DeleteEventSourceMappingCommand,
  GetFunctionCommand,
  ListEventSourceMappingsCommand,
  UpdateFunctionCodeCommand,
  waitUntilFunctionUpdatedV2,
} from '@aws-sdk/client-lambda';
import { CONFIG_ENTRY, entryText, readPackage, withEntry } from '../../action/package/package.ts';
import { ask } from '../handler/function.ts';
import type { ActionRun } from '../stack/action-run.ts';
import { startProxy, type Proxy } from '../stack/proxy.ts';
import { uniqueName, useStack } from '../stack/use-stack.ts';
import { createTable, prepareDeployment, type Deployment } from './deployment.ts';

const stack = await useStack();
const { dynamodb, lambda } = stack.clients;
const DENIED = { status: 403, body: '<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>' };

const KINDS = ['good', 'bare', 'filtered', 'unversioned', 'off', 'former', 'elsewhere', 'latest', 'disabled'] as const;
const tables = Object.fromEntries(KINDS.map((kind) => [kind, uniqueName(`Refused-${kind}`)])) as Record<(typeof KINDS)[number], string>;
const OPTIONS = `tables:
  ${tables.filtered}: { trigger: { filter: [{ dynamodb: { NewImage: { active: { BOOL: [true] } } } }] } }
  ${tables.unversioned}: { versioning: none }
  ${tables.latest}: { trigger: { starting-position: LATEST } }
  ${tables.disabled}: { trigger: { enabled: false } }
`;
const ITEMS = [1, 2, 3];
let it: Deployment;
/** Between the function and S3. */
let bucket: Proxy;

const setStream = (table: string, StreamEnabled: boolean): Promise<unknown> =>
  dynamodb.send(
    new UpdateTableCommand({
      TableName: table,
      StreamSpecification: { StreamEnabled, ...(StreamEnabled ? { StreamViewType: 'NEW_AND_OLD_IMAGES' } : {}) },
    }),
  );

/** Deletes the trigger of a table. */
async function withoutTrigger(table: string): Promise<void> {
  const { EventSourceMappings: mappings = [] } = await lambda.send(new ListEventSourceMappingsCommand({ FunctionName: it.name }));
  const own = mappings.find(({ EventSourceArn: source }) => source?.includes(`/${table}/`));
  await lambda.send(new DeleteEventSourceMappingCommand({ UUID: own?.UUID ?? '' }));
}

/** Deploys the same package with this release in it. */
async function deployRelease(release: string): Promise<void> {
  const { Code: code } = await lambda.send(new GetFunctionCommand({ FunctionName: it.name }));
  const found = readPackage(new Uint8Array(await (await fetch(code?.Location ?? '')).arrayBuffer()));
  const config = { ...(JSON.parse(entryText(found, CONFIG_ENTRY) ?? '{}') as object), release };
  const other = withEntry(found, CONFIG_ENTRY, JSON.stringify(config));
  await lambda.send(new UpdateFunctionCodeCommand({ FunctionName: it.name, ZipFile: other.bytes }));
  await waitUntilFunctionUpdatedV2({ client: lambda, maxWaitTime: 60 }, { FunctionName: it.name });
}

const put = (table: string, n: number): Promise<unknown> =>
  dynamodb.send(new PutItemCommand({ TableName: table, Item: { id: { S: `item ${n}` }, line: { N: '1' } } }));

beforeAll(async () => {
  [it, bucket] = await Promise.all([prepareDeployment(stack, { count: 0 }), startProxy(stack.aws.url)]);
  await Promise.all(KINDS.map((kind) => createTable(stack, tables[kind])));
  for (const n of ITEMS) for (const table of [tables.good, tables.bare]) await put(table, n);
  const workspace = await mkdtemp(join(tmpdir(), 'workspace-'));
  await writeFile(join(workspace, 'search.yml'), OPTIONS);
  const inputs = {
    tables: KINDS.map((kind) => tables[kind]).join('\n'),
    config: 'search.yml',
    'environment-variables': `AWS_ENDPOINT_URL_S3=${bucket.url}`,
  };
  expect(await it.run(inputs, { workspace })).toMatchObject({ code: 0 });
  await rm(workspace, { recursive: true });
  await Promise.all([withoutTrigger(tables.bare), setStream(tables.off, false), setStream(tables.former, false)]);
  await setStream(tables.former, true);
});
beforeEach(() => {
  it.aws.clear();
  it.dynamodb.clear();
  bucket.clear();
});
afterAll(() => Promise.all([it.stop(), bucket.stop()]));

const isInvoke = ({ operation }: { operation: string }): boolean => operation === 'lambda:Invoke';

describe('of a backfill', () => {
  let run: ActionRun;
  beforeAll(async () => {
    const others = `:table/${tables.elsewhere}/`;
    it.aws.on(
      'lambda:ListEventSourceMappings',
      { rewrite: (body) => body.replace(new RegExp(`ddblocal(:\\d*${others})`, 'g'), 'us-east-1$1') },
      Infinity,
    );
    run = await it.run({ operation: 'backfill', tables: KINDS.map((kind) => tables[kind]).join('\n') });
  });

  test('nothing is begun, not of the good tables either', () => {
    expect(run).toMatchObject({ code: 1, outputs: { complete: 'false' } });
    expect(it.mutations()).toEqual([]);
    expect(it.requests().filter(isInvoke)).toEqual([]);
  });

  test.each([
    [
      'filtered',
      /has a filter: backfill would index records that the filter excludes.* Remove the filter, or leave attributes out with a transform/,
    ],
    ['unversioned', /has versioning: none, .*Set versioning: external in the options file and deploy again/],
    ['off', /the stream of table \S+ is off, so that changes during the run would be lost\. Deploy with the table in tables first/],
    ['former', /reads a former stream, so that changes during the run would not arrive\. Deploy with the table in tables first/],
    ['elsewhere', /reads a stream in region us-east-1, and the table is in eu-west-1, .*Deploy in the region of the table/],
    ['latest', /starts from LATEST and was changed less than 10 minutes ago: .*Run again later/],
    ['disabled', /is Disabled, so that changes during the run would not arrive\. Enable it and run again/],
  ] as const)('a table whose trigger is %s is named with the reason and the remedy', (kind, sentence) => {
    const lines = run.log.split('\n').filter((line) => line.includes(tables[kind]) && line.includes('tables: '));
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatch(sentence);
  });

  test.each(['good', 'bare'] as const)('a %s table draws no error', (kind) => {
    expect(run.log.split('\n').filter((line) => line.includes(tables[kind]) && line.includes('tables: '))).toEqual([]);
  });
});

test('a table without a trigger is loaded and compared, with a warning that nothing keeps its index current', async () => {
  for (const operation of ['backfill', 'verify']) {
    const run = await it.run({ operation, tables: tables.bare });
    expect(run).toMatchObject({ code: 0, outputs: { complete: 'true' } });
    expect(run.log).toMatch(
      new RegExp(
        `::warning.*Table ${tables.bare} has no trigger of this function: nothing keeps its index current after ${operation}\\. Deploy`,
      ),
    );
  }
});

test('without a code bucket there is no run', async () => {
  const inline = await prepareDeployment(stack, { bucket: false });
  try {
    expect(await inline.run({ tables: inline.tables[0] ?? '' })).toMatchObject({ code: 0 });
    const run = await inline.run({ operation: 'backfill' });
    expect(run.code).toBe(1);
    expect(run.log).toMatch(/::error::code-bucket: it is required for this operation, which keeps its progress there\. Set it/);
    expect(inline.requests().filter(isInvoke)).toEqual([]);
  } finally {
    await inline.stop();
  }
});

test('a function whose role may not keep the progress is named before the run begins', async () => {
  bucket.on('s3:PutObject', { response: DENIED });
  const run = await it.run({ operation: 'backfill', tables: tables.good });
  expect(run.code).toBe(1);
  expect(run.log).toMatch(
    /::error::the function's role may not keep the progress of a run in s3:\S+ \(s3:PutObject: AccessDenied\)\. Allow the function's role s3:GetObject/,
  );
  expect((await it.keys()).filter((key) => key.startsWith(`runs/${it.name}/backfill/${tables.good}/`))).toEqual([]);
});

describe('a function of another release', () => {
  test('is refused before it is invoked', async () => {
    await deployRelease('0.0.1');
    const run = await it.run({ operation: 'backfill', tables: tables.good });
    expect(run.code).toBe(1);
    expect(run.log).toMatch(/::error::Function \S+ is of release 0\.0\.1, and this action of release \S+\. Run operation deploy/);
    expect(it.requests().filter(isInvoke)).toEqual([]);
    await deployRelease(/this action of release (\S+)\./.exec(run.log)?.[1] ?? '');
  });

  test('that is deployed in mid-run refuses the parts that are left, and the run ends at once', async () => {
    let release = '';
    it.aws.on('lambda:Invoke', {});
    it.aws.on('lambda:Invoke', ({ body }) => {
      release = (JSON.parse(body) as { slice: { release: string } }).slice.release;
      return { until: deployRelease('0.0.2') };
    });
    const run = await it.run({ operation: 'verify', tables: tables.good });
    expect(run).toMatchObject({ code: 1, outputs: { complete: 'false' } });
    expect(run.log).toMatch(/::error::The slice is of release \S+ and the function of release 0\.0\.2: run operation deploy/);
    expect(it.requests().filter(isInvoke)).toHaveLength(2);
    await deployRelease(release);
  });
});

/** Without pass 2, which would wait for what a cancelled part may still write. */
const ANEW = { restart: 'true', prune: 'false' } as const;

/** Cancels a run when its first part is with the function. */
async function cancelled(operation: string, table: string): Promise<ActionRun> {
  let send: (signal: NodeJS.Signals) => void = () => undefined;
  const never = Promise.withResolvers<undefined>();
  it.aws.on('lambda:Invoke', {});
  it.aws.on('lambda:Invoke', () => {
    send('SIGINT');
    return { until: never.promise };
  });
  const run = await it.run({ operation, tables: table, ...ANEW }, { onStart: (kill) => (send = kill) });
  never.resolve(undefined);
  it.aws.clear();
  return run;
}

async function recreateTable(table: string): Promise<void> {
  await dynamodb.send(new DeleteTableCommand({ TableName: table }));
  await waitUntilTableNotExists({ client: dynamodb, maxWaitTime: 60 }, { TableName: table });
  await createTable(stack, table);
  for (const n of ITEMS) await put(table, n);
}

async function recreateIndex(table: string): Promise<void> {
  await ask(stack.search, 'DELETE', `/${table.toLowerCase()}`);
  await ask(stack.search, 'PUT', `/${table.toLowerCase()}`, {});
}

describe.each([
  [
    'index',
    'backfill',
    tables.good,
    recreateIndex,
    /The run of \S+ cannot go on: the index of \S+ is another one than \S+ was\. Begin anew with restart: true/,
  ],
  [
    'table',
    'verify',
    tables.bare,
    recreateTable,
    /The run of \S+ cannot go on: the table \S+ was created anew\. Begin anew with restart: true/,
  ],
])('with a new %s of the same name', (_, operation, table, recreate, sentence) => {
  test('a run is not resumed, and another one begins with restart', async () => {
    expect(await it.run({ operation: 'backfill', tables: table, ...ANEW })).toMatchObject({ code: 0 });
    expect(await cancelled(operation, table)).toMatchObject({ code: 1, outputs: { complete: 'false' } });
    await recreate(table);
    const resumed = await it.run({ operation, tables: table, prune: 'false' });
    expect(resumed).toMatchObject({ code: 1, outputs: { complete: 'false' } });
    expect(resumed.log).toMatch(sentence);
    const anew = await it.run({ operation, tables: table, ...ANEW });
    expect(anew).toMatchObject({ code: 0, outputs: { complete: 'true', differences: '0' } });
  });

  test('a run that is under way ends', async () => {
    let isDone = false;
    it.aws.on(
      ({ operation: call, body }) => call === 'lambda:Invoke' && body.includes('"kind":"scan"'),
      {
        rewrite: async (body) => {
          if (!isDone) await recreate(table);
          isDone = true;
          return body;
        },
      },
      Infinity,
    );
    const run = await it.run({ operation, tables: table, ...ANEW });
    expect(isDone).toBe(true);
    expect(run).toMatchObject({ code: 1, outputs: { complete: 'false' } });
    expect(run.log).toMatch(sentence);
  });
});
