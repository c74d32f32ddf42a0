// Records that can never be written, kept whole in S3 with the reason (contract 6.4).
import { createHash } from 'node:crypto';
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

/** Puts objects through S3's client, which is loaded when the first is written. The client follows a bucket into its region. */
export function s3Writer(env: NodeJS.ProcessEnv): PutObject {
  const client = async () => {
    const { S3Client } = await import(/* webpackMode: "eager" */ '@aws-sdk/client-s3');
    const override = env.AWS_ENDPOINT_URL_S3 ?? env.AWS_ENDPOINT_URL;
    const host = override === undefined ? undefined : URL.parse(override)?.hostname;
    // A bucket has no host name of its own under an IP address or localhost.
    const forcePathStyle = host !== undefined && (host === 'localhost' || /^[\d.]+$|^\[/.test(host));
    return new S3Client({ followRegionRedirects: true, forcePathStyle });
  };
  let shared: ReturnType<typeof client> | undefined;
  return async (Bucket, Key, Body, abortSignal) => {
    const { PutObjectCommand } = await import(/* webpackMode: "eager" */ '@aws-sdk/client-s3');
    await (await (shared ??= client())).send(new PutObjectCommand({ Bucket, Key, Body, ContentType: 'application/json' }), { abortSignal });
  };
}
