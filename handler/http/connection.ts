// One exchange over HTTP with one server: a request, kept-alive connections, the whole answer, whatever its status.
import { Agent as HttpAgent, request as httpRequest, type ClientRequest, type IncomingHttpHeaders, type IncomingMessage } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';

export interface HttpRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** With its query, percent-encoded. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  /** The parts of the body, one after the other; none: no body. */
  readonly body: readonly Uint8Array[];
}

export interface HttpAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

/** No answer came, or only a part of one: whether the server did what was asked is unknown. */
export class NoAnswer extends Error {
  override name = 'NoAnswer';
  /** Node's or OpenSSL's code, `ECONNRESET` or the like. */
  readonly code: string;
  /** The connection was an old one that the other side had closed meanwhile: a fresh one is worth trying at once. */
  readonly staleConnection: boolean;

  constructor(code: string, message: string, staleConnection: boolean, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    this.staleConnection = staleConnection;
  }
}

/** Codes that name a certificate which the client does not trust, or a name that it is not for. */
const CERTIFICATE = /^(?:CERT_|ERR_TLS_CERT|ERR_SSL|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_(?:GET|VERIFY)|HOSTNAME_MISMATCH|EPROTO)/;
/** What OpenSSL says of an answer that is no TLS at all. */
const NO_TLS = /wrong.version.number|packet length too long|http request/i;

export const isCertificateProblem = (error: NoAnswer): boolean => CERTIFICATE.test(error.code) && !isWrongHost(error);

/** There is no such host, or what answers under its address does not speak the endpoint's protocol. */
export const isWrongHost = (error: NoAnswer): boolean => error.code === 'ENOTFOUND' || NO_TLS.test(`${error.code} ${error.message}`);

/** Bytes of an answer at most. The largest asked for is a bulk answer reduced to its statuses and errors. */
const ANSWER_LIMIT = 64 * 1024 * 1024;

export interface ConnectionOptions {
  /** ms after which an exchange is given up. */
  readonly limit: number;
  /** Exchanges at the same time; more wait. */
  readonly sockets: number;
  /** Certificates (PEM) to trust instead of the public authorities. */
  readonly ca?: string | undefined;
}

export class HttpConnection {
  readonly #url: URL;
  readonly #agent: HttpAgent | HttpsAgent;
  readonly #request: typeof httpRequest;
  readonly #limit: number;
  readonly #sockets: number;

  /**
   * @param url protocol, host and port of the server; the rest is no matter
   */
  constructor(url: URL, { limit, sockets, ca }: ConnectionOptions) {
    const options = { keepAlive: true, maxSockets: sockets };
    const secure = url.protocol === 'https:';
    this.#url = url;
    this.#agent = secure
      ? // Said in so many words, so that NODE_TLS_REJECT_UNAUTHORIZED in the environment is no switch against it.
        new HttpsAgent({ ...options, rejectUnauthorized: true, ...(ca === undefined ? {} : { ca }) })
      : new HttpAgent(options);
    this.#request = secure ? httpsRequest : httpRequest;
    this.#limit = limit;
    this.#sockets = sockets;
  }

  /**
   * Sends a request. A reset of a kept-alive connection (Lambda had frozen the function) is tried again at once on a fresh one.
   * @throws {NoAnswer} without an answer in time; whatever `signal` was aborted with
   */
  async exchange(request: HttpRequest, signal: AbortSignal): Promise<HttpAnswer> {
    for (let stale = this.#sockets; ; stale--) {
      try {
        return await this.#once(request, signal);
      } catch (error) {
        if (!(error instanceof NoAnswer && error.staleConnection && stale > 0)) throw error;
      }
    }
  }

  async #once({ method, path, headers, body }: HttpRequest, signal: AbortSignal): Promise<HttpAnswer> {
    signal.throwIfAborted();
    const { promise, resolve, reject } = Promise.withResolvers<HttpAnswer>();
    const { protocol, hostname, port } = this.#url;
    const outgoing = this.#request({
      agent: this.#agent,
      method,
      protocol,
      hostname: hostname.replace(/^\[|\]$/g, ''),
      port,
      path,
      headers,
    });
    const abort = (): void => {
      reject(signal.reason as Error);
    };
    signal.addEventListener('abort', abort, { once: true });
    const timer = setTimeout(() => {
      reject(new NoAnswer('ETIMEDOUT', `no answer within ${this.#limit} ms`, false));
    }, this.#limit);
    let answered = false;
    outgoing.on('error', (error) => {
      reject(noAnswer(error, outgoing));
    });
    outgoing.on('response', (response) => {
      answered = true;
      collect(response).then(resolve, (error: unknown) => {
        reject(noAnswer(error, undefined));
      });
    });
    outgoing.on('close', () => {
      // Without an error: what Node makes of an answer that switches protocols.
      if (!answered) reject(noAnswer(new Error('the connection was closed without an answer'), undefined));
    });
    // All parts leave together.
    outgoing.cork();
    for (const part of body) outgoing.write(part);
    outgoing.end();
    outgoing.uncork();
    try {
      return await promise;
    } finally {
      clearTimeout(timer);
      signal.removeEventListener('abort', abort);
      // Nothing where the exchange is over. Where the answer came before all of the request had left, the rest would go on leaving and
      // hold the connection.
      outgoing.destroy();
    }
  }
}

/** The whole answer. By events and not by iteration, which closes the kept-alive connection of an answer without a body. */
function collect(response: IncomingMessage): Promise<HttpAnswer> {
  const { promise, resolve, reject } = Promise.withResolvers<HttpAnswer>();
  const parts: Buffer[] = [];
  let size = 0;
  response.on('data', (part: Buffer) => {
    parts.push(part);
    size += part.length;
    if (size > ANSWER_LIMIT) response.destroy(new Error(`the answer is longer than ${ANSWER_LIMIT} bytes`));
  });
  response.on('error', reject);
  response.on('close', () => {
    if (!response.complete) reject(new Error('the answer was cut off'));
  });
  response.on('end', () => {
    if (!response.complete) return;
    const bytes = Buffer.concat(parts, size);
    const { statusCode: status = 0, headers } = response;
    // Never asked for, but there are proxies that compress all the same.
    if (headers['content-encoding'] !== 'gzip') resolve({ status, headers, text: bytes.toString('utf8') });
    else
      unzipped(bytes).then((text) => {
        resolve({ status, headers, text });
      }, reject);
  });
  return promise;
}

async function unzipped(bytes: Buffer): Promise<string> {
  // Loaded by those who need it: it is a part of the function's start.
  const { gunzipSync } = await import('node:zlib');
  return gunzipSync(bytes, { maxOutputLength: ANSWER_LIMIT }).toString('utf8');
}

function noAnswer(error: unknown, outgoing: ClientRequest | undefined): NoAnswer {
  const { code = 'UNKNOWN', message = String(error) } = error as Partial<NodeJS.ErrnoException>;
  const reset = code === 'ECONNRESET' || code === 'EPIPE' || code === 'ECONNABORTED';
  return new NoAnswer(code, message, reset && outgoing?.reusedSocket === true, { cause: error });
}
