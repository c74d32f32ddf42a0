// One way to bring stream events to a cluster, in a process of its own; the parent says when. argv: subject, cluster, folder of its code, view.
import { Agent, request } from 'node:http';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { eventSource } from './event-source.ts';
import type { View } from './events.ts';

type Send = (event: { Records: unknown[] }) => Promise<unknown>;

/** A request of the parent: so many batches of a size, of items from `from` on. */
export interface Order {
  readonly batches: number;
  readonly size: number;
  readonly from: number;
}

/** ms of wall and of processor time, of each batch, without the making of the events. */
export type Result = readonly { readonly wall: number; readonly cpu: number }[];

const [, , subject, cluster = '', folder = '', view] = process.argv;

/** The function as it is deployed. */
async function product(): Promise<Send> {
  const { handler } = (await import(pathToFileURL(join(folder, 'index.mjs')).href)) as {
    handler: (event: unknown, context: unknown) => Promise<unknown>;
  };
  const context = { functionName: 'bench', getRemainingTimeInMillis: () => 60_000 };
  return async (batch) => {
    const response = JSON.stringify(await handler(batch, context));
    if (response !== '{"batchItemFailures":[]}') throw new Error(response);
  };
}

/** npm dynamodb-stream-elasticsearch in bulk mode, as its documentation says to use it. */
function library(): Send {
  const { pushStream } = createRequire(join(folder, 'index.js'))('dynamodb-stream-elasticsearch') as {
    pushStream: (options: object) => Promise<unknown>;
  };
  return (batch) => pushStream({ event: batch, index: 'bench-library', endpoint: cluster, refresh: true, useBulk: true, keepAlive: true });
}

/** The same bytes as the product sends, made beforehand: nothing but the requests. */
function preserialised(): { send: Send; prepare: (batch: { Records: unknown[] }) => Promise<Send> } {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const post = (body: Buffer): Promise<void> =>
    new Promise((resolve, reject) => {
      const headers = { 'content-type': 'application/x-ndjson', 'content-length': String(body.length) };
      request(
        `${cluster}/bench-preserialised/_bulk?refresh=true&filter_path=errors,items.*.status,items.*.error`,
        { method: 'POST', agent, headers },
        (response) => {
          const parts: Buffer[] = [];
          response.on('data', (part: Buffer) => parts.push(part));
          response.on('end', () => {
            if (response.statusCode === 200 && !Buffer.concat(parts).includes('"errors":true')) resolve();
            else reject(new Error(Buffer.concat(parts).toString()));
          });
        },
      )
        .on('error', reject)
        .end(body);
    });
  const prepare = async (batch: { Records: unknown[] }): Promise<Send> => {
    const { operationOf } = await import('../../handler/indexing/bulk-operation.ts');
    const { joined } = await import('../../handler/documents/json-writer.ts');
    const { parseKeyMapping } = await import('../../formats/key-mapping.ts');
    const { collapse } = await import('../../handler/events/collapse.ts');
    const { Tables } = await import('../../handler/tables.ts');
    const silent = { info: () => undefined, warn: () => undefined, error: () => undefined };
    const mapping = parseKeyMapping(
      JSON.stringify({ bench: { TableName: 'Bench', PrimaryKey: 'pk', SortKey: 'sk', Index: 'bench-preserialised' } }),
    );
    const tables = new Tables(
      { options: { defaults: {}, tables: {} } } as unknown as ConstructorParameters<typeof Tables>[0],
      mapping,
      new Map(),
      silent,
    );
    const operations = collapse(batch.Records, tables, silent).writes.map(({ state }) => {
      if (state === undefined) throw new Error('no malformed records here');
      const operation = operationOf(state, 0);
      if (operation instanceof Promise) throw new Error('no transform here');
      return operation;
    });
    const body = Buffer.concat(joined(operations.map(({ lines }) => lines)));
    return () => post(body);
  };
  return { send: () => Promise.reject(new Error('prepare first')), prepare };
}

const events = eventSource();
const base = preserialised();
const send = subject === 'product' ? await product() : subject === 'library' ? library() : base.send;
// The measurements are about the work, not about where the log goes.
console.info = () => undefined;
const write = process.stdout.write.bind(process.stdout);
process.stdout.write = (text: string | Uint8Array) => (typeof text === 'string' && text.startsWith('{"_aws"') ? true : write(text));

process.on('message', (order: Order) => {
  void (async () => {
    const result: { wall: number; cpu: number }[] = [];
    const texts: Buffer[] = [];
    for (let i = 0; i < order.batches; i++) {
      texts.push(await events({ size: order.size, from: order.from + i * order.size, view: view as View | undefined }));
    }
    // One batch after the other: in pauses the garbage of a batch would be collected at nobody's cost.
    for (const text of texts) {
      const batch = JSON.parse(text.toString()) as { Records: unknown[] };
      const act = subject === 'preserialised' ? await base.prepare(batch) : send;
      const started = performance.now();
      const used = process.cpuUsage();
      await act(batch);
      const { user, system } = process.cpuUsage(used);
      result.push({ wall: performance.now() - started, cpu: (user + system) / 1000 });
    }
    process.send?.(result satisfies Result);
  })();
});
process.send?.('ready');
