// Runs of the built action that together make every call that it can make, recorded with what is needed to say what AWS asks IAM for them.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  CreateEventSourceMappingCommand,
  CreateFunctionCommand,
  GetFunctionConfigurationCommand,
  paginateListEventSourceMappings,
  PublishLayerVersionCommand,
} from '@aws-sdk/client-lambda';
import { strToU8, zipSync } from 'fflate';
import { ACCOUNT, REGION } from '../stack/clients.ts';
import type { IamRequest } from '../stack/policy.ts';
import type { Stack } from '../stack/stack.ts';
import { uniqueName } from '../stack/use-stack.ts';
import { stateMachine } from '../workflows/cloudformation.ts';
import { createTable, prepareDeployment, type Deployment } from './deployment.ts';
import { iamRequests } from './iam-requests.ts';

export type Operation = 'deploy' | 'refresh-mapping' | 'rollback' | 'backfill' | 'verify' | 'redrive';
export type Inputs = Readonly<Record<string, string>>;

export interface RecordedRun {
  readonly title: string;
  readonly operation: Operation;
  readonly dryRun: boolean;
  readonly inputs: Inputs;
  /** Whether there was a function before. */
  readonly existed: boolean;
  readonly prunes: boolean;
  /** The values of the placeholders in the policies. */
  readonly values: Readonly<Record<string, readonly string[]>>;
  readonly requests: readonly IamRequest[];
}

interface Expected {
  /** Exit status, default 0. */
  readonly code?: number;
  /** The function's response to the check, default good. */
  readonly ok?: boolean;
  /** The options file. */
  readonly options?: string;
}

export const KEY = `arn:aws:kms:${REGION}:${ACCOUNT}:key/11111111-2222-3333-4444-555555555555`;
const NETWORK = { 'subnet-ids': 'subnet-0123456789abcdef0', 'security-group-ids': 'sg-0123456789abcdef0' };

/** The response to a part of a table, as of a function that has nothing to do; undefined: another event. */
function sliceResponse(body: string): object | undefined {
  const { slice } = JSON.parse(body) as { slice?: { kind: string; id?: string; tables: readonly { name: string }[] } };
  if (slice === undefined) return undefined;
  if (slice.kind !== 'survey') return { id: slice.id, done: true, counts: {}, throttled: { table: 0, cluster: 0 } };
  const index = { name: 'orders', index: 'orders', uuid: 'u', documents: 0, shards: [0], serverless: false };
  return { tables: Object.fromEntries(slice.tables.map(({ name }) => [name, index])), problems: [] };
}

/** A function of its own, deployed again and again. */
class Subject {
  readonly runs: RecordedRun[] = [];
  readonly it: Deployment;
  readonly tables: string[];
  readonly layers: string[] = [];
  readonly roles: string[];
  readonly #stack: Stack;
  readonly #folder: string;
  #ok = true;

  private constructor(stack: Stack, it: Deployment, folder: string) {
    this.#stack = stack;
    this.it = it;
    this.#folder = folder;
    this.tables = [...it.tables];
    this.roles = [it.role];
    // The check needs a function that runs, with a layer, a key and a network that are not there. Here only the call counts.
    it.aws.on(
      'lambda:Invoke',
      ({ body }) => ({
        response: {
          status: 200,
          body: sliceResponse(body) ?? { ok: this.#ok, problems: this.#ok ? [] : [{ what: 'the cluster is away' }] },
        },
      }),
      Infinity,
    );
  }

  static async of(
    stack: Stack,
    options: Parameters<typeof prepareDeployment>[1],
    use: (subject: Subject) => Promise<void>,
  ): Promise<RecordedRun[]> {
    const it = await prepareDeployment(stack, options);
    const folder = await mkdtemp(join(tmpdir(), 'workspace-'));
    const subject = new Subject(stack, it, folder);
    try {
      await use(subject);
      return subject.runs;
    } finally {
      await it.stop();
      await rm(folder, { recursive: true });
    }
  }

  async run(title: string, inputs: Inputs, { code = 0, ok = true, options }: Expected = {}): Promise<void> {
    this.#ok = ok;
    const before = await this.#state();
    if (options !== undefined) await writeFile(join(this.#folder, 'search.yml'), options);
    const settings = { ...inputs, ...(options === undefined ? {} : { config: 'search.yml' }) };
    const run = await this.it.run(settings, { workspace: this.#folder });
    if (run.code !== code) throw new Error(`${title}: exit status ${run.code}\n${run.log}`);
    const all: Inputs = { role: this.it.role, 'code-bucket': this.it.bucket, ...inputs };
    const { 'code-bucket': bucket, operation = 'deploy', 'dry-run': dryRun = 'false', tags = '' } = all;
    const after = await this.#state();
    const runContext = {
      triggers: new Map([...before.triggers, ...after.triggers]),
      key: before.key,
      reads: { variables: operation === 'deploy', tags: operation !== 'rollback' && (tags !== '' || bucket === '') },
    };
    this.runs.push({
      title,
      operation: operation as Operation,
      dryRun: dryRun === 'true',
      inputs: all,
      existed: before.exists,
      prunes: options?.includes('prune-triggers: true') === true,
      values: this.#values(),
      requests: this.it.requests().flatMap((request) => iamRequests(request, runContext)),
    });
  }

  #values(): RecordedRun['values'] {
    return {
      partition: ['aws'],
      region: [REGION],
      account: [ACCOUNT],
      'function-name': [this.it.name],
      'code-bucket': [this.it.bucket],
      'endpoint-file': ['STAGE_es_creds'],
      tables: [...this.tables],
      role: [...this.roles],
      layers: [...this.layers],
      'kms-key-arn': [KEY],
      'state-machine': [`${this.it.name}-slices`],
    };
  }

  async #state(): Promise<{ exists: boolean; key: string | undefined; triggers: [string, string][] }> {
    const { lambda } = this.#stack.clients;
    const found = await lambda.send(new GetFunctionConfigurationCommand({ FunctionName: this.it.name })).catch(() => undefined);
    const triggers: [string, string][] = [];
    // Those of all functions, also of the tests beside this one: a mapping of an alias is not listed under its function.
    for await (const { EventSourceMappings: page = [] } of paginateListEventSourceMappings({ client: lambda }, {})) {
      triggers.push(...page.map(({ UUID: id = '', FunctionArn: arn = '' }): [string, string] => [id, arn]));
    }
    return {
      exists: found !== undefined,
      key: found?.KMSKeyArn === '' ? undefined : found?.KMSKeyArn,
      triggers,
    };
  }
}

async function publishLayer({ clients: { lambda } }: Stack): Promise<string> {
  const { LayerVersionArn: arn } = await lambda.send(
    new PublishLayerVersionCommand({ LayerName: uniqueName('layer'), Content: { ZipFile: zipSync({ 'nodejs/x.js': strToU8('1') }) } }),
  );
  return arn ?? '';
}

/** A trigger that someone creates by hand: the key mapping is out of date then. */
async function addTrigger(stack: Stack, subject: Subject, qualifier = ''): Promise<void> {
  const table = uniqueName('Hand');
  const stream = await createTable(stack, table, true);
  subject.tables.push(table);
  await stack.clients.lambda.send(
    new CreateEventSourceMappingCommand({
      FunctionName: `${subject.it.name}${qualifier}`,
      EventSourceArn: stream,
      StartingPosition: 'TRIM_HORIZON',
    }),
  );
}

/** With an alias, and every input that asks for a permission. */
function withAlias(stack: Stack): Promise<RecordedRun[]> {
  return Subject.of(stack, { count: 2 }, async (subject) => {
    const { it, layers } = subject;
    layers.push(await publishLayer(stack), await publishLayer(stack));
    const all = {
      ...NETWORK,
      alias: 'live',
      tables: it.tables.join('\n'),
      tags: 'a=1\nb=2',
      'log-retention-days': '7',
      layers: layers[0] ?? '',
      'kms-key-arn': KEY,
      'environment-variables': 'LEVEL=debug',
    };
    await subject.run('alias: plan of a new function', { ...all, 'dry-run': 'true' });
    await subject.run('alias: create, with the items of its tables', { ...all, 'backfill-new-tables': 'auto' });
    const next = {
      ...all,
      tables: it.tables[0] ?? '',
      tags: 'a=2',
      'log-retention-days': '14',
      layers: layers[1] ?? '',
      'environment-variables': 'LEVEL=info',
    };
    const options = { options: 'prune-triggers: true\ndefaults:\n  trigger:\n    batch-size: 10\n' };
    await subject.run('alias: plan of an update', { ...next, 'dry-run': 'true' }, options);
    await subject.run('alias: update', next, options);
    subject.roles.push(`${it.role}-2`);
    await subject.run(
      'alias: a check that fails',
      { ...next, role: `${it.role}-2`, layers: layers[0] ?? '' },
      { ...options, code: 1, ok: false },
    );
    const on = { tables: it.tables[0] ?? '', alias: 'live' };
    await subject.run('alias: backfill', { ...on, operation: 'backfill' });
    await subject.run('alias: comparison', { ...on, operation: 'verify' });
    await subject.run('alias: dead letters', { ...on, operation: 'redrive' });
    await addTrigger(stack, subject, ':live');
    const refresh = { operation: 'refresh-mapping', alias: 'live' };
    await subject.run('alias: plan of a refresh', { ...refresh, 'dry-run': 'true' });
    await subject.run('alias: refresh', refresh);
    await subject.run('alias: plan of a rollback', { operation: 'rollback', alias: 'live', 'dry-run': 'true' });
    await subject.run('alias: rollback', { operation: 'rollback', alias: 'live' });
    await subject.run('alias: a refresh without it, and so without a history', { operation: 'refresh-mapping' });
  });
}

/** Runs that a state machine works on, or seems to: here only the calls count. Nothing is done, so that each run fails. */
async function byStateMachine(subject: Subject, tables: string): Promise<void> {
  const { name, bucket, aws } = subject.it;
  const arn = (kind: string, rest = ''): string => `arn:aws:states:${REGION}:${ACCOUNT}:${kind}:${name}-slices${rest}`;
  const { definition } = stateMachine({ FunctionName: name, CodeBucketName: bucket, StateMachineName: `${name}-slices` });
  let looks = 0;
  const responses: Readonly<Record<string, () => object>> = {
    DescribeStateMachine: () => ({ stateMachineArn: arn('stateMachine'), status: 'ACTIVE', type: 'STANDARD', definition }),
    StartExecution: () => ({ executionArn: arn('execution', ':1'), startDate: 1 }),
    DescribeExecution: () => ({ executionArn: arn('execution', ':1'), status: looks-- > 0 ? 'RUNNING' : 'SUCCEEDED' }),
    ListMapRuns: () => ({ mapRuns: [{ mapRunArn: arn('mapRun', '/Slices:1') }] }),
    DescribeMapRun: () => ({ itemCounts: { running: 1 } }),
    StopExecution: () => ({ stopDate: 1 }),
  };
  for (const [call, body] of Object.entries(responses))
    aws.on(`states:${call}`, () => ({ response: { status: 200, body: body() } }), Infinity);
  for (const operation of ['backfill', 'verify']) {
    const inputs = { operation, tables, 'state-machine': arn('stateMachine') };
    await subject.run(`state machine: plan of ${operation}`, { ...inputs, 'dry-run': 'true' });
    looks = 1;
    await subject.run(`state machine: ${operation}`, inputs, { code: 1 });
    // That of the run before is looked at, too.
    looks = 2;
    await subject.run(`state machine: ${operation} anew`, { ...inputs, restart: 'true' }, { code: 1 });
  }
}

/** With the history of packages in the bucket, which keeps versions, over a function not deployed by this action. */
function withBucket(stack: Stack): Promise<RecordedRun[]> {
  return Subject.of(stack, { count: 1, versions: true }, async (subject) => {
    const { it } = subject;
    await subject.run('bucket: plan of a new function', { 'dry-run': 'true' });
    await stack.clients.lambda.send(
      new CreateFunctionCommand({
        FunctionName: it.name,
        Role: it.role,
        Runtime: 'python3.12',
        Handler: 'lambda_function.lambda_handler',
        Code: { ZipFile: zipSync({ 'lambda_function.py': strToU8('def lambda_handler(event, context):\n    return "ok"\n') }) },
      }),
    );
    await subject.run('bucket: a check that fails', { 'memory-size': '256' }, { code: 1, ok: false });
    await subject.run('bucket: update', { tables: it.tables.join('\n') });
    await addTrigger(stack, subject);
    const on = { tables: it.tables.join('\n') };
    await subject.run('bucket: plan of a backfill', { ...on, operation: 'backfill', 'dry-run': 'true' });
    await subject.run('bucket: backfill', { ...on, operation: 'backfill' });
    await subject.run('bucket: plan of a comparison', { ...on, operation: 'verify', 'dry-run': 'true' });
    await subject.run('bucket: comparison', { ...on, operation: 'verify' });
    await subject.run('bucket: plan of dead letters', { ...on, operation: 'redrive', 'dry-run': 'true' });
    await subject.run('bucket: dead letters', { ...on, operation: 'redrive' });
    await byStateMachine(subject, on.tables);
    await subject.run('bucket: plan of a refresh', { operation: 'refresh-mapping', 'dry-run': 'true' });
    await subject.run('bucket: refresh', { operation: 'refresh-mapping' });
    // The second change of the configuration is the one that would put the former one back.
    let changes = 0;
    const refusal = { response: { status: 400, body: { message: 'no' } } };
    it.aws.on('lambda:UpdateFunctionCode', refusal);
    it.aws.on('lambda:UpdateFunctionConfiguration', () => (++changes === 2 ? refusal : undefined), Infinity);
    await subject.run(
      'bucket: a deploy that ends in the middle',
      { 'memory-size': '512', endpoint: 'https://other.example.com' },
      { code: 1 },
    );
    await addTrigger(stack, subject);
    await subject.run('bucket: a refresh after it, with a check that fails', { operation: 'refresh-mapping' }, { code: 1, ok: false });
    await subject.run('bucket: plan of a rollback', { operation: 'rollback', 'dry-run': 'true' });
    await subject.run('bucket: rollback to a package that is gone', { operation: 'rollback', 'rollback-to': 'ab'.repeat(32) }, { code: 1 });
    await subject.run('bucket: rollback', { operation: 'rollback' });
    await subject.run('bucket: rollback to the foreign package', { operation: 'rollback' });
  });
}

/** Without bucket and alias: the package inline, a tag for a history. */
function withoutBucket(stack: Stack): Promise<RecordedRun[]> {
  return Subject.of(stack, { count: 1, bucket: false }, async (subject) => {
    const here = { 'code-bucket': '', endpoint: stack.search.url };
    await subject.run('inline: plan of a new function', { ...here, 'dry-run': 'true' });
    await subject.run('inline: create', { ...here, tables: subject.it.tables.join('\n') });
    await subject.run('inline: a check that fails', { ...here, endpoint: 'https://other.example.com' }, { code: 1, ok: false });
    await addTrigger(stack, subject);
    await subject.run('inline: refresh', { operation: 'refresh-mapping', 'code-bucket': '' });
  });
}

/** All of it. */
export async function recordRuns(stack: Stack): Promise<RecordedRun[]> {
  return (await Promise.all([withAlias(stack), withBucket(stack), withoutBucket(stack)])).flat();
}
