// From a stream record to the lines of a bulk request.
import type { AttributeMap } from '../records/attribute.ts';
import { documentWriter, writeDocument } from '../documents/document.ts';
import { externalVersion } from '../records/document-id.ts';
import type { Piece } from '../documents/json-writer.ts';
import type { StreamRecord } from '../records/stream-record.ts';
import type { Table } from '../tables.ts';
import { transformed } from '../documents/transform.ts';
import { type ShapingTime, unlimited } from '../documents/shaping-time.ts';

/** One operation as `_bulk` takes it. */
export interface Operation {
  readonly action: 'index' | 'delete';
  /** The action's line and, for `index`, the document's, each with its line feed. */
  readonly lines: Piece;
}

/** Bytes of its lines. */
export const sizeOf = ({ lines: { from, to } }: Operation): number => to - from;

const json = documentWriter();

/**
 * What a record asks for. Synchronous unless a transform has to be called: thousands of promises would cost more than the work.
 * @param limit ms that a transform may take
 * @param time that the shaping may take, without the transform
 * @throws {MalformedRecord} (a promise rejects with it) where the record gives no document
 */
export function operationOf(
  record: StreamRecord,
  table: Table & { index: string },
  id: string,
  limit: number,
  time: ShapingTime = unlimited(),
): Operation | Promise<Operation> {
  const { newImage, oldImage } = record;
  if (record.eventName === 'REMOVE' || newImage === undefined) return operation('delete', record, table, id);
  if (table.transform === undefined) {
    return operation('index', record, table, id, () => {
      writeDocument(json, projected(table, newImage, time), time);
    });
  }
  const { eventName } = record;
  const old = oldImage === undefined ? undefined : projected(table, oldImage, time);
  return transformed(table.transform, { ...record, eventName }, projected(table, newImage, time), old, limit, time).then((text) =>
    text === null
      ? operation('delete', record, table, id)
      : operation('index', record, table, id, () => {
          json.text(text);
        }),
  );
}

/** The action with the document's place and, unless versions are off or the record has no time, the version that fences older states. */
function operation(
  action: Operation['action'],
  { seconds, sequenceNumber }: StreamRecord,
  table: Table & { index: string },
  id: string,
  document?: () => void,
): Operation {
  // What another one left that could not be finished.
  json.truncate(0);
  json.ascii(`{"${action}":{"_index":`);
  json.string(table.index);
  json.ascii(',"_id":');
  json.string(id);
  if (table.versioned && seconds !== undefined) {
    json.ascii(',"version":');
    json.ascii(externalVersion(seconds, sequenceNumber));
    json.ascii(',"version_type":"external_gte"');
  }
  json.ascii('}}\n');
  if (document !== undefined) {
    document();
    json.ascii('\n');
  }
  return { action, lines: json.take() };
}

function projected(table: Table, image: AttributeMap, time: ShapingTime): AttributeMap {
  return table.project === undefined ? image : table.project(image, time);
}
