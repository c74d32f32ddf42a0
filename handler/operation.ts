// From a stream record to the lines of a bulk request.
import type { AttributeMap } from './attribute.ts';
import { DOCUMENT_LIMIT, quoted, writeDocument } from './document.ts';
import { externalVersion } from './identity.ts';
import { MalformedRecord } from './malformed.ts';
import type { StreamRecord } from './record.ts';
import type { Table } from './tables.ts';
import { transformed } from './transforms.ts';

/** One operation as `_bulk` takes it. */
export interface Operation {
  readonly action: 'index' | 'delete';
  /** The action's line and, for `index`, the document's, each with its line feed. */
  readonly lines: string;
  /** UTF-8 bytes of `lines`. */
  readonly bytes: number;
}

/**
 * What a record asks for. Synchronous unless a transform has to be called: thousands of promises would cost more than the work.
 * @param limit ms that a transform may take
 * @throws {MalformedRecord} (a promise rejects with it) where the record gives no document
 */
export function operationOf(
  record: StreamRecord,
  table: Table & { index: string },
  id: string,
  limit: number,
): Operation | Promise<Operation> {
  const meta = metadata(record, table, id);
  if (record.eventName === 'REMOVE' || record.newImage === undefined) return deletion(meta);
  if (table.transform === undefined) return indexing(meta, writeDocument(projected(table, record.newImage)));
  const { eventName } = record;
  const old = record.oldImage === undefined ? undefined : projected(table, record.oldImage);
  return transformed(table.transform, { ...record, eventName }, projected(table, record.newImage), old, limit).then((text) =>
    text === null ? deletion(meta) : indexing(meta, text),
  );
}

/** `"_index":…,"_id":…` and, unless versions are off or the record has no time, the version that fences older states. */
function metadata(record: StreamRecord, table: Table & { index: string }, id: string): string {
  const target = `"_index":${quoted(table.index)},"_id":${quoted(id)}`;
  return table.versioned && record.seconds !== undefined
    ? `${target},"version":${externalVersion(record.seconds, record.sequenceNumber)},"version_type":"external_gte"`
    : target;
}

function deletion(meta: string): Operation {
  const lines = `{"delete":{${meta}}}\n`;
  return { action: 'delete', lines, bytes: Buffer.byteLength(lines) };
}

function indexing(meta: string, document: string): Operation {
  const lines = `{"index":{${meta}}}\n${document}\n`;
  const bytes = Buffer.byteLength(lines);
  if (bytes > DOCUMENT_LIMIT) {
    throw new MalformedRecord(
      'document_too_large',
      `the document has ${bytes} bytes, more than the smallest domains take in one request; leave attributes out with include, exclude or a transform`,
    );
  }
  return { action: 'index', lines, bytes };
}

function projected(table: Table, image: AttributeMap): AttributeMap {
  return table.project === undefined ? image : table.project(image);
}
