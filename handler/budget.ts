/**
 * How long an invocation may go on. Nothing is written to the cluster after `writeUntil`, and nothing at all after `respondBy`, so that
 * the response leaves before Lambda's deadline: after a time-out Lambda would retry the whole batch.
 */
export interface Budget {
  /** ms since the epoch: when requests to the cluster are aborted. */
  readonly writeUntil: number;
  /** ms since the epoch: when dead letters and refreshes are aborted too. */
  readonly respondBy: number;
}

/** ms: the most that an invocation reserves for its response, as it does with a timeout of 25 s or more. */
const MAX_RESERVE_MS = 5_000;
const RESERVE_SHARE = 0.2;

/**
 * The budget of an invocation that has `remaining` ms until its deadline. A fifth of it is reserved, 5 s at most: the first half of
 * that for dead letters and refreshes, the second for the response.
 */
export function budgetFor(now: number, remaining: number): Budget {
  const reserve = Math.min(MAX_RESERVE_MS, remaining * RESERVE_SHARE);
  return { writeUntil: now + remaining - reserve, respondBy: now + remaining - reserve / 2 };
}

/** An AbortSignal that fires at `deadline` (ms since the epoch), and a function that releases it when the work is done earlier. */
export function abortAt(deadline: number, now: number): { signal: AbortSignal; release: () => void } {
  const controller = new AbortController();
  const timer = setTimeout(
    () => {
      controller.abort(new Error('the time of the invocation is used up'));
    },
    Math.max(0, deadline - now),
  );
  return {
    signal: controller.signal,
    release: () => {
      clearTimeout(timer);
    },
  };
}
