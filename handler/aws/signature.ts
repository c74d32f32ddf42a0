// AWS Signature Version 4, of requests to the cluster and to AWS.
import { createHash } from 'node:crypto';
import aws4 from 'aws4';
import type { HttpRequest } from '../http/connection.ts';
import type { AwsCredentials } from './credentials.ts';

/** The scope of a signature. */
export interface Scope {
  readonly service: 'es' | 'aoss' | 's3' | 'secretsmanager' | 'dynamodb';
  readonly region: string;
}

/**
 * Adds the headers of a signature to those of a request. All of its headers are signed; `host` must be among them. The length of the
 * body is not: OpenSearch Serverless accepts no signature that covers it.
 */
export function signedHeaders(request: HttpRequest, scope: Scope, credentials: AwsCredentials): Record<string, string> {
  const { method, path, headers, body } = request;
  const hash = createHash('sha256');
  for (const part of body) hash.update(part);
  const signed = aws4.sign({ ...scope, method, path, headers: { ...headers, 'x-amz-content-sha256': hash.digest('hex') } }, credentials);
  return signed.headers as Record<string, string>;
}

/**
 * Encodes text in a path or query as a signature does, so that the signature is valid for a service that reads the query unchanged and
 * for one that decodes it first.
 */
export const percentEncoded = (text: string): string =>
  encodeURIComponent(text).replace(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`);
