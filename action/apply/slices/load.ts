// How much a run asks of table and cluster at a time: half as much when they throttle, slowly more again. Pure.

/** ms without throttling after which there is a little more again. */
const RAISE_EVERY_MS = 30_000;
/** Factor by which the capacity is raised. */
const RAISE = 1.25;

/** One quantity that is halved and raised. */
class Adaptive {
  readonly #most: number;
  readonly #least: number;
  readonly #raised: (value: number) => number;
  #value: number;
  #changedAt: number;

  constructor(most: number, least: number, raised: (value: number) => number, now: number) {
    this.#most = most;
    this.#least = Math.min(most, least);
    this.#raised = raised;
    this.#value = most;
    this.#changedAt = now;
  }

  /** Halves it, unless that was done after the throttled work began: several slices meet the same peak. */
  halve(begunAt: number, now: number): void {
    if (this.#value < this.#most && begunAt <= this.#changedAt) return;
    this.#value = Math.max(this.#least, this.#value / 2);
    this.#changedAt = now;
  }

  at(now: number): number {
    if (this.#value < this.#most && now - this.#changedAt >= RAISE_EVERY_MS) {
      this.#value = Math.min(this.#most, this.#raised(this.#value));
      this.#changedAt = now;
    }
    return this.#value;
  }
}

export class Load {
  readonly #slices: Adaptive;
  readonly #capacity: Adaptive;

  /** @param slices at once @param capacity read capacity units per second of all together; both at most @param now ms */
  constructor(slices: number, capacity: number, now: number) {
    this.#slices = new Adaptive(slices, 1, (value) => value + 1, now);
    this.#capacity = new Adaptive(capacity, 1, (value) => value * RAISE, now);
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
