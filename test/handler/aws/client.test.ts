// The function's own calls of AWS: S3, Secrets Manager, its role's credentials.
import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import type { ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { S3Client } from '@aws-sdk/client-s3';
import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { afterAll, afterEach, describe, expect, test } from '@jest/globals';
import { awsCredentials, type AwsCredentials } from '../../../handler/aws/credentials.ts';
import { Aws } from '../../../handler/aws/client.ts';
import { configuredEndpoint, regionalEndpoint } from '../../../handler/aws/endpoints.ts';
import { secretsManager } from '../../../handler/aws/secrets-manager.ts';
import { s3Writer, type PutObject } from '../../../handler/aws/s3.ts';
import { signatureProblem, SIGNING_ENV, watchingServer } from '../signatures.ts';

const done = (response: ServerResponse): unknown => response.end('');
let responses: ((response: ServerResponse) => unknown)[] = [];
const server = await watchingServer((_, response) => (responses.shift() ?? done)(response));
afterAll(() => server.stop());
afterEach(() => {
  server.seen.length = 0;
  responses = [];
});

const refusal =
  (status: number, body: string, headers: Record<string, string> = {}) =>
  (response: ServerResponse): unknown =>
    response.writeHead(status, headers).end(body);
const inXml = (code: string): string => `<?xml version="1.0"?>\n<Error><Code>${code}</Code><Message>No &amp; never</Message></Error>`;
const signal = (): AbortSignal => new AbortController().signal;
const aws = new Aws(awsCredentials(SIGNING_ENV, Date.now), () => 0.01);
const env = { ...SIGNING_ENV, AWS_ENDPOINT_URL: server.url };
const put: PutObject = s3Writer(env, aws);

describe('addresses of services', () => {
  const regions = ['eu-west-1', 'us-east-1', 'us-gov-west-1', 'cn-north-1', 'us-iso-east-1', 'us-isob-east-1', 'eu-isoe-west-1'];
  const cases = [...regions, 'us-isof-south-1', 'eusc-de-east-1'].flatMap((region) =>
    [
      [false, false],
      [true, false],
      [false, true],
      [true, true],
    ].map(([fips = false, dualStack = false]) => ({ region, fips, dualStack })),
  );
  const credentials = { accessKeyId: 'key', secretAccessKey: 'secret' };
  const environment = ({ fips, dualStack }: { fips: boolean; dualStack: boolean }): Record<string, string> => ({
    AWS_USE_FIPS_ENDPOINT: String(fips),
    AWS_USE_DUALSTACK_ENDPOINT: String(dualStack),
  });

  // China has no FIPS.
  const existing = cases.filter(({ region, fips }) => !(fips && region.startsWith('cn-')));

  test.each(existing)('S3: those of the SDK ($region, $fips, $dualStack)', (one) => {
    const { endpointProvider } = new S3Client({ region: one.region, credentials }).config;
    const { url } = endpointProvider({ Region: one.region, UseFIPS: one.fips, UseDualStack: one.dualStack }, {});
    expect(regionalEndpoint('s3', one.region, environment(one)).href).toBe(url.href);
  });

  test.each(existing)('Secrets Manager: those of the SDK ($region, $fips, $dualStack)', (one) => {
    const { endpointProvider } = new SecretsManagerClient({ region: one.region, credentials }).config;
    const { url } = endpointProvider({ Region: one.region, UseFIPS: one.fips, UseDualStack: one.dualStack }, {});
    expect(regionalEndpoint('secretsmanager', one.region, environment(one)).href).toBe(url.href);
  });

  test("the service's own variable wins over the common one; both can be switched off", () => {
    const both = { AWS_ENDPOINT_URL: 'http://common', AWS_ENDPOINT_URL_SECRETS_MANAGER: 'http://own' };
    expect(configuredEndpoint('secretsmanager', both)?.host).toBe('own');
    expect(configuredEndpoint('s3', both)?.host).toBe('common');
    expect(configuredEndpoint('s3', { ...both, AWS_IGNORE_CONFIGURED_ENDPOINT_URLS: 'true' })).toBeUndefined();
    expect(configuredEndpoint('s3', {})).toBeUndefined();
    expect(() => configuredEndpoint('s3', { AWS_ENDPOINT_URL_S3: 'no address' })).toThrow('AWS_ENDPOINT_URL_S3 is not a URL');
  });
});

describe('an object for S3', () => {
  test('is signed, with its checksum, under a path of the bucket where the host is an address', async () => {
    const key = "a b/é+(1)!*'~/2026/x-1.json";
    await put('bucket', key, '{"é":1}', signal());
    const [one] = server.seen;
    if (one === undefined) throw new Error('nothing arrived');
    expect(signatureProblem(one, 's3')).toBeUndefined();
    expect(decodeURIComponent(one.request.url ?? '')).toBe(`/bucket/${key}`);
    expect(one.body.toString()).toBe('{"é":1}');
    expect(one.request.headers).toMatchObject({
      'content-type': 'application/json',
      'content-length': '8',
      'x-amz-checksum-sha256': createHash('sha256').update('{"é":1}').digest('base64'),
    });
  });

  test.each([
    ['a bucket', 'bucket', {}, 'https://bucket.s3.eu-west-1.amazonaws.com', '/key'],
    ['a bucket with dots, which fit no certificate', 'a.b', {}, 'https://s3.eu-west-1.amazonaws.com', '/a.b/key'],
    ['another service', 'bucket', { AWS_ENDPOINT_URL_S3: 'https://minio.example:9000' }, 'https://bucket.minio.example:9000', '/key'],
    ['this machine', 'bucket', { AWS_ENDPOINT_URL: 'http://localhost:4566/' }, 'http://localhost:4566', '/bucket/key'],
    ['an address of IPv6', 'bucket', { AWS_ENDPOINT_URL: 'http://[::1]:4566' }, 'http://[::1]:4566', '/bucket/key'],
  ])('%s has its address', async (_, bucket, more, origin, path) => {
    let sent: { endpoint: URL; path: string } | undefined;
    const watching = { call: (request: { endpoint: URL; path: string }) => Promise.resolve((sent = request)) } as unknown as Aws;
    await s3Writer({ AWS_REGION: 'eu-west-1', ...more }, watching)(bucket, 'key', '{}', signal());
    expect({ origin: sent?.endpoint.origin, path: sent?.path }).toEqual({ origin, path });
  });

  test.each([
    ['a service in trouble', refusal(503, inXml('SlowDown'))],
    ['a throttled call', refusal(400, inXml('RequestTimeout'))],
    ['a throttled call without a word of AWS', refusal(429, '')],
    ['a connection that is cut', (response: ServerResponse) => response.destroy()],
  ])('is retried after %s', async (_, trouble) => {
    responses = [trouble, trouble];
    await put('bucket', 'key', '{}', signal());
    expect(server.seen).toHaveLength(3);
  });

  test('is aborted after three attempts', async () => {
    responses = Array.from({ length: 3 }, () => refusal(500, inXml('InternalError')));
    await expect(put('bucket', 'key', '{}', signal())).rejects.toMatchObject({ name: 'InternalError', message: 'No &amp; never' });
    expect(server.seen).toHaveLength(3);
  });

  test("a permanent refusal is not retried, and has AWS's error code", async () => {
    responses = [refusal(403, inXml('AccessDenied'))];
    await expect(put('bucket', 'key', '{}', signal())).rejects.toMatchObject({ name: 'AccessDenied' });
    responses = [refusal(404, 'no such thing')];
    await expect(put('bucket', 'key', '{}', signal())).rejects.toMatchObject({ name: 'HTTP 404' });
    expect(server.seen).toHaveLength(2);
  });

  test.each([
    ['301', refusal(301, inXml('PermanentRedirect'), { 'x-amz-bucket-region': 'us-west-2' })],
    ['400', refusal(400, inXml('AuthorizationHeaderMalformed'), { 'x-amz-bucket-region': 'us-west-2' })],
    ['400 that names it in its body', refusal(400, '<Error><Code>AuthorizationHeaderMalformed</Code><Region>us-west-2</Region></Error>')],
  ])('follows its bucket into another region (%s), and finds it there the next time', async (_, response) => {
    const write = s3Writer(env, aws);
    responses = [response];
    await write('bucket', 'one', '{}', signal());
    await write('bucket', 'two', '{}', signal());
    expect(
      server.seen.map((one) => [one.request.url, signatureProblem(one, 's3', one === server.seen[0] ? 'eu-west-1' : 'us-west-2')]),
    ).toEqual([
      ['/bucket/one', undefined],
      ['/bucket/one', undefined],
      ['/bucket/two', undefined],
    ]);
  });

  test('is not sent round in circles', async () => {
    responses = [
      refusal(301, inXml('PermanentRedirect'), { 'x-amz-bucket-region': 'us-west-2' }),
      refusal(301, inXml('PermanentRedirect'), { 'x-amz-bucket-region': 'eu-west-1' }),
    ];
    await expect(s3Writer(env, aws)('bucket', 'key', '{}', signal())).rejects.toMatchObject({ name: 'PermanentRedirect' });
    expect(server.seen).toHaveLength(2);
  });

  test('is aborted when the time is up', async () => {
    const time = new AbortController();
    responses = [
      () =>
        setImmediate(() => {
          time.abort(new Error('used up'));
        }),
    ];
    await expect(put('bucket', 'key', '{}', time.signal)).rejects.toThrow('used up');
    expect(server.seen).toHaveLength(1);
  });

  test('is aborted when the time is up while it waits for its next attempt', async () => {
    const time = new AbortController();
    // Longer than any test may take.
    const patient = new Aws(awsCredentials(SIGNING_ENV, Date.now), () => 1e6);
    responses = [
      (response) => {
        refusal(503, '')(response);
        setTimeout(() => {
          time.abort(new Error('used up'));
        }, 20);
      },
    ];
    await expect(s3Writer(env, patient)('bucket', 'key', '{}', time.signal)).rejects.toThrow('used up');
    expect(server.seen).toHaveLength(1);
  });

  test('goes below the path of the address that the environment sets', async () => {
    await s3Writer({ ...env, AWS_ENDPOINT_URL_S3: `${server.url}/below/` }, aws)('bucket', 'key', '{}', signal());
    await s3Writer({ ...env, AWS_ENDPOINT_URL_S3: '' }, aws)('bucket', 'key', '{}', signal());
    expect(server.seen.map(({ request }) => request.url)).toEqual(['/below/bucket/key', '/bucket/key']);
  });

  test('goes out eight at a time: the ninth waits for one of them', async () => {
    const waiting: ServerResponse[] = [];
    const eight = Promise.withResolvers<undefined>();
    const ninth = Promise.withResolvers<undefined>();
    responses = Array.from({ length: 9 }, () => (response: ServerResponse) => {
      waiting.push(response);
      if (waiting.length === 8) eight.resolve(undefined);
      if (waiting.length === 9) ninth.resolve(undefined);
    });
    const all = Promise.all(Array.from({ length: 9 }, (_, i) => put('bucket', `key ${i}`, '{}', signal())));
    await eight.promise;
    // Whatever would have left by now has arrived: a request of its own goes there and back.
    responses.unshift((response) => response.end());
    await fetch(server.url);
    expect(waiting).toHaveLength(8);
    waiting[0]?.end();
    await ninth.promise;
    for (const response of waiting) response.end();
    await all;
  });
});

describe('a secret', () => {
  const arn = 'arn:aws:secretsmanager:eu-central-1:123456789012:secret:search-AbCdEf';
  const read = (): Promise<string> => secretsManager(env, aws)(arn, signal());

  test('is requested in the region of its ARN', async () => {
    responses = [(response) => response.end(JSON.stringify({ SecretString: '{"api_key":"x"}' }))];
    await expect(read()).resolves.toBe('{"api_key":"x"}');
    const [one] = server.seen;
    if (one === undefined) throw new Error('nothing arrived');
    expect(signatureProblem(one, 'secretsmanager', 'eu-central-1')).toBeUndefined();
    expect(one.request.headers).toMatchObject({
      'content-type': 'application/x-amz-json-1.1',
      'x-amz-target': 'secretsmanager.GetSecretValue',
    });
    expect(JSON.parse(one.body.toString())).toEqual({ SecretId: arn });
  });

  test("is retried when throttled, and a refusal has AWS's error code", async () => {
    responses = [
      refusal(400, '{"__type":"ThrottlingException","message":"Rate exceeded"}'),
      refusal(400, '{"__type":"com.amazonaws.secrets#AccessDeniedException","Message":"is not authorized"}'),
    ];
    await expect(read()).rejects.toMatchObject({ name: 'AccessDeniedException', message: 'is not authorized', transient: false });
    expect(server.seen).toHaveLength(2);
  });

  test.each([
    ['that is not a text', '{"SecretBinary":"aGlkZGVu"}', /contains no text/],
    ['in a response that cannot be read', '{"SecretString": hidden', /cannot be read/],
  ])('%s is refused without being quoted', async (_, text, words) => {
    responses = [(response) => response.end(text)];
    const reading = read();
    await expect(reading).rejects.toThrow(words);
    await expect(reading).rejects.not.toThrow(/hidden|aGlkZGVu/);
  });
});

describe("the role's credentials", () => {
  const NOW = Date.parse('2026-11-22T12:00:00Z');
  let now = NOW;
  const credentialsFor = (id: string, minutes: number) => (response: ServerResponse) =>
    response.end(
      JSON.stringify({ AccessKeyId: id, SecretAccessKey: 's', Token: 't', Expiration: new Date(NOW + minutes * 60_000).toISOString() }),
    );
  const fromServer = (more: NodeJS.ProcessEnv = {}): ((until?: AbortSignal) => Promise<AwsCredentials>) => {
    now = NOW;
    const read = awsCredentials({ AWS_CONTAINER_CREDENTIALS_FULL_URI: `${server.url}/credentials?x=1`, ...more }, () => now);
    return (until = signal()) => read(until);
  };

  test('are those of the environment, read at every use', async () => {
    const changing: NodeJS.ProcessEnv = { AWS_ACCESS_KEY_ID: 'one', AWS_SECRET_ACCESS_KEY: 's' };
    const credentials = awsCredentials(changing, () => NOW);
    await expect(credentials(signal())).resolves.toEqual({ accessKeyId: 'one', secretAccessKey: 's' });
    Object.assign(changing, { AWS_ACCESS_KEY_ID: 'two', AWS_SESSION_TOKEN: 't' });
    await expect(credentials(signal())).resolves.toEqual({ accessKeyId: 'two', secretAccessKey: 's', sessionToken: 't' });
  });

  test('are fetched once for all callers, and again before they expire', async () => {
    const credentials = fromServer({ AWS_CONTAINER_AUTHORIZATION_TOKEN: 'token' });
    responses = [credentialsFor('one', 60), credentialsFor('two', 120)];
    expect((await Promise.all([credentials(), credentials()])).map(({ accessKeyId }) => accessKeyId)).toEqual(['one', 'one']);
    now = NOW + 54 * 60_000;
    expect((await credentials()).accessKeyId).toBe('one');
    now = NOW + 56 * 60_000;
    expect((await credentials()).accessKeyId).toBe('two');
    expect(server.seen.map(({ request }) => [request.method, request.url, request.headers.authorization])).toEqual([
      ['GET', '/credentials?x=1', 'token'],
      ['GET', '/credentials?x=1', 'token'],
    ]);
  });

  test('are used until they expire if no new ones are available', async () => {
    const credentials = fromServer();
    responses = [credentialsFor('one', 60), refusal(500, ''), refusal(500, ''), credentialsFor('two', 120)];
    await credentials();
    now = NOW + 58 * 60_000;
    expect((await credentials()).accessKeyId).toBe('one');
    now = NOW + 61 * 60_000;
    await expect(credentials()).rejects.toMatchObject({ name: 'HTTP 500', transient: true });
    expect((await credentials()).accessKeyId).toBe('two');
  });

  test('are not waited for any longer than the caller may wait', async () => {
    const credentials = fromServer();
    const waiting = new AbortController();
    responses = [
      () => {
        waiting.abort(new Error('the time is used up'));
      },
      credentialsFor('one', 60),
    ];
    await expect(credentials(waiting.signal)).rejects.toThrow('the time is used up');
    expect((await credentials()).accessKeyId).toBe('one');
  });

  test.each([
    [
      'of the environment',
      () => awsCredentials({ AWS_ACCESS_KEY_ID: 'a', AWS_SECRET_ACCESS_KEY: 's', AWS_SESSION_TOKEN: 'hidden\n' }, () => NOW),
    ],
    ['of a container', () => fromServer()],
  ])('%s that do not fit in a header are refused without being quoted', async (_, credentials) => {
    responses = [(response) => response.end('{"AccessKeyId":"a","SecretAccessKey":"s","Token":"hidden\\n"}')];
    const reading = credentials()(signal());
    await expect(reading).rejects.toThrow('contains characters that are not allowed in one');
    await expect(reading).rejects.not.toThrow(/hidden/);
  });

  test('are requested with the token that a file contains at the time', async () => {
    const file = join(await mkdtemp(join(tmpdir(), 'token-')), 'token');
    writeFileSync(file, 'from the file\n');
    responses = [credentialsFor('one', 60)];
    await fromServer({ AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: file, AWS_CONTAINER_AUTHORIZATION_TOKEN: 'other' })();
    expect(server.seen[0]?.request.headers.authorization).toBe('from the file');
  });

  test.each([
    ['a response without credentials', '{"message":"no"}', /contains no credentials/],
    ['a response that is not JSON', 'hidden words', /contains no credentials/],
  ])('%s is refused without being quoted', async (_, text, words) => {
    responses = [(response) => response.end(text)];
    const reading = fromServer()();
    await expect(reading).rejects.toThrow(words);
    await expect(reading).rejects.not.toThrow(/hidden/);
  });

  test.each([
    [{}, /neither AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY nor AWS_CONTAINER_CREDENTIALS_FULL_URI/],
    [{ AWS_CONTAINER_CREDENTIALS_FULL_URI: 'http://example.com/' }, /neither https nor an address of the machine/],
    [{ AWS_CONTAINER_CREDENTIALS_FULL_URI: 'nonsense' }, /neither https nor an address of the machine/],
  ])('are missing with a sentence: %j', async (environment, words) => {
    await expect(awsCredentials(environment, () => NOW)(signal())).rejects.toThrow(words);
  });
});
