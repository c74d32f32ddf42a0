// The key of an item from the id of its document: the way back of document-id.ts.
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { KeyAttribute } from '../../../formats/slice.ts';
import { idOf, keyOfId, keyOfItem } from '../../../handler/records/item-key.ts';

type Type = KeyAttribute['type'];
const digits = fc
  .tuple(fc.constantFrom('', '-'), fc.bigInt({ min: 1n, max: 10n ** 38n - 1n }), fc.integer({ min: 0, max: 60 }), fc.boolean())
  .map(([sign, all, places, isFraction]) => {
    if (!isFraction) return `${sign}${all}${'0'.repeat(places)}`;
    const text = String(all)
      .replace(/0+$/, '')
      .padStart(places + 1, '0');
    return `${sign}${places === 0 ? text : `${text.slice(0, -places)}.${text.slice(-places)}`}`;
  });
/** Values as DynamoDB has them in keys, by type. */
const VALUES: Record<Type, fc.Arbitrary<string>> = {
  S: fc.oneof(
    fc.string({ unit: 'binary', minLength: 1, maxLength: 40 }),
    fc.string({ unit: fc.constantFrom('|', '\\', '~', 'a', 'é', '😀'), minLength: 1, maxLength: 40 }),
    fc.string({ unit: fc.constantFrom('x', '€', '|'), minLength: 200, maxLength: 600 }),
  ),
  N: fc.oneof(digits, fc.constant('0')),
  B: fc.uint8Array({ minLength: 1, maxLength: 30 }).map((value) => Buffer.from(value).toString('base64')),
};
const TYPES = Object.keys(VALUES) as Type[];
const key = fc.tuple(fc.constantFrom(...TYPES), fc.option(fc.constantFrom(...TYPES), { nil: undefined })).chain(([hash, range]) =>
  fc.tuple(VALUES[hash], range === undefined ? fc.constant('') : VALUES[range]).map(([hashValue, rangeValue]) =>
    range === undefined
      ? { keys: [{ name: 'pk', type: hash }], key: { pk: { [hash]: hashValue } } }
      : {
          keys: [
            { name: 'pk', type: hash },
            { name: 'sk', type: range },
          ],
          key: { pk: { [hash]: hashValue }, sk: { [range]: rangeValue } },
        },
  ),
);

test('every key comes back from its id, and of a shortened id none', () => {
  let [back, shortened] = [0, 0];
  fc.assert(
    fc.property(key, ({ keys, key: wanted }) => {
      const id = idOf(wanted, keys);
      const isShortened = /~[0-9a-f]{64}$/.test(id) && Buffer.byteLength(id) > 500;
      expect(keyOfId(id, keys)).toEqual(isShortened ? undefined : wanted);
      if (isShortened) shortened++;
      else back++;
    }),
    { numRuns: 2000 },
  );
  expect(back).toBeGreaterThan(500);
  expect(shortened).toBeGreaterThan(10);
});

test('whatever the id, a key that it gives has that very id', () => {
  const anyId = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 30 }),
    fc.string({ unit: fc.constantFrom('|', '\\', '0', '1', '-', '.', 'A', '='), maxLength: 12 }),
  );
  fc.assert(
    fc.property(anyId, key, (id, { keys }) => {
      const found = keyOfId(id, keys);
      if (found !== undefined) expect(idOf(found, keys)).toBe(id);
    }),
    { numRuns: 2000 },
  );
});

describe('an id that no key of the table has gives none', () => {
  const S = (...names: string[]): KeyAttribute[] => names.map((name) => ({ name, type: 'S' }));
  const N: KeyAttribute[] = [{ name: 'pk', type: 'N' }];
  test.each<[string, string, KeyAttribute[]]>([
    ['a text for a number', 'abc', N],
    ['zeros in front', '07', N],
    ['zeros behind the point', '7.0', N],
    ['a sign of zero', '-0', N],
    ['a plus', '+7', N],
    ['39 digits', '1'.repeat(39), N],
    ['a number of 10E170', `1${'0'.repeat(180)}`, N],
    ['base64 without its end', 'AQ', [{ name: 'pk', type: 'B' }]],
    ['no base64', 'a b', [{ name: 'pk', type: 'B' }]],
    ['no range key', 'a', S('pk', 'sk')],
    ['an empty range key', 'a|', S('pk', 'sk')],
    ['an empty hash key', '|a', S('pk', 'sk')],
    ['an escape of nothing', 'a\\b|c', S('pk', 'sk')],
    ['half a character', '\ud800', S('pk')],
    ['nothing', '', S('pk')],
    ['a key of no attributes', 'a', []],
  ])('%s', (_, id, keys) => {
    expect(keyOfId(id, keys)).toBeUndefined();
  });
});

test('the key of an item has its key attributes alone', () => {
  const keys: KeyAttribute[] = [
    { name: 'pk', type: 'S' },
    { name: 'sk', type: 'N' },
  ];
  expect(keyOfItem({ sk: { N: '1' }, more: { S: 'x' }, pk: { S: 'a' } }, keys)).toEqual({ pk: { S: 'a' }, sk: { N: '1' } });
});
