// The id of an item's document.
import { createHash } from 'node:crypto';
import type { AttributeMap } from './attribute.ts';
import { MalformedRecord } from './malformed-record.ts';

/** Bytes of an id, for all engines. */
const MAX_ID_BYTES = 512;
const HASH_CHARACTERS = 64;

/**
 * The document's id: the hash key, or `hash|range` with `\` and `|` escaped by `\` in the hash part, so that no two keys share
 * one. An id over 512 bytes becomes a readable prefix, `~` and its SHA-256; so does the rare shorter one that looks like that.
 * @param names the key's attributes, hash key first; undefined: in the order of `keys`
 * @throws {MalformedRecord} if `keys` is not exactly that key, or not a key
 */
export function documentId(keys: AttributeMap, names: readonly string[] | undefined): string {
  const present = Object.keys(keys);
  if (present.length === 0 || present.length > 2) {
    throw new MalformedRecord('keys_unreadable', `the record has ${present.length} key attributes; a DynamoDB key has one or two`);
  }
  if (names !== undefined && !(names.length === present.length && names.every((name) => Object.hasOwn(keys, name)))) {
    throw new MalformedRecord(
      'keys_unexpected',
      `the record's key is (${present.join(', ')}) but the key mapping says (${names.join(', ')}); run the action with operation: refresh-mapping`,
    );
  }
  const [hashName = '', rangeName] = names ?? present;
  const hash = keyText(keys, hashName);
  if (rangeName === undefined) return bounded(hash);
  const escaped = hash.includes('|') || hash.includes('\\') ? hash.replace(/[\\|]/g, '\\$&') : hash;
  return bounded(`${escaped}|${keyText(keys, rangeName)}`);
}

/** S and B (base64 in events) as they are, N as DynamoDB's digits. */
function keyText(keys: AttributeMap, name: string): string {
  const attribute: unknown = keys[name];
  if (typeof attribute === 'object' && attribute !== null) {
    const { S, N, B } = attribute as Record<string, unknown>;
    const text = S ?? N ?? B;
    if (typeof text === 'string' && text !== '') return text;
  }
  throw new MalformedRecord('keys_unreadable', `the key attribute ${JSON.stringify(name)} is not an S, N or B with a value`);
}

function bounded(id: string): string {
  // A character has three bytes at most: short texts need no count.
  if (3 * id.length <= MAX_ID_BYTES - 4) return id;
  const bytes = Buffer.byteLength(id);
  // A prefix is cut between characters, of up to four bytes: a shortened id has 509 to 512 bytes.
  const looksShortened = bytes > MAX_ID_BYTES - 4 && bytes <= MAX_ID_BYTES && /~[0-9a-f]{64}$/.test(id);
  if (bytes <= MAX_ID_BYTES && !looksShortened) return id;
  const prefix = Buffer.from(id).subarray(0, MAX_ID_BYTES - HASH_CHARACTERS - 1);
  return `${wholeCharacters(prefix)}~${createHash('sha256').update(id).digest('hex')}`;
}

/** The text of UTF-8 bytes that were cut, without the character that the cut went through. */
function wholeCharacters(bytes: Buffer): string {
  let end = bytes.length;
  // Step back over the bytes of the last character; keep it where it is whole.
  let start = end - 1;
  while (start > 0 && ((bytes[start] ?? 0) & 0xc0) === 0x80) start--;
  const lead = bytes[start] ?? 0;
  const length = lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
  if (start + length > end) end = start;
  return bytes.toString('utf8', 0, end);
}
