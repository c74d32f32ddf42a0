// A proxy in front of an AWS endpoint or a search server that records every request and changes some of them as a test wants.
import { createServer, type IncomingHttpHeaders, type IncomingMessage, request as httpRequest, type ServerResponse } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { gunzipSync } from 'node:zlib';
import { setTimeout as sleep } from 'node:timers/promises';
import { pushBounded } from './bounded.ts';
import { listen, readBody } from './loopback.ts';
import { operationOf } from './operations.ts';

export interface RecordedRequest {
  readonly method: string;
  /** With the query. */
  readonly path: string;
  /** `lambda:UpdateFunctionCode`, `s3:PutObject`, …; `POST /_bulk` if it is not an AWS request. See `operationOf`. */
  readonly operation: string;
  readonly headers: IncomingHttpHeaders;
  /** As text, decompressed. */
  readonly body: string;
  /** Of the response that the client got; absent while there is none and if the connection was cut. */
  readonly status?: number;
}

/** The behaviour for a request. All fields are optional and can be combined, in this order. */
export interface Behaviour {
  /** Milliseconds to wait before anything else. */
  readonly delayMs?: number;
  /** Waits for this before anything else: lets a test act while a request is open. */
  readonly until?: Promise<unknown>;
  /** Cuts the connection: before the upstream got the request, or after it responded (so that its work is done). */
  readonly reset?: 'before' | 'after';
  /** Sends this response; the upstream never gets the request. */
  readonly response?: { readonly status: number; readonly headers?: Readonly<Record<string, string>>; readonly body?: unknown };
  /** Sends so many bytes of the upstream's response and cuts the connection. */
  readonly truncateBytes?: number;
  /** Sends this as the response's body, in place of the upstream's; once it is there if it is a promise. */
  readonly rewrite?: (body: string, status: number) => string | Promise<string>;
}

export type Matcher = string | RegExp | ((request: RecordedRequest) => boolean);

export interface Proxy {
  readonly url: string;
  /** All requests so far, in the order of their arrival; of a long run the last ones. */
  readonly requests: readonly RecordedRequest[];
  /** The requests that match. */
  matching(matcher: Matcher): RecordedRequest[];
  /**
   * Does something to the next requests that match (an operation by name, a pattern on the operation, or a function).
   * Rules are tried in the order of their creation; the first that matches and is not used up applies.
   * @param times how often, by default once; `Infinity` for ever
   */
  on(matcher: Matcher, behaviour: Behaviour | ((request: RecordedRequest) => Behaviour | undefined), times?: number): void;
  /** Forgets rules and records. */
  clear(): void;
  stop(): Promise<void>;
}

interface Rule {
  readonly matcher: Matcher;
  readonly behaviour: Behaviour | ((request: RecordedRequest) => Behaviour | undefined);
  left: number;
}

interface UpstreamResponse {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

/**
 * Starts a proxy on a free loopback port.
 * @param upstream address that requests go on to
 * @param options.ca certificate (PEM) to trust, where the upstream speaks HTTPS
 * @param options.keep how many requests are recorded, for long runs; by default all
 */
export async function startProxy(upstream: string, options: { readonly ca?: string; readonly keep?: number } = {}): Promise<Proxy> {
  const requests: { -readonly [name in keyof RecordedRequest]: RecordedRequest[name] }[] = [];
  let rules: Rule[] = [];

  const behaviourFor = (request: RecordedRequest): Behaviour => {
    for (const rule of rules) {
      if (rule.left <= 0 || !matches(rule.matcher, request)) continue;
      const behaviour = typeof rule.behaviour === 'function' ? rule.behaviour(request) : rule.behaviour;
      if (!behaviour) continue;
      rule.left -= 1;
      return behaviour;
    }
    return {};
  };

  const serve = async (incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> => {
    const bytes = await readBody(incoming);
    const { method = 'GET', url: path = '/', headers } = incoming;
    const body = (headers['content-encoding'] === 'gzip' ? gunzipSync(bytes) : bytes).toString('utf8');
    const record: (typeof requests)[number] = { method, path, headers, body, operation: operationOf(method, path, headers, body) };
    pushBounded(requests, record, options.keep ?? Infinity);
    const behaviour = behaviourFor(record);
    if (behaviour.delayMs) await sleep(behaviour.delayMs);
    if (behaviour.until) await behaviour.until;
    if (behaviour.reset === 'before') {
      incoming.socket.resetAndDestroy();
      return;
    }
    const response = behaviour.response ? made(behaviour.response) : await forward(upstream, options.ca, incoming, bytes);
    if (behaviour.reset === 'after') {
      incoming.socket.resetAndDestroy();
      return;
    }
    if (behaviour.truncateBytes === undefined) record.status = response.status;
    send(outgoing, behaviour.rewrite ? await rewritten(response, behaviour.rewrite) : response, behaviour.truncateBytes);
  };

  const server = await listen(
    createServer((incoming, outgoing) => {
      serve(incoming, outgoing).catch((error: unknown) => {
        // The upstream is gone: so is the client's connection.
        outgoing.destroy(error instanceof Error ? error : undefined);
      });
    }),
  );
  return {
    url: server.url,
    requests,
    matching: (matcher) => requests.filter((request) => matches(matcher, request)),
    on: (matcher, behaviour, times = 1) => {
      rules.push({ matcher, behaviour, left: times });
    },
    clear: () => {
      rules = [];
      requests.length = 0;
    },
    stop: () => server.stop(),
  };
}

function matches(matcher: Matcher, request: RecordedRequest): boolean {
  if (typeof matcher === 'string') return request.operation === matcher;
  return matcher instanceof RegExp ? matcher.test(request.operation) : matcher(request);
}

function made({ status, headers = {}, body = '' }: NonNullable<Behaviour['response']>): UpstreamResponse {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  return { status, headers: { 'content-type': 'application/json', ...headers }, body: Buffer.from(text) };
}

async function rewritten(response: UpstreamResponse, rewrite: NonNullable<Behaviour['rewrite']>): Promise<UpstreamResponse> {
  const { 'content-encoding': encoding, ...headers } = response.headers;
  const text = (encoding === 'gzip' ? gunzipSync(response.body) : response.body).toString('utf8');
  return { status: response.status, headers, body: Buffer.from(await rewrite(text, response.status)) };
}

function forward(upstream: string, ca: string | undefined, incoming: IncomingMessage, body: Buffer): Promise<UpstreamResponse> {
  const { method, url = '/', headers } = incoming;
  const target = new URL(url, upstream);
  const { connection: _connection, 'transfer-encoding': _encoding, ...kept } = headers;
  return new Promise((resolve, reject) => {
    const start = target.protocol === 'https:' ? httpsRequest : httpRequest;
    const options = {
      method,
      headers: { ...kept, host: target.host, 'content-length': String(body.length) },
      ...(ca ? { ca } : {}),
      agent: false,
    };
    start(target, options, (response) => {
      readBody(response).then((bytes) => {
        resolve({ status: response.statusCode ?? 502, headers: response.headers, body: bytes });
      }, reject);
    })
      .on('error', reject)
      .end(body);
  });
}

function send(outgoing: ServerResponse, response: UpstreamResponse, truncateBytes?: number): void {
  const { connection: _connection, 'transfer-encoding': _encoding, ...headers } = response.headers;
  // The response to HEAD has a length and no body.
  const length = outgoing.req.method === 'HEAD' ? headers['content-length'] : String(response.body.length);
  outgoing.writeHead(response.status, {
    ...headers,
    ...(length === undefined || response.status === 204 ? {} : { 'content-length': length }),
  });
  if (truncateBytes === undefined) {
    outgoing.end(response.body);
    return;
  }
  outgoing.write(response.body.subarray(0, truncateBytes), () => outgoing.destroy());
}
