// The time that one item may take on its way to its document: shaping is synchronous, so that no timer could end it.
import { MalformedRecord } from '../records/malformed-record.ts';

/** Attributes, list items and names between two looks at the clock: about a hundredth of a millisecond at a whole core. */
const STEPS = 128;
/** ms: the longest time that one item may take, reached from a time-out of 20 s on. */
const LONGEST = 5_000;
const SHARE = 0.25;

/** ms that one item may take in an invocation that has `remaining` ms, so that none costs its batch the response. */
export const itemLimit = (remaining: number): number => Math.min(LONGEST, remaining * SHARE);

/** The time of one item, which begins when it is made. */
export class ShapingTime {
  readonly #now: () => number;
  readonly #limit: number;
  readonly #until: number;
  #steps = STEPS;

  /** @param limit ms */
  constructor(now: () => number, limit: number) {
    this.#now = now;
    this.#limit = limit;
    this.#until = now() + limit;
  }

  /**
   * Counts one attribute, list item or name, and looks at the clock now and then.
   * @throws {MalformedRecord} where the time is used up
   */
  step(): void {
    if (--this.#steps > 0) return;
    this.#steps = STEPS;
    if (this.#now() > this.#until) {
      throw new MalformedRecord(
        'shaping_too_slow',
        `the document was not made within ${Math.round(this.#limit)} ms; leave attributes out with include or exclude, or give the function more memory, and redrive the record`,
      );
    }
  }
}

/** For what has no deadline. */
export const unlimited = (): ShapingTime => new ShapingTime(() => 0, Infinity);
