// The objects of a run in the code bucket: the run itself, the checkpoint of each slice, the lists of findings, the report.
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  PutObjectCommand,
  UploadPartCommand,
  type CompletedPart,
} from '@aws-sdk/client-s3';
import type { RedriveSlice, SliceCheckpoint, WorkSlice } from '../../../formats/slice.ts';
import { readObject } from '../../aws/code-bucket.ts';
import { isAwsError } from '../../aws/errors.ts';
import type { Aws } from '../../aws/session.ts';

/** Fields that every slice gets when it is started. */
type HandedOut = 'capacity' | 'seconds' | 'bucket' | 'prefix' | 'release' | 'operation';
/** A slice as the run plans it. */
export type PlannedSlice = WorkSlice extends infer Slice ? (Slice extends WorkSlice ? Omit<Slice, HandedOut> : never) : never;

/** Where `redrive` finds what could not be written. */
export type RedriveSource = Pick<RedriveSlice, 'form' | 'from' | 'functionArn'>;

/** Facts that must stay as they were when the run began: the checkpoints are valid only for them. */
export interface Pins {
  /** From DescribeTable: a table that is created again has another one. */
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

export interface Stored<Value> {
  readonly value: Value;
  readonly etag: string;
}

/** Objects that are read at the same time. */
export const READS_AT_ONCE = 16;
/** bytes of a part of a large object: S3 accepts no smaller one than 5 MiB, and 10,000 at most. */
const PART_BYTES = 8 * 1024 * 1024;
/** ms: the most that one object may take once the job is cancelled. */
const CANCELLED_MS = 3_000;

/** The objects below a prefix of the code bucket: `runs/<function>/<operation>/<table>/`. */
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
    const found = await readObject(this.#aws, this.bucket, key, 's3:GetObject (runs)');
    return found === undefined ? undefined : { value: Buffer.from(found.bytes).toString('utf8'), etag: found.etag ?? '' };
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
            ContentType: typeOf(name),
            ...(over === undefined ? {} : over === null ? { IfNoneMatch: '*' } : { IfMatch: over }),
          }),
          this.#aws.signal.aborted ? { abortSignal: AbortSignal.timeout(CANCELLED_MS) } : {},
        ),
      );
      return written.ETag ?? '';
    } catch (error) {
      if (isAwsError(error, 'PreconditionFailed', 'ConditionalRequestConflict')) return undefined;
      throw error;
    }
  }

  /** Writes an object line by line, with one part of it in memory: however long it is. @throws {AwsError} */
  async writeLines(name: string, lines: AsyncIterable<string>): Promise<void> {
    let upload: PartUpload | undefined;
    let part: string[] = [];
    let bytes = 0;
    try {
      for await (const line of lines) {
        part.push(line);
        bytes += Buffer.byteLength(line);
        if (bytes < PART_BYTES) continue;
        upload ??= await PartUpload.begin(this.#aws, this.bucket, `${this.prefix}/${name}`, typeOf(name));
        await upload.add(part.join(''));
        [part, bytes] = [[], 0];
      }
      if (upload === undefined) await this.write(name, part.join(''));
      else await upload.complete(part.join(''));
    } catch (error) {
      await upload?.abort();
      throw error;
    }
  }

  /** The checkpoint of a slice. @throws {AwsError} */
  async checkpoint(id: string): Promise<SliceCheckpoint | undefined> {
    return (await this.read<SliceCheckpoint>(`slices/${id}.json`))?.value;
  }
}

const typeOf = (name: string): string => (name.endsWith('.jsonl') ? 'application/x-ndjson' : 'application/json');

interface UploadTarget {
  readonly Bucket: string;
  readonly Key: string;
  readonly UploadId: string | undefined;
}

/** An object that is written in parts. */
class PartUpload {
  readonly #aws: Aws;
  readonly #target: UploadTarget;
  readonly #parts: CompletedPart[] = [];

  private constructor(aws: Aws, target: UploadTarget) {
    this.#aws = aws;
    this.#target = target;
  }

  static async begin(aws: Aws, Bucket: string, Key: string, ContentType: string): Promise<PartUpload> {
    const { UploadId } = await aws.call('s3:PutObject (runs)', `s3://${Bucket}/${Key}`, () =>
      aws.s3.send(new CreateMultipartUploadCommand({ Bucket, Key, ContentType })),
    );
    return new PartUpload(aws, { Bucket, Key, UploadId });
  }

  async add(text: string): Promise<void> {
    const Body = Buffer.from(text);
    const PartNumber = this.#parts.length + 1;
    const { ETag } = await this.#call(() => this.#aws.s3.send(new UploadPartCommand({ ...this.#target, PartNumber, Body })));
    this.#parts.push({ PartNumber, ETag });
  }

  /** @param rest the last part, which may be empty */
  async complete(rest: string): Promise<void> {
    if (rest !== '') await this.add(rest);
    const MultipartUpload = { Parts: this.#parts };
    await this.#call(() => this.#aws.s3.send(new CompleteMultipartUploadCommand({ ...this.#target, MultipartUpload })));
  }

  /** Deletes the parts, if that is possible: the error that ends the upload matters more. */
  async abort(): Promise<void> {
    await this.#call(() => this.#aws.s3.send(new AbortMultipartUploadCommand(this.#target))).catch(() => undefined);
  }

  #call<Response>(send: () => Promise<Response>): Promise<Response> {
    return this.#aws.call('s3:PutObject (runs)', `s3://${this.#target.Bucket}/${this.#target.Key}`, send);
  }
}
