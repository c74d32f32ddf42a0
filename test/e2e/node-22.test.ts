// The package on the older of the two runtimes that it is for. Everything else runs on the newer one.
import { execFileSync } from 'node:child_process';
import { cpSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CreateBucketCommand, GetObjectCommand, ListObjectsV2Command } from '@aws-sdk/client-s3';
import { afterAll, expect, test } from '@jest/globals';
import { ask, documents } from '../handler/function.ts';
import { streamRecord } from '../handler/records.ts';
import { prepared, PROJECT } from '../stack/cache.ts';
import { startLambda } from '../stack/lambda-host.ts';
import { uniqueName, useStack } from '../stack/use-stack.ts';

const RELEASE = '22.23.2';
const platform = `${process.platform.replace('win32', 'win')}-${process.arch}`;
// One of them has a name of its own.
const binary = `node-${platform.replace('darwin-arm64', 'bin-darwin-arm64')}@${RELEASE}`;

const stack = await useStack();
const runtime = await prepared('node-22', [binary], (folder) => {
  execFileSync('npm', ['install', '--no-audit', '--no-fund', '--prefix', folder, binary], {
    stdio: ['ignore', 'ignore', 'inherit'],
    shell: process.platform === 'win32',
  });
  return Promise.resolve();
});

const name = uniqueName('twenty-two');
const bucket = uniqueName('letters');
const transformed = `${name}-transformed`;
const folder = await mkdtemp(join(tmpdir(), 'node-22-'));
const config = {
  format: 1,
  release: '9.9.9',
  environment: 'TEST',
  endpoint: stack.search.url,
  auth: { type: 'none' },
  options: {
    defaults: { 'dead-letters': `s3://${bucket}/letters` },
    tables: { [transformed]: { transform: 'transforms/seen.mjs' } },
  },
};
const mapping = Object.fromEntries(
  [name, transformed].map((table) => [table, { TableName: table, PrimaryKey: 'pk', Index: table, ReportBatchItemFailures: true }]),
);
cpSync(join(PROJECT, 'dist', 'handler', 'index.mjs'), join(folder, 'index.mjs'));
await mkdir(join(folder, 'transforms'));
await writeFile(join(folder, 'transforms', 'seen.mjs'), 'export default (document) => ({ ...document, seen: true });\n');
await writeFile(join(folder, 'config.json'), JSON.stringify(config));
await writeFile(join(folder, 'table_mapping.json'), JSON.stringify(mapping));
await stack.clients.s3.send(new CreateBucketCommand({ Bucket: bucket, CreateBucketConfiguration: { LocationConstraint: 'eu-west-1' } }));

const host = await startLambda({
  folder,
  name,
  environment: { AWS_ENDPOINT_URL: stack.aws.url },
  node: join(runtime, 'node_modules', binary.slice(0, -RELEASE.length - 1), 'bin', process.platform === 'win32' ? 'node.exe' : 'node'),
  cleanUp: () => rm(folder, { recursive: true }),
});
afterAll(() => host.stop());

const invoke = async (event: object): Promise<unknown> => JSON.parse((await host.invoke(event)).payload) as unknown;
const DIGITS = '12345678901234567890123456789012345678';

test(`checks, indexes, transforms and writes dead letters on Node ${RELEASE}`, async () => {
  expect(await invoke({ check: true })).toMatchObject({ ok: true, problems: [] });
  const image = { pk: { S: 'a' }, number: { N: DIGITS }, list: { L: [{ N: '1' }, { S: 'x' }] } };
  const malformed = { ...streamRecord({ table: name, keys: { pk: { S: 'b' } } }), eventName: 'CHANGED' };
  const Records = [streamRecord({ table: name, image }), malformed, streamRecord({ table: transformed, image })];
  expect(await invoke({ Records })).toEqual({ batchItemFailures: [] });

  expect(Object.keys(await documents(stack.search, name))).toEqual(['a']);
  for (const index of [name, transformed]) {
    expect((await ask(stack.search, 'GET', `/${index}/_doc/a`)).text).toContain(`"number":${DIGITS},"list":["1","x"]`);
  }
  expect(await documents(stack.search, transformed)).toMatchObject({ a: { seen: true } });
  const { Contents = [] } = await stack.clients.s3.send(new ListObjectsV2Command({ Bucket: bucket, Prefix: `letters/${name}/` }));
  expect(Contents).toHaveLength(1);
  const { Body } = await stack.clients.s3.send(new GetObjectCommand({ Bucket: bucket, Key: Contents[0]?.Key }));
  expect(JSON.parse((await Body?.transformToString()) ?? '')).toMatchObject({ version: 1, id: 'b', record: malformed });
  expect(host.log).not.toContain('Warning');
});
