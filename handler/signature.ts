// AWS Signature Version 4 of requests to the cluster. In a file of its own, since its library is a tenth of the function's start and
// only those who sign should wait for it.
import { Hash } from '@smithy/hash-node';
import { HttpRequest } from '@smithy/protocol-http';
import { SignatureV4 } from '@smithy/signature-v4';
import type { Auth } from './config.ts';
import type { AwsCredentials } from './credentials.ts';

/** What is signed of a request. */
export type Unsigned = ConstructorParameters<typeof HttpRequest>[0];
/** Gives the headers, those of the signature included. */
export type Sign = (request: Unsigned) => Promise<Record<string, string>>;

export function signature(
  auth: Extract<Auth, { type: 'sigv4' }>,
  env: NodeJS.ProcessEnv,
  credentials: () => Promise<AwsCredentials>,
): Sign {
  const signer = new SignatureV4({
    service: auth.service,
    region: auth.region ?? env.AWS_REGION ?? env.AWS_DEFAULT_REGION ?? 'us-east-1',
    credentials,
    sha256: Hash.bind(null, 'sha256'),
  });
  return async (request) => (await signer.sign(new HttpRequest(request))).headers;
}
