// Brings the writes of a batch to the cluster: in requests bounded by bytes, again and again until each is settled or the time is up.
import { abortAt, type Budget } from '../budget.ts';
import { sendBulk, type Settled } from './bulk-request.ts';
import type { Write } from './collapse.ts';
import { type Configuration } from '../cluster/responses.ts';
import { MalformedRecord, withoutValues } from '../records/malformed-record.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import { type Prepared, type Ready, requestsOf } from './requests.ts';
import type { Runtime } from '../runtime.ts';
import { itemLimit } from '../documents/shaping-time.ts';

/** ms: the first pause after a transient failure is up to twice this, each further one up to twice the former. */
const FIRST_PAUSE = 50;
const LONGEST_PAUSE = 10_000;
const REQUESTS_AT_ONCE = 2;
/** Share of the time for writing in which documents are begun. */
const PREPARING = 0.75;
/** Writes from which on they are shared out: below, a second request costs more than it saves (documents of a kilobyte). */
const SPLIT_FROM = 400;
/**
 * Times that a field is mapped for one document: another writer's mapping may not have reached the shard yet, and the index may have been
 * deleted after the first time.
 */
const MAPPINGS_LIMIT = 6;
/** ms: the index is asked for again before a request that leaves later than this after the last question. */
const QUESTION_HOLDS = 1000;

export class Writer {
  readonly #runtime: Runtime;
  readonly #metrics: Metrics;
  readonly #budget: Budget;
  /** ms that the shaping of one item may take, and its transform too. */
  readonly #itemLimit: number;

  constructor(runtime: Runtime, metrics: Metrics, budget: Budget, remaining: number) {
    this.#runtime = runtime;
    this.#metrics = metrics;
    this.#budget = budget;
    this.#itemLimit = itemLimit(remaining);
  }

  /** Gives every write an outcome. */
  async write(writes: readonly Write[]): Promise<void> {
    const { signal, release } = abortAt(this.#budget.writeUntil, this.#runtime.now());
    try {
      let pending = writes.filter((write): write is Ready => this.#isReady(write));
      for (let attempt = 0; pending.length > 0; attempt++) {
        if (attempt > 0) this.#metrics.add('Retried', pending.length);
        const round = new Round(pending);
        await this.#round(round, signal);
        if (round.configuration !== undefined) {
          this.#giveUp(round.again, round.configuration);
          return;
        }
        pending = round.again;
        if (round.pauseFor !== undefined && !(await this.#pause(attempt, round.pauseFor, signal))) {
          const reason = `${withoutValues(round.lastReason)} (given up in time for the answer)`;
          for (const write of pending) write.outcome = { kind: 'failed', reason };
          return;
        }
      }
    } finally {
      release();
    }
  }

  /** Whether there is something to send; a table that can have no index fails its records. */
  #isReady(write: Write): boolean {
    if (write.outcome !== undefined) return false;
    if (write.table.index !== undefined && write.record !== undefined && write.id !== undefined) return true;
    write.outcome = {
      kind: 'failed',
      reason: `the table ${write.table.name} has no index: give it one with the option index and deploy again`,
    };
    return false;
  }

  /** Sends everything that is pending once, two requests at a time: no item is in more than one of them. */
  async #round(round: Round, signal: AbortSignal): Promise<void> {
    const open = new Set<Promise<void>>();
    // A defect is thrown when nothing is open any more: until then it must not end the process, which would lose the answer.
    const defects: unknown[] = [];
    const defect = (error: unknown): void => {
      defects.push(error);
      round.stopped = true;
    };
    const { now } = this.#runtime;
    let asked = now();
    const question = (): Promise<void> =>
      this.#ensureIndexes(round.pending, signal).then((problem) => {
        if (problem !== undefined) round.stop(problem);
      }, defect);
    let ready = question();
    // Lets the question leave: the cluster answers it while the documents are made.
    await new Promise(setImmediate);
    const { pending } = round;
    const transformLimit = this.#itemLimit;
    // The rest is for the answers; what is left over is made in the next round.
    const until = now() + (this.#budget.writeUntil - now()) * PREPARING;
    const most = pending.length < SPLIT_FROM ? Infinity : Math.ceil(pending.length / REQUESTS_AT_ONCE);
    try {
      for await (const request of requestsOf(pending, { now, until, signal, transformLimit, most })) {
        await ready;
        if (open.size >= REQUESTS_AT_ONCE) await Promise.race(open);
        if (now() - asked > QUESTION_HOLDS) {
          asked = now();
          await (ready = question());
        }
        if (round.stopped) {
          round.again.push(...request);
          continue;
        }
        const sending = this.#send(round, request, signal)
          .catch(defect)
          .finally(() => open.delete(sending));
        open.add(sending);
      }
    } catch (error) {
      defect(error);
    }
    await ready;
    await Promise.all(open);
    if (defects.length > 0) throw defects[0];
    const late = pending.filter(({ outcome, operation }) => outcome === undefined && operation === undefined);
    if (late.length === 0) return;
    round.again.push(...late);
    round.stop({ kind: 'transient', type: 'time_used_up', reason: 'the time did not suffice to make all documents', throttled: false });
  }

  /** Looks after all indexes of the round at once. @returns the first problem */
  async #ensureIndexes(pending: readonly Ready[], signal: AbortSignal): Promise<Settled | undefined> {
    const tables = new Map(pending.map(({ table }) => [table.index, table]));
    const problems = await Promise.all([...tables.values()].map((table) => this.#runtime.indexes.ensure(table, signal)));
    return problems.find((problem) => problem?.kind === 'configuration') ?? problems.find((problem) => problem !== undefined);
  }

  async #send(round: Round, request: readonly Prepared[], signal: AbortSignal): Promise<void> {
    const { engine, now } = this.#runtime;
    const bulk = { engine, metrics: this.#metrics, now, signal };
    const index = request[0]?.table.index ?? '';
    const waitFor = request.some(({ table }) => table.refresh === 'wait_for');
    const outcomes = await sendBulk(
      bulk,
      request.map(({ operation }) => operation),
      index,
      waitFor,
    );
    const [first] = outcomes;
    // Where nothing came through, the next request would only meet the same.
    if (first?.kind === 'transient' && outcomes.every(({ kind }) => kind === 'transient')) round.stop(first);
    const mixed: { write: Prepared; field: string }[] = [];
    const fields = new Map<string, Set<string>>();
    for (const [i, write] of request.entries()) {
      const outcome = outcomes[i];
      if (outcome?.kind === 'mixed-field' && (write.mapped?.get(outcome.field) ?? 0) < MAPPINGS_LIMIT) {
        mixed.push({ write, field: outcome.field });
        if (write.mapped?.has(outcome.field) === true) round.pause(outcome);
        fields.set(write.table.index, (fields.get(write.table.index) ?? new Set()).add(outcome.field));
        round.again.push(write);
      } else if (outcome !== undefined) {
        this.#settle(round, write, outcome);
      }
    }
    for (const [index, ofIndex] of fields) {
      const problem = signal.aborted ? undefined : await this.#runtime.indexes.mapAsText(index, [...ofIndex], signal);
      if (problem !== undefined) {
        round.stop(problem);
        continue;
      }
      for (const { write, field } of mixed) {
        if (write.table.index === index) (write.mapped ??= new Map()).set(field, (write.mapped.get(field) ?? 0) + 1);
      }
    }
  }

  #settle(round: Round, write: Prepared, outcome: Settled): void {
    switch (outcome.kind) {
      case 'done':
        write.outcome = { kind: 'done' };
        write.written = outcome.result !== 'stale';
        this.#metrics.add(outcome.result === 'indexed' ? 'Indexed' : outcome.result === 'deleted' ? 'Deleted' : 'Stale');
        break;
      case 'malformed':
      case 'mixed-field':
        write.outcome = {
          kind: 'malformed',
          error: new MalformedRecord(outcome.type, `the cluster refuses the document: ${outcome.reason}`, outcome.status),
        };
        break;
      case 'transient':
        if (outcome.throttled) this.#metrics.add('Throttled');
        round.again.push(write);
        round.pause(outcome);
        break;
      case 'configuration':
        round.again.push(write);
        round.stop(outcome);
        break;
    }
    // The lines are needed again only where the write is.
    if (write.outcome !== undefined) (write as Write).operation = undefined;
  }

  /** One loud line; the whole rest of the batch must come again, since every record would meet the same. */
  #giveUp(again: readonly Write[], problem: Configuration): void {
    this.#runtime.log.error('the cluster cannot be used as it is configured: nothing is lost, the batch comes again', {
      host: this.#runtime.engine.host,
      type: problem.type,
      reason: withoutValues(problem.reason),
      remedy: problem.remedy,
    });
    for (const write of again) write.outcome = { kind: 'failed', reason: `${withoutValues(problem.reason)}. ${problem.remedy}` };
  }

  /** Waits before the next round, with full jitter. @returns false where the time does not allow for another */
  async #pause(attempt: number, atLeast: number, signal: AbortSignal): Promise<boolean> {
    const { now, random, sleep } = this.#runtime;
    const pause = Math.max(atLeast, random() * Math.min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** (attempt + 1)));
    if (signal.aborted || now() + pause >= this.#budget.writeUntil) return false;
    await sleep(pause, signal);
    return !signal.aborted;
  }
}

/** One pass over what is pending. */
class Round {
  readonly pending: readonly Ready[];
  /** To be sent again. */
  readonly again: Ready[] = [];
  configuration: Configuration | undefined;
  /** ms to wait at least before the next round; undefined where there is nothing to wait for. */
  pauseFor: number | undefined;
  lastReason = '';
  stopped = false;

  constructor(pending: readonly Ready[]) {
    this.pending = pending;
  }

  pause(outcome: { reason: string; retryAfter?: number }): void {
    this.pauseFor = Math.max(this.pauseFor ?? 0, outcome.retryAfter ?? 0);
    this.lastReason = outcome.reason;
  }

  /** Sends no more in this round: it would only meet the same. */
  stop(outcome: Settled): void {
    this.stopped = true;
    if (outcome.kind === 'configuration') this.configuration ??= outcome;
    else if (outcome.kind === 'transient') this.pause(outcome);
  }
}
