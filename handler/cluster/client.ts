// The function's client of the cluster, on the official client's transport: sends requests with their signature or their Authorization
// header, and returns the responses, whatever the status. The transport retries nothing: it would at once, and never a 429.
import type { TransportRequestParams } from '@opensearch-project/opensearch/lib/Transport.js';
import type { FunctionConfig } from '../../formats/function-config.ts';
import type { ReadCredentials } from '../aws/credentials.ts';
import { ownRegion } from '../aws/endpoints.ts';
import type { ReadSecret } from '../aws/secrets-manager.ts';
import { percentEncoded, signedHeaders, type Scope } from '../aws/signature.ts';
import { HttpConnection, type HttpResponse, type HttpRequest } from '../http/connection.ts';
import { authorization, NoCredentials, type Authorization } from './authorization.ts';
import { Body, connectionClass } from './connection.ts';
import { ConnectionPool, Serializer, Transport } from './library.ts';

export interface ClusterRequest {
  readonly method: HttpRequest['method'];
  /** From the endpoint on, percent-encoded: `/orders/_mapping`. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  /** The parts of the body, one after the other. */
  readonly body?: string | readonly Uint8Array[];
  readonly contentType?: 'application/json' | 'application/x-ndjson';
}

export interface ClusterResponse {
  readonly status: number;
  readonly text: string;
  /** s or a date, as the header says. */
  readonly retryAfter: string | undefined;
}

/** A request without a response by then is aborted and retried; versions make that safe. */
const REQUEST_TIMEOUT_MS = 30_000;
/** Two bulk requests, and the checks beside them. */
const MAX_SOCKETS = 4;

/** Encodes queries as a signature does, so that it is valid for a service that reads a query unchanged and for one that decodes it first. */
class SignableSerializer extends Serializer {
  override qserialize(query: Record<string, unknown> | string = {}): string {
    if (typeof query === 'string') return query;
    return Object.entries(query)
      .map(([name, value]) => `${percentEncoded(name)}=${percentEncoded(String(value))}`)
      .join('&');
  }
}

export class ClusterClient {
  /** The cluster is OpenSearch Serverless, which has no refresh. */
  readonly serverless: boolean;
  /** For people: `search.example.com`. */
  readonly host: string;
  readonly #transport: InstanceType<typeof Transport>;
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
    this.#scope = auth.type === 'sigv4' ? { service: auth.service, region: auth.region ?? ownRegion(env) } : undefined;
    this.#credentials = credentials;
    this.#authorization = authorization(auth, readSecret);
    const http = new HttpConnection(url, { limit: REQUEST_TIMEOUT_MS, sockets: MAX_SOCKETS, ca: certificateAuthority });
    const Connection = connectionClass({ http, authorized: (request, signal) => this.#authorized(request, signal) });
    // Nobody listens to its events.
    const emit = (): boolean => false;
    const connectionPool = new ConnectionPool({ Connection, emit, resurrectStrategy: 'none' });
    connectionPool.addConnection(endpoint);
    this.#transport = new Transport({
      connectionPool,
      serializer: new SignableSerializer(),
      emit,
      maxRetries: 0,
      requestTimeout: REQUEST_TIMEOUT_MS,
      sniffEndpoint: '',
      headers: { accept: 'application/json' },
    });
  }

  /**
   * Sends a request; after a 401 once more if the credentials come from a secret, which is read again.
   * @throws {NoResponse} without a response; {NoCredentials} before it was sent; the reason that `signal` was aborted with
   */
  async send(request: ClusterRequest, signal: AbortSignal): Promise<ClusterResponse> {
    const response = await this.#exchange(request, signal);
    const { status, text, headers } =
      response.status === 401 && this.#authorization.renew() ? await this.#exchange(request, signal) : response;
    return { status, text, retryAfter: headers['retry-after'] };
  }

  async #exchange({ method, path, query = {}, body, contentType }: ClusterRequest, signal: AbortSignal): Promise<HttpResponse> {
    signal.throwIfAborted();
    const params = {
      method,
      path,
      querystring: query,
      ...(body === undefined ? {} : typeof body === 'string' ? { body } : { bulkBody: new Body(body) }),
    };
    const exchange = this.#transport.request(params as unknown as TransportRequestParams, {
      asStream: true,
      ...(contentType === undefined ? {} : { headers: { 'content-type': contentType } }),
    });
    const abort = (): void => {
      exchange.abort();
    };
    signal.addEventListener('abort', abort, { once: true });
    try {
      return (await exchange).body as HttpResponse;
    } catch (error) {
      signal.throwIfAborted();
      throw error;
    } finally {
      signal.removeEventListener('abort', abort);
    }
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
