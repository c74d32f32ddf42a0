// Exchanges with servers that do what no HTTP library would let a server do.
import { createServer, type Socket } from 'node:net';
import { afterAll, describe, expect, test } from '@jest/globals';
import { HttpConnection, type HttpResponse } from '../../../handler/http/connection.ts';
import { listen, type LoopbackServer } from '../../stack/loopback.ts';

const servers: LoopbackServer[] = [];
afterAll(() => Promise.all(servers.map((server) => server.stop())));

/** @param accept gets every connection with its number, from 1 on */
async function connectionTo(accept: (socket: Socket, number: number) => void, limit = 60_000): Promise<HttpConnection> {
  let number = 0;
  const server = await listen(
    createServer((socket) => {
      // A client that has gone is what these tests are about.
      socket.on('error', () => undefined);
      accept(socket, ++number);
    }),
  );
  servers.push(server);
  return new HttpConnection(new URL(server.url), { limit, sockets: 4 });
}

const OK = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok';
const BUSY = 'HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n';
/** More than the buffers between two programs hold. */
const LARGE = Buffer.alloc(32 * 1024 * 1024, 'x');

const send = (connection: HttpConnection, body?: Buffer): Promise<HttpResponse> =>
  connection.exchange(
    {
      method: body === undefined ? 'GET' : 'POST',
      path: '/',
      headers: { host: 'x', ...(body === undefined ? {} : { 'content-length': String(body.length) }) },
      body: body === undefined ? [] : [body],
    },
    new AbortController().signal,
  );

test('responses to requests that were not read occupy no connection', async () => {
  const connection = await connectionTo((socket, number) => {
    socket.once('data', () => {
      socket.pause();
      socket.write(number <= 6 ? BUSY : OK);
    });
  });
  // More of them than there are connections at a time.
  for (let i = 0; i < 6; i++) expect((await send(connection, LARGE)).status).toBe(503);
  expect(await send(connection)).toMatchObject({ status: 200, text: 'ok' });
});

test('nothing of a request leaves after its response', async () => {
  let socket: Socket | undefined;
  let bytes = 0;
  const connection = await connectionTo((accepted) => {
    socket = accepted;
    accepted.once('data', () => {
      accepted.pause();
      accepted.write(BUSY);
    });
  });
  await send(connection, LARGE);
  const closed = new Promise((resolve) => socket?.once('close', resolve));
  socket?.on('data', (part) => (bytes += part.length));
  socket?.resume();
  await closed;
  expect(bytes).toBeLessThan(LARGE.length / 2);
});

test('a connection is kept for the next request if the response came after the whole request', async () => {
  let connections = 0;
  const connection = await connectionTo((socket, number) => {
    connections = number;
    let bytes = 0;
    socket.on('data', (part) => {
      bytes += part.length;
      // The head of a request is shorter than its body.
      if (bytes < LARGE.length) return;
      bytes = 0;
      socket.write(OK);
    });
  });
  for (let i = 0; i < 3; i++) await send(connection, LARGE);
  expect(connections).toBe(1);
});

test('a response that switches protocols is not a response', async () => {
  const connection = await connectionTo((socket) => {
    socket.once('data', () => socket.end('HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n'));
  });
  await expect(send(connection)).rejects.toMatchObject({ name: 'NoResponse', message: 'the connection was closed without a response' });
});

test('a request to a silent server is aborted after the limit, and its connection closed', async () => {
  const closed = Promise.withResolvers<undefined>();
  const connection = await connectionTo((socket) => {
    socket.resume();
    socket.once('close', () => {
      closed.resolve(undefined);
    });
  }, 50);
  await expect(send(connection)).rejects.toMatchObject({ name: 'NoResponse', code: 'ETIMEDOUT', message: 'no response within 50 ms' });
  await closed.promise;
});

describe('a connection that is reset', () => {
  const resettingAfter =
    (responses: number, seen: number[]) =>
    (socket: Socket, number: number): void => {
      let left = responses;
      socket.on('data', () => {
        seen.push(number);
        if (left-- > 0) socket.write(OK);
        else socket.resetAndDestroy();
      });
    };

  test('while it was kept is not a failure: a fresh one is used at once', async () => {
    const seen: number[] = [];
    const connection = await connectionTo(resettingAfter(1, seen));
    expect((await send(connection)).text).toBe('ok');
    expect((await send(connection)).text).toBe('ok');
    expect(seen).toEqual([1, 1, 2]);
  });

  test('when it is fresh is a failure, and nothing is retried', async () => {
    const seen: number[] = [];
    const connection = await connectionTo(resettingAfter(0, seen));
    await expect(send(connection)).rejects.toMatchObject({ name: 'NoResponse', code: 'ECONNRESET' });
    expect(seen).toEqual([1]);
  });
});
