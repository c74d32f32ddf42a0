// One pass over the pending writes: sends each once, and returns those that are to be retried.
import type { IndexGate } from '../cluster/index-gate.ts';
import type { Indexes } from '../cluster/indexes.ts';
import { TRANSIENT_REMEDIES, type TransientCause } from '../cluster/faults.ts';
import type { Configuration, Transient } from '../cluster/responses.ts';
import { refusedByCluster } from '../records/malformed-record.ts';
import { sendBulk, type Bulk, type Settled } from './bulk-request.ts';
import { requestsOf, type IndexRequest } from './requests.ts';
import type { Prepared, Ready } from './write.ts';

export const MAX_CONCURRENT_REQUESTS = 2;
/** Share of the time for writing in which documents are begun; the rest is for the responses. */
const PREPARING_SHARE = 0.75;
/** Writes from which on they are shared out: below, a second request costs more than it saves (documents of a kilobyte). */
const MIN_SHARED_WRITES = 400;
/**
 * Times that a field is mapped for one document: another writer's mapping may not have reached the shard yet, and the index may have been
 * deleted after the first time.
 */
const MAX_MAPPINGS = 6;

export interface RoundDependencies extends Bulk {
  readonly gate: IndexGate;
  readonly indexes: Indexes;
  /** ms since the epoch: when requests to the cluster are aborted. */
  readonly writeUntil: number;
  /** ms that the shaping of one item may take, and its transform too. */
  readonly itemLimit: number;
  /** Requests at a time. */
  readonly requests: number;
}

/** The writes left after a round. */
export interface RoundResult {
  /** To be retried. */
  readonly again: readonly Ready[];
  /** A retry would only meet the same problem. */
  readonly configuration: Configuration | undefined;
  /** The pause before the next round, and its reason. */
  readonly pause: { readonly atLeastMs: number; readonly reason: string; readonly remedy?: string | undefined } | undefined;
}

/** Sends every pending write once, some requests at a time: no item is in more than one of them. @throws a defect, once no request is open */
export async function runRound(pending: readonly Ready[], dependencies: RoundDependencies): Promise<RoundResult> {
  return new Round(pending, dependencies).run();
}

class Round {
  readonly #pending: readonly Ready[];
  readonly #by: RoundDependencies;
  readonly #again: Ready[] = [];
  /** While a request is open a defect must not end the process, which would lose the response. */
  readonly #defects: unknown[] = [];
  #configuration: Configuration | undefined;
  #pause: RoundResult['pause'];
  /** No more is sent in this round. */
  #stopped = false;

  constructor(pending: readonly Ready[], dependencies: RoundDependencies) {
    this.#pending = pending;
    this.#by = dependencies;
  }

  async run(): Promise<RoundResult> {
    const { now, signal, writeUntil, itemLimit, gate, requests } = this.#by;
    const tables = [...new Map(this.#pending.map(({ table }) => [table.index, table])).values()];
    const ready = (): Promise<void> => this.#checkIndexes(tables).catch(this.#defect);
    let checking = ready();
    // Lets a check leave: the cluster responds while the documents are built.
    if (!tables.every(({ index }) => gate.isOpen(index))) await new Promise(setImmediate);
    const until = now() + (writeUntil - now()) * PREPARING_SHARE;
    const maxWrites = this.#pending.length < MIN_SHARED_WRITES ? Infinity : Math.ceil(this.#pending.length / requests);
    const open = new Set<Promise<void>>();
    try {
      for await (const request of requestsOf(this.#pending, { now, until, signal, itemLimit, maxWrites })) {
        await checking;
        if (open.size >= requests) await Promise.race(open);
        if (!gate.isOpen(request.index) && !this.#stopped) await (checking = ready());
        if (this.#stopped) {
          this.#again.push(...request.writes);
          continue;
        }
        const sending = this.#send(request)
          .catch(this.#defect)
          .finally(() => open.delete(sending));
        open.add(sending);
      }
    } catch (error) {
      this.#defect(error);
    }
    await checking;
    await Promise.all(open);
    if (this.#defects.length > 0) throw this.#defects[0];
    const late = this.#pending.filter(({ outcome, operation }) => outcome === undefined && operation === undefined);
    if (late.length > 0) {
      this.#again.push(...late);
      this.#wait({ reason: 'the time was too short to build all documents' });
    }
    return { again: this.#again, configuration: this.#configuration, pause: this.#pause };
  }

  readonly #defect = (error: unknown): void => {
    this.#defects.push(error);
    this.#stopped = true;
  };

  /** Checks all indexes of the round at once; a problem stops it. */
  async #checkIndexes(tables: readonly Ready['table'][]): Promise<void> {
    const { gate, signal } = this.#by;
    const problems = await Promise.all(tables.map((table) => gate.ready(table, signal)));
    const problem = problems.find((one) => one?.kind === 'configuration') ?? problems.find((one) => one !== undefined);
    if (problem !== undefined) this.#stop(problem);
  }

  async #send({ index, writes, isWhole }: IndexRequest): Promise<void> {
    const refresh = writes.some(({ table }) => table.refresh === 'wait_for')
      ? 'wait_for'
      : isWhole && writes.some(({ table }) => table.refresh === true)
        ? 'true'
        : undefined;
    const { outcomes, refreshed } = await sendBulk(
      this.#by,
      writes.map(({ operation }) => operation),
      { index, refresh },
    );
    const [first] = outcomes;
    // If no operation succeeded, the next request would only meet the same problem.
    if (first?.kind === 'transient' && outcomes.every(({ kind }) => kind === 'transient')) this.#stop(first);
    const mixed: { write: Prepared; field: string }[] = [];
    for (const [i, write] of writes.entries()) {
      const outcome = outcomes[i];
      if (outcome?.kind === 'mixed-field' && (write.mapped?.get(outcome.field) ?? 0) < MAX_MAPPINGS) {
        mixed.push({ write, field: outcome.field });
        if (write.mapped?.has(outcome.field) === true) this.#wait({ reason: outcome.reason });
        this.#again.push(write);
      } else if (outcome !== undefined) {
        this.#settle(write, outcome);
        write.refreshed = refreshed;
      }
    }
    if (mixed.length > 0) await this.#mapFields(index, mixed);
  }

  /** Maps fields with values of several kinds as text, which accepts them all. */
  async #mapFields(index: string, mixed: readonly { write: Prepared; field: string }[]): Promise<void> {
    const { indexes, signal } = this.#by;
    const fields = [...new Set(mixed.map(({ field }) => field))];
    const problem = signal.aborted ? undefined : await indexes.mapAsText(index, fields, signal);
    if (problem !== undefined) {
      this.#stop(problem);
      return;
    }
    for (const { write, field } of mixed) (write.mapped ??= new Map()).set(field, (write.mapped.get(field) ?? 0) + 1);
  }

  #settle(write: Prepared, outcome: Settled): void {
    const { metrics, gate } = this.#by;
    switch (outcome.kind) {
      case 'done':
        write.outcome = { kind: 'done' };
        write.written = outcome.result !== 'stale';
        metrics.add(outcome.result === 'indexed' ? 'Indexed' : outcome.result === 'deleted' ? 'Deleted' : 'Stale');
        break;
      case 'malformed':
      case 'mixed-field':
        write.outcome = { kind: 'malformed', error: refusedByCluster(outcome) };
        break;
      case 'transient':
        if (outcome.throttled) metrics.add('Throttled');
        if (outcome.type === 'index_not_found_exception') gate.forget(write.table.index);
        this.#again.push(write);
        this.#wait(outcome);
        break;
      case 'configuration':
        this.#again.push(write);
        this.#stop(outcome);
        break;
    }
    // The lines are needed again only if the write is retried.
    if (write.outcome !== undefined) {
      const settled: Ready = write;
      settled.operation = undefined;
      settled.shared = undefined;
    }
  }

  #wait({ reason, retryAfter = 0, cause }: Pick<Transient, 'reason' | 'retryAfter'> & { readonly cause?: TransientCause }): void {
    const remedy = cause === undefined ? undefined : TRANSIENT_REMEDIES[cause];
    this.#pause = { atLeastMs: Math.max(this.#pause?.atLeastMs ?? 0, retryAfter), reason, remedy };
  }

  /** Sends no more in this round: it would only meet the same problem. */
  #stop(outcome: Settled): void {
    this.#stopped = true;
    if (outcome.kind === 'configuration') this.#configuration ??= outcome;
    else if (outcome.kind === 'transient') this.#wait(outcome);
  }
}
