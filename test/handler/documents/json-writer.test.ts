import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { joined, JsonWriter, type ByteRange } from '../../../handler/documents/json-writer.ts';

const writer = (limit = 1e6): JsonWriter => new JsonWriter(limit, () => new RangeError('too long'));
const text = (...ranges: ByteRange[]): string => Buffer.concat(joined(ranges)).toString();

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

test('ranges that were taken stay unchanged when the slab is full and others follow', () => {
  const json = writer();
  const texts = Array.from({ length: 2000 }, (_, i) => `${i} ${'é'.repeat(i % 700)}`);
  const ranges = texts.map((text) => {
    json.string(text);
    return json.take();
  });
  expect(ranges.map((range) => JSON.parse(text(range)) as unknown)).toEqual(texts);
});

test('adjacent ranges are joined without a copy, others are parts of their own', () => {
  const json = writer();
  const ranges = Array.from({ length: 3000 }, (_, i) => {
    json.string(`range ${i} ${'x'.repeat(300)}`);
    return json.take();
  });
  const parts = joined(ranges);
  expect(parts.length).toBeGreaterThan(1);
  expect(parts.length).toBeLessThan(10);
  expect(parts.every(({ buffer }) => ranges.some((range) => range.buffer.buffer === buffer))).toBe(true);
  const every = (at: number): ByteRange[] => ranges.filter((_, i) => i % 2 === at);
  expect(text(...every(0), ...every(1))).toBe([...every(0), ...every(1)].map((range) => text(range)).join(''));
  expect(joined([])).toEqual([]);
});

test('an open range moves whole to the next slab', () => {
  const json = writer();
  const parts = Array.from({ length: 30_000 }, (_, i) => `part ${i} of one range`);
  for (const part of parts) json.string(part);
  expect(text(json.take())).toBe(parts.map((part) => JSON.stringify(part)).join(''));
});

test('the bytes that are cut off come back as text and are not in the range', () => {
  const json = writer();
  json.ascii('{"kept":');
  const { length } = json;
  json.string('größer');
  expect(json.cut(length)).toBe('"größer"');
  json.ascii('1}');
  expect(text(json.take())).toBe('{"kept":1}');
});

describe('a range over the limit is refused', () => {
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
