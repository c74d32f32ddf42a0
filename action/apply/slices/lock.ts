// One run at a time works on a table, whichever its operation: a lock in the bucket with a heartbeat. A killed run leaves it, and it grows
// stale. It also records until when requests may arrive that a run has left behind, so that this survives a kill.
import { UserError } from '../../errors.ts';
import type { Clock } from '../../aws/retry.ts';
import type { RunStore } from './run-store.ts';

/** ms between two beats, and how long a lock without one is respected. */
const BEAT_MS = 5_000;
const STALE_MS = 30_000;
/** ms between two looks at another run's lock. */
const LOOK_MS = 2_000;

/** `locks/<table>.json`: the run that has the table, and its heartbeat. */
interface StoredLock {
  /** Empty: nobody. */
  readonly holder: string;
  /** URL of that run. */
  readonly url: string;
  readonly beat: number;
  /** ms since the epoch: a write that the run has left behind may arrive until then. */
  readonly lateUntil: number;
  /** ms: for how long a write can arrive after its run was killed. */
  readonly longestMs: number;
}

/** A run that wants a table. */
export interface LockRequest {
  /** Unique to this run. */
  readonly holder: string;
  readonly url: string;
  /** ms: for how long a write can arrive after this run was killed. */
  readonly longestMs: number;
}

/** A lock of this run. */
export interface HeldLock {
  /** ms since the epoch: a write that this run or one before it has left behind may arrive until then; 0: there is none. */
  readonly lateUntil: number;
  /** Another run has taken the lock, as it may where this one was without a network for long. */
  readonly isLost: boolean;
  /** Records that a write may arrive until then, ms since the epoch. */
  late(until: number): void;
  /** Lets another run begin. */
  release(): Promise<void>;
}

/**
 * Acquires the lock of a table, waiting until the lock of a killed run is stale.
 * @param store of the function's locks @param log reports the reason for waiting
 * @throws {UserError} where a live run has it
 */
export async function takeLock(
  store: RunStore,
  table: string,
  clock: Clock,
  { holder, url, longestMs }: LockRequest,
  log: (line: string) => void,
): Promise<HeldLock> {
  const name = `${table}.json`;
  let lock: StoredLock = { holder, url, beat: 0, lateUntil: 0, longestMs };
  let etag = await store.write(name, lock, null);
  let isLogged = false;
  for (let seen = await store.read<StoredLock>(name), since = clock.now(); etag === undefined;) {
    if (seen === undefined) {
      etag = await store.write(name, lock, null);
    } else if (seen.value.holder === '' || clock.now() - since >= STALE_MS) {
      lock = { ...lock, lateUntil: lateAfter(seen.value, lock, clock.now()) };
      etag = await store.write(name, lock, seen.etag);
    } else {
      if (!isLogged) log(`Another run has worked on the table ${table}: waiting ${STALE_MS / 1000} s for a sign of it (${seen.value.url})`);
      isLogged = true;
      await clock.sleep(LOOK_MS);
    }
    if (etag !== undefined) break;
    const now = await store.read<StoredLock>(name);
    if (seen !== undefined && now !== undefined && now.etag !== seen.etag) {
      if (now.value.holder !== '' && now.value.beat > seen.value.beat)
        throw new UserError(
          `Another run works on the table ${table}: ${now.value.url}`,
          'Wait until it is done, or cancel it; then run again',
        );
      since = clock.now();
    }
    seen = now;
  }
  return new BeatingLock(store, name, lock, etag);
}

/** Until when a write of the former run may arrive: one that was killed can have had an invocation under way until now. */
function lateAfter(former: StoredLock, { longestMs }: StoredLock, now: number): number {
  return former.holder === '' ? former.lateUntil : Math.max(former.lateUntil, now + Math.max(former.longestMs, longestMs));
}

class BeatingLock implements HeldLock {
  readonly #store: RunStore;
  readonly #name: string;
  readonly #timer: NodeJS.Timeout;
  #lock: StoredLock;
  #etag: string;
  #isLost = false;
  #writing: Promise<void> = Promise.resolve();

  constructor(store: RunStore, name: string, lock: StoredLock, etag: string) {
    this.#store = store;
    this.#name = name;
    this.#lock = lock;
    this.#etag = etag;
    this.#timer = setInterval(() => {
      void this.#beat(lock.holder);
    }, BEAT_MS);
    this.#timer.unref();
  }

  get lateUntil(): number {
    return this.#lock.lateUntil;
  }

  get isLost(): boolean {
    return this.#isLost;
  }

  late(until: number): void {
    this.#lock = { ...this.#lock, lateUntil: Math.max(this.#lock.lateUntil, until) };
  }

  async release(): Promise<void> {
    clearInterval(this.#timer);
    await this.#beat('');
  }

  /** One write after the other. A beat that fails is not the end: the next one may get through before the lock is stale. */
  #beat(holder: string): Promise<void> {
    this.#writing = this.#writing.then(() => this.#write(holder)).catch(() => undefined);
    return this.#writing;
  }

  async #write(holder: string): Promise<void> {
    if (this.#isLost) return;
    const own = this.#lock.holder;
    const beat = this.#lock.beat + 1;
    this.#lock = { ...this.#lock, beat };
    const etag = await this.#store.write(this.#name, { ...this.#lock, holder }, this.#etag);
    if (etag !== undefined) {
      this.#etag = etag;
      return;
    }
    // A beat whose response was lost has been written all the same.
    const found = await this.#store.read<StoredLock>(this.#name);
    if (found?.value.holder !== own) this.#isLost = true;
    else {
      this.#etag = (await this.#store.write(this.#name, { ...this.#lock, holder }, found.etag)) ?? found.etag;
    }
  }
}
