// The work of shaping an item grows no faster than the item, whatever it contains: one of 200 KB costs about as much as sixteen of 12.5 KB.
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { Attribute, AttributeMap } from '../../../handler/records/attribute.ts';
import { documentText } from '../../../handler/documents/document.ts';
import { numericFields } from '../../../handler/documents/numeric-fields.ts';
import { fieldNames } from '../../../handler/documents/field-names.ts';
import { MalformedRecord } from '../../../handler/records/malformed-record.ts';
import { operationOf } from '../../../handler/indexing/bulk-operation.ts';
import { excluding, including } from '../../../handler/documents/projection.ts';
import { parseRecord, type StreamRecord } from '../../../handler/records/stream-record.ts';
import type { Table } from '../../../handler/tables.ts';
import { streamRecord } from '../records.ts';

/** Bytes of an item, half as large as DynamoDB's limit, and how many smaller ones are compared with it. */
const LARGEST = 200_000;
const PARTS = 16;
/** Times the processor time of the parts that the whole may take: 1 where work is linear, 16 where it is quadratic. */
const FACTOR = 6;
/** ms: below, the clock says more of the machine than of the work. */
const NOISE = 10;

/** Bytes as DynamoDB counts them. */
function sizeOf(value: unknown): number {
  if (typeof value === 'string') return Buffer.byteLength(value);
  if (Array.isArray(value)) return value.reduce<number>((sum, item) => sum + 1 + sizeOf(item), 3);
  if (typeof value !== 'object' || value === null) return 1;
  return Object.entries(value).reduce((sum, [name, inner]) => sum + Buffer.byteLength(name) + sizeOf(inner), 0);
}

/** Characters that are blank to an engine: names of them collide, however many there are. */
const BLANKS = Array.from(
  ' \t\n\v\f\r\u001c\u001d\u001e\u001f\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000\ufeff',
);
const NULL: Attribute = { NULL: true };

/** The first names of `name` that fit into an item of so many bytes. */
function names(bytes: number, name: (i: number) => string): AttributeMap {
  const map: [string, Attribute][] = [];
  for (let i = 0, size = 0; size < bytes; i++) {
    map.push([name(i), NULL]);
    size += Buffer.byteLength(name(i)) + 1;
  }
  return Object.fromEntries(map);
}

/** As many of the same attribute, in a list, as fit. */
function copies(bytes: number, attribute: Attribute): AttributeMap {
  const count = Math.max(1, Math.floor(bytes / (sizeOf(attribute) + 1)));
  return { l: { L: Array.from({ length: count }, () => attribute) } };
}

function nested(levels: number, inner: Attribute, wrap: (attribute: Attribute) => Attribute): Attribute {
  let attribute = inner;
  for (let level = 0; level < levels; level++) attribute = wrap(attribute);
  return attribute;
}

/** The i-th text of blank characters. */
const blank = (i: number): string => (i < 0 ? '' : blank(Math.floor(i / BLANKS.length) - 1) + (BLANKS[i % BLANKS.length] ?? ''));
const blankNames = (count: number): AttributeMap => Object.fromEntries(Array.from({ length: count }, (_, i) => [blank(i - 1), NULL]));

/** @param part which of the smaller items it is */
type Item = (bytes: number, part: number) => AttributeMap;

const ITEMS: Readonly<Record<string, Item>> = {
  'blank names that collide without end': (bytes) => names(bytes, (i) => blank(i - 1)),
  'blank segments that collide behind a long name': (bytes) => names(bytes, (i) => `${'x'.repeat(200)}.${blank(i - 1)}`),
  'blank segments at every place of a name': (bytes) => names(bytes, (i) => `${'. '.repeat(i % 100)}.${'.'.repeat(i >> 6)}`),
  'reserved names with blank ends that collide': (bytes) => names(bytes, (i) => `_id.${blank(i - 1)}`),
  'names of underscores, which others need': (bytes) => names(bytes, (i) => (i % 10 === 0 ? blank(i / 10 - 1) : '_'.repeat(i))),
  'names that need a change and collide with none': (bytes) => names(bytes, (i) => `a${i}. `),
  // Other names in each part, as in each part of the whole: those that were met before are cheaper.
  'names of a few characters': (bytes, part) => names(bytes, (i) => (part * 10_000 + i).toString(36)),
  'one name of dots': (bytes) => ({ ['.'.repeat(Math.min(bytes, 65_000))]: NULL, s: { S: 'x'.repeat(Math.max(0, bytes - 65_000)) } }),
  'long names of dots and blanks': (bytes) => names(bytes, (i) => '. '.repeat(1000) + blank(i - 1)),
  'maps with as many collisions as are allowed': (bytes) => copies(bytes, { M: blankNames(101) }),
  'maps inside each other, each with a blank name behind its map': (bytes) =>
    copies(
      bytes,
      nested(30, { S: 'x' }, (m) => ({ M: { m, '': NULL } })),
    ),
  'lists inside each other': (bytes) =>
    copies(
      bytes,
      nested(30, { BOOL: true }, (item) => ({ L: [item] })),
    ),
  'lists inside each other, each with more items': (bytes) => nestedItem(30, bytes, (item, filling) => ({ L: [item, ...filling] })),
  'maps in mixed lists inside each other, long texts in them': (bytes) => ({
    a: nested(12, { S: 'x'.repeat(bytes) }, (m) => ({ L: [{ S: 'x' }, { M: { m } }] })),
  }),
  'maps in mixed lists inside each other, few levels': (bytes) =>
    copies(
      bytes,
      nested(4, { S: '"\\' }, (m) => ({ L: [{ S: 'x' }, { M: { m } }] })),
    ),
  'maps in mixed lists inside each other, many levels': (bytes) =>
    copies(
      bytes,
      nested(15, { S: '"' }, (m) => ({ L: [{ S: 'x' }, { M: { m } }] })),
    ),
  'maps in mixed lists inside each other, all levels': (bytes) => ({
    a: nested(15, { S: '"'.repeat(bytes) }, (m) => ({ L: [{ S: 'x' }, { M: { m } }] })),
  }),
  'control characters': (bytes) => ({ s: { S: '\u0001'.repeat(bytes) } }),
  'lone halves of characters': (bytes) => ({ s: { S: '\ud800'.repeat(bytes / 3) } }),
  'numbers with all digits': (bytes) => ({
    n: { NS: Array.from({ length: bytes / 20 }, (_, i) => `-1.${String(i).padStart(37, '9')}E-90`) },
  }),
  'numbers in lists': (bytes) => copies(bytes, { N: '12345678901234567890' }),
  'sets of short texts': (bytes) => ({ s: { SS: Array.from({ length: bytes / 4 }, (_, i) => String(i % 1000)) } }),
};

/** `levels` lists inside each other, with the rest of the bytes shared out among them. */
function nestedItem(levels: number, bytes: number, wrap: (item: Attribute, filling: readonly Attribute[]) => Attribute): AttributeMap {
  const filling = Array.from({ length: Math.floor(bytes / levels / 2) }, () => NULL);
  return { a: nested(levels, { S: 'x' }, (item) => wrap(item, filling)) };
}

const about = parseRecord(streamRecord()) as StreamRecord & { eventName: 'INSERT' };
const table = (more: Partial<Pick<Table, 'project' | 'transform' | 'numbers'>>): Table & { index: string } => ({
  name: 'Orders',
  index: 'orders',
  keyNames: ['pk'],
  refresh: true,
  versioned: true,
  onMalformed: 'dead-letter',
  deadLetters: undefined,
  keepExpired: false,
  multiIndexAlias: false,
  project: undefined,
  transform: undefined,
  indexSettings: {},
  mappings: {},
  numbers: undefined,
  partialResponse: true,
  both: undefined,
  isSecond: false,
  refusal: undefined,
  ...more,
});
/** All that the function does between a record and its lines; of a refused one, until it is refused. */
const shaped =
  (of: Parameters<typeof table>[0]): ((image: AttributeMap) => Promise<void>) =>
  async (image) => {
    try {
      await operationOf({ table: table(of), id: 'id', keys: about.keys, image, oldImage: image, event: 'MODIFY', version: undefined }, 1e6);
    } catch (error) {
      if (!(error instanceof MalformedRecord)) throw error;
    }
  };

/** ms of processor time; of several tries the best, which says the least of anything else. */
async function timed(tries: number, work: () => Promise<void>): Promise<number> {
  let best = Infinity;
  for (let i = 0; i < tries; i++) {
    const before = process.cpuUsage();
    await work();
    const { user, system } = process.cpuUsage(before);
    best = Math.min(best, (user + system) / 1000);
  }
  return best;
}

/** Compares an item with `PARTS` items that have together as many bytes. */
async function expectLinear(
  whole: AttributeMap,
  parts: readonly AttributeMap[],
  shape: (image: AttributeMap) => Promise<void>,
): Promise<void> {
  const ofParts = await timed(2, async () => {
    for (let i = 0; i < PARTS; i++) await shape(parts[i % parts.length] ?? {});
  });
  const ofWhole = await timed(2, () => shape(whole));
  expect(ofWhole).toBeLessThan(FACTOR * ofParts + NOISE);
}

describe.each<[string, Parameters<typeof table>[0]]>([
  ['as it is', {}],
  ['with include', { project: including(['a', 'l.m', 'l', 's', 'n', '_id']) }],
  ['with exclude', { project: excluding(['l.m.m', 'a.b', 'l.l.l']) }],
  [
    'with fields that take lists of numbers',
    {
      numbers: numericFields({
        properties: {
          a: { type: 'geo_shape' },
          l: { type: 'double' },
          n: { properties: { a: { type: 'date' } } },
          'x.y': { type: 'float' },
        },
      }),
    },
  ],
  ['with a transform', { transform: (document) => document }],
])('the processor time of an item grows no faster than the item, %s', (_, of) => {
  const shape = shaped(of);
  test.each(Object.keys(ITEMS))('%s', async (kind) => {
    const item = ITEMS[kind];
    if (item === undefined) throw new Error(kind);
    const parts = Array.from({ length: PARTS }, (_, i) => item(LARGEST / PARTS, i));
    await expectLinear(item(LARGEST, 0), parts, shape);
  });
});

const segment = fc.oneof(fc.constantFrom('', ' ', '\t', '_', '__', '_id', '__id', '_source', 'a', '"', '\\', '\u0001', 'é'), fc.string());
const name = fc.array(segment, { minLength: 1, maxLength: 4 }).map((segments) => segments.join('.'));
const { attribute } = fc.letrec<{ attribute: Attribute }>((tie) => ({
  attribute: fc.oneof(
    { maxDepth: 8, depthSize: 'large' },
    fc.oneof(fc.string(), fc.constantFrom('"', '\\\\', '\u0001"')).map((S) => ({ S })),
    fc.constantFrom<Attribute>({ N: '1.50' }, { BOOL: true }, NULL, { NS: ['1', '2'] }),
    fc.array(tie('attribute'), { maxLength: 4 }).map((L) => ({ L })),
    fc.dictionary(name, tie('attribute'), { maxKeys: 6 }).map((M) => ({ M })),
  ),
}));

test('the processor time of an item of any parts grows no faster than their number', async () => {
  const shape = shaped({});
  await fc.assert(
    fc.asyncProperty(fc.dictionary(name, attribute, { maxKeys: 6 }), async (M) => {
      await expectLinear(copies(LARGEST, { M }), [copies(LARGEST / PARTS, { M })], shape);
    }),
    { numRuns: 8 },
  );
});

test('a document is at most some forty times as long as its item, after the first 16 KB', () => {
  const expectBounded = (image: AttributeMap): void => {
    try {
      expect(Buffer.byteLength(documentText(image))).toBeLessThanOrEqual(16_384 + 48 * sizeOf(image));
    } catch (error) {
      if (!(error instanceof MalformedRecord)) throw error;
    }
  };
  for (const item of Object.values(ITEMS)) for (const bytes of [100, 2000, 25_000]) expectBounded(item(bytes, 0));
  fc.assert(fc.property(fc.dictionary(name, attribute, { maxKeys: 6 }), expectBounded));
});

test('maps in mixed lists that would make a hundred kilobytes of a hundred bytes are refused with the remedy', () => {
  const levels = (count: number): AttributeMap => ({ a: nested(count, { S: '"' }, (m) => ({ L: [{ S: 'x' }, { M: { m } }] })) });
  expect(() => documentText(levels(8))).not.toThrow();
  expect(() => documentText(levels(15))).toThrow(/JSON text of maps in mixed lists .* give these lists values of one kind/);
});

test('a hundred names of one map may collide, and one more makes the item malformed with the remedy', () => {
  expect(new Set(Object.keys(JSON.parse(documentText(blankNames(101))) as object)).size).toBe(101);
  expect(() => documentText(blankNames(102))).toThrow(/more than 100 blank or reserved attribute names .* rename them/);
  expect(() => documentText({ l: { L: [{ M: blankNames(101) }, { M: blankNames(101) }] } })).not.toThrow();
});

test('a name that is changed at several places gets its further underscores at the first of them', () => {
  expect(Object.fromEntries(fieldNames(['..', ' ..', '. .', '_id.', '_id. ']))).toEqual({
    ' ..': '_._._',
    '. .': '__._._',
    '..': '___._._',
    '_id.': '__id._',
    '_id. ': '___id._',
  });
});
