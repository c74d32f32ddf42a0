// Each answer of `_bulk` goes to its own operation, whatever the form of the answer.
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { sendBulk } from '../../../handler/indexing/bulk-request.ts';
import type { Engine } from '../../../handler/cluster/client.ts';
import { classifyItem } from '../../../handler/cluster/responses.ts';
import { Metrics } from '../../../handler/telemetry/metrics.ts';
import type { Operation } from '../../../handler/indexing/bulk-operation.ts';

type Action = Operation['action'];

const operation = (action: Action): Operation => ({ action, lines: { buffer: Buffer.from('{}\n'), from: 0, to: 3 } });

/** What becomes of operations that are answered with `text`. */
async function outcomes(actions: readonly Action[], text: string): Promise<unknown[]> {
  const engine = { serverless: false, send: () => Promise.resolve({ status: 200, text, retryAfter: undefined }) } as unknown as Engine;
  const bulk = { engine, metrics: new Metrics(), now: Date.now, signal: new AbortController().signal };
  return [...(await sendBulk(bulk, actions.map(operation), { index: 'index' })).outcomes];
}

const items = fc.array(
  fc.record({
    action: fc.constantFrom<Action>('index', 'index', 'index', 'delete'),
    status: fc.constantFrom(200, 201, 200, 201, 404, 409, 429, 503),
  }),
  { minLength: 1, maxLength: 8 },
);
const prefix = fc.constantFrom('{"errors":false,', '{"took":12,"errors":false,', '{"errors":true,', '{ "errors": false, ');

test('every item is read, also where the answer says that there were no errors', async () => {
  await fc.assert(
    fc.asyncProperty(items, prefix, async (answered, start) => {
      const text = `${start}"items":[${answered.map(({ action, status }) => `{"${action}":{"status":${status}}}`).join(',')}]}`;
      const actions = answered.map(({ action }) => action);
      expect(await outcomes(actions, text)).toEqual(answered.map(({ action, status }) => classifyItem(action, { status })));
    }),
    { numRuns: 1000 },
  );
});

const WRITTEN = '{"index":{"status":201}}';
test.each([
  ['fewer items than operations', `{"errors":false,"items":[${WRITTEN}]}`],
  ['more items than operations', `{"errors":false,"items":[${WRITTEN},${WRITTEN},${WRITTEN}]}`],
  ['no items', '{"errors":false,"items":[]}'],
  ['the items of a half', `{"errors":false,"items":[${WRITTEN},${WRITTEN}`],
  ['more after its end', `{"errors":false,"items":[${WRITTEN},${WRITTEN}]}]}`],
  ['nothing', ''],
])('an answer with %s tells nothing of any operation', async (_, text) => {
  expect(await outcomes(['index', 'index'], text)).toEqual([
    expect.objectContaining({ kind: 'transient', type: 'unreadable_answer' }),
    expect.objectContaining({ kind: 'transient', type: 'unreadable_answer' }),
  ]);
});

test('an index is not shown to be written by the answer to a delete, nor the other way round', async () => {
  const deleted = '{"errors":false,"items":[{"delete":{"status":200}}]}';
  expect(await outcomes(['index'], deleted)).toEqual([expect.objectContaining({ kind: 'transient' })]);
  expect(await outcomes(['delete'], `{"errors":false,"items":[${WRITTEN}]}`)).toEqual([expect.objectContaining({ kind: 'transient' })]);
});
