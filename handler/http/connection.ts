// One exchange over HTTP with one server: sends a request on a kept-alive connection and returns the whole response, whatever its status.
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

export interface HttpResponse {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

/** There is no response, or only a part of one: it is unknown whether the server carried out the request. */
export class NoResponse extends Error {
  override name = 'NoResponse';
  /** Node's or OpenSSL's code, `ECONNRESET` or the like. */
  readonly code: string;
  /** The connection was an old one that the server had closed meanwhile: an immediate retry on a fresh one may succeed. */
  readonly staleConnection: boolean;

  constructor(code: string, message: string, staleConnection: boolean, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    this.staleConnection = staleConnection;
  }
}

/** Codes that name a certificate which the client does not trust, or a name that it is not for. */
const CERTIFICATE = /^(?:CERT_|ERR_TLS_CERT|ERR_SSL|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_(?:GET|VERIFY)|HOSTNAME_MISMATCH|EPROTO)/;
/** OpenSSL's errors for a response that is not TLS at all. */
const NO_TLS = /wrong.version.number|packet length too long|http request/i;

export const isCertificateProblem = (error: NoResponse): boolean => CERTIFICATE.test(error.code) && !isWrongHost(error);

/** There is no such host, or the server at its address does not speak the endpoint's protocol. */
export const isWrongHost = (error: NoResponse): boolean => error.code === 'ENOTFOUND' || NO_TLS.test(`${error.code} ${error.message}`);

/** The largest expected response is that of a bulk request, reduced to its statuses and errors. */
const MAX_RESPONSE_BYTES = 64 * 1024 * 1024;

export interface ConnectionOptions {
  /** ms after which an exchange is aborted. */
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
   * @param url protocol, host and port of the server; the rest is ignored
   */
  constructor(url: URL, { limit, sockets, ca }: ConnectionOptions) {
    const options = { keepAlive: true, maxSockets: sockets };
    const secure = url.protocol === 'https:';
    this.#url = url;
    this.#agent = secure
      ? // Explicit, so that NODE_TLS_REJECT_UNAUTHORIZED in the environment cannot turn it off.
        new HttpsAgent({ ...options, rejectUnauthorized: true, ...(ca === undefined ? {} : { ca }) })
      : new HttpAgent(options);
    this.#request = secure ? httpsRequest : httpRequest;
    this.#limit = limit;
    this.#sockets = sockets;
  }

  /**
   * Sends a request. A reset of a kept-alive connection (Lambda had frozen the function) is retried at once on a fresh one.
   * @throws {NoResponse} without a response in time; the reason that `signal` was aborted with
   */
  async exchange(request: HttpRequest, signal: AbortSignal): Promise<HttpResponse> {
    for (let stale = this.#sockets; ; stale--) {
      try {
        return await this.#once(request, signal);
      } catch (error) {
        if (!(error instanceof NoResponse && error.staleConnection && stale > 0)) throw error;
      }
    }
  }

  async #once({ method, path, headers, body }: HttpRequest, signal: AbortSignal): Promise<HttpResponse> {
    signal.throwIfAborted();
    const { promise, resolve, reject } = Promise.withResolvers<HttpResponse>();
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
      reject(new NoResponse('ETIMEDOUT', `no response within ${this.#limit} ms`, false));
    }, this.#limit);
    let responded = false;
    outgoing.on('error', (error) => {
      reject(noResponse(error, outgoing));
    });
    outgoing.on('response', (response) => {
      responded = true;
      collect(response).then(resolve, (error: unknown) => {
        reject(noResponse(error, undefined));
      });
    });
    outgoing.on('close', () => {
      // Node closes without an error after a response that switches protocols.
      if (!responded) reject(noResponse(new Error('the connection was closed without a response'), undefined));
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
      // Does nothing if the exchange is over. If the response came before all of the request had left, the rest would keep leaving and
      // occupy the connection.
      outgoing.destroy();
    }
  }
}

/** Collects the whole response. By events and not by iteration, which closes the kept-alive connection of a response without a body. */
function collect(response: IncomingMessage): Promise<HttpResponse> {
  const { promise, resolve, reject } = Promise.withResolvers<HttpResponse>();
  const parts: Buffer[] = [];
  let size = 0;
  response.on('data', (part: Buffer) => {
    parts.push(part);
    size += part.length;
    if (size > MAX_RESPONSE_BYTES) response.destroy(new Error(`the response is longer than ${MAX_RESPONSE_BYTES} bytes`));
  });
  response.on('error', reject);
  response.on('close', () => {
    if (!response.complete) reject(new Error('the response was cut off'));
  });
  response.on('end', () => {
    if (!response.complete) return;
    const bytes = Buffer.concat(parts, size);
    const { statusCode: status = 0, headers } = response;
    // Never requested, but there are proxies that compress anyway.
    if (headers['content-encoding'] !== 'gzip') resolve({ status, headers, text: bytes.toString('utf8') });
    else
      unzipped(bytes).then((text) => {
        resolve({ status, headers, text });
      }, reject);
  });
  return promise;
}

async function unzipped(bytes: Buffer): Promise<string> {
  // Loaded only when needed: at the top it would slow the function's start.
  const { gunzipSync } = await import('node:zlib');
  return gunzipSync(bytes, { maxOutputLength: MAX_RESPONSE_BYTES }).toString('utf8');
}

function noResponse(error: unknown, outgoing: ClientRequest | undefined): NoResponse {
  const { code = 'UNKNOWN', message = String(error) } = error as Partial<NodeJS.ErrnoException>;
  const reset = code === 'ECONNRESET' || code === 'EPIPE' || code === 'ECONNABORTED';
  return new NoResponse(code, message, reset && outgoing?.reusedSocket === true, { cause: error });
}
