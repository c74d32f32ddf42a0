import { createHash } from 'node:crypto';
import type { Aws } from './client.ts';
import { givenEndpoint, ownRegion, regionalEndpoint } from './endpoints.ts';
import { AwsError } from './error.ts';
import { percentEncoded } from './signature.ts';

/** Writes an object to S3. */
export type PutObject = (bucket: string, key: string, body: string, signal: AbortSignal) => Promise<void>;

/** Puts objects into S3, in the region where their bucket is. */
export function s3Writer(env: NodeJS.ProcessEnv, aws: Aws): PutObject {
  const regions = new Map<string, string>();
  return async (bucket, key, text, signal) => {
    const body = Buffer.from(text);
    const put = (region: string): Promise<unknown> =>
      aws.call(
        { service: 's3', region, method: 'PUT', ...objectAddress(bucket, key, region, env), headers: objectHeaders(body), body },
        signal,
      );
    const region = regions.get(bucket) ?? ownRegion(env);
    try {
      await put(region);
    } catch (error) {
      const elsewhere = error instanceof AwsError ? error.bucketRegion : undefined;
      if (elsewhere === undefined || elsewhere === region) throw error;
      regions.set(bucket, elsewhere);
      await put(elsewhere);
    }
  };
}

/** Under a host name of the bucket's own; not under an IP address or localhost, which have none, and not where its dots fit no certificate. */
function objectAddress(bucket: string, key: string, region: string, env: NodeJS.ProcessEnv): { endpoint: URL; path: string } {
  const given = givenEndpoint('s3', env);
  const endpoint = given ?? regionalEndpoint('s3', region, env);
  const path = `/${key.split('/').map(percentEncoded).join('/')}`;
  const { hostname } = endpoint;
  if (hostname === 'localhost' || /^[\d.]+$|^\[/.test(hostname) || bucket.includes('.')) return { endpoint, path: `/${bucket}${path}` };
  const own = new URL(endpoint);
  own.hostname = `${bucket}.${hostname}`;
  return { endpoint: own, path };
}

/** A bucket with Object Lock takes no object without a checksum. */
const objectHeaders = (body: Buffer): Record<string, string> => ({
  'content-type': 'application/json',
  'x-amz-checksum-sha256': createHash('sha256').update(body).digest('base64'),
});
