// The credentials of the function's role.
import { readFileSync } from 'node:fs';
import { AwsError } from './error.ts';
import { HttpConnection } from '../http/connection.ts';
import { isOwnAddress } from '../http/loopback.ts';

export interface AwsCredentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}

/** Reads the credentials; waits for them until `signal` is aborted at most. */
export type ReadCredentials = (signal: AbortSignal) => Promise<AwsCredentials>;

/** Credentials that expire are fetched again this long before they do. */
const EXPIRY_MARGIN_MS = 5 * 60_000;
/** The service is on the same machine. */
const CREDENTIALS_TIMEOUT_MS = 1_000;

/**
 * Reads the credentials of the function's role. Lambda provides them as environment variables, read at every use, or at an address of
 * its own that returns new ones before they expire, as for containers. Rules: AWS SDKs and Tools Reference Guide, "Container credential
 * provider".
 * @returns a reader; it rejects with an Error that names what is missing, {AwsError}, {NoResponse} or the reason that the signal was
 * aborted with
 */
export function awsCredentials(env: NodeJS.ProcessEnv, now: () => number): ReadCredentials {
  let current: Expiring | undefined;
  let next: Promise<Expiring> | undefined;
  return async (signal) => {
    const { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey, AWS_SESSION_TOKEN: sessionToken } = env;
    if (accessKeyId && secretAccessKey) return usable({ accessKeyId, secretAccessKey, ...(sessionToken ? { sessionToken } : {}) });
    if (current !== undefined && current.expiration - EXPIRY_MARGIN_MS > now()) return current;
    next ??= fromContainer(env, signal).finally(() => (next = undefined));
    try {
      current = await next;
    } catch (error) {
      // The margin is there for this.
      if (current === undefined || current.expiration <= now()) throw error;
    }
    return current;
  };
}

interface Expiring extends AwsCredentials {
  /** ms since the epoch. */
  readonly expiration: number;
}

async function fromContainer(env: NodeJS.ProcessEnv, signal: AbortSignal): Promise<Expiring> {
  const url = credentialsUrl(env);
  const token = env.AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE
    ? readFileSync(env.AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE, 'utf8').trim()
    : env.AWS_CONTAINER_AUTHORIZATION_TOKEN;
  // Requested once in hours.
  const headers = { host: url.host, connection: 'close', accept: 'application/json', ...(token ? { authorization: token } : {}) };
  const request = { method: 'GET', path: url.pathname + url.search, headers, body: [] } as const;
  const { status, text } = await new HttpConnection(url, { limit: CREDENTIALS_TIMEOUT_MS, sockets: 1 }).exchange(request, signal);
  if (status !== 200) throw new AwsError(`HTTP ${status}`, status, `${url.host} returns no credentials`);
  let response: Partial<Record<'AccessKeyId' | 'SecretAccessKey' | 'Token' | 'Expiration', unknown>>;
  try {
    response = JSON.parse(text) as typeof response;
  } catch {
    // The error of JSON.parse would quote a part of them.
    response = {};
  }
  const { AccessKeyId: accessKeyId, SecretAccessKey: secretAccessKey, Token: sessionToken, Expiration } = response;
  if (typeof accessKeyId !== 'string' || typeof secretAccessKey !== 'string' || typeof sessionToken !== 'string') {
    throw new Error(`the response of ${url.host} contains no credentials`);
  }
  const expiration = typeof Expiration === 'string' ? Date.parse(Expiration) : Infinity;
  return usable({ accessKeyId, secretAccessKey, sessionToken, expiration: Number.isNaN(expiration) ? 0 : expiration });
}

/** @throws {Error} if they do not fit in a header, such as with a line end that was copied with them */
function usable<Credentials extends AwsCredentials>(credentials: Credentials): Credentials {
  const { accessKeyId, sessionToken = '' } = credentials;
  if (/^[\x21-\x7e]*$/.test(accessKeyId + sessionToken)) return credentials;
  throw new Error('the access key id or the session token contains characters that are not allowed in one');
}

function credentialsUrl({ AWS_CONTAINER_CREDENTIALS_FULL_URI: full }: NodeJS.ProcessEnv): URL {
  if (!full) {
    throw new Error('neither AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY nor AWS_CONTAINER_CREDENTIALS_FULL_URI are in the environment');
  }
  const url = URL.parse(full);
  if (url?.protocol === 'https:' || (url?.protocol === 'http:' && isOwnAddress(url.hostname))) return url;
  throw new Error('AWS_CONTAINER_CREDENTIALS_FULL_URI is neither https nor an address of the machine itself');
}
