import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { documentText } from '../../../handler/documents/document.ts';
import { numericFields } from '../../../handler/documents/numeric-fields.ts';
import type { Attribute, AttributeMap } from '../../../handler/records/attribute.ts';
import { transformed } from '../../../handler/documents/transform.ts';

const shaped = (mappings: Record<string, unknown>, image: AttributeMap): unknown =>
  JSON.parse(documentText(image, undefined, numericFields(mappings)));
const numbers = (...digits: string[]): Attribute => ({ L: digits.map((N) => ({ N })) });
const map = (M: AttributeMap): Attribute => ({ M });
const list = (...L: Attribute[]): Attribute => ({ L });

test.each(
  [
    'byte short integer long unsigned_long half_float float double scaled_float date date_nanos',
    'geo_point geo_shape point shape xy_point xy_shape knn_vector dense_vector rank_vectors histogram',
    'integer_range float_range long_range double_range date_range',
  ].flatMap((types) => types.split(' ')),
)('a list of numbers stays numbers in a field of type %s', (type) => {
  expect(shaped({ properties: { f: { type } } }, { f: numbers('5.60', '51.89'), g: numbers('1') })).toEqual({ f: [5.6, 51.89], g: ['1'] });
});

test.each(['text', 'keyword', 'object', 'nested', 'flattened', 'flat_object', 'ip', 'boolean', 'search_as_you_type', undefined, 7])(
  'and strings in a field of type %s',
  (type) => {
    expect(shaped({ properties: { f: { type } } }, { f: numbers('1', '2.50') })).toEqual({ f: ['1', '2.50'] });
  },
);

test('every digit is kept', () => {
  const digits = ['12345678901234567890123456789012345678', '1E125', '5.60'];
  const text = documentText({ f: numbers(...digits) }, undefined, numericFields({ properties: { f: { type: 'double' } } }));
  expect(text).toBe(`{"f":[${digits.join(',')}]}`);
});

describe('the field is found', () => {
  const point = { type: 'geo_point' };
  const at = numbers('1', '2');
  test.each<[string, Record<string, unknown>, AttributeMap, unknown]>([
    [
      'below properties',
      { m: { properties: { n: { properties: { p: point } } } } },
      { m: map({ n: map({ p: at, q: at }) }) },
      { m: { n: { p: [1, 2], q: ['1', '2'] } } },
    ],
    ['by a name with dots in the mapping', { 'm.n.p': point }, { m: map({ n: map({ p: at }) }) }, { m: { n: { p: [1, 2] } } }],
    [
      'by a name with dots in the item',
      { m: { properties: { n: { properties: { p: point } } } } },
      { 'm.n': map({ p: at }) },
      { 'm.n': { p: [1, 2] } },
    ],
    [
      'by names with dots in both, cut elsewhere',
      { 'm.n': { properties: { p: point } } },
      { m: map({ 'n.p': at }) },
      { m: { 'n.p': [1, 2] } },
    ],
    [
      'where it is declared in two parts',
      { m: { properties: { p: point } }, 'm.q': point },
      { m: map({ p: at, q: at, r: at }) },
      { m: { p: [1, 2], q: [1, 2], r: ['1', '2'] } },
    ],
    [
      'in the maps of a list',
      { m: { type: 'nested', properties: { p: point } } },
      { m: list(map({ p: at }), map({ p: at })) },
      { m: [{ p: [1, 2] }, { p: [1, 2] }] },
    ],
    [
      'below a parent that accepts numbers',
      { s: { type: 'geo_shape' } },
      { s: map({ type: { S: 'Polygon' }, coordinates: list(list(at, at), list(at)) }) },
      {
        s: {
          type: 'Polygon',
          coordinates: [
            [
              [1, 2],
              [1, 2],
            ],
            [[1, 2]],
          ],
        },
      },
    ],
    [
      'in a collection of shapes',
      { s: { type: 'geo_shape' } },
      { s: map({ geometries: list(map({ coordinates: at })) }) },
      { s: { geometries: [{ coordinates: [1, 2] }] } },
    ],
    ['with an attribute name that is renamed', { __id: point }, { _id: at }, { __id: [1, 2] }],
    [
      'with names like members of every object',
      { constructor: point },
      { constructor: at, toString: at, __proto__x: at },
      { constructor: [1, 2], toString: ['1', '2'], __proto__x: ['1', '2'] },
    ],
    [
      'with points in a list',
      { p: point },
      { p: list(at, at) },
      {
        p: [
          [1, 2],
          [1, 2],
        ],
      },
    ],
    ['with sets in a list', { p: point }, { p: list({ NS: ['1', '2'] }) }, { p: [[1, 2]] }],
    ['with nulls in the list', { p: point }, { p: list({ N: '1' }, { NULL: true }) }, { p: [1, null] }],
  ])('%s', (_, properties, image, expected) => {
    expect(shaped({ properties }, image)).toEqual(expected);
  });

  test.each<[string, Attribute, unknown]>([
    ['with a string', list({ N: '1' }, { S: 'x' }), ['1', 'x']],
    ['with a boolean', list({ N: '1' }, { BOOL: true }), ['1', 'true']],
    ['with a map', list({ N: '1' }, map({ a: { N: '1' } })), ['1', '{"a":1}']],
  ])('and a list %s is made of strings as everywhere', (_, attribute, expected) => {
    expect(shaped({ properties: { p: { type: 'double' } } }, { p: attribute })).toEqual({ p: expected });
  });
});

test.each([
  {},
  { properties: null },
  { properties: [] },
  { properties: { a: null, b: 'text', c: [], d: { properties: 7 } } },
  { dynamic_templates: [{ x: { mapping: { type: 'double' } } }] },
  { mappings: { properties: { a: { type: 'double' } } } },
  { properties: { a: { type: 'text', fields: { n: { type: 'double' } } } } },
])('mappings without such a field cost nothing: %j', (mappings) => {
  expect(numericFields(mappings)).toBeUndefined();
});

test('a transform gets numbers too', async () => {
  const about = { keys: {}, event: 'INSERT', table: 't', numbers: numericFields({ properties: { p: { type: 'geo_point' } } }) } as const;
  const input: unknown[] = [];
  await transformed(
    (document, { oldDocument }) => {
      input.push(document, oldDocument);
      return document;
    },
    about,
    { p: numbers('1', '2') },
    { p: numbers('3') },
    1000,
  );
  expect(input).toEqual([{ p: [1, 2] }, { p: [3] }]);
});

test('nothing but lists of numbers is changed by them', () => {
  const { attribute } = fc.letrec<{ attribute: Attribute }>((tie) => ({
    attribute: fc.oneof(
      { maxDepth: 5 },
      fc.constantFrom<Attribute>({ N: '1.50' }, { S: 'x' }, { BOOL: true }, { NULL: true }, { NS: ['1', '2'] }),
      fc.array(tie('attribute'), { maxLength: 4 }).map((L) => ({ L })),
      fc.dictionary(fc.constantFrom('a', 'b', 'a.b', '_id', ''), tie('attribute'), { maxKeys: 4 }).map((M) => ({ M })),
    ),
  }));
  const fields = numericFields({ properties: { a: { type: 'geo_shape' }, b: { properties: { a: { type: 'date' } } } } });
  fc.assert(
    fc.property(fc.dictionary(fc.constantFrom('a', 'b', 'c', 'b.a'), attribute), (image) => {
      // Quotes are escaped once more in each JSON text inside another.
      const alike = (text: string): string => text.replace(/(\\*)"(-?\d+(?:\.\d+)?)\1"/g, '$2');
      expect(alike(documentText(image, undefined, fields))).toBe(alike(documentText(image)));
    }),
    { numRuns: 500, examples: [[{ a: { L: [{ M: { a: { L: [{ S: 'x' }, { M: { a: { L: [{ N: '1.50' }] } } }] } } }, { N: '1' }] } }]] },
  );
});
