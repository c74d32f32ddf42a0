import { createHash } from 'node:crypto';
import type { Aws } from './client.ts';
import { configuredEndpoint, ownRegion, regionalEndpoint } from './endpoints.ts';
import { AwsError } from './error.ts';
import { percentEncoded } from './signature.ts';

/** Writes an object to S3. */
export type PutObject = (bucket: string, key: string, body: string, signal: AbortSignal) => Promise<void>;

/** An object with what a later conditional write needs. */
export interface StoredObject {
  readonly text: string;
  readonly etag: string;
}

/** Objects that are read, and written over exactly the state that was read. */
export interface ObjectStore {
  /** Undefined where there is none. @throws {AwsError} */
  get(bucket: string, key: string, signal: AbortSignal): Promise<StoredObject | undefined>;
  /**
   * Writes an object. @param over the etag that it has, null where there must be none; undefined: whatever there is
   * @returns its new etag; undefined where it is no longer as it was read @throws {AwsError}
   */
  put(bucket: string, key: string, text: string, signal: AbortSignal, over?: string | null): Promise<string | undefined>;
  /** Deletes an object that is still as it was read. @returns whether it was @throws {AwsError} */
  delete(bucket: string, key: string, signal: AbortSignal, over: string): Promise<boolean>;
  /** The keys below a prefix, in order, 1,000 at most. @param after the key that the former page ended with @throws {AwsError} */
  list(bucket: string, prefix: string, signal: AbortSignal, after?: string): Promise<readonly string[]>;
}

/** Objects of S3, in the region where their bucket is. */
export function objectStore(env: NodeJS.ProcessEnv, aws: Aws): ObjectStore {
  const inRegion = regional(env);
  const request = (
    method: 'GET' | 'PUT' | 'DELETE',
    bucket: string,
    key: string,
    headers: Readonly<Record<string, string>>,
    body: Buffer,
    signal: AbortSignal,
  ): ReturnType<Aws['call']> =>
    inRegion(bucket, (region) =>
      aws.call({ service: 's3', region, method, ...objectAddress(bucket, key, region, env), headers, body }, signal),
    );
  return {
    get: async (bucket, key, signal) => {
      try {
        const { text, headers } = await request('GET', bucket, key, {}, Buffer.alloc(0), signal);
        return { text, etag: headers.etag ?? '' };
      } catch (error) {
        if (isMissing(error)) return undefined;
        throw error;
      }
    },
    put: async (bucket, key, text, signal, over) => {
      const body = Buffer.from(text);
      const condition: Record<string, string> = over === undefined ? {} : over === null ? { 'if-none-match': '*' } : { 'if-match': over };
      try {
        const { headers } = await request('PUT', bucket, key, { ...objectHeaders(body), ...condition }, body, signal);
        return headers.etag ?? '';
      } catch (error) {
        if (isOtherwise(error)) return undefined;
        throw error;
      }
    },
    delete: async (bucket, key, signal, over) => {
      try {
        await request('DELETE', bucket, key, { 'if-match': over }, Buffer.alloc(0), signal);
        return true;
      } catch (error) {
        if (isOtherwise(error) || isMissing(error)) return false;
        throw error;
      }
    },
    list: (bucket, prefix, signal, after) =>
      inRegion(bucket, async (region) => {
        const query = { 'list-type': '2', 'encoding-type': 'url', prefix, ...(after === undefined ? {} : { 'start-after': after }) };
        const { endpoint, path } = objectAddress(bucket, '', region, env);
        const text = Object.entries(query)
          .map(([name, value]) => `${name}=${percentEncoded(value)}`)
          .join('&');
        const { text: found } = await aws.call(
          { service: 's3', region, method: 'GET', endpoint, path: `${path}?${text}`, headers: {}, body: Buffer.alloc(0) },
          signal,
        );
        return [...found.matchAll(/<Key>([^<]*)<\/Key>/g)].map(([, key = '']) => decodeURIComponent(key.replaceAll('+', ' ')));
      }),
  };
}

/** The object is not as the condition of the request says. */
const isOtherwise = (error: unknown): boolean =>
  error instanceof AwsError && /^(?:PreconditionFailed|ConditionalRequestConflict|HTTP 412|HTTP 409)$/.test(error.name);

const isMissing = (error: unknown): boolean => error instanceof AwsError && (error.name === 'NoSuchKey' || error.name === 'HTTP 404');

/** Runs a request in the region of a bucket, which S3 names where it is another than the function's. */
function regional(env: NodeJS.ProcessEnv): <T>(bucket: string, request: (region: string) => Promise<T>) => Promise<T> {
  const regions = new Map<string, string>();
  return async (bucket, request) => {
    const region = regions.get(bucket) ?? ownRegion(env);
    try {
      return await request(region);
    } catch (error) {
      const elsewhere = error instanceof AwsError ? error.bucketRegion : undefined;
      if (elsewhere === undefined || elsewhere === region) throw error;
      regions.set(bucket, elsewhere);
      return request(elsewhere);
    }
  };
}

/** Puts objects into S3, in the region where their bucket is. */
export function s3Writer(env: NodeJS.ProcessEnv, aws: Aws): PutObject {
  const objects = objectStore(env, aws);
  return async (bucket, key, text, signal) => {
    await objects.put(bucket, key, text, signal);
  };
}

/** Uses a host name of the bucket's own, except for an IP address or localhost, which have none, and for a bucket whose dots fit no certificate. */
function objectAddress(bucket: string, key: string, region: string, env: NodeJS.ProcessEnv): { endpoint: URL; path: string } {
  const configured = configuredEndpoint('s3', env);
  const endpoint = configured ?? regionalEndpoint('s3', region, env);
  const path = `/${key.split('/').map(percentEncoded).join('/')}`;
  const { hostname } = endpoint;
  if (hostname === 'localhost' || /^[\d.]+$|^\[/.test(hostname) || bucket.includes('.')) return { endpoint, path: `/${bucket}${path}` };
  const own = new URL(endpoint);
  own.hostname = `${bucket}.${hostname}`;
  return { endpoint: own, path };
}

/** A bucket with Object Lock accepts no object without a checksum. */
const objectHeaders = (body: Buffer): Record<string, string> => ({
  'content-type': 'application/json',
  'x-amz-checksum-sha256': createHash('sha256').update(body).digest('base64'),
});
