// Runs of the built action that together make every call that it can make, recorded with what is needed to say what AWS asks IAM for them.
import { CreateEventSourceMappingCommand, CreateFunctionCommand, PublishLayerVersionCommand } from '@aws-sdk/client-lambda';
import { strToU8, zipSync } from 'fflate';
import { ACCOUNT, REGION } from '../stack/clients.ts';
import type { Stack } from '../stack/stack.ts';
import { uniqueName } from '../stack/use-stack.ts';
import { stateMachine } from '../workflows/cloudformation.ts';
import { createTable } from './deployment.ts';
import { KEY, Subject, type Operation, type RecordedRun } from './recorded-subject.ts';

const NETWORK = { 'subnet-ids': 'subnet-0123456789abcdef0', 'security-group-ids': 'sg-0123456789abcdef0' };
const planner = { byPlanner: true };

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
    await subject.run('alias: plan of a new index', { ...on, operation: 'reindex', 'dry-run': 'true' });
    await subject.run('alias: new index', { ...on, operation: 'reindex' });
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
async function byStateMachine(subject: Subject, tables: string, operations: readonly Operation[]): Promise<void> {
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
  for (const operation of operations) {
    const inputs = { operation, tables, 'state-machine': arn('stateMachine') };
    await subject.run(`state machine: plan of ${operation}`, { ...inputs, 'dry-run': 'true' });
    looks = 1;
    await subject.run(`state machine: ${operation}`, inputs, { code: 1 });
    // That of the run before is looked at, too.
    looks = 2;
    await subject.run(`state machine: ${operation} anew`, { ...inputs, restart: 'true' }, { code: 1 });
  }
}

/** A deploy that leaves the configuration changed and the package as it was. */
async function endInTheMiddle(subject: Subject): Promise<void> {
  // The second change of the configuration is the one that would put the former one back.
  let changes = 0;
  const refusal = { response: { status: 400, body: { message: 'no' } } };
  subject.it.aws.on('lambda:UpdateFunctionCode', refusal);
  subject.it.aws.on('lambda:UpdateFunctionConfiguration', () => (++changes === 2 ? refusal : undefined), Infinity);
  await subject.run(
    'bucket: a deploy that ends in the middle',
    { 'memory-size': '512', endpoint: 'https://other.example.com' },
    { code: 1 },
  );
}

/** A new index for a table, and what else deploys the function for that. */
function withNewIndex(stack: Stack): Promise<RecordedRun[]> {
  return Subject.of(stack, { count: 1, versions: true }, async (subject) => {
    const tables = subject.it.tables.join('\n');
    const reindex = { tables, operation: 'reindex' };
    await subject.run('bucket: create', { tables });
    await subject.run('bucket: plan of a new index', { ...reindex, 'dry-run': 'true' });
    await subject.run('bucket: plan of a new index by a role that only plans', { ...reindex, 'dry-run': 'true' }, planner);
    await subject.run('bucket: new index', reindex);
    await endInTheMiddle(subject);
    await subject.run('bucket: a new index after it, with a check that fails', reindex, { code: 1, ok: false });
    await byStateMachine(subject, tables, ['reindex']);
  });
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
    await subject.run(
      'bucket: plan of dead letters by a role that only plans',
      { ...on, operation: 'redrive', 'dry-run': 'true' },
      planner,
    );
    await byStateMachine(subject, on.tables, ['backfill', 'verify', 'redrive']);
    await subject.run('bucket: plan of a refresh', { operation: 'refresh-mapping', 'dry-run': 'true' });
    await subject.run('bucket: refresh', { operation: 'refresh-mapping' });
    await endInTheMiddle(subject);
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
  return (await Promise.all([withAlias(stack), withBucket(stack), withNewIndex(stack), withoutBucket(stack)])).flat();
}
