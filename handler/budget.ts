/**
 * How long an invocation may go on. Nothing is written to the cluster after `writeUntil`, nothing at all after `answerBy`, so that
 * the answer leaves before Lambda's deadline: a time-out would throw away what is known of the batch.
 */
export interface Budget {
  /** ms since the epoch: when requests to the cluster are aborted. */
  readonly writeUntil: number;
  /** ms since the epoch: when dead letters and refreshes are aborted too. */
  readonly answerBy: number;
}

/** ms: the longest part of an invocation that is kept back for the answer, reached from a time-out of 25 s on. */
const LONGEST_RESERVE = 5_000;
const SHARE = 0.2;

/**
 * The budget of an invocation that has `remaining` ms until its deadline. A fifth of it is kept back, 5 s at most: the first half of
 * that for dead letters and refreshes, the second for the answer.
 */
export function budgetFor(now: number, remaining: number): Budget {
  const reserve = Math.min(LONGEST_RESERVE, remaining * SHARE);
  return { writeUntil: now + remaining - reserve, answerBy: now + remaining - reserve / 2 };
}

/** An AbortSignal that fires at `deadline` (ms since the epoch), and the way to let it go when the work is done before. */
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
