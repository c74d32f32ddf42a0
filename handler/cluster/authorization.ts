// Signs requests to the cluster or adds their Authorization header (docs/endpoint-file.md: ES_AUTH).
import { AwsError } from '../aws/error.ts';
import { SecretError, type ReadSecret } from '../aws/secrets-manager.ts';
import type { Auth } from '../../formats/function-config.ts';
import { isCertificateProblem, NoResponse } from '../http/connection.ts';

/** A request to the cluster could not be signed, or has no header. The message quotes no secret. */
export class NoCredentials extends Error {
  override name = 'NoCredentials';
  /** Retryable: the service that stores the credentials is throttled or out of reach. */
  readonly transient: boolean;

  constructor(cause: unknown) {
    const { name, message } = cause instanceof Error ? cause : new Error(String(cause));
    super(`no credentials for the cluster: ${name}: ${message}`, { cause });
    this.transient =
      (cause instanceof AwsError && cause.transient) ||
      (cause instanceof NoResponse && !isCertificateProblem(cause)) ||
      name === 'AbortError' ||
      name === 'TimeoutError';
  }
}

/** The Authorization header for basic auth and API keys; undefined if requests are signed or need neither. */
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
  header(signal: AbortSignal): Promise<string | undefined>;
  /** Forgets a header that got a 401. False if reading it again would return the same. */
  renew(): boolean;
}

const fixed = (value: string): Authorization => ({ header: () => Promise.resolve(value), renew: () => false });
const basic = (username: string, password: string): string => `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
/**
 * Elasticsearch shows a key as `id` and `api_key`, and as their base64 `encoded`: `id:api_key` is accepted too, and the line end of an
 * editor is dropped. Undefined if the text does not fit in a header.
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
    throw new SecretError(arn, 'it is not valid JSON');
  }
  const { username, password, api_key: key } = (typeof value === 'object' && value !== null ? value : {}) as Record<string, unknown>;
  if (typeof key === 'string' && key !== '') {
    const header = apiKey(key);
    if (header === undefined) throw new SecretError(arn, 'its api_key contains characters that are not allowed in a key');
    return header;
  }
  if (typeof username === 'string' && username !== '' && typeof password === 'string') return basic(username, password);
  throw new SecretError(arn, 'it has neither username and password nor api_key');
}
