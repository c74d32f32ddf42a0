import { isTableThrottled } from './dynamodb.ts';

/** ms: how often a throttled slice asks for more again, by a tenth. */
const RAISE_EVERY_MS = 10_000;
/** Read capacity units of a page of 1 MiB, read consistently. */
const PAGE_UNITS = 256;
/** s of its capacity that a page may take where that is less than a whole one. */
const PAGE_SECONDS = 2;
/** Items of a read before it is known how large they are, where the capacity is less than for a whole page. */
const FIRST_ITEMS = 4;

/** Keeps the reads of one slice within its read capacity: a bucket of tokens that a read may overdraw and the next one waits for. */
export class ReadPace {
  readonly #allowed: number;
  readonly #now: () => number;
  readonly #sleep: (ms: number, signal: AbortSignal) => Promise<void>;
  #rate: number;
  #tokens = 0;
  #filledAt: number;
  #changedAt: number;
  /** Units of an item, as the last page had them. */
  #unitsPerItem: number | undefined;
  /** Units that were used. */
  used = 0;
  /** Times that DynamoDB throttled. */
  throttled = 0;

  /** @param capacity units per second */
  constructor(capacity: number, now: () => number, sleep: (ms: number, signal: AbortSignal) => Promise<void>) {
    this.#allowed = capacity;
    this.#rate = capacity;
    this.#now = now;
    this.#sleep = sleep;
    this.#filledAt = now();
    this.#changedAt = now();
  }

  /** Items of the next page; undefined: a whole one. */
  get limit(): number | undefined {
    if (this.#rate * PAGE_SECONDS >= PAGE_UNITS) return undefined;
    return this.#unitsPerItem === undefined ? 10 : this.#fitting(this.#unitsPerItem);
  }

  /** Items that are read together by their keys, so that an invocation gets further however low its capacity is. @param most where it is high @param reads of each item */
  atOnce(most: number, reads = 1): number {
    if (this.#unitsPerItem !== undefined) return Math.min(most, this.#fitting(this.#unitsPerItem * reads));
    return this.#rate * PAGE_SECONDS >= PAGE_UNITS ? most : Math.min(most, FIRST_ITEMS);
  }

  /** Whether the next read has to wait for longer than a page takes: what was read should be used before it. */
  get isOverdrawn(): boolean {
    return -this.#tokens > this.#rate * PAGE_SECONDS;
  }

  #fitting(unitsPerItem: number): number {
    return Math.max(1, Math.floor((this.#rate * PAGE_SECONDS) / unitsPerItem));
  }

  /**
   * Reads when there is capacity for it, and again, at half the rate, where DynamoDB throttles.
   * @param waits false: reads at once, and leaves it to the next read to wait for what both of them used
   * @throws whatever `read` threw else; whatever `signal` was aborted with
   */
  async read<Read extends { readonly items: readonly unknown[]; readonly capacity: number }>(
    read: () => Promise<Read>,
    signal: AbortSignal,
    waits = true,
  ): Promise<Read> {
    for (;;) {
      if (waits) await this.#wait(signal);
      try {
        const found = await read();
        this.used += found.capacity;
        this.#tokens -= found.capacity;
        if (found.items.length > 0) this.#unitsPerItem = found.capacity / found.items.length;
        return found;
      } catch (error) {
        if (!isTableThrottled(error)) throw error;
        this.throttled++;
        this.#rate = Math.min(this.#rate, Math.max(1, this.#rate / 2));
        this.#changedAt = this.#now();
        await this.#sleep(500, signal);
        signal.throwIfAborted();
      }
    }
  }

  async #wait(signal: AbortSignal): Promise<void> {
    for (;;) {
      const now = this.#now();
      if (this.#rate < this.#allowed && now - this.#changedAt > RAISE_EVERY_MS) {
        this.#rate = Math.min(this.#allowed, this.#rate * 1.1);
        this.#changedAt = now;
      }
      // No more than a second is saved up.
      this.#tokens = Math.min(this.#rate, this.#tokens + ((now - this.#filledAt) / 1000) * this.#rate);
      this.#filledAt = now;
      if (this.#tokens >= 0) return;
      await this.#sleep(Math.ceil((-this.#tokens / this.#rate) * 1000), signal);
      signal.throwIfAborted();
    }
  }
}
