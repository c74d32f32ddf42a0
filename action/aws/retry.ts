/** Time and chance, so that tests need neither. */
export interface Clock {
  /** ms since 1970 */
  readonly now: () => number;
  readonly sleep: (milliseconds: number) => Promise<void>;
  /** From 0 up to, not including, 1. */
  readonly random: () => number;
}

/** The real clock. A sleep ends at once, with the reason, when `signal` is aborted. */
export function realClock(signal?: AbortSignal): Clock {
  return {
    now: () => Date.now(),
    random: () => Math.random(),
    sleep: (milliseconds) =>
      new Promise((resolve, reject) => {
        const stop = (): void => {
          clearTimeout(timer);
          reject(signal?.reason instanceof Error ? signal.reason : new Error('stopped'));
        };
        const timer = setTimeout(() => {
          signal?.removeEventListener('abort', stop);
          resolve();
        }, milliseconds);
        if (signal?.aborted === true) stop();
        else signal?.addEventListener('abort', stop, { once: true });
      }),
  };
}

export interface Retry {
  /** Attempts in all. */
  readonly attempts: number;
  /** ms; doubled from attempt to attempt. */
  readonly base: number;
  /** ms */
  readonly cap: number;
}

/** AWS throttles its control planes to a few requests a second and refills slowly, so that a crowd needs minutes, not seconds. */
export const THROTTLED: Retry = { attempts: 12, base: 400, cap: 20_000 };
/** A connection that broke, or a server that failed. Few: an address that is wrong stays wrong. */
export const TRANSIENT: Retry = { attempts: 4, base: 150, cap: 5_000 };

/**
 * Runs `attempt` until it succeeds or its error is not one to try again. The delay is drawn evenly from 0 up to the doubled base ("full
 * jitter": https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/).
 * @param choose how often an error is worth trying again; undefined: not at all
 */
export async function withRetry<T>(clock: Clock, attempt: () => Promise<T>, choose: (error: unknown) => Retry | undefined): Promise<T> {
  for (let made = 1; ; made += 1) {
    try {
      return await attempt();
    } catch (error) {
      const retry = choose(error);
      if (retry === undefined || made >= retry.attempts) throw error;
      await clock.sleep(clock.random() * Math.min(retry.cap, retry.base * 2 ** (made - 1)));
    }
  }
}

/** How one attempt ended. */
export type Attempt<T> = { readonly value: T } | { readonly error: unknown };

/** ms between two attempts: the first pause, and the longest one. */
const POLL = { first: 500, growth: 1.5, longest: 5_000 } as const;

/**
 * Makes attempts until one ends in something else than "busy", or the deadline has passed: then the last one counts, value or error. The
 * pauses grow, and are drawn from their upper half, so that two that wait for the same thing part.
 * @param deadline ms since 1970 @param isBusy whether an attempt that ended so is worth another one
 * @param attempt receives the number of attempts before it
 */
export async function retryUntil<T>(
  clock: Clock,
  deadline: number,
  isBusy: (attempt: Attempt<T>) => boolean,
  attempt: (before: number) => Promise<T>,
): Promise<T> {
  for (let before = 0, pause: number = POLL.first; ; before += 1, pause = Math.min(pause * POLL.growth, POLL.longest)) {
    const ended: Attempt<T> = await attempt(before).then(
      (value) => ({ value }),
      (error: unknown) => ({ error }),
    );
    if (clock.now() >= deadline || !isBusy(ended)) {
      if ('error' in ended) throw ended.error;
      return ended.value;
    }
    await clock.sleep((pause * (1 + clock.random())) / 2);
  }
}

/** For `retryUntil`: busy is what fails with such an error. */
export function failsWith(matches: (error: unknown) => boolean): (attempt: Attempt<unknown>) => boolean {
  return (attempt) => 'error' in attempt && matches(attempt.error);
}

/** Works on all `items`, at most `limit` at a time; the results are in the order of the items. The first error ends it. */
export async function inParallel<T, R>(items: readonly T[], limit: number, work: (item: T) => Promise<R>): Promise<R[]> {
  const results = new Map<number, R>();
  const queue = items.entries();
  let failed = false;
  const worker = async (): Promise<void> => {
    for (const [at, item] of queue) {
      if (failed) return;
      try {
        results.set(at, await work(item));
      } catch (error) {
        failed = true;
        throw error;
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(limit, items.length) }, worker));
  return [...results].sort(([a], [b]) => a - b).map(([, result]) => result);
}
