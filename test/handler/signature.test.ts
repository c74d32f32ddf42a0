// Signatures as the service checks them: worked out again from what arrived, by the rules of AWS Signature Version 4 and nothing else.
import { createHash, createHmac } from 'node:crypto';
import { createServer, type IncomingMessage } from 'node:http';
import { afterAll, beforeEach, expect, test } from '@jest/globals';
import { awsCredentials } from '../../handler/credentials.ts';
import { Engine, type EngineRequest } from '../../handler/engine.ts';
import { listen, readBody } from '../stack/loopback.ts';

const SECRET = 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY';
const TOKEN = 'IQoJb3JpZ2luX2VjEA//token==';
const env = { AWS_REGION: 'eu-west-1', AWS_ACCESS_KEY_ID: 'AKIDEXAMPLE', AWS_SECRET_ACCESS_KEY: SECRET, AWS_SESSION_TOKEN: TOKEN };

interface Seen {
  readonly request: IncomingMessage;
  readonly body: Buffer;
}
let seen: Seen[] = [];
const server = await listen(
  createServer((request, response) => {
    void readBody(request).then((body) => {
      seen.push({ request, body });
      response.end('{}');
    });
  }),
);
afterAll(() => server.stop());
beforeEach(() => {
  seen = [];
});

const sha256 = (text: string | Buffer): string => createHash('sha256').update(text).digest('hex');
const hmac = (key: string | Buffer, text: string): Buffer => createHmac('sha256', key).update(text).digest();
const strict = (text: string): string =>
  encodeURIComponent(text).replace(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`);

/** What is wrong with the signature of a request that arrived; undefined where nothing is. */
function problem({ request, body }: Seen, service: string): string | undefined {
  const { method = '', url = '', headers } = request;
  const [, credential = '', signedHeaders = '', signature = ''] =
    /^AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE\/([^,]+), SignedHeaders=([^,]+), Signature=([0-9a-f]{64})$/.exec(
      headers.authorization ?? '',
    ) ?? [];
  const date = String(headers['x-amz-date']);
  if (credential !== `${date.slice(0, 8)}/eu-west-1/${service}/aws4_request`) return `scope ${credential}`;
  if (headers['x-amz-content-sha256'] !== sha256(body)) return 'x-amz-content-sha256 is not the hash of the body';
  if (headers['x-amz-security-token'] !== TOKEN) return 'no session token';
  const names = signedHeaders.split(';');
  for (const name of ['host', 'x-amz-date', 'x-amz-content-sha256', 'x-amz-security-token'])
    if (!names.includes(name)) return `${name} is not signed`;
  const [path = '', query = ''] = url.split('?');
  // All services but S3 encode the path that arrived once more.
  const canonicalPath = path.split('/').map(strict).join('/');
  const parameters = [...new URLSearchParams(query)].map(([name, value]) => `${strict(name)}=${strict(value)}`).sort();
  const canonicalHeaders = names.map((name) => `${name}:${String(headers[name]).trim().replace(/\s+/g, ' ')}\n`).join('');
  const canonical = [method, canonicalPath, parameters.join('&'), canonicalHeaders, signedHeaders, sha256(body)].join('\n');
  const toSign = ['AWS4-HMAC-SHA256', date, credential, sha256(canonical)].join('\n');
  const key = [...credential.split('/')].reduce<string | Buffer>(hmac, `AWS4${SECRET}`);
  if (hmac(key, toSign).toString('hex') !== signature) return `signature of ${method} ${url}`;
  // Where a query is signed as it arrived, without being decoded first, it must have its canonical form already.
  return query.split('&').sort().join('&') === parameters.join('&') ? undefined : `query ${query}`;
}

const requests: readonly EngineRequest[] = [
  { method: 'GET', path: '/' },
  { method: 'GET', path: `/${encodeURIComponent("orders.2(1)é~'x'")}` },
  { method: 'PUT', path: '/orders', body: '{"settings":{}}' },
  { method: 'POST', path: '/a,b/_refresh' },
  {
    method: 'POST',
    path: '/_bulk',
    query: { filter_path: 'errors,items.*.status,items.*.error', refresh: 'wait_for' },
    body: `{"index":{"_id":"é😀"}}\n{}\n`,
    contentType: 'application/x-ndjson',
  },
];

test.each(['es', 'aoss'] as const)('every request to %s is signed as the service reads it', async (service) => {
  for (const path of ['', '/behind/a proxy']) {
    const engine = new Engine(
      { endpoint: server.url + encodeURI(path), auth: { type: 'sigv4', service } },
      env,
      awsCredentials(env, Date.now),
      () => Promise.reject(new Error('no secret')),
    );
    for (const request of requests) await engine.send(request, new AbortController().signal);
  }
  expect(seen).toHaveLength(requests.length * 2);
  expect(seen.map((one) => problem(one, service))).toEqual(seen.map(() => undefined));
});

test('the length of the body is not signed: OpenSearch Serverless takes no such signature', async () => {
  const engine = new Engine({ endpoint: server.url, auth: { type: 'sigv4', service: 'aoss' } }, env, awsCredentials(env, Date.now), () =>
    Promise.reject(new Error('no secret')),
  );
  await engine.send({ method: 'POST', path: '/_bulk', body: '{}\n' }, new AbortController().signal);
  expect(seen[0]?.request.headers['content-length']).toBe('3');
  expect(seen[0]?.request.headers.authorization).not.toContain('content-length');
});
