// The parts of credentials for the cluster that must be masked.
import type { Auth } from '../../formats/function-config.ts';

/** The values of an `Auth` that must be masked, that of the deployed package too. */
export function secretsOf(auth: Auth): string[] {
  if (auth.type === 'basic') return [auth.password];
  return auth.type === 'api-key' ? [auth.apiKey] : [];
}

/**
 * Other texts that reveal an `Auth` and must be masked with its secret: the header of a request carries base64 of `user:password` or of
 * `id:key`, and the encoded key that Elasticsearch hands out is the latter.
 */
export function encodedSecretsOf(auth: Auth): string[] {
  if (auth.type === 'basic') return [base64(`${auth.username}:${auth.password}`)];
  if (auth.type !== 'api-key') return [];
  const { apiKey } = auth;
  const pair = apiKey.includes(':') ? apiKey : Buffer.from(apiKey, 'base64').toString('utf8');
  const [, key] = /^[\w-]+:([\x21-\x7e]+)$/.exec(pair) ?? [];
  if (key === undefined) return [base64(apiKey)];
  // To mask a part of a few characters would hide them everywhere in the log.
  return [base64(pair), pair, ...(key.length < 4 ? [] : [key])].filter((one) => one !== apiKey);
}

const base64 = (text: string): string => Buffer.from(text).toString('base64');
