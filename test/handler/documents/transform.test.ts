// Transforms that throw, return and wait in every way that JavaScript knows: each ends in its class, and none costs the deadline.
import { afterEach, expect, jest, test } from '@jest/globals';
import type { Transform } from '../../../handler/documents/transform.ts';
import { uniqueName, useSearch } from '../../stack/use-stack.ts';
import { documents, testFunction, type TestFunction } from '../function.ts';
import { sequenceNumber, streamRecord } from '../records.ts';

const search = await useSearch();
afterEach(() => {
  jest.useRealTimers();
});
const FILE = 'transforms/orders.mjs';

function table(transform: Transform): {
  name: string;
  fn: TestFunction;
  records: (count: number, from: number) => Record<string, unknown>[];
} {
  const name = uniqueName('orders');
  const fn = testFunction({
    endpoint: search.url,
    mapping: [{ TableName: name }],
    defaults: { transform: FILE },
    transforms: { [FILE]: transform },
  });
  const records = (count: number, from: number): Record<string, unknown>[] =>
    Array.from({ length: count }, (_, i) => streamRecord({ table: name, keys: { pk: { S: `k${i}` } }, counter: from + i }));
  return { name, fn, records };
}

class Odd extends Error {
  override get message(): string {
    throw new Error('not even a message');
  }
}

test.each<[string, Transform, string]>([
  [
    'an Error',
    () => {
      throw new RangeError('private words');
    },
    'transform_failed',
  ],
  [
    'nothing',
    () => {
      // eslint-disable-next-line @typescript-eslint/only-throw-error
      throw undefined;
    },
    'transform_failed',
  ],
  [
    'a value that is not a text',
    () => {
      throw Object.create(null);
    },
    'transform_failed',
  ],
  [
    'an Error that throws when it is read',
    () => {
      throw new Odd();
    },
    'transform_failed',
  ],
  [
    'what does not let itself be looked at',
    () => {
      // eslint-disable-next-line @typescript-eslint/only-throw-error
      throw new Proxy(
        {},
        {
          getPrototypeOf: () => {
            throw new Error('private words');
          },
        },
      );
    },
    'transform_failed',
  ],
  ['a rejection', () => Promise.reject(new Error('private words')), 'transform_failed'],
  ['a result of undefined', () => undefined, 'transform_result'],
  ['a list', () => [], 'transform_result'],
  ['a text', () => Promise.resolve('text'), 'transform_result'],
  ['a raw number', () => JSON.rawJSON('1'), 'transform_result'],
  ['a function', () => () => undefined, 'transform_result'],
  ['a date', () => new Date(), 'transform_result'],
  [
    'a circle',
    () => {
      const circle: Record<string, unknown> = {};
      return Object.assign(circle, { circle });
    },
    'transform_result',
  ],
  ['a document that throws when it is read', () => ({ toJSON: () => JSON.parse('{') as unknown }), 'transform_result'],
  ['a document that is too large', () => ({ x: 'x'.repeat(11 * 1024 * 1024) }), 'document_too_large'],
])('%s makes the record malformed and harms no other', async (_, odd, type) => {
  const { name, fn, records } = table((document, about) => (about.keys.pk === 'k1' ? odd(document, about) : document));
  expect(await fn.invoke(records(3, 9000))).toEqual({ batchItemFailures: [] });
  expect([...fn.deadLetters.values()].map((deadLetter) => [deadLetter.id, deadLetter.type])).toEqual([['k1', type]]);
  expect(Object.keys(await documents(search, name)).sort()).toEqual(['k0', 'k2']);
  expect(JSON.stringify(fn.logs)).not.toContain('private');
});

/**
 * Lets the test's clock go on, 10 ms at a time, until the function has responded. Between two steps everything that is ready runs, so that
 * no machine is too slow. @throws if there is no response `remaining` ms after the begin
 */
async function beforeDeadline<T>(invocation: Promise<T>, remaining: number): Promise<T> {
  let responded = false;
  const settle = (): void => void (responded = true);
  invocation.then(settle, settle);
  for (let passed = 0; passed < remaining; passed += 10) {
    for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate);
    if (responded) return invocation;
    await jest.advanceTimersByTimeAsync(10);
  }
  throw new Error(`No response within ${remaining} ms.`);
}

test('transforms that never return do not cost the deadline, and some are settled every time', async () => {
  const { fn, records } = table((document, { keys }) => (keys.pk === 'k0' ? document : new Promise(() => undefined)));
  // The index is known from here on: nothing that the function waits for below is real, only its own time-outs, on the test's clock.
  expect(await fn.invoke(records(1, 9099))).toEqual({ batchItemFailures: [] });
  const hanging = records(201, 9100).slice(1);
  jest.useFakeTimers({ doNotFake: ['setImmediate', 'nextTick', 'queueMicrotask'] });
  const response = await beforeDeadline(fn.invoke(hanging, 3000), 3000);
  expect(fn.deadLetters.size).toBeGreaterThan(0);
  expect(fn.deadLetters.size).toBeLessThan(200);
  expect([...fn.deadLetters.values()].every(({ type }) => type === 'transform_hangs')).toBe(true);
  // Lambda continues at the first record without a dead letter.
  expect(response).toEqual({ batchItemFailures: [{ itemIdentifier: sequenceNumber(9101 + fn.deadLetters.size) }] });
});

test('a result that a transform returns after the time for writing does not count as done', async () => {
  const late: (() => void)[] = [];
  const { name, fn, records } = table(
    (document) =>
      new Promise((resolve, reject) => {
        late.push(() => {
          if (late.length % 2 === 0) resolve(document);
          else reject(new Error('too late'));
        });
      }),
  );
  const { putObject } = fn.runtime;
  // The slowest way out: the results come while dead letters are being written.
  Object.assign(fn.runtime, {
    putObject: async (...args: Parameters<typeof putObject>) => {
      for (const settle of late) settle();
      await new Promise((resolve) => setTimeout(resolve, 20));
      await putObject(...args);
    },
  });
  const bad = { ...streamRecord({ table: name, keys: { pk: { S: 'bad' } }, counter: 9300 }), eventName: 'UPSERT' };
  // Those that begin last are cut off by the end of the time for writing, not by their own limit.
  const response = await fn.invoke([bad, ...records(200, 9301)], 1000);
  const hanging = [...fn.deadLetters.values()].filter(({ id }) => id !== 'bad');
  expect(hanging.length).toBeLessThan(late.length);
  expect(hanging.every(({ type }) => type === 'transform_hangs')).toBe(true);
  expect(response).toEqual({ batchItemFailures: [{ itemIdentifier: sequenceNumber(9301 + hanging.length) }] });
});

test('a transform that takes long, without a pause, leaves time for the response and lets some documents through every time', async () => {
  // On a clock that only the transform moves: 20 ms a document, of which there is time for less than half.
  let clock = Date.now();
  const { name, fn, records } = table((document) => {
    clock += 20;
    return document;
  });
  Object.assign(fn.runtime, { now: () => clock });
  const deadline = clock + 2000;
  const response = await fn.invoke(records(200, 9400), 2000);
  expect(clock).toBeLessThan(deadline);
  const found = Object.keys(await documents(search, name)).length;
  expect(found).toBeGreaterThan(0);
  expect(response).toEqual({ batchItemFailures: [{ itemIdentifier: sequenceNumber(9400 + found) }] });
});
