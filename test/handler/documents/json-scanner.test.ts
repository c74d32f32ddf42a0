import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { JsonScanner, membersOf } from '../../../handler/documents/json-scanner.ts';

const WHITE_SPACE = fc.constantFrom(undefined, 1, '\t', '\r\n ');

test('the members that are cut out of any object are its values', () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string({ unit: 'grapheme' }), fc.jsonValue()), WHITE_SPACE, (object, space) => {
      // Assigning a member of this name would change the prototype.
      fc.pre(!Object.hasOwn(object, '__proto__'));
      const members = membersOf(new JsonScanner(JSON.stringify(object, null, space)));
      expect(Object.keys(members).sort()).toEqual(Object.keys(object).sort());
      for (const [name, text] of Object.entries(members)) expect(JSON.parse(text ?? '')).toEqual(JSON.parse(JSON.stringify(object[name])));
    }),
  );
});

test('the items that are cut out of any list are its values', () => {
  fc.assert(
    fc.property(fc.array(fc.jsonValue()), WHITE_SPACE, (list, space) => {
      const scanner = new JsonScanner(JSON.stringify(list, null, space));
      const items: unknown[] = [];
      scanner.list(() => {
        items.push(JSON.parse(scanner.value()));
      });
      expect(items).toEqual(JSON.parse(JSON.stringify(list)));
    }),
  );
});

test('a value keeps its digits, its escapes and its form', () => {
  const text = '{"n":12345678901234567890.10,"s":"a\\"]}\\\\","o":{ "a" : [1, {"b":"}"}] }}';
  expect(membersOf(new JsonScanner(text))).toEqual({ n: '12345678901234567890.10', s: '"a\\"]}\\\\"', o: '{ "a" : [1, {"b":"}"}] }' });
});

describe('a text that ends too early is an error, wherever it ends', () => {
  const text = '{"a":[1,true,{"b":"c\\"d"}],"e":-1.5e3,"f":"g"}';
  test.each(Array.from({ length: text.length }, (_, end) => text.slice(0, end)))('%s', (part) => {
    expect(() => membersOf(new JsonScanner(part))).toThrow(SyntaxError);
  });
});

test.each(['[1]', '{"a" 1}', '{1:2}', '{"a":}'])('a text of another form is an error: %s', (text) => {
  expect(() => membersOf(new JsonScanner(text))).toThrow(SyntaxError);
});
