// Faults of AWS, the network and the user: one sentence each, and no unintended change.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { createServer, type Server } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { CreateEventSourceMappingCommand, CreateFunctionCommand } from '@aws-sdk/client-lambda';
import { strToU8, zipSync } from 'fflate';
import type { ActionRun } from '../stack/action-run.ts';
import { useStack } from '../stack/use-stack.ts';
import { createTable, prepareDeployment, type Deployment } from './deployment.ts';

const stack = await useStack();
const { lambda } = stack.clients;
let it: Deployment;
beforeAll(async () => {
  it = await prepareDeployment(stack);
  expect((await it.run()).code).toBe(0);
});
afterAll(() => it.stop());
beforeEach(() => {
  it.aws.clear();
  it.dynamodb.clear();
});

const error = (
  status: number,
  name: string,
  message: string,
): { response: { status: number; headers: Record<string, string>; body: unknown } } => ({
  response: { status, headers: { 'x-amzn-errortype': name }, body: { Type: 'User', message, Message: message } },
});

/** The one error of a failed run. */
function sentence(run: ActionRun): string {
  expect(run.code).toBe(1);
  expect(run.log).not.toMatch(/\n\s+at /);
  const errors = [...run.log.matchAll(/^::error::(.*)$/gm)].map(([, text]) => text ?? '');
  expect(errors).toHaveLength(1);
  return errors[0] ?? '';
}

describe('AWS', () => {
  test('busy and then failed: the wait ends at once, with the reason code', async () => {
    const states = [
      {},
      { LastUpdateStatus: 'InProgress' },
      { LastUpdateStatus: 'InProgress' },
      { LastUpdateStatus: 'Failed', LastUpdateStatusReasonCode: 'SubnetOutOfIPAddresses', LastUpdateStatusReason: 'No address left.' },
    ];
    let polls = 0;
    it.aws.on('lambda:UpdateFunctionConfiguration', {
      rewrite: (body) => JSON.stringify({ ...(JSON.parse(body) as object), LastUpdateStatus: 'InProgress' }),
    });
    it.aws.on(
      'lambda:GetFunctionConfiguration',
      () => ({ rewrite: (body) => JSON.stringify({ ...(JSON.parse(body) as object), ...states[polls++] }) }),
      Infinity,
    );
    const run = await it.run({ 'memory-size': '256' });
    expect(sentence(run)).toBe(
      `function ${it.name}: the update failed: SubnetOutOfIPAddresses: No address left. Check subnet-ids: each must exist, in one VPC, with free addresses. The former package and configuration were put back`,
    );
    // And one before each of the two steps that put it back.
    expect(polls).toBe(4 + 2);
    it.aws.clear();
    expect((await it.run()).code).toBe(0);
  });

  test('in conflict twice: the change waits, and is made', async () => {
    it.aws.on(
      'lambda:UpdateFunctionConfiguration',
      error(409, 'ResourceConflictException', 'The operation cannot be performed at this time. An update is in progress for resource'),
      2,
    );
    const run = await it.run({ 'memory-size': '512' });
    expect(run.code).toBe(0);
    expect(
      it
        .requests()
        .filter(({ operation }) => operation === 'lambda:UpdateFunctionConfiguration')
        .map(({ status }) => status),
    ).toEqual([409, 409, 200]);
  });

  test('says on create that the function exists: it is taken up as an update', async () => {
    const other = await prepareDeployment(stack);
    const python = zipSync({ 'x.py': strToU8('pass\n') });
    other.aws.on('lambda:GetFunction', error(404, 'ResourceNotFoundException', 'Function not found'));
    await lambda.send(
      new CreateFunctionCommand({
        FunctionName: other.name,
        Role: other.role,
        Runtime: 'python3.12',
        Handler: 'x.y',
        Code: { ZipFile: python },
      }),
    );
    const run = await other.run();
    expect(run).toMatchObject({ code: 0, outputs: { created: 'false', changed: 'true' } });
    expect(other.mutations()).toContain('lambda:UpdateFunctionCode');
    await other.stop();
  });

  test('refuses a call: it fails at once and names the permission', async () => {
    it.aws.on(
      'lambda:GetFunctionConfiguration',
      error(
        403,
        'AccessDeniedException',
        'User: arn:aws:sts::123456789012:assumed-role/deployer/x is not authorized to perform: lambda:GetFunctionConfiguration on resource: it',
      ),
      Infinity,
    );
    const text = sentence(await it.run({ 'memory-size': '1024' }));
    expect(text).toContain(
      `lambda:GetFunctionConfiguration of function ${it.name} failed: AccessDeniedException: User: arn:aws:sts::123456789012`,
    );
    expect(text).toContain('The deploying role needs the permission lambda:GetFunctionConfiguration');
    expect(it.requests().filter(({ operation }) => operation === 'lambda:GetFunctionConfiguration')).toHaveLength(1);
    expect(it.mutations()).not.toContain('lambda:UpdateFunctionConfiguration');
    it.aws.clear();
    expect((await it.run()).code).toBe(0);
  });

  test('throttles: the reads are retried and the run succeeds', async () => {
    it.aws.on('lambda:ListEventSourceMappings', error(429, 'TooManyRequestsException', 'Rate exceeded'), 3);
    it.aws.on('s3:GetObject', {
      response: {
        status: 503,
        headers: { 'content-type': 'application/xml' },
        body: '<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>',
      },
    });
    const run = await it.run();
    expect(run).toMatchObject({ code: 0, outputs: { changed: 'false' } });
  });

  test('does not know the fresh role yet: creating is retried', async () => {
    const other = await prepareDeployment(stack);
    other.aws.on(
      'lambda:CreateFunction',
      error(400, 'InvalidParameterValueException', 'The role defined for the function cannot be assumed by Lambda.'),
      1,
    );
    const run = await other.run();
    expect(run).toMatchObject({ code: 0, outputs: { created: 'true' } });
    await other.stop();
  });

  test('lists triggers in pages: the third one counts', async () => {
    const other = await prepareDeployment(stack);
    await other.run();
    const [table = ''] = other.tables;
    const stream = await createTable(stack, `${table}.last`, true);
    for (let at = 0; at < 230; at += 1) {
      await lambda.send(
        new CreateEventSourceMappingCommand({
          FunctionName: other.name,
          StartingPosition: 'TRIM_HORIZON',
          EventSourceArn: `arn:aws:dynamodb:eu-west-1:123456789012:table/Gone/stream/${at}`,
        }),
      );
    }
    await lambda.send(
      new CreateEventSourceMappingCommand({ FunctionName: other.name, StartingPosition: 'TRIM_HORIZON', EventSourceArn: stream }),
    );
    const run = await other.run({ operation: 'refresh-mapping' });
    expect(run.code).toBe(0);
    expect(other.requests().filter(({ operation }) => operation === 'lambda:ListEventSourceMappings')).toHaveLength(3);
    expect(Object.keys(JSON.parse(run.outputs.tables ?? '') as object)).toEqual([`${table}.last`]);
    await other.stop();
  });
});

describe('bad input', () => {
  test.each<[string, Record<string, string>, RegExp]>([
    ['an unknown operation', { operation: 'deplay' }, /operation: expected .*found "deplay".*deploy/],
    ['a bad number', { 'memory-size': '128abc' }, /memory-size: expected a whole number from 128 to 10240 \(MiB\), found "128abc"/],
    ['no environment', { environment: '' }, /environment: it is required/],
    ['an endpoint that is not a URL', { endpoint: 'not a url' }, /endpoint/],
    ['plain http to a foreign host', { endpoint: 'http://search.example.com' }, /http/],
    [
      'a missing endpoint file',
      { 'endpoint-file': 'none_es_creds' },
      /endpoint-file: there is no s3:\/\/code-[^ ]+\/none_es_creds\. Upload it/,
    ],
    ['a missing bucket', { 'code-bucket': 'there-is-no-such-bucket' }, /NoSuchBucket.*Check code-bucket/],
    ['a missing options file', { config: 'search.yml' }, /config: there is no file "search.yml"/],
    ['a table that does not exist', { tables: 'Nowhere' }, /tables: there is no table Nowhere in account 123456789012, region eu-west-1/],
    [
      'a table of another account',
      { tables: 'arn:aws:dynamodb:eu-west-1:999999999999:table/Orders' },
      /^tables: arn:aws:dynamodb:eu-west-1:999999999999:table\/Orders is not in account 123456789012(?!.*there is no table)/,
    ],
    [
      'an account that is not allowed',
      { 'allowed-account-ids': '111111111111' },
      /account 123456789012, which is not among allowed-account-ids \(111111111111\)/,
    ],
    ['a run on tables where none is known', { operation: 'backfill' }, /tables: the deployed key mapping knows no table/],
  ])('%s is one sentence, and nothing is changed', async (_name, inputs, expected) => {
    const run = await it.run(inputs);
    expect(sentence(run)).toMatch(expected);
    expect(it.mutations()).toEqual([]);
    expect(run.summary).toContain('failed');
    expect(Object.keys(run.outputs)).toHaveLength(15);
  });

  test('of one input leaves the outputs that name operation, environment and function', async () => {
    const run = await it.run({ operation: 'rollback', timeout: '0' });
    expect(run).toMatchObject({ code: 1, outputs: { operation: 'rollback', environment: 'STAGE', changed: 'false' } });
  });

  test('a role is needed to create', async () => {
    const run = await it.run({ 'function-name': 'does-not-exist', role: '' });
    expect(sentence(run)).toMatch(/role: function does-not-exist does not exist yet.*\(IAM_ROLE\)/);
  });

  test('of inputs, endpoint and tables is said all at once', async () => {
    const run = await it.run({
      'function-name': 'does-not-exist',
      role: '',
      endpoint: 'ES_ENDPOINT=ftp://x',
      config: 'none.yml',
      'memory-size': '1',
    });
    const text = sentence(run);
    for (const part of ['memory-size', 'ES_ENDPOINT', 'none.yml']) expect(text).toContain(part);
    const then = sentence(await it.run({ 'function-name': 'does-not-exist', role: '', tables: 'Nowhere' }));
    for (const part of ['role:', 'tables:']) expect(then).toContain(part);
  });

  test('a secret in the endpoint is masked, and in no log, summary or output', async () => {
    const secret = 'hunter2-hunter2';
    const run = await it.run({
      endpoint: `ES_ENDPOINT='${stack.search.url}'\nES_AUTH=basic\nES_USERNAME=writer\nES_PASSWORD='${secret}'\n`,
      'dry-run': 'true',
    });
    expect(run.code).toBe(0);
    expect(run.log).toContain(`::add-mask::${secret}`);
    for (const text of [run.log.replaceAll(/^::add-mask::.*$/gm, ''), run.summary, JSON.stringify(run.outputs)])
      expect(text).not.toContain(secret);
  });
});

describe('the network', () => {
  test('unreachable is one sentence', async () => {
    const run = await it.run({}, { env: { AWS_ENDPOINT_URL: 'http://127.0.0.1:9' } });
    expect(sentence(run)).toMatch(
      /sts:GetCallerIdentity of these credentials failed: ECONNREFUSED.*AWS could not be reached: check AWS_ENDPOINT_URL/,
    );
  });

  test('without credentials or region says what to set', async () => {
    const none = { AWS_ACCESS_KEY_ID: '', AWS_SECRET_ACCESS_KEY: '' };
    expect(sentence(await it.run({}, { env: none }))).toMatch(
      /No AWS credentials were found: let aws-actions\/configure-aws-credentials sign in/,
    );
    expect(sentence(await it.run({}, { env: { AWS_REGION: '', AWS_DEFAULT_REGION: '' } }))).toMatch(
      /No AWS region is set\. Set AWS_REGION/,
    );
    expect(sentence(await it.run({}, { env: { AWS_REGION: 'eu west 1' } }))).toBe(
      'AWS_REGION: expected the code of a region, such as eu-west-1, found "eu west 1"',
    );
    expect(sentence(await it.run({}, { env: { AWS_ENDPOINT_URL: 'no url' } }))).toContain('Check AWS_ENDPOINT_URL');
    expect(sentence(await it.run({ 'aws-profile': 'nobody' }, { env: { ...none, AWS_REGION: 'eu-west-1' } }))).toMatch(/nobody/);
  });

  describe('behind a proxy', () => {
    let proxy: Server;
    const tunnels: string[] = [];
    const sockets = new Set<Socket>();
    beforeAll(async () => {
      proxy = createServer();
      proxy.on('connect', (request, client: Socket) => {
        tunnels.push(request.url ?? '');
        sockets.add(client);
        const upstream = connect(9, '127.0.0.1');
        upstream.on('error', () => client.destroy());
      });
      await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
    });
    afterAll(() => {
      for (const socket of sockets) socket.destroy();
      proxy.close();
    });

    test('HTTPS_PROXY is used', async () => {
      const port = (proxy.address() as AddressInfo).port;
      const run = await it.run({}, { env: { AWS_ENDPOINT_URL: 'https://aws.invalid', HTTPS_PROXY: `http://127.0.0.1:${port}` } });
      expect(run.code).toBe(1);
      expect(tunnels).toContain('aws.invalid:443');
    });
  });
});
