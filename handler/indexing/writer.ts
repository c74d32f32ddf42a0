// Sends writes to the cluster, round after round, until each is settled or the time is up.
import { abortAt, type Budget } from '../budget.ts';
import type { Configuration } from '../cluster/responses.ts';
import { itemLimit } from '../documents/shaping-time.ts';
import { withoutValues } from '../telemetry/redaction.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import type { Runtime } from '../runtime.ts';
import { MAX_CONCURRENT_REQUESTS, runRound } from './round.ts';
import type { Ready, Write } from './write.ts';

/** ms: the first pause after a transient failure is up to twice this, each further one up to twice the former. */
const FIRST_PAUSE_MS = 50;
const MAX_PAUSE_MS = 10_000;
/** Rounds without a throttled request after which there is one request more at a time. */
const RAISE_AFTER = 20;

export class Writer {
  readonly #runtime: Runtime;
  readonly #metrics: Metrics;
  readonly #budget: Budget;
  /** ms that the shaping of one item may take, and its transform too. */
  readonly #itemLimit: number;
  /** Requests at a time: half as many after the cluster throttled. */
  #requests = MAX_CONCURRENT_REQUESTS;
  #unthrottled = 0;

  /** @param remaining ms that the invocation has */
  constructor(runtime: Runtime, metrics: Metrics, budget: Budget, remaining: number) {
    this.#runtime = runtime;
    this.#metrics = metrics;
    this.#budget = budget;
    this.#itemLimit = itemLimit(remaining);
  }

  /** Sets the outcome of every write. The second index of a table that is reindexed neither waits for the first nor holds it up. */
  async write(writes: readonly Write[]): Promise<void> {
    const second = writes.filter(({ table }) => table.isSecond);
    const first = second.length === 0 ? writes : writes.filter(({ table }) => !table.isSecond);
    const results = await Promise.allSettled([this.#writeAll(first), this.#writeAll(second)]);
    const defect = results.find((result) => result.status === 'rejected');
    if (defect !== undefined) throw defect.reason;
  }

  async #writeAll(writes: readonly Write[]): Promise<void> {
    const { now, cluster, gate, indexes } = this.#runtime;
    const { writeUntil } = this.#budget;
    const { signal, release } = abortAt(writeUntil, now());
    const metrics = this.#metrics;
    const dependencies = { cluster, gate, indexes, now, signal, writeUntil, metrics, itemLimit: this.#itemLimit };
    try {
      let pending: readonly Ready[] = writes.filter(isReady);
      for (let attempt = 0; pending.length > 0; attempt++) {
        if (attempt > 0) metrics.add('Retried', pending.length);
        const { Throttled: before } = metrics.counts();
        const { again, configuration, pause } = await runRound(pending, { ...dependencies, requests: this.#requests });
        this.#adapt(metrics.counts().Throttled > before);
        if (configuration !== undefined) {
          this.#fail(again, configuration);
          return;
        }
        pending = again;
        if (pause !== undefined && !(await this.#pause(attempt, pause.atLeastMs, signal))) {
          const remedy = pause.remedy === undefined ? '' : `. ${pause.remedy}`;
          const reason = `${withoutValues(pause.reason)} (no time was left for another attempt)${remedy}`;
          for (const write of pending) write.outcome = { kind: 'failed', reason };
          return;
        }
      }
    } finally {
      release();
    }
  }

  #adapt(isThrottled: boolean): void {
    this.#unthrottled = isThrottled ? 0 : this.#unthrottled + 1;
    if (isThrottled) this.#requests = Math.max(1, Math.floor(this.#requests / 2));
    else if (this.#unthrottled % RAISE_AFTER === 0) this.#requests = Math.min(MAX_CONCURRENT_REQUESTS, this.#requests + 1);
  }

  /** Writes one error log line; all remaining writes fail, since each would meet the same problem. */
  #fail(again: readonly Write[], problem: Configuration): void {
    this.#runtime.log.error('the cluster cannot be used as it is configured: nothing is lost, the batch is retried', {
      host: this.#runtime.cluster.host,
      type: problem.type,
      reason: withoutValues(problem.reason),
      remedy: problem.remedy,
    });
    for (const write of again) write.outcome = { kind: 'failed', reason: `${withoutValues(problem.reason)}. ${problem.remedy}` };
  }

  /** Waits before the next round, with full jitter. @returns false if the time does not allow for another */
  async #pause(attempt: number, atLeast: number, signal: AbortSignal): Promise<boolean> {
    const { now, random, sleep } = this.#runtime;
    const pause = Math.max(atLeast, random() * Math.min(MAX_PAUSE_MS, FIRST_PAUSE_MS * 2 ** (attempt + 1)));
    if (signal.aborted || now() + pause >= this.#budget.writeUntil) return false;
    await sleep(pause, signal);
    return !signal.aborted;
  }
}

/** Whether a write can be sent; a table that can have no index fails its writes. */
function isReady(write: Write): write is Ready {
  if (write.outcome !== undefined) return false;
  if (write.table.index !== undefined && write.state !== undefined) return true;
  write.outcome = {
    kind: 'failed',
    reason: `the table ${write.table.name} has no index: set the option index for it and deploy again`,
  };
  return false;
}
