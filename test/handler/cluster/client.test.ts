// Responses as proxies and servers write them: everything that HTTP allows is understood, and anything else does no harm.
import { createServer, type RequestListener } from 'node:http';
import { gzipSync } from 'node:zlib';
import { afterAll, expect, test } from '@jest/globals';
import type { Auth } from '../../../formats/function-config.ts';
import { authorization } from '../../../handler/cluster/authorization.ts';
import { ClusterClient, type ClusterResponse } from '../../../handler/cluster/client.ts';
import { listen, type LoopbackServer } from '../../stack/loopback.ts';

const servers: LoopbackServer[] = [];
afterAll(() => Promise.all(servers.map((server) => server.stop())));

async function ask(listener: RequestListener, auth: Auth = { type: 'none' }): Promise<ClusterResponse> {
  const server = await listen(createServer(listener));
  servers.push(server);
  const noCredentials = (): Promise<never> => Promise.reject(new Error('none'));
  const cluster = new ClusterClient({ endpoint: server.url, auth }, {}, noCredentials, noCredentials);
  return cluster.send({ method: 'POST', path: '/_bulk', body: '{}\n' }, new AbortController().signal);
}

const TEXT = '{"errors":false,"items":[],"note":"é"}';

test('a compressed response that nobody requested is read', async () => {
  const response = await ask((_, response) => response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync(TEXT)));
  expect(response).toMatchObject({ status: 200, text: TEXT });
});

test('a response that claims to be compressed and is not is an error', async () => {
  await expect(ask((_, response) => response.writeHead(200, { 'content-encoding': 'gzip' }).end(TEXT))).rejects.toThrow('incorrect header');
});

test('a response in chunks, after 100 Continue and early hints, is read', async () => {
  const response = await ask((request, response) => {
    request.resume();
    response.writeContinue();
    response.writeEarlyHints({ link: '</x>; rel=preload' });
    // Cut through the two bytes of é.
    const bytes = Buffer.from(TEXT);
    response.write(bytes.subarray(0, bytes.length - 3));
    setTimeout(() => response.end(bytes.subarray(bytes.length - 3)), 20);
  });
  expect(response).toMatchObject({ status: 200, text: TEXT });
});

test('an API key with the line end that an editor put there is sent without it', async () => {
  let header: string | undefined;
  const listener: RequestListener = (request, response) => {
    header = request.headers.authorization;
    response.end('{}');
  };
  await ask(listener, { type: 'api-key', apiKey: 'a2V5\n' });
  expect(header).toBe('ApiKey a2V5');
});

test('an API key that does not fit in a header is refused with a remedy, and not shown', async () => {
  const secret = (): Promise<string> => Promise.resolve(JSON.stringify({ api_key: 'hidden\nwords' }));
  const reading = authorization({ type: 'secret', secretArn: 'arn:aws:secretsmanager:eu-west-1:1:secret:x' }, secret).header(
    new AbortController().signal,
  );
  await expect(reading).rejects.toThrow(/secret:x cannot be used: its api_key/);
  await expect(reading).rejects.not.toThrow(/hidden/);
});
