// From an item's state to the lines of a bulk request.
import type { AttributeMap } from '../records/attribute.ts';
import { documentWriter, writeDocument } from '../documents/document.ts';
import type { ByteRange } from '../documents/json-writer.ts';
import type { ItemState } from './item-state.ts';
import type { Table } from '../tables.ts';
import { transformed } from '../documents/transform.ts';
import { type ShapingTime, unlimited } from '../documents/shaping-time.ts';

/** One operation in the form of `_bulk`. */
export interface Operation {
  readonly action: 'index' | 'delete';
  /** The action's line and, for `index`, the document's, each with its line feed. */
  readonly lines: ByteRange;
}

/** Bytes of its lines. */
export const sizeOf = ({ lines: { from, to } }: Operation): number => to - from;

const json = documentWriter();

/**
 * Builds the operation of a state. Synchronous unless a transform has to be called: thousands of promises would cost more than the work.
 * @param limit ms that a transform may take
 * @param time that the shaping may take, without the transform
 * @throws {MalformedRecord} (a promise rejects with it) if the state yields no document
 */
export function operationOf(state: ItemState, limit: number, time: ShapingTime = unlimited()): Operation | Promise<Operation> {
  const { table, image, oldImage } = state;
  if (image === undefined) return operation('delete', state);
  const { transform } = table;
  if (transform === undefined) {
    return operation('index', state, () => {
      writeDocument(json, projected(table, image, time), time, table.numbers);
    });
  }
  const about = { keys: state.keys, event: state.event, table: table.name, numbers: table.numbers };
  const old = oldImage === undefined ? undefined : projected(table, oldImage, time);
  return transformed(transform, about, projected(table, image, time), old, limit, time).then((text) =>
    text === null
      ? operation('delete', state)
      : operation('index', state, () => {
          json.text(text);
        }),
  );
}

/** The action, without the index, which the path of the request names; with the version that fences older states, if there is one. */
function operation(action: Operation['action'], { id, version }: ItemState, document?: () => void): Operation {
  // Drops the rest of a document that could not be finished.
  json.truncate(0);
  json.ascii(`{"${action}":{"_id":`);
  json.string(id);
  if (version !== undefined) json.ascii(`,"version":${version.digits},"version_type":"${version.type}"`);
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
