import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { JsonWriter } from '../../handler/json-writer.ts';

const writer = (limit = 1e6): JsonWriter => new JsonWriter(limit, () => new RangeError('too long'));

test('a string is written as JSON.stringify writes it, whatever its length and characters', () => {
  const json = writer();
  const text = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 100 }),
    fc.string({ unit: fc.constantFrom('a', '"', '\\', '\n', '\u007f', 'é', '\ud800', '€') }),
    fc.string({ minLength: 1000, maxLength: 2000 }),
  );
  fc.assert(
    fc.property(text, (value) => {
      json.string(value);
      expect(json.take().toString()).toBe(JSON.stringify(value));
    }),
  );
});

test('a decimal is written where JSON has a number without exponent, and nothing where it has none', () => {
  const json = writer();
  const grammar = /^-?(?:0|[1-9]\d*)(?:\.\d+)?$/;
  const all = (text: string): void => {
    expect([text, json.decimal(text)]).toEqual([text, grammar.test(text)]);
    expect(json.take().toString()).toBe(grammar.test(text) ? text : '');
    if (text.length < 4) for (const character of '-.019e+ ') all(text + character);
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
  expect(pieces.map((piece) => JSON.parse(piece.toString()) as unknown)).toEqual(texts);
});

test('an open piece moves whole to the next slab', () => {
  const json = writer();
  const parts = Array.from({ length: 30_000 }, (_, i) => `part ${i} of one piece`);
  for (const part of parts) json.string(part);
  expect(json.take().toString()).toBe(parts.map((part) => JSON.stringify(part)).join(''));
});

test('what is cut off comes back as text and is not in the piece', () => {
  const json = writer();
  json.ascii('{"kept":');
  const { length } = json;
  json.string('größer');
  expect(json.cut(length)).toBe('"größer"');
  json.ascii('1}');
  expect(json.take().toString()).toBe('{"kept":1}');
});

describe('a piece over the limit is refused', () => {
  test('at the latest when it is taken', () => {
    const json = writer(10);
    json.string('123456789');
    expect(() => json.take()).toThrow(RangeError);
    json.truncate(0);
    json.string('12345678');
    expect(json.take().toString()).toBe('"12345678"');
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
