// How requests to the cluster are signed or given their Authorization header (contract 2.3: ES_AUTH).
import type { Auth } from './config.ts';

export interface AwsCredentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
  readonly expiration?: Date;
}

/** ms: credentials that expire are fetched anew this long before they do. */
const EXPIRY_MARGIN = 5 * 60_000;

/**
 * The credentials of the function's role. Lambda gives them as environment variables, read at every use; elsewhere (a container, a
 * test) the SDK's chain finds them, and those that expire are fetched anew in time.
 */
export function awsCredentials(env: NodeJS.ProcessEnv, now: () => number): () => Promise<AwsCredentials> {
  let fetched: AwsCredentials | undefined;
  return async () => {
    const { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey, AWS_SESSION_TOKEN: sessionToken } = env;
    if (accessKeyId && secretAccessKey) return { accessKeyId, secretAccessKey, ...(sessionToken ? { sessionToken } : {}) };
    if (fetched === undefined || (fetched.expiration !== undefined && fetched.expiration.getTime() - EXPIRY_MARGIN < now())) {
      const { defaultProvider } = await import(/* webpackMode: "eager" */ '@aws-sdk/credential-provider-node');
      fetched = await defaultProvider()();
    }
    return fetched;
  };
}

/** The text of a secret, by its ARN. */
export type ReadSecret = (arn: string, signal?: AbortSignal) => Promise<string>;

/** Reads secrets through Secrets Manager, in the region that the ARN names. */
export function secretsManager(env: NodeJS.ProcessEnv): ReadSecret {
  return async (arn, signal) => {
    const { SecretsManagerClient, GetSecretValueCommand } = await import(/* webpackMode: "eager" */ '@aws-sdk/client-secrets-manager');
    const region = arn.split(':')[3] ?? env.AWS_REGION;
    const client = new SecretsManagerClient(region === undefined || region === '' ? {} : { region });
    try {
      const answer = await client.send(new GetSecretValueCommand({ SecretId: arn }), signal === undefined ? {} : { abortSignal: signal });
      if (typeof answer.SecretString !== 'string') throw new SecretError(arn, 'it holds no text');
      return answer.SecretString;
    } finally {
      client.destroy();
    }
  };
}

/** A secret that holds no usable credentials. Its message never quotes the secret. */
export class SecretError extends Error {
  override name = 'SecretError';
  constructor(arn: string, problem: string) {
    super(`The secret ${arn} cannot be used: ${problem}. Give it the JSON keys username and password, or api_key`);
  }
}

/** The Authorization header for basic auth and API keys; undefined where requests are signed or go without. */
export function authorization(auth: Auth, readSecret: ReadSecret): Authorization {
  switch (auth.type) {
    case 'none':
    case 'sigv4':
      return { header: () => Promise.resolve(undefined), renew: () => false };
    case 'basic':
      return fixed(basic(auth.username, auth.password));
    case 'api-key':
      return fixed(apiKey(auth.apiKey) ?? '');
    case 'secret': {
      let cached: Promise<string> | undefined;
      return {
        header: (signal) => {
          cached ??= readSecret(auth.secretArn, signal)
            .then((text) => fromSecret(auth.secretArn, text))
            .catch((error: unknown) => {
              cached = undefined;
              throw error;
            });
          return cached;
        },
        renew: () => {
          cached = undefined;
          return true;
        },
      };
    }
  }
}

export interface Authorization {
  header(signal?: AbortSignal): Promise<string | undefined>;
  /** Forgets what a 401 shows to be stale. False where reading it again would give the same. */
  renew(): boolean;
}

const fixed = (value: string): Authorization => ({ header: () => Promise.resolve(value), renew: () => false });
const basic = (username: string, password: string): string => `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
/**
 * Elasticsearch shows a key as `id` and `api_key`, and as their base64 `encoded`: `id:api_key` is taken too, and the line end of an
 * editor left out. Undefined for what no header takes.
 */
function apiKey(text: string): string | undefined {
  const key = text.trim();
  if (key.includes(':')) return `ApiKey ${Buffer.from(key).toString('base64')}`;
  return /^[\x21-\x7e]+$/.test(key) ? `ApiKey ${key}` : undefined;
}

function fromSecret(arn: string, text: string): string {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new SecretError(arn, 'it is no JSON');
  }
  const { username, password, api_key: key } = (typeof value === 'object' && value !== null ? value : {}) as Record<string, unknown>;
  if (typeof key === 'string' && key !== '') {
    const header = apiKey(key);
    if (header === undefined) throw new SecretError(arn, 'its api_key holds characters that no key has');
    return header;
  }
  if (typeof username === 'string' && username !== '' && typeof password === 'string') return basic(username, password);
  throw new SecretError(arn, 'it has neither username and password nor api_key');
}
