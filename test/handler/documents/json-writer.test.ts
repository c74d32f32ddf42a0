import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { joined, JsonWriter, type Piece } from '../../../handler/documents/json-writer.ts';

const writer = (limit = 1e6): JsonWriter => new JsonWriter(limit, () => new RangeError('too long'));
const text = (...pieces: Piece[]): string => Buffer.concat(joined(pieces)).toString();

test('a string is written as JSON.stringify writes it, whatever its length and characters', () => {
  const json = writer();
  const strings = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 100 }),
    fc.string({ unit: fc.constantFrom('a', '"', '\\', '\n', '\u007f', 'é', '\ud800', '€') }),
    fc.string({ minLength: 1000, maxLength: 2000 }),
  );
  fc.assert(
    fc.property(strings, (value) => {
      json.string(value);
      expect(text(json.take())).toBe(JSON.stringify(value));
    }),
  );
});

test('a decimal is written where JSON has a number without exponent, and nothing where it has none', () => {
  const json = writer();
  const grammar = /^-?(?:0|[1-9]\d*)(?:\.\d+)?$/;
  const all = (digits: string): void => {
    expect([digits, json.decimal(digits)]).toEqual([digits, grammar.test(digits)]);
    expect(text(json.take())).toBe(grammar.test(digits) ? digits : '');
    if (digits.length < 4) for (const character of '-.019e+ ') all(digits + character);
  };
  all('');
});

test('pieces that were taken stay as they are when the slab is full and others follow', () => {
  const json = writer();
  const texts = Array.from({ length: 2000 }, (_, i) => `${i} ${'é'.repeat(i % 700)}`);
  const pieces = texts.map((text) => {
    json.string(text);
    return json.take();
  });
  expect(pieces.map((piece) => JSON.parse(text(piece)) as unknown)).toEqual(texts);
});

test('pieces that lie side by side are joined without a copy, others are parts of their own', () => {
  const json = writer();
  const pieces = Array.from({ length: 3000 }, (_, i) => {
    json.string(`piece ${i} ${'x'.repeat(300)}`);
    return json.take();
  });
  const parts = joined(pieces);
  expect(parts.length).toBeGreaterThan(1);
  expect(parts.length).toBeLessThan(10);
  expect(parts.every(({ buffer }) => pieces.some((piece) => piece.buffer.buffer === buffer))).toBe(true);
  const every = (at: number): Piece[] => pieces.filter((_, i) => i % 2 === at);
  expect(text(...every(0), ...every(1))).toBe([...every(0), ...every(1)].map((piece) => text(piece)).join(''));
  expect(joined([])).toEqual([]);
});

test('an open piece moves whole to the next slab', () => {
  const json = writer();
  const parts = Array.from({ length: 30_000 }, (_, i) => `part ${i} of one piece`);
  for (const part of parts) json.string(part);
  expect(text(json.take())).toBe(parts.map((part) => JSON.stringify(part)).join(''));
});

test('what is cut off comes back as text and is not in the piece', () => {
  const json = writer();
  json.ascii('{"kept":');
  const { length } = json;
  json.string('größer');
  expect(json.cut(length)).toBe('"größer"');
  json.ascii('1}');
  expect(text(json.take())).toBe('{"kept":1}');
});

describe('a piece over the limit is refused', () => {
  test('at the latest when it is taken', () => {
    const json = writer(10);
    json.string('123456789');
    expect(() => json.take()).toThrow(RangeError);
    json.truncate(0);
    json.string('12345678');
    expect(text(json.take())).toBe('"12345678"');
  });

  test('before room is made for it', () => {
    const json = writer(1_000_000);
    expect(() => {
      json.string('x'.repeat(2_000_000));
    }).toThrow(RangeError);
    expect(() => {
      for (;;) json.ascii('12345678');
    }).toThrow(RangeError);
  });
});
