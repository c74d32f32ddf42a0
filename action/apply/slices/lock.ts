// One run at a time processes a table: a lock in the bucket with a heartbeat. A killed run leaves it, and it grows stale.
import { UserError } from '../../errors.ts';
import type { Clock } from '../../aws/retry.ts';
import type { Lock, RunStore } from './run-store.ts';

/** ms between two beats, and how long a lock without one is respected. */
const BEAT_MS = 5_000;
const STALE_MS = 30_000;
/** ms between two looks at another run's lock. */
const LOOK_MS = 2_000;
const NAME = 'lock.json';

/** A lock of this run. */
export interface HeldLock {
  /** Lets another run begin. */
  release(): Promise<void>;
}

/**
 * Acquires the lock of a table, waiting until the lock of a killed run is stale.
 * @param holder unique to this run @param url of the run @param log reports the reason for waiting
 * @throws {UserError} where a live run has it
 */
export async function takeLock(
  store: RunStore,
  clock: Clock,
  { holder, url }: Pick<Lock, 'holder' | 'url'>,
  log: (line: string) => void,
): Promise<HeldLock> {
  let etag = await store.write(NAME, { holder, url, beat: 0 } satisfies Lock, null);
  for (let seen = await store.read<Lock>(NAME), since = clock.now(), isLogged = false; etag === undefined;) {
    if (seen === undefined) {
      etag = await store.write(NAME, { holder, url, beat: 0 } satisfies Lock, null);
    } else if (seen.value.holder === '' || clock.now() - since >= STALE_MS) {
      etag = await store.write(NAME, { holder, url, beat: 0 } satisfies Lock, seen.etag);
    } else {
      if (!isLogged) log(`Another run has worked on this table: waiting ${STALE_MS / 1000} s for a sign of it (${seen.value.url})`);
      isLogged = true;
      await clock.sleep(LOOK_MS);
    }
    if (etag !== undefined) break;
    const now = await store.read<Lock>(NAME);
    if (seen !== undefined && now !== undefined && now.etag !== seen.etag) {
      if (now.value.holder !== '' && now.value.beat > seen.value.beat)
        throw new UserError(`Another run works on this table: ${now.value.url}`, 'Wait until it is done, or cancel it; then run again');
      since = clock.now();
    }
    seen = now;
  }
  return beating(store, { holder, url }, etag);
}

function beating(store: RunStore, lock: Pick<Lock, 'holder' | 'url'>, first: string): HeldLock {
  let etag: string | undefined = first;
  let beat = 0;
  let writing: Promise<void> = Promise.resolve();
  const write = (value: Lock): Promise<void> =>
    (writing = writing.then(async () => {
      if (etag !== undefined) etag = await store.write(NAME, value, etag).catch(() => etag);
    }));
  const timer = setInterval(() => {
    void write({ ...lock, beat: ++beat });
  }, BEAT_MS);
  timer.unref();
  return {
    release: async () => {
      clearInterval(timer);
      await write({ holder: '', url: lock.url, beat: ++beat });
    },
  };
}
