// Objects of S3 as the work beside the stream uses them: listed, and written and deleted only as they were read.
import { CreateBucketCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { afterAll, afterEach, expect, test } from '@jest/globals';
import { Aws } from '../../../handler/aws/client.ts';
import { awsCredentials } from '../../../handler/aws/credentials.ts';
import { objectStore } from '../../../handler/aws/s3.ts';
import { uniqueName, useStack } from '../../stack/use-stack.ts';
import { signatureProblem, SIGNING_ENV, watchingServer } from '../signatures.ts';

const stack = await useStack();
const server = await watchingServer((_, response) => response.end('<ListBucketResult></ListBucketResult>'));
afterAll(() => server.stop());
afterEach(() => {
  server.seen.length = 0;
});
const { signal } = new AbortController();
const storeOf = (env: NodeJS.ProcessEnv): ReturnType<typeof objectStore> =>
  objectStore(env, new Aws(awsCredentials(env, Date.now), Math.random));
const objects = storeOf({ ...stack.env });

async function bucketWith(...keys: string[]): Promise<string> {
  const Bucket = uniqueName('objects').toLowerCase();
  await stack.clients.s3.send(new CreateBucketCommand({ Bucket, CreateBucketConfiguration: { LocationConstraint: 'eu-west-1' } }));
  for (const Key of keys) await stack.clients.s3.send(new PutObjectCommand({ Bucket, Key, Body: Key }));
  return Bucket;
}

test('a listing has the keys below a prefix, in order, with whatever characters they have', async () => {
  const keys = ['a/1 + 2.json', 'a/50%.json', 'a/<&>"\'.json', 'a/b/c.json', 'a/ä €😀.json', 'ab.json'];
  const bucket = await bucketWith(...keys);
  const below = keys.filter((key) => key.startsWith('a/')).sort((x, y) => Buffer.compare(Buffer.from(x), Buffer.from(y)));
  expect(await objects.list(bucket, 'a/', signal)).toEqual(below);
  for (const key of below) expect((await objects.get(bucket, key, signal))?.text).toBe(key);
  const [first = ''] = below;
  expect(await objects.list(bucket, 'a/', signal, first)).toEqual(below.slice(1));
  expect(await objects.list(bucket, 'none/', signal)).toEqual([]);
});

test('a listing is signed, its query included', async () => {
  const env = { ...SIGNING_ENV, AWS_ENDPOINT_URL: server.url };
  await storeOf(env).list('bucket', 'a b/+', signal, 'a b/+ä');
  expect(server.seen.map((one) => signatureProblem(one, 's3', 'eu-west-1'))).toEqual([undefined]);
});

test('an object is deleted only as it was read', async () => {
  const bucket = await bucketWith('a', 'b');
  const read = await objects.get(bucket, 'a', signal);
  await objects.put(bucket, 'a', 'newer', signal);
  expect(await objects.delete(bucket, 'a', signal, read?.etag ?? '')).toBe(false);
  const newer = await objects.get(bucket, 'a', signal);
  expect(newer?.text).toBe('newer');
  expect(await objects.delete(bucket, 'a', signal, newer?.etag ?? '')).toBe(true);
  expect(await objects.get(bucket, 'a', signal)).toBeUndefined();
});

test('a bucket that does not exist is an error with its name in AWS', async () => {
  await expect(objects.list(uniqueName('none').toLowerCase(), 'a/', signal)).rejects.toMatchObject({ name: 'NoSuchBucket' });
});
