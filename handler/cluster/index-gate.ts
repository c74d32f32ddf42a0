// Whether a table's index is there, asked at most once a second.
import type { Table } from '../tables.ts';
import type { Log } from '../telemetry/log.ts';
import type { Indexes, NotReady } from './indexes.ts';

/** A check that an index exists is valid for this long, across the invocations of a warm function. */
const CHECK_LIFETIME_MS = 1000;

/**
 * Lets requests through to indexes that exist: the engine must not recreate an index with its own defaults after it was deleted under a
 * warm function. Each index is checked, and created if it is missing, at most a second before each request.
 */
export class IndexGate {
  readonly #indexes: Indexes;
  readonly #now: () => number;
  readonly #log: Log;
  /** Aliases over several indexes that were logged: once per start. */
  readonly #warned = new Set<string>();
  readonly #checks = new Map<string, { readonly at: number; readonly result: Promise<NotReady | undefined> }>();

  constructor(indexes: Indexes, now: () => number, log: Log) {
    this.#indexes = indexes;
    this.#now = now;
    this.#log = log;
  }

  /** Whether a request may leave without a check. */
  isOpen(index: string): boolean {
    const check = this.#checks.get(index);
    return check !== undefined && Math.abs(this.#now() - check.at) <= CHECK_LIFETIME_MS;
  }

  /** Checks the table's index unless a former check is still valid. @returns why the index is not ready, or undefined */
  async ready(table: Table & { index: string }, signal: AbortSignal): Promise<NotReady | undefined> {
    const { index } = table;
    const known = this.#checks.get(index);
    if (known !== undefined && this.isOpen(index)) return known.result;
    const check = { at: this.#now(), result: this.#check(table, signal) };
    this.#checks.set(index, check);
    let holds = false;
    try {
      const problem = await check.result;
      holds = problem === undefined;
      return problem;
    } finally {
      if (!holds && this.#checks.get(index) === check) this.#checks.delete(index);
    }
  }

  async #check(table: Table & { index: string }, signal: AbortSignal): Promise<NotReady | undefined> {
    const { index, multiIndexAlias } = table;
    const found = await this.#indexes.ensure(table, signal);
    if ('kind' in found) return found;
    const { members, writeIndex } = found;
    if (members.length > 1 && !multiIndexAlias && writeIndex !== undefined && !this.#warned.has(index)) {
      this.#warned.add(index);
      this.#log.warn(
        'the alias is over several indexes: updates and deletes reach its write index only, and documents in the others stay as they are; give the alias one index, or accept that with multi-index-alias: true in the options file',
        { table: table.name, alias: index, writeIndex, indexes: members.length },
      );
    }
    return undefined;
  }

  /** Forgets the check of an index that the cluster reports as missing. */
  forget(index: string): void {
    this.#checks.delete(index);
  }
}
