// AWS with a bucket in memory that writes under conditions as S3 does.
import { Readable } from 'node:stream';
import { failure, fake } from '../../fake-aws.ts';

export interface Bucket {
  readonly aws: ReturnType<typeof fake>;
  /** By key. */
  readonly objects: Map<string, { text: string; etag: string }>;
  /** Parts of each upload, in their order. */
  readonly parts: string[];
  readonly put: (key: string, text: string) => string;
  readonly cancel: AbortController;
}

interface Request {
  readonly Key: string;
  readonly Body: string | Buffer;
  readonly IfMatch?: string;
  readonly IfNoneMatch?: string;
}

/** In small pieces, as from a network. */
function bodyOf(text: string): object {
  const pieces = function* (): Generator<string> {
    for (let at = 0; at < text.length; at += 1000) yield text.slice(at, at + 1000);
  };
  return Object.assign(Readable.from(pieces()), { transformToByteArray: () => Promise.resolve(Buffer.from(text)) });
}

/** @param more further responses, such as those of `Invoke` */
export function bucketOf(more: Parameters<typeof fake>[0] = {}): Bucket {
  const objects = new Map<string, { text: string; etag: string }>();
  const parts: string[] = [];
  const cancel = new AbortController();
  let etags = 0;
  const put = (key: string, text: string): string => {
    const etag = `"${++etags}"`;
    objects.set(key, { text, etag });
    return etag;
  };
  const aws = fake(
    {
      GetObject: [
        ({ Key }: Request) => {
          const found = objects.get(Key);
          if (found === undefined) throw failure('NoSuchKey', 'There is none.', 404);
          return { ETag: found.etag, Body: bodyOf(found.text) };
        },
      ],
      PutObject: [
        ({ Key, Body, IfMatch, IfNoneMatch }: Request) => {
          const found = objects.get(Key);
          if ((IfMatch !== undefined && found?.etag !== IfMatch) || (IfNoneMatch === '*' && found !== undefined))
            throw failure('PreconditionFailed', 'It is another one.', 412);
          return { ETag: put(Key, String(Body)) };
        },
      ],
      CreateMultipartUpload: [{ UploadId: 'upload' }],
      UploadPart: [({ Body }: Request) => ({ ETag: `"part ${parts.push(String(Body))}"` })],
      CompleteMultipartUpload: [({ Key }: Request) => ({ ETag: put(Key, parts.join('')) })],
      AbortMultipartUpload: [{}],
      ...more,
    },
    { signal: cancel.signal },
  );
  return { aws, objects, parts, put, cancel };
}
