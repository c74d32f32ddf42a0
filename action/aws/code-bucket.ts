import { GetObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { UserError } from '../errors.ts';
import type { Action } from './permissions.ts';
import { isAwsError, isDenied } from './errors.ts';
import { RESPONSE_TIMEOUT_MS, type Aws } from './session.ts';

/** An object of the bucket with what a later conditional write needs. */
export interface StoredText {
  readonly text: string;
  readonly etag: string | undefined;
}

/** Where the predecessor put the package, and other tools look for it. */
export const latestKey = (functionName: string): string => `lambda/${functionName}.zip`;
/** Where a package stays, under its own hash: AWS reads it from there, so that no later deploy changes it on the way. */
export const packageKey = (functionName: string, sha256Hex: string): string => `lambda/${functionName}/${sha256Hex}.zip`;
export const historyKey = (functionName: string, account: string, region: string): string =>
  `lambda/${functionName}/history/${account}-${region}.json`;

const at = (bucket: string, key: string): string => `s3://${bucket}/${key}`;

/** The object's bytes, or undefined where there is none. @throws {AwsError} */
export async function readObject(
  aws: Aws,
  bucket: string,
  key: string,
  action: Action = 's3:GetObject',
): Promise<{ bytes: Uint8Array; etag: string | undefined } | undefined> {
  try {
    return await aws.call(action, at(bucket, key), async () => {
      const found = await aws.s3.send(new GetObjectCommand({ Bucket: bucket, Key: key }));
      return { bytes: (await found.Body?.transformToByteArray()) ?? new Uint8Array(), etag: found.ETag };
    });
  } catch (error) {
    if (isAwsError(error, 'NoSuchKey', 'NotFound')) return undefined;
    throw error;
  }
}

/** bytes: an endpoint file is a few lines. */
const MAX_ENDPOINT_FILE_BYTES = 1024 * 1024;

/** The bytes of the endpoint file. @throws {UserError} naming the inputs that say where it is */
export async function readEndpointFile(aws: Aws, bucket: string, key: string): Promise<Uint8Array> {
  const found = await readObject(aws, bucket, key, 's3:GetObject (endpoint file)');
  if (found === undefined) {
    throw new UserError(
      `endpoint-file: there is no ${at(bucket, key)}`,
      "Upload it with a line ES_ENDPOINT='https://…', or check environment (ENV), endpoint-file and code-bucket (AWS_BUCKET_CODE), or set endpoint",
    );
  }
  if (found.bytes.length > MAX_ENDPOINT_FILE_BYTES)
    throw new UserError(`endpoint-file: ${at(bucket, key)} is larger than ${MAX_ENDPOINT_FILE_BYTES} bytes`, 'Check endpoint-file');
  return found.bytes;
}

/** Uploads a package under `key`. @returns the version of the object; undefined where the bucket keeps none @throws {AwsError} */
export async function uploadPackage(aws: Aws, bucket: string, key: string, bytes: Uint8Array): Promise<string | undefined> {
  const { VersionId: version } = await aws.call('s3:PutObject', at(bucket, key), () =>
    aws.s3.send(new PutObjectCommand({ Bucket: bucket, Key: key, Body: bytes, ContentType: 'application/zip' }), {
      requestTimeout: RESPONSE_TIMEOUT_MS.upload,
    }),
  );
  // `null` is what an object of a bucket is called whose versions are suspended: the next upload replaces it.
  return version === 'null' ? undefined : version;
}

/** The history of packages; `undefined` where there is none, or none that this role may read. @throws {AwsError} */
export async function readHistory(aws: Aws, bucket: string, key: string): Promise<StoredText | undefined> {
  try {
    const found = await readObject(aws, bucket, key);
    return found === undefined ? undefined : { text: Buffer.from(found.bytes).toString('utf8'), etag: found.etag };
  } catch (error) {
    // Without s3:ListBucket S3 says "denied" of an object that does not exist. The write is conditional, so that nothing is lost by guessing.
    if (isDenied(error)) return undefined;
    throw error;
  }
}

/**
 * Writes the history over exactly the state that was read. @returns its new etag
 * @throws {UserError} where someone else wrote it in the meantime, or where it exists and could not be read
 */
export async function writeHistory(
  aws: Aws,
  bucket: string,
  key: string,
  text: string,
  etag: string | undefined,
): Promise<string | undefined> {
  try {
    const written = await aws.call('s3:PutObject', at(bucket, key), () =>
      aws.s3.send(
        new PutObjectCommand({
          Bucket: bucket,
          Key: key,
          Body: text,
          ContentType: 'application/json',
          ...(etag === undefined ? { IfNoneMatch: '*' } : { IfMatch: etag }),
        }),
      ),
    );
    return written.ETag;
  } catch (error) {
    if (!isAwsError(error, 'PreconditionFailed', 'ConditionalRequestConflict')) throw error;
    // The response to this very write may have been lost, and the call was retried.
    const stored = await readHistory(aws, bucket, key);
    if (stored?.text === text) return stored.etag;
    throw new UserError(
      `${at(bucket, key)} was not as this run had read it`,
      'Either another deploy of this function runs at the same time (run again when it is done), or the deploying role lacks s3:GetObject on it',
      { cause: error },
    );
  }
}
