// From the pending writes to requests bounded by bytes: builds documents and calls transforms within the available time.
import { ShapingTime } from '../documents/shaping-time.ts';
import { malformedBy } from '../records/malformed-record.ts';
import { operationOf, sizeOf } from './bulk-operation.ts';
import { TARGET_REQUEST_BYTES } from './bulk-request.ts';
import type { Prepared, Ready } from './write.ts';

/** Writes whose transforms run at the same time. */
const MAX_CONCURRENT_TRANSFORMS = 32;
/** ms of work after which the event loop gets its turn: timers, and responses of the cluster. */
const MAX_UNINTERRUPTED_MS = 50;

export interface Preparation {
  readonly now: () => number;
  /** ms since the epoch: no document is begun after it. */
  readonly until: number;
  /** Fires when the time for writing is used up. */
  readonly signal: AbortSignal;
  /** ms that the shaping of one item may take, and its transform too. */
  readonly itemLimit: number;
  /** Writes per request. */
  readonly maxWrites: number;
}

/** The writes of one bulk request. */
export interface IndexRequest {
  readonly index: string;
  readonly writes: readonly Prepared[];
  /** No other request of these pending writes goes to the index. */
  readonly isWhole: boolean;
}

/** Requests that are being filled, one per index. */
class OpenRequests {
  readonly #open = new Map<string, { writes: Prepared[]; bytes: number; begun: number }>();
  /** Indexes to which a request has left. */
  readonly #left = new Set<string>();
  readonly #maxWrites: number;
  readonly #now: () => number;

  constructor({ maxWrites, now }: Preparation) {
    this.#maxWrites = maxWrites;
    this.#now = now;
  }

  /** Adds a write. @returns the request that is full without it */
  add(write: Prepared): IndexRequest | undefined {
    const { index } = write.table;
    const size = sizeOf(write.operation);
    const open = this.#open.get(index);
    if (open !== undefined && open.bytes + size <= TARGET_REQUEST_BYTES && open.writes.length < this.#maxWrites) {
      open.writes.push(write);
      open.bytes += size;
      return undefined;
    }
    this.#open.set(index, { writes: [write], bytes: size, begun: this.#now() });
    if (open === undefined) return undefined;
    this.#left.add(index);
    return { index, writes: open.writes, isWhole: false };
  }

  /** Takes those that were begun more than `age` ms ago. */
  take(age: number, isEnd: boolean): IndexRequest[] {
    const taken: IndexRequest[] = [];
    for (const [index, { writes, begun }] of this.#open) {
      if (!isEnd && this.#now() - begun <= age) continue;
      taken.push({ index, writes, isWhole: isEnd && !this.#left.has(index) });
      this.#left.add(index);
      this.#open.delete(index);
    }
    return taken;
  }
}

/**
 * Builds the lines of pending writes and cuts them into requests; lines from a former round are reused, even when no more are built.
 * Malformed writes get their outcome and go no further; those for which the time was too short stay without lines and without an
 * outcome.
 */
export async function* requestsOf(pending: readonly Ready[], preparation: Preparation): AsyncGenerator<IndexRequest> {
  const { now, until, signal } = preparation;
  const over = new Promise<void>((resolve) => {
    signal.addEventListener('abort', () => {
      resolve();
    });
  });
  // If building documents takes most of the time, the finished ones must leave: otherwise no attempt would get further than the last.
  const age = Math.max(MAX_UNINTERRUPTED_MS, (until - now()) / 4);
  const requests = new OpenRequests(preparation);
  for (let next = 0; next < pending.length;) {
    const from = next;
    const started = now();
    const unfinished: Promise<void>[] = [];
    while (next < pending.length && unfinished.length < MAX_CONCURRENT_TRANSFORMS && now() - started < MAX_UNINTERRUPTED_MS) {
      const write = pending[next++];
      const work = started < until ? prepare(write, preparation) : undefined;
      if (work !== undefined) unfinished.push(work);
    }
    if (unfinished.length > 0) await Promise.race([Promise.all(unfinished), over]);
    for (const write of pending.slice(from, next)) {
      const full = isPrepared(write) ? requests.add(write) : undefined;
      if (full !== undefined) yield full;
    }
    yield* requests.take(age, false);
    if (now() - started >= MAX_UNINTERRUPTED_MS) await new Promise(setImmediate);
  }
  yield* requests.take(0, true);
}

/** Builds the lines of a write, once. @returns a promise if a transform has to be waited for */
function prepare(write: Ready | undefined, { now, signal, itemLimit }: Preparation): Promise<void> | undefined {
  if (write === undefined || write.operation !== undefined) return undefined;
  const refused = (error: unknown): void => {
    write.outcome = { kind: 'malformed', error: malformedBy(error) };
  };
  const time = new ShapingTime(now, itemLimit);
  try {
    const operation = write.shared?.operation ?? operationOf(write.state, itemLimit, time);
    if (write.shared !== undefined) write.shared.operation = operation;
    if (operation instanceof Promise) {
      return operation.then(
        // A late result changes nothing: the write is reported as not done.
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
