import { createServer } from 'node:http';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { GetFunctionCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { GetObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts';
import { DescribeTableCommand, DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { type LoopbackServer, listen, readBody } from './loopback.ts';
import { type Proxy, startProxy } from './proxy.ts';

let upstream: LoopbackServer;
let proxy: Proxy;
let seen: string[] = [];

beforeAll(async () => {
  upstream = await listen(
    createServer((request, response) => {
      void readBody(request).then((body) => {
        seen.push(body.toString());
        response.setHeader('x-upstream', 'yes').end(`upstream got ${body.toString()}`);
      });
    }),
  );
  proxy = await startProxy(upstream.url);
});
afterEach(() => {
  proxy.clear();
  seen = [];
});
afterAll(async () => {
  await proxy.stop();
  await upstream.stop();
});

function bulk(body: string): Promise<Response> {
  return fetch(`${proxy.url}/_bulk?refresh=true`, { method: 'POST', body });
}

describe('the proxy', () => {
  test('passes requests on and records them', async () => {
    const response = await bulk('one');
    expect(await response.text()).toBe('upstream got one');
    expect(response.headers.get('x-upstream')).toBe('yes');
    expect(proxy.requests).toMatchObject([
      { method: 'POST', path: '/_bulk?refresh=true', operation: 'POST /_bulk', body: 'one', status: 200 },
    ]);
  });

  test('responds in place of the upstream, as often as the rule says', async () => {
    proxy.on('POST /_bulk', { response: { status: 429, body: { error: 'busy' }, headers: { 'retry-after': '1' } } }, 2);
    const responses = [await bulk('1'), await bulk('2'), await bulk('3')];
    expect(responses.map(({ status }) => status)).toEqual([429, 429, 200]);
    expect(responses[0]?.headers.get('retry-after')).toBe('1');
    expect(await responses[0]?.json()).toEqual({ error: 'busy' });
    expect(seen).toEqual(['3']);
  });

  test('cuts the connection before the upstream got the request, or after', async () => {
    proxy.on(/bulk/, { reset: 'before' });
    await expect(bulk('lost')).rejects.toThrow();
    expect(seen).toEqual([]);
    proxy.on(/bulk/, { reset: 'after' });
    await expect(bulk('done')).rejects.toThrow();
    expect(seen).toEqual(['done']);
  });

  test('truncates a response', async () => {
    proxy.on((request) => request.body === 'cut', { truncateBytes: 8 });
    const response = await bulk('cut');
    expect(response.status).toBe(200);
    await expect(response.text()).rejects.toThrow();
  });

  test('rewrites a response, and delays a request until the test releases it', async () => {
    const gate = Promise.withResolvers<undefined>();
    proxy.on('POST /_bulk', { until: gate.promise, rewrite: (body) => body.toUpperCase() });
    const open = bulk('held');
    await fetch(proxy.url);
    expect(seen).toEqual(['']);
    gate.resolve(undefined);
    expect(await (await open).text()).toBe('UPSTREAM GOT HELD');
  });

  test('calls AWS operations by the names that IAM has for them', async () => {
    const common = { region: 'eu-west-1', endpoint: proxy.url, credentials: { accessKeyId: 'a', secretAccessKey: 'b' }, maxAttempts: 1 };
    proxy.on(/./, { response: { status: 400, body: '{}' } }, Infinity);
    await Promise.allSettled([
      new LambdaClient(common).send(new GetFunctionCommand({ FunctionName: 'arn:aws:lambda:eu-west-1:123456789012:function:fn' })),
      new S3Client({ ...common, forcePathStyle: true }).send(new GetObjectCommand({ Bucket: 'bucket', Key: 'a/key' })),
      new STSClient(common).send(new GetCallerIdentityCommand({})),
      new DynamoDBClient(common).send(new DescribeTableCommand({ TableName: 'table' })),
    ]);
    expect(proxy.requests.map(({ operation }) => operation).sort()).toEqual([
      'dynamodb:DescribeTable',
      'lambda:GetFunction',
      's3:GetObject',
      'sts:GetCallerIdentity',
    ]);
  });
});
