// Passes slices to the deployed function, some at once, until each is done. The checkpoint decides whether one is done, never a response: a
// lost one costs nothing, and a slice that is passed twice changes nothing.
import type { Counts } from '../../../formats/slice.ts';
import { UserError } from '../../errors.ts';
import { addCounts, countsSince } from '../../../formats/counts.ts';
import { pagesOf, readSlices, type DriverResult, type DriverSettings, type DriverState } from './driver.ts';
import { Load, shareOf } from './load.ts';
import type { PlannedSlice } from './run-store.ts';
import { invokeSlice, longestRequest, writes } from './slice-invocation.ts';

/** Times in a row that a slice may fail without getting further before it is parked. */
const MAX_FAILURES = 5;
/** ms: the first pause after a failure is up to this long, each further one up to twice the former. */
const PAUSE_MS = 1_000;
/** s of an invocation: after each, the capacity is shared out anew. Never less than the least, which a page needs. */
const MAX_SECONDS = 60;
const MIN_SECONDS = 10;
/** ms until it is looked again whether a pause is over. */
const LOOK_MS = 15_000;

/**
 * Works on slices until all are done, parked, or the time is up.
 * @throws {CancelledError} at once where the job is cancelled @throws {UserError} where no invocation is possible any more, when those under
 * way have ended
 */
export async function workOn(slices: readonly PlannedSlice[], settings: DriverSettings): Promise<DriverResult> {
  const pool = new Pool(slices, settings);
  await pool.open();
  return pool.run();
}

/** A slice that is not done. */
interface OpenSlice {
  readonly slice: PlannedSlice;
  readonly pages: number;
  readonly failures: number;
}

class Pool {
  readonly #slices: readonly PlannedSlice[];
  readonly #by: DriverSettings;
  readonly #load: Load;
  readonly #counts = new Map<string, Counts>();
  #total: Counts = {};
  /** Those that have begun come first: the longer ones are then not the last ones. */
  readonly #open: OpenSlice[] = [];
  /** The read capacity of each slice that is with the function, or pauses after a failure. */
  readonly #running = new Map<string, number>();
  readonly #parked: { id: string; reason: string }[] = [];
  #done = 0;
  #throttled = { table: 0, cluster: 0 };
  #failure: { readonly error: unknown } | undefined;
  #waiting: string | undefined;
  #wake: () => void = () => undefined;

  constructor(slices: readonly PlannedSlice[], settings: DriverSettings) {
    this.#slices = slices;
    this.#by = settings;
    this.#load = new Load(settings.concurrency, settings.maxReadCapacity);
  }

  /** Reads where former invocations have left the slices. */
  async open(): Promise<void> {
    for (const { slice, checkpoint } of await readSlices(this.#by.store, this.#slices)) {
      if (checkpoint !== undefined) this.#count(slice.id, checkpoint.counts);
      if (checkpoint?.done === true) this.#done++;
      else this.#open.push({ slice, pages: pagesOf(checkpoint), failures: 0 });
    }
    this.#open.sort((a, b) => Number(b.pages > 0) - Number(a.pages > 0));
  }

  async run(): Promise<DriverResult> {
    const { aws, lock } = this.#by;
    this.#report();
    try {
      await this.#work();
    } catch (error) {
      // The invocations under way go on for as long as they may.
      if (aws.signal.aborted && this.#slices.some(writes)) lock.late(aws.clock.now() + longestRequest(this.#by));
      throw error;
    }
    if (this.#failure !== undefined) throw this.#failure.error;
    return { ...this.#state(), parked: this.#parked, isOver: this.#open.length > 0 };
  }

  async #work(): Promise<void> {
    const { aws, lock, until, pause } = this.#by;
    for (;;) {
      if (lock.isLost) this.#failure ??= { error: new UserError('Another run has taken over the table', 'Run again when it is done') };
      const isOver = aws.clock.now() >= until || this.#failure !== undefined;
      this.#waiting = isOver || this.#open.length === 0 ? undefined : await pause();
      const next = new Promise<void>((resolve) => (this.#wake = resolve));
      if (!isOver && this.#waiting === undefined) this.#start();
      if (this.#running.size === 0 && (isOver || this.#open.length === 0)) return;
      if (this.#waiting === undefined) await next;
      else {
        this.#report();
        await aws.clock.sleep(LOOK_MS);
      }
      aws.signal.throwIfAborted();
    }
  }

  /** Starts as many slices as there may be at once. */
  #start(): void {
    const now = this.#by.aws.clock.now();
    const most = this.#load.slices(now);
    while (this.#running.size < most) {
      const workers = Math.min(most, this.#running.size + this.#open.length);
      const capacity = shareOf(this.#load.capacity(now), this.#running.values(), workers);
      const next = capacity === undefined ? undefined : this.#open.shift();
      if (capacity === undefined || next === undefined) return;
      this.#running.set(next.slice.id, capacity);
      void this.#invoke(next, capacity)
        .catch((error: unknown) => {
          this.#failure ??= { error };
          return next;
        })
        .then((open) => {
          this.#running.delete(next.slice.id);
          if (open !== undefined) this.#open.unshift(open);
          this.#wake();
        });
    }
  }

  /** One invocation, with the pause after it where it failed. @returns the slice where it is to go on */
  async #invoke(open: OpenSlice, capacity: number): Promise<OpenSlice | undefined> {
    const { aws, store, lock, operation, until } = this.#by;
    const { slice } = open;
    const begunAt = aws.clock.now();
    const seconds = Math.max(MIN_SECONDS, Math.min(MAX_SECONDS, Math.ceil((until - begunAt) / 1000)));
    const { response, reason, lateMs } = await invokeSlice(aws, this.#by, store, slice, { operation, capacity, seconds });
    const now = aws.clock.now();
    if (lateMs > 0) lock.late(now + lateMs);
    const checkpoint = response ?? (await store.checkpoint(slice.id));
    if (checkpoint !== undefined) this.#count(slice.id, checkpoint.counts);
    if (response !== undefined) {
      this.#load.note(response.throttled, begunAt, now);
      const { table, cluster } = this.#throttled;
      this.#throttled = { table: table + response.throttled.table, cluster: cluster + response.throttled.cluster };
    }
    if (checkpoint?.done === true) this.#done++;
    const further = checkpoint?.done === true ? undefined : await this.#further(open, pagesOf(checkpoint), reason);
    this.#report();
    return further;
  }

  /** A slice that is not done goes on at once, or after a pause; after too many failures it is parked. */
  async #further(
    { slice, pages: before, failures: former }: OpenSlice,
    pages: number,
    reason: string | undefined,
  ): Promise<OpenSlice | undefined> {
    const failures = reason === undefined ? 0 : pages > before ? 1 : former + 1;
    if (reason !== undefined && failures >= MAX_FAILURES) {
      this.#parked.push({ id: slice.id, reason });
      return undefined;
    }
    const { clock } = this.#by.aws;
    if (failures > 0) await clock.sleep(clock.random() * PAUSE_MS * 2 ** failures);
    return { slice, pages, failures };
  }

  #count(id: string, counts: Counts): void {
    this.#total = addCounts([this.#total, countsSince(this.#counts.get(id) ?? {}, counts)]);
    this.#counts.set(id, counts);
  }

  #state(): DriverState {
    const [slices, done, throttled, waiting] = [this.#slices.length, this.#done, this.#throttled, this.#waiting];
    return { slices, done, counts: this.#total, throttled, ...(waiting === undefined ? {} : { waiting }) };
  }

  #report(): void {
    this.#by.progress(this.#state());
  }
}
