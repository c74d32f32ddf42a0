// The credentials of the function's role.
import { readFileSync } from 'node:fs';
import { AwsError } from './aws.ts';
import { Connection } from './connection.ts';

export interface AwsCredentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}

/** ms: credentials that expire are fetched anew this long before they do. */
const EXPIRY_MARGIN = 5 * 60_000;
/** ms: the service is on the same machine. */
const ANSWER_WITHIN = 5_000;

/**
 * The credentials of the function's role. Lambda gives them as environment variables, read at every use, or by an address of its own
 * that gives new ones before they expire, as containers have it. Rules: AWS SDKs and Tools Reference Guide, "Container credential
 * provider".
 * @returns reads them; rejects with an Error that says what is missing, {AwsError} or {NoAnswer}
 */
export function awsCredentials(env: NodeJS.ProcessEnv, now: () => number): () => Promise<AwsCredentials> {
  let current: Expiring | undefined;
  let next: Promise<Expiring> | undefined;
  return async () => {
    const { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey, AWS_SESSION_TOKEN: sessionToken } = env;
    if (accessKeyId && secretAccessKey) return { accessKeyId, secretAccessKey, ...(sessionToken ? { sessionToken } : {}) };
    if (current !== undefined && current.expiration - EXPIRY_MARGIN > now()) return current;
    next ??= fromContainer(env).finally(() => (next = undefined));
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

async function fromContainer(env: NodeJS.ProcessEnv): Promise<Expiring> {
  const url = containerUrl(env);
  const token = env.AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE
    ? readFileSync(env.AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE, 'utf8').trim()
    : env.AWS_CONTAINER_AUTHORIZATION_TOKEN;
  const headers = { host: url.host, accept: 'application/json', ...(token ? { authorization: token } : {}) };
  const request = { method: 'GET', path: url.pathname + url.search, headers, body: [] } as const;
  const { status, text } = await new Connection(url).exchange(request, AbortSignal.timeout(ANSWER_WITHIN));
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
  return { accessKeyId, secretAccessKey, sessionToken, expiration: Number.isNaN(expiration) ? 0 : expiration };
}

/** Hosts that may be asked without TLS: the machine itself, and the addresses at which ECS and EKS answer. */
const PLAIN_HOSTS = /^(?:localhost|127(?:\.\d+){3}|\[::1\]|169\.254\.170\.(?:2|23)|\[fd00:ec2::23\])$/;

function containerUrl(env: NodeJS.ProcessEnv): URL {
  const { AWS_CONTAINER_CREDENTIALS_RELATIVE_URI: relative, AWS_CONTAINER_CREDENTIALS_FULL_URI: full } = env;
  if (relative) return new URL(relative, 'http://169.254.170.2');
  if (!full) {
    throw new Error('neither AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY nor AWS_CONTAINER_CREDENTIALS_FULL_URI are in the environment');
  }
  const url = URL.parse(full);
  if (url?.protocol === 'https:' || (url?.protocol === 'http:' && PLAIN_HOSTS.test(url.hostname))) return url;
  throw new Error('AWS_CONTAINER_CREDENTIALS_FULL_URI is neither https nor an address of the machine itself');
}
