// Limits the time for building the document of one item: shaping is synchronous, so no timer could end it.
import { MalformedRecord } from '../records/malformed-record.ts';

/** Attributes, list items and names between two readings of the clock: about a hundredth of a millisecond at a whole core. */
const STEPS_PER_CLOCK_READ = 128;
/** The longest time that one item may take, reached from a time-out of 20 s on. */
const MAX_ITEM_MS = 5_000;
const ITEM_SHARE = 0.25;

/** ms that one item may take in an invocation that has `remaining` ms, so that none costs its batch the response. */
export const itemLimit = (remaining: number): number => Math.min(MAX_ITEM_MS, remaining * ITEM_SHARE);

/** The time of one item, which begins when this is created. */
export class ShapingTime {
  readonly #now: () => number;
  readonly #limit: number;
  readonly #until: number;
  #steps = STEPS_PER_CLOCK_READ;

  /** @param limit ms */
  constructor(now: () => number, limit: number) {
    this.#now = now;
    this.#limit = limit;
    this.#until = now() + limit;
  }

  /**
   * Counts one attribute, list item or name, and reads the clock now and then.
   * @throws {MalformedRecord} when the time is used up
   */
  step(): void {
    if (--this.#steps > 0) return;
    this.#steps = STEPS_PER_CLOCK_READ;
    if (this.#now() > this.#until) {
      throw new MalformedRecord(
        'shaping_too_slow',
        `the document was not built within ${Math.round(this.#limit)} ms; leave attributes out with include or exclude, or give the function more memory, and redrive the record`,
      );
    }
  }
}

/** For callers without a deadline. */
export const unlimited = (): ShapingTime => new ShapingTime(() => 0, Infinity);
