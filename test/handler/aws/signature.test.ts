// Requests to the cluster, signed.
import { afterAll, beforeEach, expect, test } from '@jest/globals';
import { awsCredentials } from '../../../handler/aws/credentials.ts';
import { ClusterClient, type ClusterRequest } from '../../../handler/cluster/client.ts';
import { signatureProblem, SIGNING_ENV, watchingServer } from '../signatures.ts';

const server = await watchingServer((_, response) => response.end('{}'));
afterAll(() => server.stop());
beforeEach(() => {
  server.seen.length = 0;
});

const noSecret = (): Promise<never> => Promise.reject(new Error('no secret'));
const clusterAt = (endpoint: string, service: 'es' | 'aoss'): ClusterClient =>
  new ClusterClient({ endpoint, auth: { type: 'sigv4', service } }, SIGNING_ENV, awsCredentials(SIGNING_ENV, Date.now), noSecret);

const requests: readonly ClusterRequest[] = [
  { method: 'GET', path: '/' },
  { method: 'GET', path: `/${encodeURIComponent("orders.2(1)é~'x'")}` },
  { method: 'PUT', path: '/orders', body: '{"settings":{}}' },
  { method: 'POST', path: '/a,b/_refresh' },
  {
    method: 'POST',
    path: '/_bulk',
    query: { filter_path: 'errors,items.*.status,items.*.error', refresh: 'wait_for' },
    body: [Buffer.from('{"index":{"_id":"é😀"}}\n'), Buffer.from('{}\n')],
    contentType: 'application/x-ndjson',
  },
];

test.each(['es', 'aoss'] as const)('every request to %s is signed as the service reads it', async (service) => {
  for (const path of ['', '/behind/a proxy']) {
    const cluster = clusterAt(server.url + encodeURI(path), service);
    for (const request of requests) await cluster.send(request, new AbortController().signal);
  }
  expect(server.seen).toHaveLength(requests.length * 2);
  expect(server.seen.map((one) => signatureProblem(one, service))).toEqual(server.seen.map(() => undefined));
});

test('the length of the body is not signed: OpenSearch Serverless accepts no such signature', async () => {
  await clusterAt(server.url, 'aoss').send({ method: 'POST', path: '/_bulk', body: '{}\n' }, new AbortController().signal);
  expect(server.seen[0]?.request.headers['content-length']).toBe('3');
  expect(server.seen[0]?.request.headers.authorization).not.toContain('content-length');
});
