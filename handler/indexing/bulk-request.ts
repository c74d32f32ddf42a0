// One `_bulk` request and the outcome of each of its operations.
import type { ClusterClient, ClusterResponse } from '../cluster/client.ts';
import { classifyItem, classifyThrown, classifyRequest, DONE, type Outcome } from '../cluster/responses.ts';
import { joined } from '../documents/json-writer.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import { sizeOf, type Operation } from './bulk-operation.ts';

/** Bytes that a request should have. */
export const TARGET_REQUEST_BYTES = 5 * 1024 * 1024;

/** The outcomes that a caller of `sendBulk` meets: 413 and whole-request 400 have been followed down to single operations. */
export type Settled = Exclude<Outcome, { kind: 'too-large' | 'rejected' }>;

export interface Bulk {
  readonly cluster: ClusterClient;
  readonly metrics: Metrics;
  readonly now: () => number;
  /** Aborts everything when the time for writing is used up. */
  readonly signal: AbortSignal;
}

/** Where the operations of a request go, and whether searches see them once the response is there. */
export interface BulkTarget {
  readonly index: string;
  readonly refresh?: 'true' | 'wait_for' | undefined;
}

const REFUSES_ALL = {
  kind: 'configuration',
  remedy: 'Check the cluster, and any proxy between it and the function (ES_ENDPOINT): it refuses every bulk request, whatever its content',
} as const;

/** The outcomes of a request's operations. */
export interface BulkResult {
  /** As many as operations, in their order. */
  readonly outcomes: readonly Settled[];
  /** The request has refreshed the index. */
  readonly refreshed: boolean;
}

/**
 * Sends operations in one request, in smaller ones where the cluster refuses it as a whole, and pairs each part of the response with its
 * own operation. Smaller ones refresh nothing: the caller does, once.
 */
export async function sendBulk(bulk: Bulk, operations: readonly Operation[], target: BulkTarget): Promise<BulkResult> {
  const whole = await sendOnce(bulk, operations, target);
  const refreshes = target.refresh === 'true' && !bulk.cluster.serverless;
  if (Array.isArray(whole)) return { outcomes: whole, refreshed: refreshes };
  return { outcomes: await inParts(bulk, operations, refreshes ? { index: target.index } : target, whole), refreshed: false };
}

async function settled(bulk: Bulk, operations: readonly Operation[], target: BulkTarget): Promise<Settled[]> {
  const whole = await sendOnce(bulk, operations, target);
  return Array.isArray(whole) ? whole : inParts(bulk, operations, target, whole);
}

/** Follows the refusal of a whole request down to single operations. */
async function inParts(bulk: Bulk, operations: readonly Operation[], target: BulkTarget, whole: Outcome): Promise<Settled[]> {
  switch (whole.kind) {
    case 'too-large':
      return operations.length === 1
        ? [
            {
              kind: 'malformed',
              status: 413,
              type: 'request_too_large',
              reason: 'the cluster accepts no request as large as this one document',
            },
          ]
        : inHalves(bulk, operations, target, splitByBytes(operations));
    case 'rejected': {
      // Before any operation is blamed: does the cluster refuse a harmless one as well?
      const problem = await probeWrite(bulk, target.index);
      if (problem?.kind === 'transient') return operations.map(() => problem);
      if (problem !== undefined) return operations.map(() => ({ ...REFUSES_ALL, type: whole.type, reason: whole.reason }));
      return bisected(bulk, operations, target, whole);
    }
    default:
      return operations.map(() => whole);
  }
}

/** Finds the operations that make the cluster refuse a request as a whole, and lets the others through. */
async function bisected(
  bulk: Bulk,
  operations: readonly Operation[],
  target: BulkTarget,
  refusal: { status: number; type: string; reason: string },
): Promise<Settled[]> {
  if (operations.length === 1) return [{ kind: 'malformed', status: refusal.status, type: refusal.type, reason: refusal.reason }];
  const middle = operations.length >> 1;
  const outcomes: Settled[] = [];
  for (const half of [operations.slice(0, middle), operations.slice(middle)]) {
    const whole = await sendOnce(bulk, half, target);
    if (Array.isArray(whole)) outcomes.push(...whole);
    else if (whole.kind === 'rejected') outcomes.push(...(await bisected(bulk, half, target, whole)));
    else if (whole.kind === 'too-large') outcomes.push(...(await inParts(bulk, half, target, whole)));
    else outcomes.push(...half.map(() => whole));
  }
  return outcomes;
}

async function inHalves(bulk: Bulk, operations: readonly Operation[], target: BulkTarget, middle: number): Promise<Settled[]> {
  const first = await settled(bulk, operations.slice(0, middle), target);
  return [...first, ...(await settled(bulk, operations.slice(middle), target))];
}

/** Where to cut so that both parts have about as many bytes: at least one operation on each side. */
function splitByBytes(operations: readonly Operation[]): number {
  const half = total(operations) / 2;
  let bytes = 0;
  const at = operations.findIndex((operation) => (bytes += sizeOf(operation)) >= half);
  return Math.min(Math.max(1, at), operations.length - 1);
}

/** One request: an outcome per operation, or one outcome for the request as a whole. */
async function sendOnce(bulk: Bulk, operations: readonly Operation[], { index, refresh }: BulkTarget): Promise<Settled[] | Outcome> {
  const { cluster, metrics, now } = bulk;
  const started = now();
  let response: ClusterResponse;
  try {
    response = await cluster.send(
      {
        method: 'POST',
        // In the path and not in the lines: fewer bytes, and a cluster may forbid lines that name one (rest.action.multi.allow_explicit_index).
        path: `/${encodeURIComponent(index)}/_bulk`,
        query: { filter_path: 'errors,items.*.status,items.*.error', ...(refresh === undefined || cluster.serverless ? {} : { refresh }) },
        body: joined(operations.map(({ lines }) => lines)),
        contentType: 'application/x-ndjson',
      },
      bulk.signal,
    );
  } catch (error) {
    metrics.unanswered = true;
    return classifyThrown(error, bulk.signal);
  } finally {
    metrics.request(total(operations), now() - started);
  }
  // A proxy's response: the cluster's own did not arrive.
  if (response.status === 502 || response.status === 504) metrics.unanswered = true;
  return classifyRequest(response, now()) ?? pairedOutcomes(operations, response);
}

const total = (operations: readonly Operation[]): number => operations.reduce((sum, operation) => sum + sizeOf(operation), 0);

/** An engine's response if it has written every document: a comparison is enough, at a fourth of the cost of parsing it. */
const INDEXED = '{"index":{"status":20x}}';
const ALL_INDEXED =
  /^\{(?:"took":\d+,)?"errors":false,"items":\[(\{"index":\{"status":20[01]\}\}(?:,\{"index":\{"status":20[01]\}\})*)\]\}$/;

function areAllIndexed(operations: readonly Operation[], text: string): boolean {
  const length = operations.length * (INDEXED.length + 1) - 1;
  // Nothing but `took` varies: a text of another length is another response, and may be too long for a pattern.
  if (text.length < length || text.length > length + 100) return false;
  const items = ALL_INDEXED.exec(text)?.[1];
  return items?.length === length && operations.every(({ action }) => action === 'index');
}

/** Pairs each item of the response with the operation at its place; a response of another form says nothing about any operation. */
function pairedOutcomes(operations: readonly Operation[], response: ClusterResponse): Settled[] | Outcome {
  const unreadable: Outcome = {
    kind: 'transient',
    cause: 'unreadable',
    type: 'unreadable_response',
    reason: `HTTP ${response.status} with a response that is not one to a bulk request`,
    throttled: false,
  };
  if (areAllIndexed(operations, response.text)) return operations.map(() => DONE.index);
  let items: unknown;
  try {
    items = (JSON.parse(response.text) as { items?: unknown }).items;
  } catch {
    return unreadable;
  }
  if (!Array.isArray(items) || items.length !== operations.length) return unreadable;
  return operations.map(({ action }, i) => {
    const outcome = classifyItem(action, (items[i] as Record<string, unknown> | null)?.[action]);
    return outcome.kind === 'too-large' || outcome.kind === 'rejected' ? unreadable : outcome;
  });
}

/**
 * Deletes a document that cannot exist: shows that the function may write to the index, and changes nothing.
 * @returns why it may not, or undefined
 */
export async function probeWrite(bulk: Bulk, index: string): Promise<Outcome | undefined> {
  const outcome = await sendProbe(bulk, index, 'delete');
  if (outcome?.kind === 'done') return undefined;
  // A missing index is created by the first record; this response needs the same permission.
  return outcome?.kind === 'transient' && outcome.type === 'index_not_found_exception' ? undefined : outcome;
}

/**
 * Writes an empty document in place of one that cannot exist. The engine runs all steps before its writing, the ingest
 * pipelines included, and then refuses it: no document has the required sequence number
 * (https://docs.opensearch.org/latest/api-reference/document-apis/bulk/).
 * @returns `stale` if every document would get as far; another `done` if a pipeline dropped it; otherwise its failure, which may be that
 * it is empty
 */
export async function probeIndexing(bulk: Bulk, index: string): Promise<Outcome | undefined> {
  return sendProbe(bulk, index, 'index');
}

/**
 * Checks whether the cluster accepts bulk requests of this function at all, by a harmless one for an index that does not exist. It does
 * not matter whether the response reports the index as missing or as forbidden.
 * @returns why it does not, or undefined
 */
export async function probeBulk(bulk: Bulk): Promise<Outcome | undefined> {
  const whole = await sendOnce(bulk, [probe('delete')], { index: 'dynamodb-to-opensearch-check' });
  return Array.isArray(whole) ? undefined : whole;
}

async function sendProbe(bulk: Bulk, index: string, action: Operation['action']): Promise<Outcome | undefined> {
  const whole = await sendOnce(bulk, [probe(action)], { index });
  return Array.isArray(whole) ? whole[0] : whole;
}

/** An operation, without a version, on a document that cannot exist; it creates no index that the function did not. */
function probe(action: Operation['action']): Operation {
  const id = `"_id":"dynamodb-to-opensearch probe ${crypto.randomUUID()}"`;
  const text = action === 'delete' ? `{"delete":{${id}}}\n` : `{"index":{${id},"if_seq_no":0,"if_primary_term":1}}\n{}\n`;
  const buffer = Buffer.from(text);
  return { action, lines: { buffer, from: 0, to: buffer.length } };
}
