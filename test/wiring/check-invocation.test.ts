// The check cannot be made: what AWS says to its invocation, and what serves afterwards.
import { afterAll, describe, expect, test } from '@jest/globals';
import { GetAliasCommand, GetFunctionConfigurationCommand } from '@aws-sdk/client-lambda';
import { startProxy, type Behaviour } from '../stack/proxy.ts';
import { useStack } from '../stack/use-stack.ts';
import { prepareDeployment, type Deployment } from './deployment.ts';

const stack = await useStack();
const { lambda } = stack.clients;
const all: Deployment[] = [];
afterAll(() => Promise.all(all.map((it) => it.stop())));

/** A function that serves, and a change of it that a good check would let serve. */
async function prepare(inputs: Record<string, string> = {}): Promise<{ it: Deployment; sha256: string; change: Record<string, string> }> {
  const it = await prepareDeployment(stack);
  all.push(it);
  const first = await it.run(inputs);
  expect(first.code).toBe(0);
  const change = { ...inputs, endpoint: `${stack.search.url}/`, 'memory-size': '256', config: '' };
  return { it, sha256: first.outputs['code-sha256'] ?? '', change: { ...change, tables: it.tables.join('\n') } };
}

const refusal = (status: number, name: string, body: object): Behaviour => ({
  response: { status, headers: { 'x-amzn-errortype': name }, body },
});
const invocations = (it: Deployment): number => it.requests().filter(({ operation }) => operation === 'lambda:Invoke').length;
const configurationOf = (it: Deployment): Promise<object> => lambda.send(new GetFunctionConfigurationCommand({ FunctionName: it.name }));

/** AWS's words as reported in public. */
const DENIED = refusal(403, 'AccessDeniedException', {
  Message: 'User: arn:aws:sts::123456789012:assumed-role/deployer/x is not authorized to perform: lambda:InvokeFunction',
});
const NO_ADDRESSES = refusal(502, 'SubnetIPAddressLimitReachedException', {
  Message:
    'Lambda was not able to set up VPC access for the Lambda function because one or more configured subnets has no available IP addresses.',
});
const KEY_DISABLED = refusal(502, 'KMSDisabledException', {
  Message: 'Lambda was unable to decrypt the environment variables because the KMS key used is disabled.',
});
const NO_CONCURRENCY = refusal(429, 'TooManyRequestsException', {
  Reason: 'ReservedFunctionConcurrentInvocationLimitExceeded',
  Type: 'User',
  message: 'Rate Exceeded.',
});
const INITIALIZING = refusal(409, 'CodeArtifactUserPendingException', {
  Message: 'ERROR: Lambda is initializing your function. It will be ready to invoke shortly.',
});
const PENDING = refusal(409, 'ResourceConflictException', {
  Type: 'User',
  Message: 'The operation cannot be performed at this time. The function is currently in the following state: Pending',
});

describe('an invocation that is refused', () => {
  test.each<[string, Behaviour, string]>([
    ['for want of a permission', DENIED, 'The deploying role needs the permission lambda:InvokeFunction'],
    ['because the subnets have no addresses', NO_ADDRESSES, 'The subnets of the function have no free address left'],
    ['because a key is disabled', KEY_DISABLED, 'Check the KMS key of the function'],
    ['because the reserved concurrency is 0', NO_CONCURRENCY, 'The reserved concurrency of the function is 0: raise or remove it'],
    ['because the connection breaks', { reset: 'before' }, 'ECONNRESET'],
  ])('%s is a failed check: package and configuration are put back', async (_, behaviour, expected) => {
    const { it, sha256, change } = await prepare();
    it.aws.on('lambda:Invoke', behaviour, Infinity);
    const run = await it.run({ ...change, 'subnet-ids': 'subnet-0123456789abcdef0', 'security-group-ids': 'sg-0123456789abcdef0' });
    expect(run).toMatchObject({ code: 1, outputs: { changed: 'false', 'code-sha256': sha256 } });
    expect(run.log).toContain(`The check of function ${it.name} failed: lambda:InvokeFunction of function ${it.name} failed: `);
    expect(run.log).toContain(expected);
    expect(run.log).toContain('The former package and configuration were put back');
    expect(it.mutations()).not.toContain('lambda:CreateEventSourceMapping');
    const configuration = await configurationOf(it);
    expect(configuration).toMatchObject({ CodeSha256: sha256, MemorySize: 128 });
    expect(configuration).not.toMatchObject({ VpcConfig: { SubnetIds: [expect.anything()] } });
    it.aws.clear();
    expect(await it.run()).toMatchObject({ code: 0, outputs: { changed: 'false' } });
    expect((await it.run(change)).code).toBe(0);
  });

  test('never moves an alias', async () => {
    const { it, sha256, change } = await prepare({ alias: 'live' });
    it.aws.on('lambda:Invoke', DENIED, Infinity);
    const run = await it.run(change);
    expect(run).toMatchObject({ code: 1, outputs: { 'function-version': '1' } });
    expect(run.log).toContain('alias live still serves version 1');
    expect((await lambda.send(new GetAliasCommand({ FunctionName: it.name, Name: 'live' }))).FunctionVersion).toBe('1');
    expect(await configurationOf(it)).toMatchObject({ CodeSha256: sha256, MemorySize: 128 });
  });

  test('leaves a function that was just created, without triggers; the next run checks it again', async () => {
    const it = await prepareDeployment(stack);
    all.push(it);
    it.aws.on('lambda:Invoke', DENIED, Infinity);
    const inputs = { tables: it.tables.join('\n') };
    const run = await it.run(inputs);
    expect(run).toMatchObject({ code: 1, outputs: { created: 'true' } });
    expect(run.log).toContain('stays as it was created, without triggers');
    expect(it.mutations()).not.toContain('lambda:CreateEventSourceMapping');
    it.aws.clear();
    expect((await it.run(inputs)).code).toBe(0);
    expect(it.mutations()).toContain('lambda:CreateEventSourceMapping');
  });

  test.each([
    ['that is initializing', INITIALIZING],
    ['that is pending', PENDING],
    [
      'whose calls are throttled',
      refusal(429, 'TooManyRequestsException', { Reason: 'CallerRateLimitExceeded', message: 'Rate Exceeded.' }),
    ],
  ])('by a function %s is retried', async (_, behaviour) => {
    const { it, change } = await prepare();
    it.aws.on('lambda:Invoke', behaviour, 2);
    const run = await it.run(change);
    expect(run).toMatchObject({ code: 0, outputs: { changed: 'true' } });
    expect(invocations(it)).toBe(3);
    expect(run.log.match(/The check waits for up to 2 minutes/g)).toHaveLength(1);
  });
});

describe('a rollback whose check cannot be made', () => {
  test('puts back what served, and can be run again', async () => {
    const { it, sha256: former, change } = await prepare();
    const second = await it.run(change);
    expect(second.code).toBe(0);
    it.aws.on('lambda:Invoke', DENIED, Infinity);
    const run = await it.run({ operation: 'rollback' });
    expect(run).toMatchObject({ code: 1, outputs: { changed: 'false', 'code-sha256': second.outputs['code-sha256'] } });
    expect(await configurationOf(it)).toMatchObject({ CodeSha256: second.outputs['code-sha256'] });
    it.aws.clear();
    expect(await it.run({ operation: 'rollback' })).toMatchObject({ code: 0, outputs: { 'code-sha256': former } });
  });

  test('goes to the same package when it is run again, also where nothing could be put back', async () => {
    const { it, change } = await prepare();
    const second = await it.run(change);
    const third = await it.run({
      ...change,
      endpoint: `ES_ENDPOINT='${stack.search.url}'\nES_AUTH=basic\nES_USERNAME=writer\nES_PASSWORD=hunter2-hunter2\n`,
    });
    expect(third.code).toBe(0);
    expect(third.outputs['code-sha256']).not.toBe(second.outputs['code-sha256']);
    it.aws.on('lambda:Invoke', DENIED, Infinity);
    let updates = 0;
    it.aws.on(
      'lambda:UpdateFunctionCode',
      () => {
        updates += 1;
        return updates === 1 ? undefined : refusal(403, 'AccessDeniedException', { Message: 'no more' });
      },
      Infinity,
    );
    const run = await it.run({ operation: 'rollback' });
    expect(run.code).toBe(1);
    expect(run.log).toContain('could not be put back');
    it.aws.clear();
    expect(await it.run({ operation: 'rollback' })).toMatchObject({ code: 0, outputs: { 'code-sha256': second.outputs['code-sha256'] } });
  });

  test('of an alias says so, and leaves it where it is', async () => {
    const { it, change } = await prepare({ alias: 'live' });
    expect((await it.run(change)).code).toBe(0);
    it.aws.on('lambda:Invoke', DENIED, Infinity);
    const run = await it.run({ operation: 'rollback', alias: 'live' });
    expect(run.code).toBe(1);
    expect(run.log).toMatch(/The check of version 1 failed: lambda:InvokeFunction .* alias live still serves version \d/);
    it.aws.clear();
    expect(await it.run({ operation: 'rollback', alias: 'live' })).toMatchObject({ code: 0, outputs: { 'function-version': '1' } });
  });
});

test('a cluster that is too busy for one request of the check does not fail it', async () => {
  const search = await startProxy(stack.search.url);
  try {
    const it = await prepareDeployment(stack);
    all.push(it);
    const reason = 'rejected execution of coordinating operation';
    search.on(/_bulk$/, { response: { status: 429, body: { error: { type: 'es_rejected_execution_exception', reason }, status: 429 } } });
    const run = await it.run({ endpoint: search.url });
    expect({ code: run.code, log: run.code === 0 ? '' : run.log }).toEqual({ code: 0, log: '' });
    expect(search.matching(/_bulk$/).map(({ status }) => status)).toContain(429);
  } finally {
    await search.stop();
  }
});
