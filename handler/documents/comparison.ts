// Whether a document is what an item gives: every digit counts, the order of object keys and of DynamoDB sets does not.
import { type Json } from '../../formats/json.ts';
import { isAttributeMap, type Attribute, type AttributeMap } from '../records/attribute.ts';
import { Decimal, parseExact } from './exact-json.ts';
import { fieldNames } from './field-names.ts';

/** The JSON text of a map in a list of several kinds: its keys and sets have no order either, but it has no other spelling. */
class Embedded {
  readonly text: string;
  readonly value: unknown;

  constructor(text: string) {
    this.text = text;
    this.value = parseExact(text);
  }
}

const isJson = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Decimal || value instanceof Embedded);

/**
 * @param shaped the text of the document that the item gives
 * @param indexed the text of the document in the index; one that is not valid JSON is no item's document
 * @param image the attributes that `shaped` was written from, which tell sets from lists; undefined where a transform made it
 */
export function isSameDocument(shaped: string, indexed: string, image: AttributeMap | undefined): boolean {
  if (shaped === indexed) return true;
  const [wanted, found] = [parseExact(shaped), parsedOrText(indexed)];
  const sets = new WeakSet<object>();
  if (image !== undefined && isJson(wanted)) markSets(image, wanted, sets);
  return isSame(wanted, found, sets);
}

function isSame(a: unknown, b: unknown, sets: WeakSet<object>): boolean {
  if (a instanceof Decimal) return b instanceof Decimal && a.text === b.text;
  if (a instanceof Embedded) return typeof b === 'string' && a.text.length === b.length && isSame(a.value, parsedOrText(b), sets);
  if (Array.isArray(a)) {
    if (!Array.isArray(b) || a.length !== b.length) return false;
    if (!sets.has(a)) return a.every((value, i) => isSame(value, b[i], sets));
    const [x, y] = [a.map(scalarText).sort(), b.map(scalarText).sort()];
    return x.every((text, i) => text === y[i]);
  }
  if (isJson(a)) {
    if (!isJson(b)) return false;
    const names = Object.keys(a);
    return names.length === Object.keys(b).length && names.every((name) => Object.hasOwn(b, name) && isSame(a[name], b[name], sets));
  }
  return a === b;
}

/** A member of a set, with its kind: the text "true" is not the value true. */
const scalarText = (value: unknown): string => (value instanceof Decimal ? `number ${value.text}` : `other ${JSON.stringify(value)}`);

/** Marks the lists of `document` that are sets of `image`: a document has its attributes under the same names, or under changed ones. */
function markSets(image: AttributeMap, document: Json, sets: WeakSet<object>): void {
  const fields = fieldNames(Object.keys(image));
  for (const [name, attribute] of Object.entries(image)) {
    const field = fields.get(name) ?? name;
    if (Object.hasOwn(document, field)) markIn(attribute, document[field], sets);
  }
}

function markIn(attribute: Attribute, value: unknown, sets: WeakSet<object>): void {
  if (Array.isArray(value)) {
    if ('SS' in attribute || 'NS' in attribute || 'BS' in attribute) sets.add(value);
    else if (Array.isArray(attribute.L)) markItems(attribute.L as Attribute[], value as unknown[], sets);
  } else if (isJson(value) && isAttributeMap(attribute.M)) {
    markSets(attribute.M, value, sets);
  }
}

function markItems(list: readonly Attribute[], values: unknown[], sets: WeakSet<object>): void {
  for (const [i, item] of list.entries()) {
    const value = values[i];
    // A map beside values of another kind was written as its JSON text.
    const embedded = typeof value === 'string' && isAttributeMap(item.M) ? new Embedded(value) : undefined;
    if (embedded !== undefined) values[i] = embedded;
    markIn(item, embedded?.value ?? value, sets);
  }
}

/** The value of a JSON text; of another text, which no JSON value is equal to, itself. */
function parsedOrText(text: string): unknown {
  try {
    return parseExact(text);
  } catch {
    return text;
  }
}
