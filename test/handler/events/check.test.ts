// The check of a server that is not a cluster, or of a cluster that the function cannot use: never "ok" without proof.
import { createServer, type RequestListener } from 'node:http';
import { afterAll, expect, test } from '@jest/globals';
import { listen, type LoopbackServer } from '../../stack/loopback.ts';
import { startProxy } from '../../stack/proxy.ts';
import { uniqueName, useSearch } from '../../stack/use-stack.ts';
import { ask, PLACE, testFunction, type FunctionOptions } from '../function.ts';

const search = await useSearch();
const servers: LoopbackServer[] = [];
afterAll(() => Promise.all(servers.map((server) => server.stop())));

async function serve(listener: RequestListener): Promise<string> {
  const server = await listen(createServer(listener));
  servers.push(server);
  return server.url;
}

const responding = (status: number, body: string): Promise<string> =>
  serve((request, response) => {
    request.resume().on('end', () => response.writeHead(status).end(body));
  });

const SIGNED = { type: 'sigv4', service: 'aoss' } as const;
const DENIED = '{"Message":"User: anonymous is not authorized to perform: es:ESHttpGet"}';

test.each<[string, number, string, Partial<FunctionOptions>, RegExp]>([
  ['a web page', 200, '<html>Welcome</html>', {}, /ES_ENDPOINT|address/],
  ['a page that is not found', 404, '<html>Not found</html>', {}, /ES_ENDPOINT/],
  ['Amazon that knows no such role', 403, DENIED, {}, /role/],
  ['a collection that knows no such role', 403, '{"error":{"type":"Forbidden","reason":"403 Forbidden"}}', { auth: SIGNED }, /role/],
])('where no table is known yet, %s is a problem', async (_, status, body, options, remedy) => {
  const fn = testFunction({ endpoint: await responding(status, body), ...options });
  const { ok, problems } = await fn.check();
  expect(ok).toBe(false);
  expect(problems).toEqual([{ what: expect.any(String) as unknown, remedy: expect.stringMatching(remedy) as unknown }]);
});

test('if no table is known yet, a cluster that responds is ok, and gets no index', async () => {
  const before = (await ask(search, 'GET', '/_cat/indices/dynamodb*?h=index')).text;
  expect(await testFunction({ endpoint: search.url }).check()).toMatchObject({ ok: true, tables: {}, problems: [] });
  expect((await ask(search, 'GET', '/_cat/indices/dynamodb*?h=index')).text).toBe(before);
});

test('if no table is known yet, a user with permissions for other indexes only is not a problem', async () => {
  const item = { delete: { status: 403, error: { type: 'security_exception', reason: 'no permissions for [indices:data/write/delete]' } } };
  const url = await serve((request, response) => {
    const bulk = request.url?.includes('/_bulk') === true;
    request
      .resume()
      .on('end', () => response.writeHead(bulk ? 200 : 403).end(bulk ? JSON.stringify({ errors: true, items: [item] }) : '{}'));
  });
  expect(await testFunction({ endpoint: url }).check()).toMatchObject({ ok: true });
});

test('a cluster that does not respond is one problem: the dead letter location is not blamed', async () => {
  const proxy = await startProxy(search.url);
  servers.push(proxy);
  proxy.on(() => true, { delayMs: 3000 }, Infinity);
  const name = uniqueName('orders');
  const fn = testFunction({ endpoint: proxy.url, mapping: [{ TableName: name }] });
  const written: string[] = [];
  const runtime = {
    ...fn.runtime,
    putObject: (bucket: string, key: string, _: string, signal: AbortSignal) => {
      signal.throwIfAborted();
      written.push(`s3://${bucket}/${key}`);
      return Promise.resolve();
    },
  };
  const { check } = await import('../../../handler/events/check.ts');
  const { problems } = await check(runtime, { functionName: 'f', remaining: 1500 });
  expect(problems).toHaveLength(1);
  expect(written).toEqual([`${PLACE}/check.json`]);
});

test('the reason that the cluster reports is in the problem', async () => {
  const url = await serve((request, response) => {
    request.resume().on('end', () => {
      const body = JSON.stringify({ error: { type: 'security_exception', reason: 'no permissions for [indices:admin/get]' } });
      if (request.url === '/') response.end('{"version":{"number":"2.19.0","distribution":"opensearch"}}');
      else response.writeHead(403).end(body);
    });
  });
  const { problems } = await testFunction({ endpoint: url, mapping: [{ TableName: 'Orders' }] }).check();
  expect(problems).toEqual([
    { what: expect.stringContaining('indices:admin/get') as unknown, remedy: expect.stringContaining('role') as unknown },
  ]);
});
