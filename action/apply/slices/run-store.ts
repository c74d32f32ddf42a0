// The objects of a run in the code bucket: the run itself, the checkpoint of each slice, the lists of findings, the report.
import { GetObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import type { SliceCheckpoint, WorkSlice } from '../../../formats/slice.ts';
import { isAwsError } from '../../aws/errors.ts';
import type { Aws } from '../../aws/session.ts';

/** Fields that every slice gets when it is started. */
type HandedOut = 'capacity' | 'bucket' | 'prefix' | 'release' | 'operation';
/** A slice as the run plans it. */
export type PlannedSlice = WorkSlice extends infer Slice ? (Slice extends WorkSlice ? Omit<Slice, HandedOut> : never) : never;

/** Facts that must stay as they were when the run began: the checkpoints are valid only for them. */
export interface Pins {
  /** DescribeTable's id of the table. */
  readonly tableId: string;
  readonly index: string;
  readonly indexUuid: string;
}

/** A part of a run: its slices may run at once. */
export interface Phase {
  readonly name: string;
  readonly slices: readonly PlannedSlice[];
}

/** `run.json` */
export interface StoredRun {
  readonly format: 1;
  readonly id: string;
  readonly release: string;
  /** base64 */
  readonly codeSha256: string;
  /** ISO 8601, UTC */
  readonly startedAt: string;
  readonly settings: Readonly<Record<string, string | number | boolean>>;
  readonly pins: Pins;
  /** Documents of the index when its deletes were counted. */
  readonly documents: number;
  /** What could not be read of the index, and what follows; undefined: all of it was. */
  readonly unwalked?: string;
  /** In their order; the last one is under way unless the run is over. */
  readonly phases: readonly Phase[];
  readonly finished: boolean;
}

/** A lock of a table: the run that has it, and its heartbeat. */
export interface Lock {
  readonly holder: string;
  /** URL of that run. */
  readonly url: string;
  readonly beat: number;
}

export interface Stored<Value> {
  readonly value: Value;
  readonly etag: string;
}

/** The objects below `runs/<function>/<operation>/<table>/`. */
export class RunStore {
  readonly bucket: string;
  readonly prefix: string;
  readonly #aws: Aws;

  constructor(aws: Aws, bucket: string, prefix: string) {
    this.#aws = aws;
    this.bucket = bucket;
    this.prefix = prefix;
  }

  /** `s3://…` of an object of the run. */
  uri(name: string): string {
    return `s3://${this.bucket}/${this.prefix}/${name}`;
  }

  /** The object as JSON; undefined where there is none. @throws {AwsError} */
  async read<Value>(name: string): Promise<Stored<Value> | undefined> {
    const text = await this.readText(`${this.prefix}/${name}`);
    return text === undefined ? undefined : { value: JSON.parse(text.value) as Value, etag: text.etag };
  }

  /** @param key of the whole bucket @throws {AwsError} */
  async readText(key: string): Promise<Stored<string> | undefined> {
    try {
      return await this.#aws.call('s3:GetObject (runs)', `s3://${this.bucket}/${key}`, async () => {
        const found = await this.#aws.s3.send(new GetObjectCommand({ Bucket: this.bucket, Key: key }));
        return { value: (await found.Body?.transformToString('utf8')) ?? '', etag: found.ETag ?? '' };
      });
    } catch (error) {
      if (isAwsError(error, 'NoSuchKey', 'NotFound')) return undefined;
      throw error;
    }
  }

  /**
   * Writes an object. @param over the etag that it has, null where there must be none; undefined: whatever there is
   * @returns its etag; undefined where it is not as it was read @throws {AwsError}
   */
  async write(name: string, value: unknown, over?: string | null): Promise<string | undefined> {
    const body = typeof value === 'string' ? value : JSON.stringify(value);
    try {
      const written = await this.#aws.call('s3:PutObject (runs)', this.uri(name), () =>
        this.#aws.s3.send(
          new PutObjectCommand({
            Bucket: this.bucket,
            Key: `${this.prefix}/${name}`,
            Body: body,
            // The SDK treats an empty text as a stream of unknown length.
            ContentLength: Buffer.byteLength(body),
            ContentType: name.endsWith('.jsonl') ? 'application/x-ndjson' : 'application/json',
            ...(over === undefined ? {} : over === null ? { IfNoneMatch: '*' } : { IfMatch: over }),
          }),
        ),
      );
      return written.ETag ?? '';
    } catch (error) {
      if (isAwsError(error, 'PreconditionFailed', 'ConditionalRequestConflict')) return undefined;
      throw error;
    }
  }

  /** The checkpoint of a slice. @throws {AwsError} */
  async checkpoint(id: string): Promise<SliceCheckpoint | undefined> {
    return (await this.read<SliceCheckpoint>(`slices/${id}.json`))?.value;
  }
}
