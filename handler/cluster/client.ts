// The conversation with the cluster: requests with their signature or their Authorization header, and its answers, whatever the status.
//
// A plain request instead of a client library: the clients retry on their own (immediately, and never a 429), lose digits of large
// numbers and cost more start-up time than everything else in the function together.
import { ownRegion } from '../aws/endpoints.ts';
import type { FunctionConfig } from '../../formats/function-config.ts';
import { Connection, type HttpAnswer, type HttpRequest } from '../http/connection.ts';
import type { ReadCredentials } from '../aws/credentials.ts';
import { authorization, NoCredentials, type Authorization } from './authorization.ts';
import type { ReadSecret } from '../aws/secrets-manager.ts';
import { percentEncoded, signedHeaders, type Scope } from '../aws/signature.ts';

export interface EngineRequest {
  readonly method: HttpRequest['method'];
  /** From the endpoint on, percent-encoded: `/orders/_mapping`. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  /** The parts of the body, one after the other. */
  readonly body?: string | readonly Uint8Array[];
  readonly contentType?: 'application/json' | 'application/x-ndjson';
}

export interface EngineAnswer {
  readonly status: number;
  readonly text: string;
  /** s or a date, as the header says. */
  readonly retryAfter: string | undefined;
}

/** ms: a request that has no answer by then is given up and sent again; versions make that safe. */
const REQUEST_LIMIT = 30_000;
/** Two bulk requests, and what is asked beside them. */
const SOCKETS = 4;

export class Engine {
  /** The cluster is OpenSearch Serverless, which has no refresh. */
  readonly serverless: boolean;
  /** For people: `search.example.com`. */
  readonly host: string;
  /** Path of the endpoint, without a slash at its end. */
  readonly #prefix: string;
  readonly #connection: Connection;
  readonly #scope: Scope | undefined;
  readonly #credentials: ReadCredentials;
  readonly #authorization: Authorization;

  constructor(
    { endpoint, auth, certificateAuthority }: Pick<FunctionConfig, 'endpoint' | 'auth' | 'certificateAuthority'>,
    env: NodeJS.ProcessEnv,
    credentials: ReadCredentials,
    readSecret: ReadSecret,
  ) {
    const url = new URL(endpoint);
    this.host = url.host;
    this.serverless = auth.type === 'sigv4' && auth.service === 'aoss';
    this.#prefix = url.pathname.replace(/\/$/, '');
    this.#connection = new Connection(url, { limit: REQUEST_LIMIT, sockets: SOCKETS, ca: certificateAuthority });
    this.#scope = auth.type === 'sigv4' ? { service: auth.service, region: auth.region ?? ownRegion(env) } : undefined;
    this.#credentials = credentials;
    this.#authorization = authorization(auth, readSecret);
  }

  /**
   * Sends a request; after a 401 once more where the credentials come from a secret, which is read again.
   * @throws {NoAnswer} without an answer; {NoCredentials} before it was sent; whatever `signal` was aborted with
   */
  async send(request: EngineRequest, signal: AbortSignal): Promise<EngineAnswer> {
    const answer = await this.#exchange(request, signal);
    const { status, text, headers } = answer.status === 401 && this.#authorization.renew() ? await this.#exchange(request, signal) : answer;
    return { status, text, retryAfter: headers['retry-after'] };
  }

  async #exchange({ method, path, query = {}, body: content, contentType }: EngineRequest, signal: AbortSignal): Promise<HttpAnswer> {
    const parameters = Object.entries(query).map(([name, value]) => `${percentEncoded(name)}=${percentEncoded(value)}`);
    const body = content === undefined ? [] : typeof content === 'string' ? [Buffer.from(content)] : content;
    const request: HttpRequest = {
      method,
      path: this.#prefix + path + (parameters.length === 0 ? '' : `?${parameters.join('&')}`),
      headers: {
        host: this.host,
        accept: 'application/json',
        ...(content === undefined ? {} : { 'content-type': contentType ?? 'application/json' }),
      },
      body,
    };
    const headers = await this.#authorized(request, signal);
    if (content !== undefined) headers['content-length'] = String(body.reduce((sum, { length }) => sum + length, 0));
    return this.#connection.exchange({ ...request, headers }, signal);
  }

  async #authorized(request: HttpRequest, signal: AbortSignal): Promise<Record<string, string>> {
    try {
      if (this.#scope !== undefined) return signedHeaders(request, this.#scope, await this.#credentials(signal));
      const header = await this.#authorization.header(signal);
      return header === undefined ? { ...request.headers } : { ...request.headers, authorization: header };
    } catch (error) {
      throw new NoCredentials(error);
    }
  }
}
