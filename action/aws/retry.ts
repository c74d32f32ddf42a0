/** Time and chance, so that tests need neither. */
export interface Pace {
  /** ms since 1970 */
  readonly now: () => number;
  readonly sleep: (milliseconds: number) => Promise<void>;
  /** From 0 up to, not including, 1. */
  readonly random: () => number;
}

/** The real clock. A sleep ends at once, with the reason, when `signal` is aborted. */
export function realPace(signal?: AbortSignal): Pace {
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
/** A connection that broke, or a server that stumbled. Few: an address that is wrong stays wrong. */
export const TRANSIENT: Retry = { attempts: 4, base: 150, cap: 5_000 };

/**
 * Runs `attempt` until it succeeds or its error is not one to try again. The delay is drawn evenly from 0 up to the doubled base ("full
 * jitter": https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/).
 * @param choose how often an error is worth trying again; undefined: not at all
 */
export async function withRetry<T>(pace: Pace, attempt: () => Promise<T>, choose: (error: unknown) => Retry | undefined): Promise<T> {
  for (let made = 1; ; made += 1) {
    try {
      return await attempt();
    } catch (error) {
      const retry = choose(error);
      if (retry === undefined || made >= retry.attempts) throw error;
      await pace.sleep(pace.random() * Math.min(retry.cap, retry.base * 2 ** (made - 1)));
    }
  }
}

/** Works on all `items`, at most `limit` at a time; the results stand in the order of the items. The first error ends it. */
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
