// Equal documents compare equal in every order and spelling that changes nothing, and every other change is found.
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { isSameDocument } from '../../../handler/documents/comparison.ts';
import { documentText } from '../../../handler/documents/document.ts';
import type { Attribute, AttributeMap } from '../../../handler/records/attribute.ts';

/** A number's text as JSON has it. */
class Spelled {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

const digits = (max: number): fc.Arbitrary<string> =>
  fc
    .tuple(fc.integer({ min: 1, max: 9 }), fc.array(fc.integer({ min: 0, max: 9 }), { maxLength: max - 1 }))
    .map(([first, rest]) => [first, ...rest].join(''));
/** As DynamoDB has them: up to 38 digits, from 1E-130 to 1E125. */
const number = fc
  .tuple(fc.constantFrom('', '-'), digits(38), fc.integer({ min: 0, max: 37 }), fc.constantFrom('', 'E+80', 'E-80'))
  .map(([sign, all, point, exponent]) =>
    point === 0 || point >= all.length ? `${sign}${all}${exponent}` : `${sign}${all.slice(0, point)}.${all.slice(point)}${exponent}`,
  );
const text = fc.string({ unit: 'binary', maxLength: 12 });
const bytes = fc.uint8Array({ minLength: 1, maxLength: 9 }).map((value) => Buffer.from(value).toString('base64'));
const name = fc.oneof(text, fc.constantFrom('_id', '', '.', '__proto__', 'constructor', 'a.b', '_source', 'n'));
const setOf = (member: fc.Arbitrary<string>): fc.Arbitrary<string[]> => fc.uniqueArray(member, { minLength: 1, maxLength: 5 });

const { attribute } = fc.letrec<{ attribute: Attribute; map: AttributeMap }>((tie) => ({
  attribute: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    text.map((S) => ({ S })),
    number.map((N) => ({ N })),
    bytes.map((B) => ({ B })),
    fc.boolean().map((BOOL) => ({ BOOL })),
    fc.constant({ NULL: true }),
    setOf(text).map((SS) => ({ SS })),
    setOf(number).map((NS) => ({ NS })),
    setOf(bytes).map((BS) => ({ BS })),
    fc.array(tie('attribute'), { maxLength: 4 }).map((L) => ({ L })),
    tie('map').map((M) => ({ M })),
  ),
  map: fc.dictionary(name, tie('attribute'), { maxKeys: 4 }),
}));
const image: fc.Arbitrary<AttributeMap> = fc.dictionary(name, attribute, { minKeys: 1, maxKeys: 5 });
/** Numbers in [0, 1), the same ones for the same seed. */
const dice = fc.infiniteStream(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })).map((stream) => () => {
  const { value } = stream.next() as { value: number };
  return value;
});

function shuffled<Item>(items: readonly Item[], random: () => number): Item[] {
  const left = [...items];
  return items.map(() => left.splice(Math.floor(random() * left.length), 1)[0] as Item);
}

/** The same item, its attributes and sets in another order. */
function reordered(map: AttributeMap, random: () => number): AttributeMap {
  const inOrder = (value: Attribute): Attribute => {
    const { SS, NS, BS, L, M } = value as { SS?: string[]; NS?: string[]; BS?: string[]; L?: Attribute[]; M?: AttributeMap };
    if (SS !== undefined) return { SS: shuffled(SS, random) };
    if (NS !== undefined) return { NS: shuffled(NS, random) };
    if (BS !== undefined) return { BS: shuffled(BS, random) };
    if (L !== undefined) return { L: L.map(inOrder) };
    return M === undefined ? value : { M: reordered(M, random) };
  };
  return Object.fromEntries(shuffled(Object.entries(map), random).map(([key, value]) => [key, inOrder(value)]));
}

/** Another way to write a number. */
function respelled(source: string, random: () => number): string {
  const [, sign = '', whole = '', fraction = '', exponent = '0'] = /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(source) ?? [];
  const zeros = '0'.repeat(Math.floor(random() * 3));
  const plain = `${sign}${whole}${fraction}${zeros}`.replace(/^(-?)0+(?=\d)/, '$1');
  const power = Number(exponent) - fraction.length - zeros.length;
  return `${plain}${random() < 0.5 ? 'e' : 'E'}${power >= 0 && random() < 0.5 ? '+' : ''}${power}`;
}

/** The same JSON value with other spaces, orders of keys and spellings of numbers. */
function rewritten(source: string, random: () => number): string {
  const space = (): string => [' ', '\n', '', '\t'][Math.floor(random() * 4)] ?? '';
  const write = (value: unknown): string => {
    if (value instanceof Spelled) return respelled(value.text, random);
    if (Array.isArray(value)) return `[${space()}${value.map(write).join(`,${space()}`)}]`;
    if (typeof value !== 'object' || value === null) return JSON.stringify(value);
    const members = shuffled(Object.entries(value), random).map(([key, member]) => `${JSON.stringify(key)}${space()}:${write(member)}`);
    return `{${members.join(`${space()},`)}}`;
  };
  return write(
    JSON.parse(source, (_, value: unknown, context?: { source?: string }) =>
      typeof value === 'number' ? new Spelled(context?.source ?? '') : value,
    ),
  );
}

const of = (one: Attribute): AttributeMap => ({ a: one });
const isSame = (one: AttributeMap, indexed: string): boolean => isSameDocument(documentText(one), indexed, one);

test('the same item compares equal in every order of its keys and sets, and every spelling of its numbers', () => {
  fc.assert(
    fc.property(image, dice, (one, random) => {
      const other = documentText(reordered(one, random));
      expect(isSame(one, other)).toBe(true);
      expect(isSame(one, rewritten(other, random))).toBe(true);
    }),
    { numRuns: 400 },
  );
});

test('an attribute that is changed, added or left out is found, wherever it is', () => {
  const changed: fc.Arbitrary<[Attribute, Attribute]> = fc.oneof(
    fc.tuple(attribute, attribute).filter(([a, b]) => documentText(of(a)) !== documentText(of(b))),
    number.map((N): [Attribute, Attribute] => [{ N }, { N: `-${N}`.replace('--', '') }]),
    setOf(text).map((SS): [Attribute, Attribute] => [{ SS }, { SS: [...SS, SS.join('') + 'x'] }]),
  );
  fc.assert(
    fc.property(image, changed, fc.array(fc.constantFrom('map', 'list', 'mixed')), (one, [a, b], around) => {
      fc.pre(!isSameDocument(documentText(of(a)), documentText(of(b)), of(a)));
      const within = (inner: Attribute): AttributeMap => ({
        ...one,
        a: around.reduce<Attribute>(
          (value, kind) =>
            kind === 'map' ? { M: { m: value } } : { L: kind === 'list' ? [value] : [{ M: { m: value } }, { S: 'x' }, { NULL: true }] },
          inner,
        ),
      });
      expect(isSame(within(a), documentText(within(b)))).toBe(false);
      fc.pre(!('further' in one));
      expect(isSame(one, documentText({ ...one, further: { NULL: true } }))).toBe(false);
      expect(isSame({ ...one, further: { NULL: true } }, documentText(one))).toBe(false);
    }),
    { numRuns: 300 },
  );
});

test('one digit of 38 differs, at whatever place', () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 0, max: 9 }), { minLength: 37, maxLength: 37 }),
      fc.integer({ min: 0, max: 36 }),
      fc.integer({ min: 1, max: 9 }),
      (rest, at, by) => {
        const other = rest.map((digit, i) => (i === at ? (digit + by) % 10 : digit));
        expect(isSame(of({ N: `1${rest.join('')}` }), `{"a":1${other.join('')}}`)).toBe(false);
        expect(isSame(of({ N: `0.1${rest.join('')}` }), `{"a":0.1${other.join('')}}`)).toBe(false);
      },
    ),
  );
});

describe('numbers are equal by value', () => {
  test.each(['1', '1.0', '1e0', '10e-1', '1.000', '1E+0', '0.1e1', '100E-2'])('1 is %s', (spelling) => {
    expect(isSame(of({ N: '1' }), `{"a":${spelling}}`)).toBe(true);
  });

  test.each(['0', '-0', '0.00', '0e9', '-0.0E-7'])('0 is %s', (spelling) => {
    expect(isSame(of({ N: '0' }), `{"a":${spelling}}`)).toBe(true);
  });

  test.each(['2', '-1', '1.0000000000000000000000000000000000001', '"1"', 'true', 'null', '[1]', '{}'])('1 is not %s', (other) => {
    expect(isSame(of({ N: '1' }), `{"a":${other}}`)).toBe(false);
  });

  test('beyond what a double can represent', () => {
    expect(isSame(of({ N: '9007199254740993' }), '{"a":9007199254740992}')).toBe(false);
    expect(isSame(of({ N: '1E+125' }), `{"a":1${'0'.repeat(125)}}`)).toBe(true);
    expect(isSame(of({ N: '1' }), '{"a":1e999}')).toBe(false);
  });
});

describe('a set has no order, and its members have kinds', () => {
  test.each<[string, Attribute, string, boolean]>([
    ['another order', { SS: ['a', 'b'] }, '["b","a"]', true],
    ['numbers spelled otherwise', { NS: ['1', '20'] }, '[2e1,1.0]', true],
    ['another member', { SS: ['a', 'b'] }, '["b","c"]', false],
    ['a member twice', { SS: ['a', 'b'] }, '["a","b","b"]', false],
    ['one member for another', { SS: ['a', 'b'] }, '["b","b"]', false],
    ['a text for a number', { NS: ['1'] }, '["1"]', false],
    ['true for its text', { SS: ['true'] }, '[true]', false],
    ['null for its text', { SS: ['null'] }, '[null]', false],
    ['a map for its text', { SS: ['[object Object]'] }, '[{"x":1}]', false],
    ['no list', { SS: ['a'] }, '"a"', false],
    ['a list in another order', { L: [{ S: 'a' }, { S: 'b' }] }, '["b","a"]', false],
  ])('%s', (_, one, indexed, same) => {
    expect(isSame(of(one), `{"a":${indexed}}`)).toBe(same);
  });

  test('not even within a map that is text, since its list has values of several kinds', () => {
    const mixed = (SS: string[]): AttributeMap => of({ L: [{ N: '1' }, { M: { set: { SS }, n: { N: '1' } } }] });
    expect(isSame(mixed(['a', 'b']), documentText(mixed(['b', 'a'])))).toBe(true);
    expect(isSame(mixed(['a', 'b']), documentText(mixed(['b', 'c'])))).toBe(false);
    expect(isSame(mixed(['a', 'b']), '{"a":["1","not JSON"]}')).toBe(false);
  });
});

test('what a transform returned is compared in its order, and its numbers by value', () => {
  expect(isSameDocument('{"a":["x","y"],"n":1}', '{"n":1.0,"a":["x","y"]}', undefined)).toBe(true);
  expect(isSameDocument('{"a":["x","y"]}', '{"a":["y","x"]}', undefined)).toBe(false);
});

test.each(['', '{', '{"a":1', 'null', '[]', '"{}"', '{"a":1}}'])("the document text %j is no item's", (indexed) => {
  expect(isSame(of({ N: '1' }), indexed)).toBe(false);
});

test('a name of JavaScript itself is a field like every other', () => {
  const one = JSON.parse('{"__proto__":{"S":"a"},"constructor":{"S":"b"},"toString":{"SS":["c","d"]}}') as AttributeMap;
  expect(isSame(one, '{"toString":["d","c"],"constructor":"b","__proto__":"a"}')).toBe(true);
  expect(isSame(one, '{"toString":["d","c"],"constructor":"b"}')).toBe(false);
  expect(isSame(of({ M: {} }), '{"a":{"__proto__":"a"}}')).toBe(false);
});
