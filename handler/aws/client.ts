// The two services of AWS that the function itself calls: S3 for dead letters, Secrets Manager for the cluster's credentials.
//
// Plain signed requests instead of the SDK's clients: their 700 KB are read at every start, whether they are used or not (measured:
// half of it), and the first dead letter had to wait for a client that takes a second to load at 128 MB.
import { setTimeout as sleep } from 'node:timers/promises';
import { HttpConnection, NoResponse, type HttpResponse, type HttpRequest } from '../http/connection.ts';
import type { Service } from './endpoints.ts';
import { AwsError, errorOf } from './error.ts';
import type { ReadCredentials } from './credentials.ts';
import { signedHeaders } from './signature.ts';

export interface AwsRequest {
  readonly service: Service;
  readonly region: string;
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** Protocol, host and port. */
  readonly endpoint: URL;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
  /** By default three; one for callers that pace themselves. */
  readonly attempts?: number;
}

const MAX_ATTEMPTS = 3;
/** An attempt without a response by then is aborted. */
const ATTEMPT_TIMEOUT_MS = 10_000;
/** At the same time, for as many dead letters. */
const MAX_SOCKETS = 8;
/** ms: the first pause is up to this long, each further one up to twice the former. */
const FIRST_PAUSE_MS = 200;

/** Calls AWS with the function's credentials. */
export class Aws {
  readonly #credentials: ReadCredentials;
  readonly #random: () => number;
  readonly #connections = new Map<string, HttpConnection>();

  constructor(credentials: ReadCredentials, random: () => number) {
    this.#credentials = credentials;
    this.#random = random;
  }

  /**
   * Sends a request, three times at most if the failures are transient.
   * @returns a 2xx response
   * @throws {AwsError} for any other response; {NoResponse} without a response; the reason that `signal` was aborted with
   */
  async call(request: AwsRequest, signal: AbortSignal): Promise<HttpResponse> {
    for (let attempt = 1; ; attempt++) {
      signal.throwIfAborted();
      try {
        const response = await this.#once(request, signal);
        if (response.status >= 200 && response.status < 300) return response;
        throw errorOf(response);
      } catch (error) {
        const transient = error instanceof NoResponse || (error instanceof AwsError && error.transient);
        if (!transient || attempt >= (request.attempts ?? MAX_ATTEMPTS)) throw error;
        await sleep(this.#random() * FIRST_PAUSE_MS * 2 ** (attempt - 1), undefined, { signal }).catch(() => undefined);
      }
    }
  }

  async #once({ service, region, method, endpoint, path, headers, body }: AwsRequest, signal: AbortSignal): Promise<HttpResponse> {
    const connection =
      this.#connections.get(endpoint.origin) ?? new HttpConnection(endpoint, { limit: ATTEMPT_TIMEOUT_MS, sockets: MAX_SOCKETS });
    this.#connections.set(endpoint.origin, connection);
    const whole = endpoint.pathname.replace(/\/$/, '') + path;
    const request: HttpRequest = {
      method,
      path: whole,
      headers: { host: endpoint.host, ...headers },
      body: body.length === 0 ? [] : [body],
    };
    const signed = signedHeaders(request, { service, region }, await this.#credentials(signal));
    return connection.exchange(
      { ...request, headers: method === 'GET' ? signed : { ...signed, 'content-length': String(body.length) } },
      signal,
    );
  }
}
