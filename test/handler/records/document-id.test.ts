import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { documentId } from '../../../handler/records/document-id.ts';
import { externalVersion } from '../../../handler/records/external-version.ts';

const id = (hash: string, range?: string): string =>
  range === undefined ? documentId({ h: { S: hash } }, ['h']) : documentId({ r: { S: range }, h: { S: hash } }, ['h', 'r']);

test('the id is the hash key, or hash and range in the order of the key mapping', () => {
  expect(id('a')).toBe('a');
  expect(id('a', 'b')).toBe('a|b');
  expect(documentId({ sk: { N: '1.50' }, pk: { B: 'AQ==' } }, ['pk', 'sk'])).toBe('AQ==|1.50');
});

test('without a key mapping the order is that of the event', () => {
  expect(documentId({ sk: { S: 'b' }, pk: { S: 'a' } }, undefined)).toBe('b|a');
});

test('only the hash part of a composite id is escaped', () => {
  expect(id('a|b\\c')).toBe('a|b\\c');
  expect(id('a|b\\c', 'd|e\\f')).toBe('a\\|b\\\\c|d|e\\f');
});

test('an id of 512 bytes stays, a longer one becomes a readable prefix and its hash', () => {
  const limit = 'x'.repeat(512);
  expect(id(limit)).toBe(limit);
  const long = id(`${limit}x`);
  expect(long).toMatch(/^x{447}~[0-9a-f]{64}$/);
  expect(id(`${limit}x`)).toBe(long);
  expect(id(`${limit}y`)).not.toBe(long);
});

test('a long id is cut between characters', () => {
  for (const character of ['é', '€', '😀']) {
    for (let shift = 0; shift < 4; shift++) {
      const long = id('x'.repeat(shift) + character.repeat(600));
      expect(Buffer.byteLength(long)).toBeLessThanOrEqual(512);
      expect(Buffer.byteLength(long)).toBeGreaterThan(508);
      expect(long).not.toContain('\ufffd');
    }
  }
});

test('a key that looks like a shortened id does not take the place of the item that has it', () => {
  const shortened = id('x'.repeat(600));
  expect(id(shortened)).not.toBe(shortened);
});

describe('an invalid key is malformed', () => {
  test.each<[string, object, string[] | undefined]>([
    ['no attribute', {}, ['h']],
    ['three attributes', { a: { S: '1' }, b: { S: '1' }, c: { S: '1' } }, undefined],
    ['another attribute than the key mapping says', { x: { S: '1' } }, ['h']],
    ['one attribute more than the key mapping says', { h: { S: '1' }, r: { S: '2' } }, ['h']],
    ['a boolean', { h: { BOOL: true } }, ['h']],
    ['an empty text', { h: { S: '' } }, ['h']],
    ['null', { h: null }, ['h']],
  ])('%s', (_, keys, names) => {
    expect(() => documentId(keys as never, names)).toThrow(/key/);
  });
});

const part = fc.oneof(
  fc.string({ minLength: 1 }),
  fc.stringMatching(/^[|\\a~]{1,6}$/),
  fc.string({ minLength: 300, maxLength: 700, unit: 'grapheme' }),
);

test('no two keys of a table share an id, and every id fits', () => {
  fc.assert(
    fc.property(part, part, part, part, (h1, r1, h2, r2) => {
      expect(id(h1, r1) === id(h2, r2)).toBe(h1 === h2 && r1 === r2);
      expect(id(h1) === id(h2)).toBe(h1 === h2);
      expect(Buffer.byteLength(id(h1, r1))).toBeLessThanOrEqual(512);
    }),
  );
});

describe('the version', () => {
  test('is seconds and counter, with exact digits', () => {
    expect(externalVersion(1662410898, '2308098400000000006482232216')).toBe(String(1662410898n * 2n ** 29n + 23080984n));
    expect(externalVersion(1662410898.9, '2308098400000000006482232216')).toBe(String(1662410898n * 2n ** 29n + 23080984n));
  });

  test('has no counter where the sequence number has no upper digits', () => {
    expect(externalVersion(1, '000000000000000000042')).toBe(String(2n ** 29n));
    expect(externalVersion(1, '42')).toBe(String(2n ** 29n));
  });

  test('wraps a counter beyond 29 bits, of any length', () => {
    expect(externalVersion(1, `${2n ** 29n + 5n}${'0'.repeat(20)}`)).toBe(String(2n ** 29n + 5n));
    expect(externalVersion(1, `${'9'.repeat(36)}${'0'.repeat(20)}`)).toBe(String(2n ** 29n + (BigInt('9'.repeat(36)) % 2n ** 29n)));
  });

  test('grows with the counter within a second and with the second, and fits 63 bits', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 2 ** 34 - 2 }),
        fc.integer({ min: 0, max: 2 ** 29 - 2 }),
        fc.bigInt({ min: 0n, max: 10n ** 20n - 1n }),
        (seconds, counter, low) => {
          const number = (n: number): string => `${n}${String(low).padStart(20, '0')}`;
          const version = BigInt(externalVersion(seconds, number(counter)));
          expect(BigInt(externalVersion(seconds, number(counter + 1)))).toBeGreaterThan(version);
          expect(BigInt(externalVersion(seconds + 1, number(0)))).toBeGreaterThan(version);
          expect(version).toBeLessThan(2n ** 63n);
        },
      ),
    );
  });
});
