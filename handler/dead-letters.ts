// Records that can never be written, kept whole in S3 with the reason (contract 6.4).
import { createHash } from 'node:crypto';
import { AwsError, givenEndpoint, ownRegion, regionalEndpoint, type Aws } from './aws.ts';
import { percentEncoded } from './signature.ts';
import type { DeadLetterPlace } from './tables.ts';

export interface DeadLetter {
  readonly version: 1;
  readonly table: string | null;
  readonly index: string | null;
  readonly id: string | null;
  readonly keys: unknown;
  readonly eventName: unknown;
  readonly sequenceNumber: string | null;
  readonly approximateCreationDateTime: unknown;
  /** ISO 8601, UTC */
  readonly failedAt: string;
  /** HTTP status of the engine's answer, where it refused the document. */
  readonly status: number | null;
  readonly type: string;
  readonly reason: string;
  readonly release: string;
  /** The stream record as it came. */
  readonly record: unknown;
}

/** Writes an object to S3. */
export type PutObject = (bucket: string, key: string, body: string, signal: AbortSignal) => Promise<void>;

/**
 * The key of a dead letter: `<prefix>/<table>/<yyyy>/<mm>/<dd>/<first 16 hex of the id's SHA-256>-<sequence number>.json`. A record
 * without an id is named after its own text, so that no letter takes the place of another.
 */
export function deadLetterKey(place: DeadLetterPlace, letter: DeadLetter): string {
  const day = letter.failedAt.slice(0, 10).replaceAll('-', '/');
  const name = createHash('sha256')
    .update(letter.id ?? JSON.stringify(letter.record ?? null))
    .digest('hex')
    .slice(0, 16);
  // What came in a malformed record is data: it must not choose another folder.
  const number = /^\d{1,64}$/.test(letter.sequenceNumber ?? '') ? letter.sequenceNumber : 'none';
  return [place.prefix, letter.table ?? 'unknown-table', day, `${name}-${number}.json`].filter((part) => part !== '').join('/');
}

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
