import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { Attribute, AttributeMap } from '../../../handler/records/attribute.ts';
import { documentText } from '../../../handler/documents/document.ts';

const one = (attribute: unknown): string => documentText({ a: attribute as Attribute }).slice('{"a":'.length, -1);

describe('a document has the value of every attribute type', () => {
  test.each<[string, unknown, string]>([
    ['S', { S: 'text "with" \\ and \u0000 and é' }, JSON.stringify('text "with" \\ and \u0000 and é')],
    ['an empty S', { S: '' }, '""'],
    ['N, a whole number', { N: '42' }, '42'],
    ['N with 38 digits', { N: '12345678901234567890123456789012345678' }, '12345678901234567890123456789012345678'],
    ['N with trailing zeros', { N: '1.50' }, '1.50'],
    [
      'N as large as DynamoDB has them',
      { N: '9.9999999999999999999999999999999999999E+125' },
      '9.9999999999999999999999999999999999999E+125',
    ],
    ['N as small as DynamoDB has them', { N: '-1E-130' }, '-1E-130'],
    ['N in a form that JSON does not know', { N: '+007.' }, '7'],
    ['N without a whole part', { N: '-.5e3' }, '-0.5e3'],
    ['BOOL', { BOOL: false }, 'false'],
    ['NULL', { NULL: true }, 'null'],
    ['B', { B: 'AP+A' }, '"AP+A"'],
    ['SS', { SS: ['b', 'a'] }, '["b","a"]'],
    ['BS', { BS: ['AQ=='] }, '["AQ=="]'],
    ['NS', { NS: ['1', '2.50'] }, '[1,2.50]'],
    ['M', { M: { n: { N: '1' }, m: { M: {} } } }, '{"n":1,"m":{}}'],
    ['an empty L', { L: [] }, '[]'],
  ])('%s', (_, attribute, text) => {
    expect(one(attribute)).toBe(text);
  });
});

describe('a list never mixes kinds', () => {
  test.each<[string, unknown[], string]>([
    ['numbers are strings of their digits', [{ N: '1.0' }, { N: '12345678901234567890' }], '["1.0","12345678901234567890"]'],
    ['booleans stay booleans among themselves', [{ BOOL: true }, { NULL: true }, { BOOL: false }], '[true,null,false]'],
    ['booleans become strings beside another kind', [{ BOOL: true }, { S: 'x' }], '["true","x"]'],
    ['maps stay objects among themselves, and numbers in them numbers', [{ M: { n: { N: '1' } } }, { NULL: true }], '[{"n":1},null]'],
    ['maps become JSON text beside another kind', [{ M: { n: { N: '1' } } }, { N: '2' }], '["{\\"n\\":1}","2"]'],
    ['the text of a map is that of the shaped map', [{ M: { _id: { S: 'x' } } }, { S: 'y' }], '["{\\"__id\\":\\"x\\"}","y"]'],
    ['sets are lists of strings', [{ NS: ['1'] }, { SS: ['a'] }, { BS: ['AQ=='] }], '[["1"],["a"],["AQ=="]]'],
    ['nested lists are judged with the outer one', [{ BOOL: true }, { L: [{ S: 'x' }, { M: {} }] }], '["true",["x","{}"]]'],
    ['a boolean deep inside is judged too', [{ L: [{ L: [{ BOOL: true }] }] }, { N: '1' }], '[[["true"]],"1"]'],
    ['a list inside a map is judged by itself', [{ M: { l: { L: [{ BOOL: true }] } } }, { M: {} }], '[{"l":[true]},{}]'],
    ['null is not a kind', [{ NULL: true }], '[null]'],
  ])('%s', (_, list, text) => {
    expect(one({ L: list })).toBe(text);
  });
});

test('attributes called like members of every object do no harm', () => {
  const image = JSON.parse(
    '{"__proto__":{"S":"p"},"constructor":{"M":{"toJSON":{"S":"t"},"__proto__":{"N":"1"}}},"hasOwnProperty":{"BOOL":true}}',
  ) as AttributeMap;
  expect(documentText(image)).toBe('{"__proto__":"p","constructor":{"toJSON":"t","__proto__":1},"hasOwnProperty":true}');
});

test('an item of 32 levels is written whole', () => {
  let attribute: Attribute = { N: '1' };
  for (let level = 0; level < 31; level++) attribute = level % 2 === 0 ? { L: [attribute] } : { M: { m: attribute } };
  expect(() => JSON.parse(documentText({ m: attribute })) as unknown).not.toThrow();
});

describe('an invalid attribute value is malformed, with the attribute and without its value', () => {
  test.each<[string, unknown]>([
    ['an unknown type', { X: 'secret' }],
    ['two types', { S: 'secret', N: '1' }],
    ['no type', {}],
    ['null', null],
    ['a text', 'secret'],
    ['an S that is a number', { S: 5 }],
    ['an N that is not a number', { N: 'secret' }],
    ['an N without digits', { N: '.' }],
    ['an L that is not a list', { L: { 0: { S: 'secret' } } }],
    ['an M that is a list', { M: [] }],
    ['a BOOL that is a text', { BOOL: 'secret' }],
    ['an NS with an item that is not a number', { NS: ['secret'] }],
    ['an NS in a list with an item that is not a number', { L: [{ NS: ['secret'] }] }],
  ])('%s', (_, attribute) => {
    expect(() => one(attribute)).toThrow(/"a"/);
    expect(() => one(attribute)).not.toThrow(/secret/);
  });
});

test('maps in mixed lists inside each other are refused before they outgrow their item', () => {
  // Each level escapes the quotes and backslashes of the one inside: 32 levels would need gigabytes.
  let attribute: Attribute = { S: '"'.repeat(1000) };
  for (let level = 0; level < 16; level++) attribute = { L: [{ S: 'x' }, { M: { m: attribute } }] };
  expect(() => documentText({ a: attribute })).toThrow(/more than 32 times as long as its item/);
});

test('a map nested deeper than the stack allows is refused, not a crash', () => {
  const text = `{"a":${'{"M":{"a":'.repeat(5000)}{"S":"x"}${'}}'.repeat(5000)}}`;
  expect(() => documentText(JSON.parse(text) as AttributeMap)).toThrow(/deeper than/);
  const lists = `{"a":${'{"L":['.repeat(5000)}{"S":"x"}${']}'.repeat(5000)}}`;
  expect(() => documentText(JSON.parse(lists) as AttributeMap)).toThrow(/deeper than/);
});

/** Any attribute value, with the document value that it must come to; numbers as `{ digits }`. */
const digits = fc.bigInt({ min: -(10n ** 37n), max: 10n ** 37n }).map(String);
const scalar: fc.Arbitrary<Attribute> = fc.oneof(
  fc.string().map((S) => ({ S })),
  digits.map((N) => ({ N })),
  fc.boolean().map((BOOL) => ({ BOOL })),
  fc.constant({ NULL: true }),
  fc.uint8Array().map((bytes) => ({ B: Buffer.from(bytes).toString('base64') })),
  fc.uniqueArray(fc.string(), { minLength: 1 }).map((SS) => ({ SS })),
  fc.uniqueArray(digits, { minLength: 1 }).map((NS) => ({ NS })),
);
const { attribute } = fc.letrec<{ attribute: Attribute }>((tie) => ({
  attribute: fc.oneof(
    { maxDepth: 5, withCrossShrink: true },
    scalar,
    fc.array(tie('attribute'), { maxLength: 5 }).map((L) => ({ L })),
    fc.dictionary(fc.string({ minLength: 1 }), tie('attribute'), { maxKeys: 5 }).map((M) => ({ M })),
  ),
}));

test('any item is one line of JSON in which no list mixes kinds and no number lost a digit', () => {
  fc.assert(
    fc.property(fc.dictionary(fc.stringMatching(/^[a-z]{1,5}$/), attribute), (image) => {
      const text = documentText(image);
      expect(text).not.toMatch(/[\n\r]/);
      const document = JSON.parse(text) as Record<string, unknown>;
      expect(Object.keys(document).sort()).toEqual(Object.keys(image).sort());
      for (const value of Object.values(document)) expectUniformLists(value);
      for (const [name, value] of Object.entries(image)) {
        if (typeof value.N === 'string') expect(text).toContain(`"${name}":${value.N}`);
        if (typeof value.S === 'string') expect(document[name]).toBe(value.S);
        if (typeof value.B === 'string') expect(document[name]).toBe(value.B);
      }
    }),
  );
});

function expectUniformLists(value: unknown): void {
  if (Array.isArray(value)) {
    // Sets of numbers have no other neighbours; all other lists are of strings, of booleans or of objects.
    const kinds = new Set(
      value
        .flat(Infinity)
        .filter((item) => item !== null)
        .map((item) => typeof item),
    );
    expect(kinds.size).toBeLessThanOrEqual(1);
    value.forEach(expectUniformLists);
  } else if (typeof value === 'object' && value !== null) {
    Object.values(value).forEach(expectUniformLists);
  }
}
