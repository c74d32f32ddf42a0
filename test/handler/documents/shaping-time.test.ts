// No item costs its batch the response, however long its document takes.
import { afterAll, beforeEach, expect, test } from '@jest/globals';
import type { Attribute, AttributeMap } from '../../../handler/records/attribute.ts';
import { documentText } from '../../../handler/documents/document.ts';
import { including } from '../../../handler/documents/projection.ts';
import { itemLimit, ShapingTime } from '../../../handler/documents/shaping-time.ts';
import type { Transform } from '../../../handler/documents/transform.ts';
import { startFakeCluster } from '../fake-cluster.ts';
import { testFunction, type TestFunction } from '../function.ts';
import { streamRecord } from '../records.ts';

const cluster = await startFakeCluster();
afterAll(() => cluster.stop());
beforeEach(() => void cluster.written.splice(0));

const FILE = 'transforms/orders.mjs';
/** A clock that goes on by a millisecond whenever it is looked at. */
function slowMachine(options: { include?: string[]; transform?: Transform } = {}): TestFunction {
  const { include, transform } = options;
  const fn = testFunction({
    endpoint: cluster.url,
    mapping: [{ TableName: 'orders' }],
    defaults: { ...(include === undefined ? {} : { include }), ...(transform === undefined ? {} : { transform: FILE }) },
    transforms: transform === undefined ? {} : { [FILE]: transform },
  });
  let time = Date.now();
  Object.assign(fn.runtime, { now: () => ++time });
  return fn;
}

const NUMBERS: readonly Attribute[] = Array.from({ length: 200_000 }, () => ({ N: '1' }));
const record = (pk: string, attributes: AttributeMap = {}): unknown => {
  const keys = { pk: { S: pk } };
  return streamRecord({ table: 'orders', keys, image: { ...keys, ...attributes } });
};

test.each<[string, AttributeMap, Parameters<typeof slowMachine>[0]]>([
  ['a list', { l: { L: NUMBERS } }, {}],
  ['a map', { m: { M: Object.fromEntries(NUMBERS.map((number, i) => [`n${i}`, number])) } }, {}],
  ['a set', { s: { NS: NUMBERS.map((_, i) => String(i)) } }, {}],
  ['maps that include reads', { l: { L: NUMBERS } }, { include: ['pk', 'l.x'] }],
  ['the input of a transform', { l: { L: NUMBERS } }, { transform: (document) => document }],
])('an item whose document takes too long is malformed, and all others of its batch are written: %s', async (_, attributes, options) => {
  const fn = slowMachine(options);
  expect(await fn.invoke([record('a'), record('slow', attributes), record('b')], 4000)).toEqual({ batchItemFailures: [] });
  expect(cluster.written).toEqual(['orders/a', 'orders/b']);
  expect([...fn.deadLetters.values()]).toMatchObject([{ id: 'slow', type: 'shaping_too_slow' }]);
  expect([...fn.deadLetters.values()][0]?.reason).toMatch(/^the document was not built within 1000 ms; .* redrive the record$/);
});

test('one item may take a quarter of the time that there is, and five seconds at most', () => {
  expect([3000, 20_000, 900_000].map(itemLimit)).toEqual([750, 5000, 5000]);
});

test('the time of an item begins with the item', () => {
  let now = 0;
  const limit = 100;
  for (let i = 0; i < 10; i++) {
    const time = new ShapingTime(() => (now += 1), limit);
    expect(() => documentText({ l: { L: NUMBERS.slice(0, 5000) } }, time)).not.toThrow();
  }
  const time = new ShapingTime(() => (now += 1), limit);
  expect(() => including(['l.x'])({ l: { L: NUMBERS } }, time)).toThrow(/within 100 ms/);
});
