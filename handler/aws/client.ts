// The two services of AWS that the function itself calls: S3 for dead letters, Secrets Manager for the cluster's credentials.
//
// Plain signed requests instead of the SDK's clients: their 700 KB are read at every start, whether they are used or not (measured:
// half of it), and the first dead letter had to wait for a client that takes a second to load at 128 MB.
import { setTimeout as sleep } from 'node:timers/promises';
import { HttpConnection, NoAnswer, type HttpAnswer, type HttpRequest } from '../http/connection.ts';
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

const ATTEMPTS = 3;
/** ms: an attempt that has no answer by then is given up. */
const ATTEMPT_LIMIT = 10_000;
/** At the same time, for as many dead letters. */
const SOCKETS = 8;
/** ms: the first pause is up to this long, each further one up to twice the former. */
const FIRST_PAUSE = 200;

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
   * Sends a request, three times at most where the failure may pass by itself.
   * @returns the answer of 2xx
   * @throws {AwsError} what else AWS answered; {NoAnswer} without an answer; whatever `signal` was aborted with
   */
  async call(request: AwsRequest, signal: AbortSignal): Promise<HttpAnswer> {
    for (let attempt = 1; ; attempt++) {
      signal.throwIfAborted();
      try {
        const answer = await this.#once(request, signal);
        if (answer.status >= 200 && answer.status < 300) return answer;
        throw errorOf(answer);
      } catch (error) {
        const passing = error instanceof NoAnswer || (error instanceof AwsError && error.passing);
        if (!passing || attempt >= (request.attempts ?? ATTEMPTS)) throw error;
        await sleep(this.#random() * FIRST_PAUSE * 2 ** (attempt - 1), undefined, { signal }).catch(() => undefined);
      }
    }
  }

  async #once({ service, region, method, endpoint, path, headers, body }: AwsRequest, signal: AbortSignal): Promise<HttpAnswer> {
    const connection = this.#connections.get(endpoint.origin) ?? new HttpConnection(endpoint, { limit: ATTEMPT_LIMIT, sockets: SOCKETS });
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
