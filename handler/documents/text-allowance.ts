// Bounds the JSON text of maps in mixed lists, which grows faster than their items.
import type { AttributeMap } from '../records/attribute.ts';
import { MalformedRecord } from '../records/malformed-record.ts';
import type { ShapingTime } from './shaping-time.ts';

/**
 * Bytes of JSON text that the maps in the mixed lists of an item may add: a fixed allowance, and as many again for each byte of the
 * item. Every map in a mixed list inside such a map doubles the backslashes of the text inside: 20 of them would make 4 MB of 200 bytes.
 */
const FREE_TEXT_BYTES = 16 * 1024;
const MAX_TEXT_PER_ITEM_BYTE = 32;

/** The bytes of JSON text in the document of one item. */
export class TextAllowance {
  readonly #image: AttributeMap;
  readonly #time: ShapingTime;
  /** Bytes that maps in mixed lists added, those inside others once more for each level. */
  #added = 0;
  #limit = FREE_TEXT_BYTES;
  #isMeasured = false;

  constructor(image: AttributeMap, time: ShapingTime) {
    this.#image = image;
    this.#time = time;
  }

  /** @throws {MalformedRecord} if so many more bytes of text are out of proportion to the item */
  check(more: number): void {
    if (this.#added + more <= this.#limit) return;
    // The item is measured only if it matters, which is rare.
    if (!this.#isMeasured) {
      this.#limit += MAX_TEXT_PER_ITEM_BYTE * sizeOfItem(this.#image, this.#time);
      this.#isMeasured = true;
    }
    if (this.#added + more <= this.#limit) return;
    throw new MalformedRecord(
      'document_too_large',
      `the JSON text of maps in mixed lists inside each other would make the document more than ${MAX_TEXT_PER_ITEM_BYTE} times as long as its item; give these lists values of one kind, or leave them out with include or exclude`,
    );
  }

  /** Counts bytes that were written. @throws {MalformedRecord} as `check` */
  add(bytes: number): void {
    this.#added += bytes;
    this.check(0);
  }
}

/** Bytes of an item, about as DynamoDB counts them: of its names and values, and a few for each of them. */
function sizeOfItem(image: AttributeMap, time: ShapingTime): number {
  let size = 0;
  // Not by recursion: the rest of the item may be nested deeper than the stack allows.
  const open: unknown[] = [image];
  for (let value = open.pop(); value !== undefined; value = open.pop()) {
    time.step();
    size += typeof value === 'string' ? Buffer.byteLength(value) : 1;
    if (Array.isArray(value)) {
      for (const item of value as unknown[]) open.push(item);
    } else if (typeof value === 'object' && value !== null) {
      for (const [name, inner] of Object.entries(value)) {
        size += Buffer.byteLength(name);
        open.push(inner);
      }
    }
  }
  return size;
}
