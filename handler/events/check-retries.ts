// Retries of a check: how long it waits for the cluster, and how often it tries.
import type { Transient } from '../cluster/responses.ts';
import type { Runtime } from '../runtime.ts';

/** ms: how long a check waits for a cluster that is busy, blocked or not complete. */
const MAX_WAIT_MS = 25_000;
/** ms: how long it waits for a cluster that does not respond, or not as a cluster does: waiting seldom helps a wrong address. */
const MAX_UNREACHED_WAIT_MS = 5_000;
/** ms: the first pause is up to this, each further one up to twice the former. */
const FIRST_PAUSE_MS = 250;
const MAX_PAUSE_MS = 5_000;

/** Retries the requests of a check, which share the time: a busy moment of the cluster must not fail a deploy. */
export class CheckRetries {
  readonly #runtime: Pick<Runtime, 'now' | 'sleep' | 'random'>;
  readonly #signal: AbortSignal;
  readonly #from: number;

  /** @param signal fires when the time of the check is used up */
  constructor(runtime: Pick<Runtime, 'now' | 'sleep' | 'random'>, signal: AbortSignal) {
    this.#runtime = runtime;
    this.#signal = signal;
    this.#from = runtime.now();
  }

  /** Makes an attempt, again while its failure is transient and time remains. @returns its last result */
  async run<Result>(attempt: () => Promise<Result>): Promise<Result> {
    const { now, sleep, random } = this.#runtime;
    let former: Result | undefined;
    for (let tries = 0; ; tries++) {
      const result = await attempt();
      if (!isTransient(result)) return result;
      // The cause of an earlier failure says more than that the time is up.
      if (former !== undefined && this.#isOver()) return former;
      former = result;
      const pause = Math.max(result.retryAfter ?? 0, random() * Math.min(MAX_PAUSE_MS, FIRST_PAUSE_MS * 2 ** tries));
      const until = this.#from + (result.cause === 'network' || result.cause === 'unreadable' ? MAX_UNREACHED_WAIT_MS : MAX_WAIT_MS);
      if (this.#isOver() || now() + pause >= until) return result;
      await sleep(pause, this.#signal);
      if (this.#isOver()) return result;
    }
  }

  #isOver(): boolean {
    return this.#signal.aborted;
  }
}

const isTransient = (value: unknown): value is Transient =>
  typeof value === 'object' && value !== null && 'kind' in value && value.kind === 'transient';
