// The function under the policy of its role: what the built function calls, and what Lambda calls in its name.
import { afterAll, describe, expect, test } from '@jest/globals';
import { CreateBucketCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { CreateSecretCommand } from '@aws-sdk/client-secrets-manager';
import { RELEASE } from '../../action/release.ts';
import { policyOf } from '../../scripts/policies.ts';
import { ACCOUNT, REGION } from '../stack/clients.ts';
import { runDeployed } from '../stack/deployed-package.ts';
import { allows, applies, type IamRequest, type Policy } from '../stack/policy.ts';
import { startProxy, type RecordedRequest } from '../stack/proxy.ts';
import { uniqueName, useStack } from '../stack/use-stack.ts';
import { streamRecord } from '../handler/records.ts';
import { prepareDeployment } from './deployment.ts';
import { iamRequests, THROUGH_LAMBDA } from './iam-requests.ts';

const stack = await useStack();
const it = await prepareDeployment(stack);
const search = await startProxy(stack.search.url);
const { ARN: secret = '' } = await stack.clients.secrets.send(
  new CreateSecretCommand({ Name: uniqueName('cluster'), SecretString: '{"username":"u","password":"p"}' }),
);
afterAll(async () => {
  await Promise.all([it.stop(), search.stop()]);
});

const [table = ''] = it.tables;
const failures = uniqueName('failures');
await stack.clients.s3.send(new CreateBucketCommand({ Bucket: failures, CreateBucketConfiguration: { LocationConstraint: REGION } }));
const DOMAIN = 'orders';
const COLLECTION = 'abcdefghij1234567890';

function ofFunction(request: RecordedRequest): IamRequest[] {
  const { operation, body, method, path, headers } = request;
  const service = /\/(es|aoss)\/aws4_request/.exec(headers.authorization ?? '')?.[1];
  const { pathname } = new URL(path, 'http://localhost');
  if (service === 'aoss') {
    return [{ action: 'aoss:APIAccessAll', resource: `arn:aws:aoss:${REGION}:${ACCOUNT}:collection/${COLLECTION}` }];
  }
  if (service === 'es') {
    const verb = `${method.slice(0, 1)}${method.slice(1).toLowerCase()}`;
    return [{ action: `es:ESHttp${verb}`, resource: `arn:aws:es:${REGION}:${ACCOUNT}:domain/${DOMAIN}${decodeURIComponent(pathname)}` }];
  }
  if (operation.startsWith('secretsmanager:'))
    return [{ action: operation, resource: (JSON.parse(body) as { SecretId: string }).SecretId }];
  if (operation.startsWith('dynamodb:')) return [{ action: operation, resource: `arn:aws:dynamodb:${REGION}:${ACCOUNT}:table/${table}` }];
  if (operation.startsWith('s3:')) return iamRequests(request, { triggers: new Map(), reads: { variables: false, tags: false } });
  // Basic authentication: no request to AWS.
  if (headers.authorization?.startsWith('Basic ') === true) return [];
  throw new Error(`It is not known what AWS asks for on ${operation}`);
}

const of = {
  name: table,
  keys: [
    { name: 'id', type: 'S' },
    { name: 'line', type: 'N' },
  ],
};

/** Deploys with this authentication, and has the function check itself, write, delete, leave a dead letter, and work it off. */
async function calls(...lines: string[]): Promise<IamRequest[]> {
  const endpoint = [`ES_ENDPOINT='${search.url}'`, ...lines].join('\n');
  const deployed = await it.run({ endpoint, tables: table, check: 'false' });
  if (deployed.code !== 0) throw new Error(deployed.log);
  it.aws.clear();
  it.dynamodb.clear();
  search.clear();
  const host = await runDeployed(stack.clients.lambda, it.name, {
    ...stack.env,
    AWS_ENDPOINT_URL: it.aws.url,
    AWS_ENDPOINT_URL_DYNAMODB: it.dynamodb.url,
  });
  try {
    const keys = { id: { S: 'a' }, line: { N: '1' } };
    const records = [
      streamRecord({ table, keys, image: { ...keys, text: { S: 'b' } } }),
      streamRecord({ table, keys: { ...keys, id: { S: 'c' } }, event: 'REMOVE' }),
      { ...streamRecord({ table, keys }), eventName: 'UNHEARD' },
    ];
    const at = {
      release: RELEASE,
      operation: 'verify',
      bucket: it.bucket,
      prefix: `runs/${it.name}/verify/${uniqueName('run')}`,
      capacity: 1e6,
      seconds: 60,
      tables: [of],
      table: of,
    };
    const scan = { ...at, kind: 'scan', id: 's', mode: 'compare', segment: 0, totalSegments: 1 };
    const found = `${JSON.stringify({ table, id: 'nobody|1', keys: { id: { S: 'nobody' }, line: { N: '1' } }, kind: 'stale' })}\n`;
    await it.put(`${at.prefix}/list`, found);
    const look = { ...at, kind: 'look', id: 'l', mode: 'decide', list: `${at.prefix}/list`, isLast: true };
    const from = { bucket: it.bucket, prefix: `dead-letters/${it.name}/${table}/` };
    const letters = { ...at, kind: 'redrive', id: 'd', mode: 'apply', form: 'dead-letters', from, until: Date.now() + 60_000 };
    const expired = { bucket: failures, prefix: 'aws/lambda/uuid/' };
    const batch = { DDBStreamBatchInfo: {}, payload: JSON.stringify({ Records: records.slice(0, 1) }) };
    await stack.clients.s3.send(
      new PutObjectCommand({ Bucket: failures, Key: `${expired.prefix}${uniqueName('batch')}`, Body: JSON.stringify(batch) }),
    );
    const batches = { ...letters, id: 'b', form: 'failed-batches', from: expired };
    const survey = { ...at, kind: 'survey', create: true, places: [from, expired] };
    const slices = [scan, look, survey, letters, batches].map((slice) => ({ slice }));
    for (const event of [{ check: true }, { Records: records }, ...slices]) {
      const { payload, functionError } = await host.invoke(event);
      if (functionError !== undefined || payload.includes('problem":"')) throw new Error(payload);
    }
  } finally {
    await host.stop();
  }
  return [...it.aws.requests, ...it.dynamodb.requests, ...search.requests].flatMap(ofFunction);
}

const signed = await calls('ES_AUTH=sigv4', 'ES_SERVICE=es');
const serverless = await calls('ES_AUTH=sigv4', 'ES_SERVICE=aoss');
const withSecret = await calls(`ES_SECRET_ARN='${secret}'`);
const recorded = [...signed, ...serverless, ...withSecret];

const values: Readonly<Record<string, string>> = {
  partition: 'aws',
  region: REGION,
  account: ACCOUNT,
  'function-name': it.name,
  'code-bucket': it.bucket,
  tables: table,
  domain: DOMAIN,
  collection: COLLECTION,
  ES_SECRET_ARN: secret,
  'on-failure-queue': `arn:aws:sqs:${REGION}:${ACCOUNT}:failed`,
  'on-failure-topic': `arn:aws:sns:${REGION}:${ACCOUNT}:failed`,
  'on-failure-bucket': failures,
  'kms-key-arn': `arn:aws:kms:${REGION}:${ACCOUNT}:key/11111111-2222-3333-4444-555555555555`,
  'table-key-arn': `arn:aws:kms:${REGION}:${ACCOUNT}:key/44444444-5555-6666-7777-888888888888`,
  'other-key-arn': `arn:aws:kms:${REGION}:${ACCOUNT}:key/77777777-8888-9999-0000-111111111111`,
};
const fill = (text: string): string =>
  text.replace(/\$\{([\w-]+)\}/g, (_, name: string) => {
    const value = values[name];
    if (value === undefined) throw new Error(`Nothing replaces \${${name}}`);
    return value;
  });
const policy = policyOf('function', fill) as Policy;

// DynamoDB Local names neither region nor account.
const stream = `arn:aws:dynamodb:${REGION}:${ACCOUNT}:table/${table}/stream/2026-01-02T03:04:05.678`;
const group = `arn:aws:logs:${REGION}:${ACCOUNT}:log-group:/aws/lambda/${it.name}`;
const network = `arn:aws:ec2:${REGION}:${ACCOUNT}:network-interface/eni-0123456789abcdef0`;
const on = (resource: string, ...actions: string[]): IamRequest[] => actions.map((action) => ({ action, resource }));

/** Lambda's calls in the function's name, which nothing here can record: from AWS's managed policies for it and its developer guide. */
const byLambda: Readonly<Record<string, readonly IamRequest[]>> = {
  AWSLambdaBasicExecutionRole: [
    ...on(group, 'logs:CreateLogGroup'),
    ...on(`${group}:*`, 'logs:CreateLogGroup'),
    ...on(`${group}:log-stream:2026/01/02/[$LATEST]0123456789abcdef`, 'logs:CreateLogStream', 'logs:PutLogEvents'),
  ],
  AWSLambdaDynamoDBExecutionRole: [
    ...on(stream, 'dynamodb:DescribeStream', 'dynamodb:GetRecords', 'dynamodb:GetShardIterator'),
    ...on('*', 'dynamodb:ListStreams'),
  ],
  AWSLambdaVPCAccessExecutionRole: [
    ...on('*', 'ec2:DescribeNetworkInterfaces', 'ec2:DescribeSubnets'),
    ...on(network, 'ec2:CreateNetworkInterface', 'ec2:DeleteNetworkInterface'),
    ...on(network, 'ec2:AssignPrivateIpAddresses', 'ec2:UnassignPrivateIpAddresses'),
  ],
  AWSXRayDaemonWriteAccess: on('*', 'xray:PutTraceSegments', 'xray:PutTelemetryRecords'),
  'an on-failure destination': [
    ...on(values['on-failure-queue'] ?? '', 'sqs:SendMessage'),
    ...on(values['on-failure-topic'] ?? '', 'sns:Publish'),
    ...on(`arn:aws:s3:::${failures}/aws/lambda/uuid/shard/2026/01/02/x`, 's3:PutObject'),
    ...on(`arn:aws:s3:::${failures}`, 's3:ListBucket'),
  ],
  'the stream of a table under a key': [
    { action: 'kms:Decrypt', resource: values['table-key-arn'] ?? '', context: { 'kms:ViaService': `dynamodb.${REGION}.amazonaws.com` } },
  ],
  'a secret and an on-failure destination under a key': ['secretsmanager', 'sqs', 'sns', 's3'].flatMap((service) =>
    on(values['other-key-arn'] ?? '', 'kms:Decrypt', ...(service === 'secretsmanager' ? [] : ['kms:GenerateDataKey'])).map((request) => ({
      ...request,
      context: { 'kms:ViaService': `${service}.${REGION}.amazonaws.com` },
    })),
  ),
  'environment variables under a key': [{ action: 'kms:Decrypt', resource: values['kms-key-arn'] ?? '', context: THROUGH_LAMBDA }],
};

/** Dead letters, and the work beside the stream. */
const ANYWHERE = ['s3:PutObject', 's3:GetObject', 's3:DeleteObject', 's3:ListBucket', 'dynamodb:Scan', 'dynamodb:BatchGetItem'];

describe("the function's role", () => {
  test('may do what the function does', () => {
    expect(new Set(signed.map(({ action }) => action))).toEqual(new Set(['es:ESHttpGet', 'es:ESHttpPost', 'es:ESHttpPut', ...ANYWHERE]));
    expect(new Set(serverless.map(({ action }) => action))).toEqual(new Set(['aoss:APIAccessAll', ...ANYWHERE]));
    expect(new Set(withSecret.map(({ action }) => action))).toEqual(new Set(['secretsmanager:GetSecretValue', ...ANYWHERE]));
    expect(recorded.filter((request) => !allows(policy, request))).toEqual([]);
  });

  test.each(Object.entries(byLambda))('may do what Lambda does in its name: %s', (_, requests) => {
    expect(requests.filter((request) => !allows(policy, request))).toEqual([]);
  });

  test('may do nothing that neither of them does', () => {
    const requests = [...recorded, ...Object.values(byLambda).flat()];
    const unused = policy.Statement.filter(({ Effect }) => Effect === 'Allow')
      .flatMap((statement) =>
        [statement.Action].flat().flatMap((Action) => [statement.Resource].flat().map((Resource) => ({ ...statement, Action, Resource }))),
      )
      .filter((statement) => !requests.some((request) => applies(statement, request)));
    expect(unused).toEqual([]);
  });

  test('may use keys through the services that they are for alone, and of what Lambda does to attach it to a VPC its own code may do nothing', () => {
    const ofKey = Object.values(byLambda)
      .flat()
      .filter((request) => request.action.startsWith('kms:'));
    expect(ofKey).toHaveLength(9);
    expect(ofKey.filter(({ action, resource }) => allows(policy, { action, resource }))).toEqual([]);
    const code = { 'lambda:SourceFunctionArn': `arn:aws:lambda:${REGION}:${ACCOUNT}:function:${it.name}` };
    const ofNetwork = byLambda.AWSLambdaVPCAccessExecutionRole ?? [];
    expect(ofNetwork.length).toBeGreaterThan(0);
    expect(ofNetwork.filter((request) => allows(policy, { ...request, context: code }))).toEqual([]);
    // The function's own calls are the same with the key that AWS adds to its requests.
    expect(recorded.filter((request) => !allows(policy, { ...request, context: code }))).toEqual([]);
  });

  test.each([
    ['s3:PutObject', `arn:aws:s3:::${it.bucket}/lambda/${it.name}.zip`],
    ['s3:PutObject', `arn:aws:s3:::${it.bucket}/dead-letters/${it.name}2/x.json`],
    ['s3:PutObject', `arn:aws:s3:::${it.bucket}-2/dead-letters/${it.name}/x.json`],
    ['s3:GetObject', `arn:aws:s3:::${it.bucket}/dead-letters/${it.name}2/x.json`],
    ['s3:DeleteObject', `arn:aws:s3:::${it.bucket}/dead-letters/${it.name}2/x.json`],
    ['s3:DeleteObject', `arn:aws:s3:::${it.bucket}/lambda/${it.name}/x.zip`],
    ['s3:DeleteObject', `arn:aws:s3:::${failures}/x`],
    ['es:ESHttpDelete', `arn:aws:es:${REGION}:${ACCOUNT}:domain/${DOMAIN}/x`],
    ['es:ESHttpPost', `arn:aws:es:${REGION}:${ACCOUNT}:domain/${DOMAIN}2/_bulk`],
    ['aoss:APIAccessAll', `arn:aws:aoss:${REGION}:${ACCOUNT}:collection/other`],
    ['secretsmanager:GetSecretValue', `${secret}2`],
    ['dynamodb:GetRecords', `arn:aws:dynamodb:${REGION}:${ACCOUNT}:table/${table}2/stream/2026-01-02T03:04:05.678`],
    ['dynamodb:GetItem', `arn:aws:dynamodb:${REGION}:${ACCOUNT}:table/${table}`],
    ['logs:PutLogEvents', `arn:aws:logs:${REGION}:${ACCOUNT}:log-group:/aws/lambda/${it.name}2:log-stream:x`],
    ['kms:Decrypt', `arn:aws:kms:${REGION}:${ACCOUNT}:key/00000000-2222-3333-4444-555555555555`],
    ['sqs:SendMessage', `arn:aws:sqs:${REGION}:${ACCOUNT}:other`],
  ])('may not %s on %s', (action, resource) => {
    expect(allows(policy, { action, resource })).toBe(false);
  });
});
