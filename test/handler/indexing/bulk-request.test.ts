// Each item of a `_bulk` response belongs to its own operation, whatever the form of the response.
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { sendBulk } from '../../../handler/indexing/bulk-request.ts';
import type { ClusterClient } from '../../../handler/cluster/client.ts';
import { classifyItem } from '../../../handler/cluster/responses.ts';
import { Metrics } from '../../../handler/telemetry/metrics.ts';
import type { Operation } from '../../../handler/indexing/bulk-operation.ts';

type Action = Operation['action'];

const operation = (action: Action): Operation => ({ action, lines: { buffer: Buffer.from('{}\n'), from: 0, to: 3 } });

/** The outcomes of operations with the response `text`. */
async function outcomes(actions: readonly Action[], text: string): Promise<unknown[]> {
  const cluster = {
    serverless: false,
    send: () => Promise.resolve({ status: 200, text, retryAfter: undefined }),
  } as unknown as ClusterClient;
  const bulk = { cluster, metrics: new Metrics(), now: Date.now, signal: new AbortController().signal };
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

test('every item is read, even if the response says that there were no errors', async () => {
  await fc.assert(
    fc.asyncProperty(items, prefix, async (responded, start) => {
      const text = `${start}"items":[${responded.map(({ action, status }) => `{"${action}":{"status":${status}}}`).join(',')}]}`;
      const actions = responded.map(({ action }) => action);
      expect(await outcomes(actions, text)).toEqual(responded.map(({ action, status }) => classifyItem(action, { status })));
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
])('a response with %s says nothing about any operation', async (_, text) => {
  expect(await outcomes(['index', 'index'], text)).toEqual([
    expect.objectContaining({ kind: 'transient', type: 'unreadable_response' }),
    expect.objectContaining({ kind: 'transient', type: 'unreadable_response' }),
  ]);
});

test('a response to a delete does not count as one to an index operation, nor the reverse', async () => {
  const deleted = '{"errors":false,"items":[{"delete":{"status":200}}]}';
  expect(await outcomes(['index'], deleted)).toEqual([expect.objectContaining({ kind: 'transient' })]);
  expect(await outcomes(['delete'], `{"errors":false,"items":[${WRITTEN}]}`)).toEqual([expect.objectContaining({ kind: 'transient' })]);
});
