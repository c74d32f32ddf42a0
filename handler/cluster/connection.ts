// The official client's connection, changed so that every exchange ends and no byte of a body is copied.
import type { ClientRequest, IncomingMessage } from 'node:http';
import type { HttpResponse, HttpConnection, HttpRequest } from '../http/connection.ts';
import { Connection } from './library.ts';

/**
 * A body that leaves as the parts it was written in, one after the other. The client's transport passes every object with a `pipe` on
 * unchanged, and serializes every other list as documents.
 */
export class Body {
  readonly parts: readonly Uint8Array[];
  constructor(parts: readonly Uint8Array[]) {
    this.parts = parts;
  }
  /** @throws {Error} always: the connection below reads the parts themselves */
  pipe(): never {
    throw new Error('a body leaves by its parts');
  }
}

type ClusterConnection = InstanceType<typeof Connection>;
type Outgoing = Parameters<ClusterConnection['request']>[0];
type Callback = Parameters<ClusterConnection['request']>[1];

export interface ConnectionDependencies {
  /** Sends a request and collects the whole response, with a time limit of its own; retries stale sockets. */
  readonly http: HttpConnection;
  /** The headers of a request with its signature or its Authorization header. Rejects with the error of the request. */
  readonly authorized: (request: HttpRequest, signal: AbortSignal) => Promise<Record<string, string>>;
}

/**
 * A class of connections for the client's pool. Its extension point: `request` starts an exchange, calls back once and
 * returns an object that aborts it (https://docs.opensearch.org/latest/clients/javascript/). The response is collected already, so requests
 * ask the transport for it `asStream`, which passes it on unchanged, whatever its status.
 */
export function connectionClass({ http, authorized }: ConnectionDependencies): typeof Connection {
  return class extends Connection {
    override request(outgoing: Outgoing, callback: Callback): ClientRequest {
      const aborted = new AbortController();
      exchange({ http, authorized }, requestOf(this.url, outgoing), aborted.signal).then(
        (response) => {
          callback(null, response as unknown as IncomingMessage);
        },
        (error: unknown) => {
          callback(error as Error, null);
        },
      );
      const abort = (): void => {
        aborted.abort(new Error('the request was aborted'));
      };
      return { abort } as unknown as ClientRequest;
    }
  };
}

async function exchange({ http, authorized }: ConnectionDependencies, request: HttpRequest, signal: AbortSignal): Promise<HttpResponse> {
  const headers = await authorized(request, signal);
  // After the signature: OpenSearch Serverless accepts none that covers the length.
  if (request.body.length > 0) headers['content-length'] = String(request.body.reduce((sum, { length }) => sum + length, 0));
  return http.exchange({ ...request, headers }, signal);
}

/** Turns a request of the transport into one below the endpoint's path. */
function requestOf(endpoint: URL, { method, path, querystring, headers, body }: Outgoing): HttpRequest {
  const { 'content-length': _, ...rest } = headers as Record<string, string>;
  return {
    method: method as HttpRequest['method'],
    path: endpoint.pathname.replace(/\/$/, '') + (path ?? '/') + (querystring ? `?${querystring}` : ''),
    headers: { host: endpoint.host, ...rest },
    body: body instanceof Body ? body.parts : typeof body === 'string' ? [Buffer.from(body)] : [],
  };
}
