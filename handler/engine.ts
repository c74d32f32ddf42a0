// One conversation with the cluster: a request, signed, over a kept-alive connection; its answer, whatever the status.
//
// A plain request instead of a client library: the clients retry on their own (immediately, and never a 429), lose digits of large
// numbers and cost more start-up time than everything else in the function together.
import { Agent as HttpAgent, request as httpRequest, type ClientRequest, type IncomingMessage, type RequestOptions } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { gunzipSync } from 'node:zlib';
import type { FunctionConfig } from './config.ts';
import { authorization, type Authorization, type AwsCredentials, type ReadSecret } from './credentials.ts';
import type { Sign } from './signature.ts';

export interface EngineRequest {
  readonly method: 'GET' | 'POST' | 'PUT';
  /** From the endpoint on, percent-encoded: `/orders/_mapping`. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
  readonly contentType?: 'application/json' | 'application/x-ndjson';
}

export interface EngineAnswer {
  readonly status: number;
  readonly text: string;
  /** s or a date, as the header says. */
  readonly retryAfter: string | undefined;
}

/** No answer came, or only a part of one: whether the cluster did what was asked is unknown. */
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

/** The request could not be signed or given its header. The message quotes no secret. */
export class NoCredentials extends Error {
  override name = 'NoCredentials';
  /** It may pass by itself: the service that keeps the credentials is throttled or out of reach. */
  readonly passing: boolean;

  constructor(cause: unknown) {
    const { name, message } = cause instanceof Error ? cause : new Error(String(cause));
    super(`no credentials for the cluster: ${name}: ${message}`, { cause });
    const { code, $fault: fault } = (typeof cause === 'object' && cause !== null ? cause : {}) as { code?: unknown; $fault?: unknown };
    this.passing =
      fault === 'server' ||
      /Throttl|TooManyRequests|Timeout|Abort|Network|ServiceUnavailable|Internal/.test(name) ||
      (typeof code === 'string' && /^(?:E[A-Z]+_?[A-Z]*|UND_ERR_\w+)$/.test(code) && code !== 'EACCES');
  }
}

/** Bytes of an answer at most. The largest asked for is a bulk answer reduced to its statuses and errors. */
const ANSWER_LIMIT = 64 * 1024 * 1024;

/** Codes that name a certificate which the client does not trust, or a name that it is not for. */
const CERTIFICATE = /^(?:CERT_|ERR_TLS_CERT|ERR_SSL|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_(?:GET|VERIFY)|HOSTNAME_MISMATCH|EPROTO)/;
/** What OpenSSL says of an answer that is no TLS at all. */
const NO_TLS = /wrong.version.number|packet length too long|http request/i;

export const isCertificateProblem = (error: NoAnswer): boolean => CERTIFICATE.test(error.code) && !isWrongHost(error);

/** There is no such host, or what answers under its address does not speak the endpoint's protocol. */
export const isWrongHost = (error: NoAnswer): boolean => error.code === 'ENOTFOUND' || NO_TLS.test(`${error.code} ${error.message}`);

export class Engine {
  /** The cluster is OpenSearch Serverless, which has no refresh. */
  readonly serverless: boolean;
  /** For people: `search.example.com`. */
  readonly host: string;
  readonly #url: URL;
  readonly #agent: HttpAgent | HttpsAgent;
  readonly #sign: Promise<Sign> | undefined;
  readonly #authorization: Authorization;

  constructor(
    config: Pick<FunctionConfig, 'endpoint' | 'auth' | 'certificateAuthority'>,
    env: NodeJS.ProcessEnv,
    credentials: () => Promise<AwsCredentials>,
    readSecret: ReadSecret,
  ) {
    this.#url = new URL(config.endpoint);
    this.host = this.#url.host;
    this.serverless = config.auth.type === 'sigv4' && config.auth.service === 'aoss';
    const options = { keepAlive: true, maxSockets: 4 };
    this.#agent =
      this.#url.protocol === 'https:'
        ? new HttpsAgent({ ...options, ...(config.certificateAuthority === undefined ? {} : { ca: config.certificateAuthority }) })
        : new HttpAgent(options);
    this.#authorization = authorization(config.auth, readSecret);
    const { auth } = config;
    this.#sign =
      auth.type === 'sigv4'
        ? import(/* webpackMode: "eager" */ './signature.ts').then(({ signature }) => signature(auth, env, credentials))
        : undefined;
  }

  /**
   * Sends a request. A reset of a kept-alive connection (Lambda had frozen the function) is tried again at once on a fresh one, a
   * 401 with a secret once more after reading the secret again.
   * @throws {NoAnswer} without an answer; {NoCredentials} before it was sent; whatever `signal` was aborted with
   */
  async send(request: EngineRequest, signal: AbortSignal): Promise<EngineAnswer> {
    const answer = await this.#onFreshConnection(request, signal);
    return answer.status === 401 && this.#authorization.renew() ? this.#onFreshConnection(request, signal) : answer;
  }

  async #onFreshConnection(request: EngineRequest, signal: AbortSignal): Promise<EngineAnswer> {
    for (let connections = this.#agent.maxSockets; ; connections--) {
      try {
        return await this.#once(request, signal);
      } catch (error) {
        if (!(error instanceof NoAnswer && error.staleConnection && connections > 0)) throw error;
      }
    }
  }

  async #once(request: EngineRequest, signal: AbortSignal): Promise<EngineAnswer> {
    const body = typeof request.body === 'string' ? Buffer.from(request.body) : request.body;
    const headers = await this.#headers(request, body, signal);
    const { promise, resolve, reject } = Promise.withResolvers<EngineAnswer>();
    const query = Object.entries(request.query ?? {})
      .map(([name, value]) => `${encoded(name)}=${encoded(value)}`)
      .join('&');
    const options: RequestOptions = {
      agent: this.#agent,
      method: request.method,
      protocol: this.#url.protocol,
      hostname: this.#url.hostname.replace(/^\[|\]$/g, ''),
      port: this.#url.port,
      path: this.#path(request) + (query === '' ? '' : `?${query}`),
      headers,
    };
    signal.throwIfAborted();
    const outgoing = this.#url.protocol === 'https:' ? httpsRequest(options) : httpRequest(options);
    const abort = (): void => {
      outgoing.destroy();
      reject(signal.reason as Error);
    };
    signal.addEventListener('abort', abort, { once: true });
    outgoing.on('error', (error) => {
      reject(noAnswer(error, outgoing));
    });
    outgoing.on('response', (response) => {
      collect(response).then(resolve, (error: unknown) => {
        reject(noAnswer(error, undefined));
      });
    });
    outgoing.end(body);
    try {
      return await promise;
    } finally {
      signal.removeEventListener('abort', abort);
    }
  }

  #path(request: EngineRequest): string {
    return this.#url.pathname.replace(/\/$/, '') + request.path;
  }

  async #headers(request: EngineRequest, body: Buffer | undefined, signal: AbortSignal): Promise<Record<string, string>> {
    const headers: Record<string, string> = { host: this.#url.host, accept: 'application/json' };
    if (body !== undefined) headers['content-type'] = request.contentType ?? 'application/json';
    // Never signed: OpenSearch Serverless takes no signature that covers it.
    const length: Record<string, string> = body === undefined ? {} : { 'content-length': String(body.length) };
    try {
      if (this.#sign !== undefined) {
        const { protocol, hostname } = this.#url;
        const unsigned = {
          method: request.method,
          protocol,
          hostname,
          path: this.#path(request),
          query: { ...request.query },
          headers,
          body,
        };
        return { ...(await (await this.#sign)(unsigned)), ...length };
      }
      const authorization = await this.#authorization.header(signal);
      return { ...headers, ...length, ...(authorization === undefined ? {} : { authorization }) };
    } catch (error) {
      throw new NoCredentials(error);
    }
  }
}

/** As a signature has it, so that it holds for a service that reads the query as it is and for one that decodes it first. */
const encoded = (text: string): string =>
  encodeURIComponent(text).replace(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`);

/** The whole answer. By events and not by iteration, which closes the kept-alive connection of an answer without a body. */
function collect(response: IncomingMessage): Promise<EngineAnswer> {
  const { promise, resolve, reject } = Promise.withResolvers<EngineAnswer>();
  const parts: Buffer[] = [];
  let size = 0;
  response.on('data', (part: Buffer) => {
    parts.push(part);
    size += part.length;
    if (size > ANSWER_LIMIT) response.destroy(new Error(`the answer is longer than ${ANSWER_LIMIT} bytes`));
  });
  response.on('error', reject);
  response.on('close', () => {
    // Too late to matter where the end came before.
    reject(new Error('the answer was cut off'));
  });
  response.on('end', () => {
    if (!response.complete) return;
    let bytes = Buffer.concat(parts, size);
    try {
      // Never asked for, but there are proxies that compress all the same.
      if (response.headers['content-encoding'] === 'gzip') bytes = gunzipSync(bytes, { maxOutputLength: ANSWER_LIMIT });
    } catch (error) {
      reject(error);
      return;
    }
    resolve({ status: response.statusCode ?? 0, text: bytes.toString('utf8'), retryAfter: response.headers['retry-after'] });
  });
  return promise;
}

function noAnswer(error: unknown, outgoing: ClientRequest | undefined): NoAnswer {
  const { code = 'UNKNOWN', message = String(error) } = error as Partial<NodeJS.ErrnoException>;
  const reset = code === 'ECONNRESET' || code === 'EPIPE' || code === 'ECONNABORTED';
  return new NoAnswer(code, message, reset && outgoing?.reusedSocket === true, { cause: error });
}
