// Someone who may write to the code bucket puts another package in the place of the one that the action uploaded, before AWS reads it.
import { GetAliasCommand, GetFunctionConfigurationCommand } from '@aws-sdk/client-lambda';
import { PutObjectCommand } from '@aws-sdk/client-s3';
import { afterAll, describe, expect, test } from '@jest/globals';
import { strToU8, zipSync } from 'fflate';
import type { RecordedRequest } from '../stack/proxy.ts';
import { useStack } from '../stack/use-stack.ts';
import { prepareDeployment, type Deployment } from './deployment.ts';

const stack = await useStack();
const { lambda, s3 } = stack.clients;
const all: Deployment[] = [];
afterAll(() => Promise.all(all.map((it) => it.stop())));

async function prepare(options?: Parameters<typeof prepareDeployment>[1]): Promise<Deployment> {
  const it = await prepareDeployment(stack, options);
  all.push(it);
  return it;
}

const EVIL = zipSync({ 'index.mjs': strToU8('export const handler = () => ({ ok: true, problems: [] });\n') });

/** Replaces the object that the request names, once. */
function swapBefore(it: Deployment, operation: 'lambda:CreateFunction' | 'lambda:UpdateFunctionCode'): void {
  it.aws.on(operation, ({ body }: RecordedRequest) => {
    const request = JSON.parse(body) as { S3Key?: string; Code?: { S3Key?: string } };
    const key = request.S3Key ?? request.Code?.S3Key;
    return { until: s3.send(new PutObjectCommand({ Bucket: it.bucket, Key: key ?? '', Body: EVIL })) };
  });
}

const deployed = async (it: Deployment): Promise<string | undefined> =>
  (await lambda.send(new GetFunctionConfigurationCommand({ FunctionName: it.name }))).CodeSha256;
const OTHER = /::error::The check of function \S+ failed: function \S+ runs another package \(SHA-256 [\w+/=]{44}\) than the expected one/;

describe('a package that was replaced on its way to AWS', () => {
  test.each(['true', 'false'])('is not let serve by an update (check: %s): what served is put back', async (check) => {
    const it = await prepare();
    expect((await it.run()).code).toBe(0);
    const before = await deployed(it);
    swapBefore(it, 'lambda:UpdateFunctionCode');
    const run = await it.run({ endpoint: `${stack.search.url}/other`, check });
    expect(run.code).toBe(1);
    expect(run.log).toMatch(OTHER);
    expect(run.log).toContain('The former package and configuration were put back');
    expect(run.outputs).toMatchObject({ changed: 'false', 'code-sha256': before });
    expect(await deployed(it)).toBe(before);
    expect(it.requests().filter(({ operation }) => operation === 'lambda:Invoke')).toEqual([]);
    expect(await it.run()).toMatchObject({ code: 0, outputs: { changed: 'false' } });
  });

  test('moves no alias, and publishes no version', async () => {
    const it = await prepare();
    expect((await it.run({ alias: 'live' })).code).toBe(0);
    const before = await deployed(it);
    swapBefore(it, 'lambda:UpdateFunctionCode');
    const run = await it.run({ alias: 'live', endpoint: `${stack.search.url}/other` });
    expect(run.code).toBe(1);
    expect(run.log).toMatch(OTHER);
    expect((await lambda.send(new GetAliasCommand({ FunctionName: it.name, Name: 'live' }))).FunctionVersion).toBe('1');
    expect(await deployed(it)).toBe(before);
    expect(it.mutations()).not.toContain('lambda:PublishVersion');
    expect(it.mutations()).not.toContain('lambda:UpdateAlias');
  });

  test('gets no trigger where the function is created with it, and the next run replaces it', async () => {
    const it = await prepare();
    swapBefore(it, 'lambda:CreateFunction');
    const run = await it.run({ tables: it.tables.join('\n') });
    expect(run).toMatchObject({ code: 1, outputs: { created: 'true' } });
    expect(run.log).toMatch(OTHER);
    expect(it.mutations()).not.toContain('lambda:CreateEventSourceMapping');
    expect(it.requests().filter(({ operation }) => operation === 'lambda:Invoke')).toEqual([]);
    const next = await it.run();
    expect(next).toMatchObject({ code: 0, outputs: { changed: 'true' } });
    expect(await deployed(it)).toBe(next.outputs['code-sha256']);
  });

  test('is noticed where the change is of the configuration alone', async () => {
    const it = await prepare();
    expect((await it.run()).code).toBe(0);
    it.aws.on('lambda:UpdateFunctionConfiguration', {
      rewrite: (body) => JSON.stringify({ ...(JSON.parse(body) as object), CodeSha256: 'other' }),
    });
    const run = await it.run({ 'memory-size': '256' });
    expect(run.code).toBe(1);
    expect(run.log).toContain('runs another package (SHA-256 other)');
    expect((await lambda.send(new GetFunctionConfigurationCommand({ FunctionName: it.name }))).MemorySize).toBe(128);
  });

  test('does not get there where the bucket keeps versions: AWS gets the one that was uploaded', async () => {
    const it = await prepare({ versions: true });
    swapBefore(it, 'lambda:CreateFunction');
    const created = await it.run();
    expect(created.code).toBe(0);
    swapBefore(it, 'lambda:UpdateFunctionCode');
    const run = await it.run({
      endpoint: `${stack.search.url}/`,
      'memory-size': '256',
      config: '',
      'function-name': it.name,
      tables: it.tables[0] ?? '',
    });
    expect(run.code).toBe(0);
    expect(await deployed(it)).toBe(run.outputs['code-sha256']);
    const requests = [...it.aws.requests].filter(({ operation }) => /CreateFunction|UpdateFunctionCode/.test(operation));
    expect(requests).toHaveLength(2);
    for (const { body } of requests) expect(body).toMatch(/"S3ObjectVersion":"[\w-]+"/);
  });
});

test('a package in the bucket that is not what passed its check is not put back after an interrupted run', async () => {
  const it = await prepare();
  const good = await it.run();
  expect(good.code).toBe(0);
  it.aws.on('lambda:UpdateFunctionCode', { response: { status: 400, body: { message: 'no' } } });
  expect((await it.run({ endpoint: `${stack.search.url}/other` })).code).toBe(1);
  const hex = Buffer.from(good.outputs['code-sha256'] ?? '', 'base64').toString('hex');
  await s3.send(new PutObjectCommand({ Bucket: it.bucket, Key: `lambda/${it.name}/${hex}.zip`, Body: EVIL }));
  it.aws.on('lambda:Invoke', { response: { status: 200, body: { ok: false, problems: [{ what: 'no', remedy: '' }] } } });
  const run = await it.run({ endpoint: `${stack.search.url}/third` });
  expect(run.code).toBe(1);
  expect(await deployed(it)).toBe(good.outputs['code-sha256']);
});
