import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { fieldNames, needsRename } from '../../../handler/documents/field-names.ts';

const renamed = (...names: string[]): Record<string, string> => Object.fromEntries(fieldNames(names));

describe('a name that an engine keeps for itself gets its first underscore doubled', () => {
  test.each([
    ['_id', '__id'],
    ['_source', '__source'],
    ['_type', '__type'],
    ['_seq_no', '__seq_no'],
    ['_ignored.x', '__ignored.x'],
    ['_tombstone', '__tombstone'],
    ['__soft_deletes', '___soft_deletes'],
  ])('%s', (name, field) => {
    expect(renamed(name)).toEqual({ [name]: field });
  });

  test.each(['id', '_foo', 'a._id', '__id', '_ids', 'uid', 'a.b', ' a', 'a*b', 'é', 'constructor', '__proto__'])('%s stays', (name) => {
    expect(needsRename(name)).toBe(false);
    expect(renamed(name)[name]).toBe(name);
  });
});

describe('empty and blank segments become an underscore', () => {
  test.each([
    ['', '_'],
    [' ', '_'],
    ['\t\n', '_'],
    ['\u00a0', '_'],
    ['\u001f', '_'],
    ['.', '_._'],
    ['a.', 'a._'],
    ['.a', '_.a'],
    ['a..b', 'a._.b'],
    ['a. .b', 'a._.b'],
  ])('%j', (name, field) => {
    expect(renamed(name)).toEqual({ [name]: field });
  });
});

test('the name that needed no change keeps it where two collide', () => {
  expect(renamed('_id', '__id', '___id')).toEqual({ _id: '____id', __id: '__id', ___id: '___id' });
  expect(renamed('', '_', ' ')).toEqual({ '': '__', _: '_', ' ': '___' });
  expect(renamed('a..b', 'a. .b', 'a._.b')).toEqual({ 'a. .b': 'a.__.b', 'a..b': 'a.___.b', 'a._.b': 'a._.b' });
});

const name = fc.oneof(fc.stringMatching(/^[_ .a]{0,4}$/), fc.constantFrom('_id', '__id', '___id', '_id.', '_source', 'constructor'));

test('no two names of a map share a field, whatever their order, and none needs a further change', () => {
  fc.assert(
    fc.property(fc.uniqueArray(name), fc.infiniteStream(fc.nat()), (names, random) => {
      const fields = fieldNames(names);
      expect(new Set(fields.values()).size).toBe(names.length);
      for (const field of fields.values()) expect(needsRename(field)).toBe(false);
      const shuffled = names.map((value) => ({ value, at: random.next().value as number })).sort((a, b) => a.at - b.at);
      expect(new Map([...fieldNames(shuffled.map(({ value }) => value))].sort())).toEqual(new Map([...fields].sort()));
    }),
  );
});
