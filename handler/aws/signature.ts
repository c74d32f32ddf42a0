// AWS Signature Version 4, of requests to the cluster and to AWS.
import { createHash } from 'node:crypto';
import aws4 from 'aws4';
import type { HttpRequest } from '../http/connection.ts';
import type { AwsCredentials } from './credentials.ts';

/** What a signature is for. */
export interface Scope {
  readonly service: 'es' | 'aoss' | 's3' | 'secretsmanager' | 'dynamodb';
  readonly region: string;
}

/**
 * The headers of a request with those of its signature: all that are given are signed, `host` must be among them. The length of the
 * body is not: OpenSearch Serverless takes no signature that covers it.
 */
export function signedHeaders(request: HttpRequest, scope: Scope, credentials: AwsCredentials): Record<string, string> {
  const { method, path, headers, body } = request;
  const hash = createHash('sha256');
  for (const part of body) hash.update(part);
  const signed = aws4.sign({ ...scope, method, path, headers: { ...headers, 'x-amz-content-sha256': hash.digest('hex') } }, credentials);
  return signed.headers as Record<string, string>;
}

/**
 * Text in a path or query, as a signature has it, so that it holds for a service that reads the query as it is and for one that
 * decodes it first.
 */
export const percentEncoded = (text: string): string =>
  encodeURIComponent(text).replace(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`);
