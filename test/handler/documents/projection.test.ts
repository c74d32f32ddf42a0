import { expect, test } from '@jest/globals';
import type { AttributeMap } from '../../../handler/records/attribute.ts';
import { excluding, including } from '../../../handler/documents/projection.ts';

const item: AttributeMap = {
  a: { S: 'a' },
  m: { M: { x: { N: '1' }, y: { M: { z: { S: 'z' }, w: { S: 'w' } } } } },
  l: { L: [{ M: { x: { S: '1' }, y: { S: '2' } } }, { S: 'scalar' }, { M: { y: { S: '3' } } }] },
  'dotted.name': { S: 'd' },
};

test('include keeps exactly the named paths and what is below them', () => {
  expect(including(['a', 'm.y'])(item)).toEqual({ a: item.a, m: { M: { y: { M: { z: { S: 'z' }, w: { S: 'w' } } } } } });
  expect(including(['m.y.z'])(item)).toEqual({ m: { M: { y: { M: { z: { S: 'z' } } } } } });
});

test('include reaches into lists and leaves nothing empty behind', () => {
  expect(including(['l.x'])(item)).toEqual({ l: { L: [{ M: { x: { S: '1' } } }] } });
  expect(including(['m.none', 'l.none', 'a.none'])(item)).toEqual({});
});

test('exclude leaves out the named paths alone', () => {
  expect(excluding(['a', 'm.y.w', 'l.y', 'dotted.name'])(item)).toEqual({
    m: { M: { x: { N: '1' }, y: { M: { z: { S: 'z' } } } } },
    l: { L: [{ M: { x: { S: '1' } } }, { S: 'scalar' }, { M: {} }] },
  });
});

test.each([[null], ['text'], [7]])('an invalid attribute stays for the shaping to report: %j', (odd) => {
  const broken = { m: odd, l: { L: [odd, { M: { x: { S: '1' } } }] } } as unknown as AttributeMap;
  expect(including(['m.x', 'l.x'])(broken)).toEqual(broken);
  expect(excluding(['m.y', 'l.y'])(broken)).toEqual(broken);
});

test('a name with dots is reached by its own name', () => {
  expect(including(['dotted.name'])(item)).toEqual({ 'dotted.name': { S: 'd' } });
});
