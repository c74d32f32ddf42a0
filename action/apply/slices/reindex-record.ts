// The record of a reindex: `run.json` below `runs/<function>/reindex/<table>/`. A run that goes on begins at the step that it names.
import { UserError } from '../../errors.ts';
import type { StoredReindex } from '../../plan/reindex-plan.ts';
import type { RunStore } from './run-store.ts';

const NAME = 'run.json';

/** The record as it is stored, written over exactly the state that was read. */
export class ReindexRecord {
  readonly #store: RunStore;
  #etag: string | null;
  #state: StoredReindex;

  private constructor(store: RunStore, state: StoredReindex, etag: string | null) {
    this.#store = store;
    this.#state = state;
    this.#etag = etag;
  }

  /** The stored record; undefined where there is none. @throws {AwsError} */
  static async read(store: RunStore): Promise<StoredReindex | undefined> {
    return (await store.read<StoredReindex>(NAME))?.value;
  }

  /** Begins, or goes on, with a state. @throws {UserError} where another run has written it */
  static async begin(store: RunStore, state: StoredReindex): Promise<ReindexRecord> {
    const record = new ReindexRecord(store, state, (await store.read<StoredReindex>(NAME))?.etag ?? null);
    await record.save({});
    return record;
  }

  get state(): StoredReindex {
    return this.#state;
  }

  /** @throws {UserError} where another run has written it */
  async save(change: Partial<StoredReindex>): Promise<void> {
    const state = { ...this.#state, ...change };
    const etag = await this.#store.write(NAME, state, this.#etag);
    if (etag === undefined) throw new UserError(`${this.#store.uri(NAME)} was changed by another run`, 'Run again when that one is done');
    [this.#state, this.#etag] = [state, etag];
  }
}
