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

/** Gives the credentials; waits for them until `signal` is aborted at most. */
export type ReadCredentials = (signal: AbortSignal) => Promise<AwsCredentials>;

/** ms: credentials that expire are fetched anew this long before they do. */
const EXPIRY_MARGIN = 5 * 60_000;
/** ms: the service is on the same machine. */
const ANSWER_WITHIN = 1_000;

/**
 * The credentials of the function's role. Lambda gives them as environment variables, read at every use, or by an address of its own
 * that gives new ones before they expire, as containers have it. Rules: AWS SDKs and Tools Reference Guide, "Container credential
 * provider".
 * @returns reads them; rejects with an Error that says what is missing, {AwsError}, {NoAnswer} or whatever the signal was aborted with
 */
export function awsCredentials(env: NodeJS.ProcessEnv, now: () => number): ReadCredentials {
  let current: Expiring | undefined;
  let next: Promise<Expiring> | undefined;
  return async (signal) => {
    const { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey, AWS_SESSION_TOKEN: sessionToken } = env;
    if (accessKeyId && secretAccessKey) return usable({ accessKeyId, secretAccessKey, ...(sessionToken ? { sessionToken } : {}) });
    if (current !== undefined && current.expiration - EXPIRY_MARGIN > now()) return current;
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
  // Asked once in hours.
  const headers = { host: url.host, connection: 'close', accept: 'application/json', ...(token ? { authorization: token } : {}) };
  const request = { method: 'GET', path: url.pathname + url.search, headers, body: [] } as const;
  const { status, text } = await new HttpConnection(url, { limit: ANSWER_WITHIN, sockets: 1 }).exchange(request, signal);
  if (status !== 200) throw new AwsError(`HTTP ${status}`, status, `${url.host} gives no credentials`);
  let answer: Partial<Record<'AccessKeyId' | 'SecretAccessKey' | 'Token' | 'Expiration', unknown>>;
  try {
    answer = JSON.parse(text) as typeof answer;
  } catch {
    // The error of JSON.parse would quote a part of them.
    answer = {};
  }
  const { AccessKeyId: accessKeyId, SecretAccessKey: secretAccessKey, Token: sessionToken, Expiration } = answer;
  if (typeof accessKeyId !== 'string' || typeof secretAccessKey !== 'string' || typeof sessionToken !== 'string') {
    throw new Error(`${url.host} gives an answer that holds no credentials`);
  }
  const expiration = typeof Expiration === 'string' ? Date.parse(Expiration) : Infinity;
  return usable({ accessKeyId, secretAccessKey, sessionToken, expiration: Number.isNaN(expiration) ? 0 : expiration });
}

/** @throws {Error} where they fit in no header, as after a line end that was copied with them */
function usable<Credentials extends AwsCredentials>(credentials: Credentials): Credentials {
  const { accessKeyId, sessionToken = '' } = credentials;
  if (/^[\x21-\x7e]*$/.test(accessKeyId + sessionToken)) return credentials;
  throw new Error('the access key id or the session token holds characters that none has');
}

function credentialsUrl({ AWS_CONTAINER_CREDENTIALS_FULL_URI: full }: NodeJS.ProcessEnv): URL {
  if (!full) {
    throw new Error('neither AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY nor AWS_CONTAINER_CREDENTIALS_FULL_URI are in the environment');
  }
  const url = URL.parse(full);
  if (url?.protocol === 'https:' || (url?.protocol === 'http:' && isOwnAddress(url.hostname))) return url;
  throw new Error('AWS_CONTAINER_CREDENTIALS_FULL_URI is neither https nor an address of the machine itself');
}
