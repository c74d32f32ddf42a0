// Writes DynamoDB's attribute values as a JSON document, in one pass.
import { isAttributeMap, type Attribute, type AttributeMap } from '../records/attribute.ts';
import { array, boolean, checkDepth, member, number, text, unreadable } from './attribute-value.ts';
import { fieldNames, needsRename } from './field-names.ts';
import { JsonWriter } from './json-writer.ts';
import { isMixed, kinds, NUMBERS } from './list-kinds.ts';
import { fieldBelow, type NumericFields } from './numeric-fields.ts';
import { MalformedRecord } from '../records/malformed-record.ts';
import { type ShapingTime, unlimited } from './shaping-time.ts';
import { TextAllowance } from './text-allowance.ts';

/** Of a document with its action line: the smallest Amazon domains accept requests of 10 MiB. */
export const MAX_DOCUMENT_BYTES = 10 * 1024 * 1024 - 4096;

/** ASCII: `,` `[` `]` `{` `}`. */
const [COMMA, OPEN_LIST, CLOSE_LIST, OPEN_MAP, CLOSE_MAP] = [0x2c, 0x5b, 0x5d, 0x7b, 0x7d];

/** A writer of documents, which refuses those that are too long for any request. */
export const documentWriter = (): JsonWriter =>
  new JsonWriter(
    MAX_DOCUMENT_BYTES,
    () =>
      new MalformedRecord(
        'document_too_large',
        `the document is longer than ${MAX_DOCUMENT_BYTES} bytes, more than the smallest domains accept in one request; leave attributes out with include, exclude or a transform`,
      ),
  );

/**
 * Field labels (`"name":`) of names that need no change: the same few names recur in every record. Emptied when a table with
 * ever new names fills it.
 */
const labels = new Map<string, Uint8Array>();
const MAX_LABELS = 10_000;
/** Of a name: names can have 64 KB, too much of a small function's memory to keep. */
const MAX_LABEL_CHARACTERS = 200;

/** The values that the shaping of one item needs at every level. */
interface Shaping {
  readonly json: JsonWriter;
  readonly time: ShapingTime;
  readonly text: TextAllowance;
}

/**
 * Writes the document of an item, in a time and a length that grow as the item does. Numbers keep every digit; a list never mixes kinds.
 * @param time how long it may take
 * @param numbers fields whose lists of numbers stay numbers
 * @throws {MalformedRecord} if a value is not an attribute value, the text would be too long, or the time is used up
 */
export function writeDocument(json: JsonWriter, image: AttributeMap, time: ShapingTime = unlimited(), numbers?: NumericFields): void {
  writeMap({ json, time, text: new TextAllowance(image, time) }, image, 0, numbers);
}

const scratch = documentWriter();

/** The same as text. */
export function documentText(image: AttributeMap, time?: ShapingTime, numbers?: NumericFields): string {
  scratch.truncate(0);
  writeDocument(scratch, image, time, numbers);
  return scratch.cut(0);
}

function writeMap(shaping: Shaping, map: AttributeMap, depth: number, numbers: NumericFields | undefined): void {
  const { json, time } = shaping;
  checkDepth(depth);
  let before = OPEN_MAP;
  /** Of all names, once one needs a change: the names before it keep theirs. */
  let fields: ReadonlyMap<string, string> | undefined;
  for (const name in map) {
    time.step();
    json.character(before);
    const label = labels.get(name) ?? newLabel(name);
    let field = name;
    if (label === undefined) {
      fields ??= fieldNames(Object.keys(map));
      field = fields.get(name) ?? name;
      json.text(`${JSON.stringify(field)}:`);
    } else {
      json.bytes(label);
    }
    writeValue(shaping, map[name], name, depth, numbers === undefined ? undefined : fieldBelow(numbers, field));
    before = COMMA;
  }
  if (before === OPEN_MAP) json.character(OPEN_MAP);
  json.character(CLOSE_MAP);
}

function newLabel(name: string): Uint8Array | undefined {
  if (needsRename(name)) return undefined;
  const label = Buffer.from(`${JSON.stringify(name)}:`);
  if (name.length > MAX_LABEL_CHARACTERS) return label;
  if (labels.size >= MAX_LABELS) labels.clear();
  labels.set(name, label);
  return label;
}

/** A list of what `write` writes of each item. */
function writeEach<Item>({ json, time }: Shaping, items: readonly Item[], write: (item: Item) => void): void {
  let before = OPEN_LIST;
  for (const item of items) {
    time.step();
    json.character(before);
    write(item);
    before = COMMA;
  }
  if (before === OPEN_LIST) json.character(OPEN_LIST);
  json.character(CLOSE_LIST);
}

function writeValue(
  shaping: Shaping,
  attribute: Attribute | undefined,
  name: string,
  depth: number,
  numbers: NumericFields | undefined,
): void {
  const { json } = shaping;
  const { type, value } = member(attribute, name);
  switch (type) {
    case 'S':
    case 'B':
      json.string(text(value, type, name));
      break;
    case 'N':
      writeNumber(json, text(value, type, name), name);
      break;
    case 'BOOL':
      json.ascii(boolean(value, name) ? 'true' : 'false');
      break;
    case 'NULL':
      json.ascii('null');
      break;
    case 'M':
      if (!isAttributeMap(value)) throw unreadable(name, 'an M that is not a map');
      writeMap(shaping, value, depth + 1, numbers);
      break;
    case 'L': {
      const list = array(value, type, name);
      const found = kinds(shaping.time, list, name, depth);
      const form = found === NUMBERS && numbers?.all === true ? 'numbers' : isMixed(found) ? 'mixed' : 'plain';
      writeList(shaping, list, form, name, depth + 1, numbers);
      break;
    }
    case 'SS':
    case 'BS':
      writeEach(shaping, array(value, type, name), (item) => {
        json.string(text(item, type, name));
      });
      break;
    case 'NS':
      writeEach(shaping, array(value, type, name), (item) => {
        writeNumber(json, text(item, type, name), name);
      });
      break;
    default:
      throw unreadable(name, `the unknown type ${JSON.stringify(type.slice(0, 20))}`);
  }
}

/** How the items of a list are written. */
type ListForm = 'plain' | 'mixed' | 'numbers';

/**
 * Writes a list: scalars as strings; booleans and maps unchanged only if the list has nothing else, numbers only if the field also
 * accepts them.
 */
function writeList(
  shaping: Shaping,
  list: readonly unknown[],
  form: ListForm,
  name: string,
  depth: number,
  numbers: NumericFields | undefined,
): void {
  writeEach(shaping, list as readonly Attribute[], (item) => {
    writeItem(shaping, item, form, name, depth, numbers);
  });
}

function writeItem(
  shaping: Shaping,
  item: Attribute,
  form: ListForm,
  name: string,
  depth: number,
  numbers: NumericFields | undefined,
): void {
  const { json } = shaping;
  const mixed = form === 'mixed';
  const { type, value } = member(item, name);
  switch (type) {
    case 'N':
      if (form === 'numbers') {
        writeNumber(json, text(value, type, name), name);
        break;
      }
      number(text(value, type, name), name);
      json.string(text(value, type, name));
      break;
    case 'NS':
      if (form === 'numbers') {
        writeValue(shaping, item, name, depth, numbers);
        break;
      }
      writeEach(shaping, array(value, type, name), (digits) => {
        number(text(digits, type, name), name);
        json.string(text(digits, type, name));
      });
      break;
    case 'BOOL':
      json.ascii(mixed ? `"${String(boolean(value, name))}"` : String(boolean(value, name)));
      break;
    case 'M': {
      const start = json.length;
      writeValue(shaping, item, name, depth, numbers);
      if (mixed) writeAsText(shaping, start);
      break;
    }
    case 'L':
      writeList(shaping, array(value, type, name), form, name, depth + 1, numbers);
      break;
    default:
      writeValue(shaping, item, name, depth, numbers);
  }
}

/** Turns the text written from `start` on into a JSON string. */
function writeAsText(shaping: Shaping, start: number): void {
  const { json, time, text } = shaping;
  time.step();
  text.check(json.length - start);
  json.string(json.cut(start));
  text.add(json.length - start);
}

function writeNumber(json: JsonWriter, digits: string, name: string): void {
  if (!json.decimal(digits)) json.ascii(number(digits, name));
}
