import type { Aws } from './client.ts';
import { configuredEndpoint, ownRegion, regionalEndpoint } from './endpoints.ts';

/** The text of a secret, by its ARN. */
export type ReadSecret = (arn: string, signal: AbortSignal) => Promise<string>;

/** Reads secrets through Secrets Manager, in the region that the ARN names. */
export function secretsManager(env: NodeJS.ProcessEnv, aws: Aws): ReadSecret {
  return async (arn, signal) => {
    const region = arn.split(':')[3] ?? ownRegion(env);
    const endpoint = configuredEndpoint('secretsmanager', env) ?? regionalEndpoint('secretsmanager', region, env);
    const headers = { 'content-type': 'application/x-amz-json-1.1', 'x-amz-target': 'secretsmanager.GetSecretValue' };
    const body = Buffer.from(JSON.stringify({ SecretId: arn }));
    const { text } = await aws.call({ service: 'secretsmanager', region, method: 'POST', endpoint, path: '/', headers, body }, signal);
    let secret: unknown;
    try {
      secret = (JSON.parse(text) as { SecretString?: unknown }).SecretString;
    } catch {
      // The error of JSON.parse would quote a part of it.
      throw new SecretError(arn, 'the response of Secrets Manager cannot be read');
    }
    if (typeof secret !== 'string') throw new SecretError(arn, 'it contains no text');
    return secret;
  };
}

/** A secret without usable credentials. Its message never quotes the secret. */
export class SecretError extends Error {
  override name = 'SecretError';
  constructor(arn: string, problem: string) {
    super(`The secret ${arn} cannot be used: ${problem}. Give it the JSON keys username and password, or api_key`);
  }
}
