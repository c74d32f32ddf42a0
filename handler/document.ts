// DynamoDB's attribute values as the text of a JSON document, written in one pass (contract 6.2).
import { isAttributeMap, type Attribute, type AttributeMap } from './attribute.ts';
import { fieldNames, needsRename } from './field-names.ts';
import { MalformedRecord } from './malformed.ts';

/**
 * Characters of a document at most. The smallest Amazon domains take requests of 10 MiB; and the JSON text of maps in mixed lists
 * doubles its backslashes at every level, so that an item of 400 KB could otherwise grow without bound.
 */
export const DOCUMENT_LIMIT = 10 * 1024 * 1024 - 4096;

/** JSON's grammar of a number. DynamoDB's own digits fit it; what a client wrote by hand into an event may not. */
const NUMBER = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/;
const LOOSE_NUMBER = /^([+-]?)(\d*)(?:\.(\d*))?([eE][+-]?\d+)?$/;

/** Levels at most: DynamoDB allows 32; this only keeps a forged event from exhausting the stack. */
const DEPTH_LIMIT = 512;

/** Text that needs no escape in JSON, which most short values are: the test is cheaper than a call of JSON.stringify. */
const PLAIN = /^[ !#-[\]-~]*$/;
const PLAIN_LENGTH = 100;

/** A text as JSON. */
export function quoted(text: string): string {
  return text.length <= PLAIN_LENGTH && PLAIN.test(text) ? `"${text}"` : JSON.stringify(text);
}

/**
 * Field labels (`"name":`) of names that need no change: the same few names come again in every record. Emptied when a table of
 * ever new names fills it.
 */
const labels = new Map<string, string>();
const LABELS_LIMIT = 10_000;
/** Characters: names can have 64 KB, too much of a small function's memory to keep. */
const LABEL_LENGTH = 200;

/**
 * The text of the document of an item. Numbers keep every digit; a list never mixes kinds.
 * @throws {MalformedRecord} where a value is no attribute value, or the text would be too long for any request
 */
export function writeDocument(image: AttributeMap): string {
  return bounded(writeMap(image, 0));
}

function writeMap(map: AttributeMap, depth: number): string {
  if (depth > DEPTH_LIMIT) throw new MalformedRecord('document_too_deep', `the item is nested deeper than ${DEPTH_LIMIT} levels`);
  let text = '';
  for (const name in map) {
    const label = labels.get(name) ?? newLabel(name);
    if (label === undefined) return writeRenamedMap(map, depth);
    text += (text === '' ? '{' : ',') + label + writeValue(map[name], name, depth);
  }
  return text === '' ? '{}' : text + '}';
}

function newLabel(name: string): string | undefined {
  if (needsRename(name)) return undefined;
  const label = `${JSON.stringify(name)}:`;
  if (name.length > LABEL_LENGTH) return label;
  if (labels.size >= LABELS_LIMIT) labels.clear();
  labels.set(name, label);
  return label;
}

function writeRenamedMap(map: AttributeMap, depth: number): string {
  const names = fieldNames(Object.keys(map));
  let text = '';
  for (const name in map) {
    text += (text === '' ? '{' : ',') + JSON.stringify(names.get(name)) + ':' + writeValue(map[name], name, depth);
  }
  return text + '}';
}

/** The only member of an attribute value: its type. */
function typeOf(attribute: Attribute | undefined, name: string): string {
  if (typeof attribute !== 'object' || (attribute as Attribute | null) === null) throw unreadable(name, 'no attribute value');
  let type: string | undefined;
  for (const key in attribute) {
    if (type !== undefined) throw unreadable(name, 'more than one type');
    type = key;
  }
  if (type === undefined) throw unreadable(name, 'no type');
  return type;
}

function writeValue(attribute: Attribute | undefined, name: string, depth: number): string {
  const type = typeOf(attribute, name);
  const value = attribute?.[type];
  switch (type) {
    case 'S':
    case 'B':
      return quoted(text(value, type, name));
    case 'N':
      return number(text(value, type, name), name);
    case 'BOOL':
      return boolean(value, name) ? 'true' : 'false';
    case 'NULL':
      return 'null';
    case 'M':
      if (!isAttributeMap(value)) throw unreadable(name, 'an M that is no map');
      return writeMap(value, depth + 1);
    case 'L': {
      const list = array(value, type, name);
      return writeList(list, isMixed(kinds(list, name, depth)), name, depth + 1);
    }
    case 'SS':
    case 'BS':
      return `[${array(value, type, name)
        .map((item) => quoted(text(item, type, name)))
        .join(',')}]`;
    case 'NS':
      return `[${array(value, type, name)
        .map((item) => number(text(item, type, name), name))
        .join(',')}]`;
    default:
      throw unreadable(name, `the unknown type ${JSON.stringify(type.slice(0, 20))}`);
  }
}

const STRINGS = 1;
const BOOLEANS = 2;
const MAPS = 4;

const isMixed = (kind: number): boolean => (kind & (kind - 1)) !== 0;

/** The kinds that the engine would see in a list, which takes nested lists as one: a set of STRINGS, BOOLEANS, MAPS. */
function kinds(list: readonly unknown[], name: string, depth: number): number {
  if (depth > DEPTH_LIMIT) throw new MalformedRecord('document_too_deep', `the item is nested deeper than ${DEPTH_LIMIT} levels`);
  let found = 0;
  for (const item of list as readonly Attribute[]) {
    const type = typeOf(item, name);
    if (type === 'L') found |= kinds(array(item[type], type, name), name, depth + 1);
    else if (type === 'M') found |= MAPS;
    else if (type === 'BOOL') found |= BOOLEANS;
    else if (type !== 'NULL') found |= STRINGS;
  }
  return found;
}

/** A list: scalars as strings; booleans and maps as what they are only where nothing else is in the list. */
function writeList(list: readonly unknown[], mixed: boolean, name: string, depth: number): string {
  let text = '';
  for (const item of list as readonly Attribute[]) text += (text === '' ? '[' : ',') + writeItem(item, mixed, name, depth);
  return text === '' ? '[]' : text + ']';
}

function writeItem(item: Attribute, mixed: boolean, name: string, depth: number): string {
  const type = typeOf(item, name);
  const value = item[type];
  switch (type) {
    case 'N':
      number(text(value, type, name), name);
      return quoted(text(value, type, name));
    case 'NS':
      return `[${array(value, type, name)
        .map((digits) => (number(text(digits, type, name), name), quoted(text(digits, type, name))))
        .join(',')}]`;
    case 'BOOL':
      return mixed ? `"${String(boolean(value, name))}"` : writeValue(item, name, depth);
    case 'M':
      return mixed ? bounded(JSON.stringify(bounded(writeValue(item, name, depth)))) : writeValue(item, name, depth);
    case 'L':
      return writeList(array(value, type, name), mixed, name, depth + 1);
    default:
      return writeValue(item, name, depth);
  }
}

function text(value: unknown, type: string, name: string): string {
  if (typeof value === 'string') return value;
  throw unreadable(name, `a value of type ${type} that is no text`);
}

function boolean(value: unknown, name: string): boolean {
  if (typeof value === 'boolean') return value;
  throw unreadable(name, 'a BOOL that is neither true nor false');
}

function array(value: unknown, type: string, name: string): readonly unknown[] {
  if (Array.isArray(value)) return value;
  throw unreadable(name, `a value of type ${type} that is no list`);
}

/** The digits as a JSON number, unchanged where they are one already. */
function number(digits: string, name: string): string {
  if (NUMBER.test(digits)) return digits;
  const [, sign = '', whole = '', fraction = '', exponent = ''] = LOOSE_NUMBER.exec(digits) ?? [];
  if (whole === '' && fraction === '') throw unreadable(name, 'an N that is no number');
  return `${sign === '-' ? '-' : ''}${whole.replace(/^0+(?=\d)/, '') || '0'}${fraction === '' ? '' : `.${fraction}`}${exponent}`;
}

function bounded(text: string): string {
  if (text.length <= DOCUMENT_LIMIT) return text;
  throw new MalformedRecord(
    'document_too_large',
    `the document is longer than ${DOCUMENT_LIMIT} characters, more than the smallest domains take in one request; leave attributes out with include, exclude or a transform`,
  );
}

function unreadable(name: string, found: string): MalformedRecord {
  return new MalformedRecord('attribute_unreadable', `the attribute ${JSON.stringify(name.slice(0, 100))} has ${found}`);
}
