// How much a run asks of table and cluster at a time: half as much when they throttle, soon nearly as much as then, slowly more. Pure.

/** Part of what was throttled last that is soon asked for again. */
const KNOWN_GOOD = 0.9;
/** ms after which there is a little more again: up to that part, and above it, where the next throttling is expected. */
const BACK_EVERY_MS = 5_000;
const RAISE_EVERY_MS = 30_000;
/** Factor by which the capacity is raised. */
const RAISE = 1.25;

/** One quantity that is halved when it is too much, soon comes back to nearly what it was then, and is raised slowly from there on. */
class Adaptive {
  readonly #most: number;
  readonly #least: number;
  readonly #raised: (value: number) => number;
  #value: number;
  /** What it was when it was halved last. */
  #tooMuch: number;
  #halvedAt = -Infinity;
  #raisedAt = -Infinity;

  constructor(most: number, least: number, raised: (value: number) => number) {
    this.#most = most;
    this.#least = Math.min(most, least);
    this.#raised = raised;
    this.#value = most;
    this.#tooMuch = most;
  }

  /** Halves it, unless that was done after the throttled work began: several slices meet the same peak. */
  halve(begunAt: number, now: number): void {
    if (begunAt <= this.#halvedAt) return;
    this.#tooMuch = this.#value;
    this.#value = Math.max(this.#least, this.#value / 2);
    [this.#halvedAt, this.#raisedAt] = [now, now];
  }

  at(now: number): number {
    if (this.#value >= this.#most) return this.#value;
    const good = this.#tooMuch * KNOWN_GOOD;
    const isKnown = this.#value < good;
    if (now - this.#raisedAt >= (isKnown ? BACK_EVERY_MS : RAISE_EVERY_MS)) {
      this.#value = Math.min(isKnown ? good : this.#most, this.#raised(this.#value));
      this.#raisedAt = now;
    }
    return this.#value;
  }
}

export class Load {
  readonly #slices: Adaptive;
  readonly #capacity: Adaptive;

  /** @param slices at once @param capacity read capacity units per second of all together; both at most */
  constructor(slices: number, capacity: number) {
    this.#slices = new Adaptive(slices, 1, (value) => value + 1);
    this.#capacity = new Adaptive(capacity, 1, (value) => value * RAISE);
  }

  /** Slices at once. */
  slices(now: number): number {
    return Math.max(1, Math.floor(this.#slices.at(now)));
  }

  /** Read capacity units per second of all slices. */
  capacity(now: number): number {
    return this.#capacity.at(now);
  }

  /** Takes note of how often an invocation was throttled. @param begunAt when it began, ms */
  note(throttled: { readonly table: number; readonly cluster: number }, begunAt: number, now: number): void {
    if (throttled.cluster > 0) this.#slices.halve(begunAt, now);
    if (throttled.table > 0) this.#capacity.halve(begunAt, now);
  }
}

/** Part of its share that is too little to begin a slice with. */
const LEAST_SHARE = 0.1;

/**
 * The read capacity of the next slice, so that those that run never have more than `capacity` together; undefined: none is left now.
 * @param running what each running slice has @param workers slices that there will be at once
 */
export function shareOf(capacity: number, running: Iterable<number>, workers: number): number | undefined {
  const share = capacity / workers;
  let left = capacity;
  for (const one of running) left -= one;
  const next = Math.min(share, left);
  return next < share * LEAST_SHARE ? undefined : next;
}
