// From the writes that are pending to requests bounded by bytes: documents are made, transforms called, within the time there is.
import { REQUEST_TARGET } from './bulk-request.ts';
import type { Write } from './collapse.ts';
import { malformedBy } from '../records/malformed-record.ts';
import { operationOf, sizeOf, type Operation } from './bulk-operation.ts';
import type { StreamRecord } from '../records/stream-record.ts';
import type { Table } from '../tables.ts';
import { ShapingTime } from '../documents/shaping-time.ts';

/** A write that can be sent: it has an index, a record and an id. */
export type Ready = Write & { table: Table & { index: string }; record: StreamRecord; id: string };
export type Prepared = Ready & { operation: Operation };

/** Writes whose transforms run at the same time. */
const TRANSFORMS_AT_ONCE = 32;
/** ms of work after which the event loop gets its turn: timers, and what the cluster sends meanwhile. */
const BREATH = 50;

export interface Preparation {
  readonly now: () => number;
  /** ms since the epoch: no document is begun after it. */
  readonly until: number;
  /** Fires when the time for writing is used up. */
  readonly signal: AbortSignal;
  /** ms that the shaping of one item may take, and its transform too. */
  readonly transformLimit: number;
  /** Writes of a request at most. */
  readonly most: number;
}

/**
 * The pending writes with their lines, cut into requests; those that have them from a former round, also when no more are made.
 * Malformed ones get their outcome and go no further; those for which the time did not suffice are left without lines and without an
 * outcome.
 */
export async function* requestsOf(pending: readonly Ready[], preparation: Preparation): AsyncGenerator<Prepared[]> {
  const { now, until, signal, most } = preparation;
  const over = new Promise<void>((resolve) => {
    signal.addEventListener('abort', () => {
      resolve();
    });
  });
  // Where making the documents takes most of the time, those that are made must leave: else no try would get further than the last.
  const share = Math.max(BREATH, (until - now()) / 4);
  let begun = now();
  let request: Prepared[] = [];
  let bytes = 0;
  for (let next = 0; next < pending.length;) {
    const from = next;
    const started = now();
    const unfinished: Promise<void>[] = [];
    while (next < pending.length && unfinished.length < TRANSFORMS_AT_ONCE && now() - started < BREATH) {
      const write = pending[next++];
      const work = started < until ? prepare(write, preparation) : undefined;
      if (work !== undefined) unfinished.push(work);
    }
    if (unfinished.length > 0) await Promise.race([Promise.all(unfinished), over]);
    for (const write of pending.slice(from, next)) {
      if (!isPrepared(write)) continue;
      if (request.length > 0 && (bytes + sizeOf(write.operation) > REQUEST_TARGET || request.length >= most)) {
        yield request;
        [request, bytes, begun] = [[], 0, now()];
      }
      request.push(write);
      bytes += sizeOf(write.operation);
    }
    if (request.length > 0 && now() - begun > share) {
      yield request;
      [request, bytes, begun] = [[], 0, now()];
    }
    if (now() - started >= BREATH) await new Promise(setImmediate);
  }
  if (request.length > 0) yield request;
}

/** Makes the lines of a write, once. @returns a promise where a transform has to be waited for */
function prepare(write: Ready | undefined, { now, signal, transformLimit }: Preparation): Promise<void> | undefined {
  if (write === undefined || write.operation !== undefined) return undefined;
  const refused = (error: unknown): void => {
    write.outcome = { kind: 'malformed', error: malformedBy(error) };
  };
  const time = new ShapingTime(now, transformLimit);
  try {
    const operation = operationOf(write.record, write.table, write.id, transformLimit, time);
    if (operation instanceof Promise) {
      return operation.then(
        // What comes too late changes nothing: the write is reported as not done.
        (result) => {
          if (!signal.aborted) write.operation = result;
        },
        (error: unknown) => {
          if (!signal.aborted) refused(error);
        },
      );
    }
    write.operation = operation;
  } catch (error) {
    refused(error);
  }
  return undefined;
}

const isPrepared = (write: Ready): write is Prepared => write.outcome === undefined && write.operation !== undefined;
