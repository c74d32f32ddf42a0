// The key of an item from the id of its document: the way back of document-id.ts.
import { hasKeyShape } from '../../formats/key-shape.ts';
import type { KeyAttribute } from '../../formats/slice.ts';
import type { AttributeMap } from './attribute.ts';
import { documentId } from './document-id.ts';

/** How DynamoDB writes a number of up to 38 digits: no sign but `-`, no exponent, no zero too many. */
const NUMBER = /^(?:0|-?(?:[1-9]\d*|0(?=\.))(?:\.\d*[1-9])?)$/;
/** Digits that count, and characters with the zeros up to 1E125 or down to 1E-130. */
const MAX_DIGITS = 38;
const MAX_NUMBER_LENGTH = 172;
/** bytes: of a hash key, and of a range key (service quotas). */
const MAX_BYTES = { hash: 2048, range: 1024 } as const;

/**
 * The key whose document has this id; undefined where no key has it, or where it was shortened and only the document knows the key.
 * Asking DynamoDB for a key of another form would make it refuse all keys of the request.
 */
export function keyOfId(id: string, keys: readonly KeyAttribute[]): AttributeMap | undefined {
  const [hash, range] = keys;
  if (hash === undefined) return undefined;
  const parts = range === undefined ? [id] : partsOf(id);
  if (parts === undefined) return undefined;
  const [hashText = '', rangeText] = parts;
  if (!isKeyText(hashText, hash.type, MAX_BYTES.hash)) return undefined;
  if (range !== undefined && !isKeyText(rangeText ?? '', range.type, MAX_BYTES.range)) return undefined;
  const key = { [hash.name]: { [hash.type]: hashText }, ...(range === undefined ? {} : { [range.name]: { [range.type]: rangeText } }) };
  return idOf(key, keys) === id ? key : undefined;
}

/** Whether a foreign map is a key of the table, of a form that DynamoDB accepts: one that is not makes it refuse a whole request. */
export function isKeyOf(key: AttributeMap, keys: readonly KeyAttribute[]): boolean {
  return (
    hasKeyShape(key, keys) &&
    keys.every(({ name, type }, i) => isKeyText(key[name]?.[type] as string, type, i === 0 ? MAX_BYTES.hash : MAX_BYTES.range))
  );
}

/** The key attributes of an item alone. */
export function keyOfItem(item: AttributeMap, keys: readonly KeyAttribute[]): AttributeMap {
  return Object.fromEntries(keys.flatMap(({ name }) => (item[name] === undefined ? [] : [[name, item[name]]])));
}

/** The id of a key. @throws {MalformedRecord} */
export const idOf = (key: AttributeMap, keys: readonly KeyAttribute[]): string =>
  documentId(
    key,
    keys.map(({ name }) => name),
  );

/** Hash and range part: the first `|` that no `\` escapes parts them. */
function partsOf(id: string): [string, string] | undefined {
  let hash = '';
  for (let at = 0; at < id.length; at++) {
    const character = id[at] ?? '';
    if (character === '|') return [hash, id.slice(at + 1)];
    hash += character === '\\' ? (id[++at] ?? '') : character;
  }
  return undefined;
}

function isKeyText(text: string, type: KeyAttribute['type'], maxBytes: number): boolean {
  if (text === '' || !text.isWellFormed()) return false;
  if (type === 'S') return Buffer.byteLength(text) <= maxBytes;
  if (type === 'B') {
    const bytes = Buffer.from(text, 'base64');
    return bytes.length > 0 && bytes.length <= maxBytes && bytes.toString('base64') === text;
  }
  return text.length <= MAX_NUMBER_LENGTH && NUMBER.test(text) && significantDigits(text) <= MAX_DIGITS;
}

function significantDigits(number: string): number {
  const digits = number.replace(/[-.]/g, '').replace(/^0+/, '');
  let end = digits.length;
  while (digits[end - 1] === '0') end--;
  return end;
}
