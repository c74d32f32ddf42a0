// Settles writes that can never be carried out: as a dead letter, as a failure or as done, as the options say.
import { abortAt, type Budget } from '../budget.ts';
import type { Write } from '../indexing/write.ts';
import type { MalformedRecord } from '../records/malformed-record.ts';
import type { Runtime } from '../runtime.ts';
import type { Log } from '../telemetry/log.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import { deadLetterKey, failureFields, type DeadLetter } from './dead-letter.ts';

/** Dead letters that are written at the same time. */
const MAX_CONCURRENT_WRITES = 8;

/** The fields of a dead letter about the item's source. */
export type Origin = Pick<DeadLetter, 'keys' | 'eventName' | 'sequenceNumber' | 'approximateCreationDateTime' | 'record'>;

/**
 * Writes dead letters for the malformed among `writes`; if there is no location for them or S3 refuses them, the write fails.
 * @param originOf the source of a write's item
 */
export async function settleMalformed<Item extends Write>(
  runtime: Runtime,
  metrics: Metrics,
  { respondBy }: Budget,
  writes: readonly Item[],
  originOf: (write: Item) => Origin,
): Promise<void> {
  const malformed = writes.filter(({ outcome }) => outcome?.kind === 'malformed');
  if (malformed.length === 0) return;
  metrics.add('Malformed', malformed.length);
  logMalformed(runtime.log, malformed, originOf);
  const { signal, release } = abortAt(respondBy, runtime.now());
  const queue = malformed[Symbol.iterator]();
  const worker = async (): Promise<void> => {
    for (const write of queue) await settleOne(runtime, metrics, write, originOf, signal);
  };
  await Promise.all(Array.from({ length: MAX_CONCURRENT_WRITES }, worker));
  release();
}

async function settleOne<Item extends Write>(
  runtime: Runtime,
  metrics: Metrics,
  write: Item,
  originOf: (write: Item) => Origin,
  signal: AbortSignal,
): Promise<void> {
  if (write.outcome?.kind !== 'malformed') return;
  const { error } = write.outcome;
  const { onMalformed, deadLetters } = write.table;
  if (onMalformed === 'drop') {
    write.outcome = { kind: 'done' };
  } else if (onMalformed === 'fail' || deadLetters === undefined) {
    write.outcome = { kind: 'failed', reason: error.loggable };
  } else {
    const deadLetter = deadLetterOf(runtime, write, error, originOf(write));
    try {
      signal.throwIfAborted();
      await runtime.putObject(
        deadLetters.bucket,
        deadLetterKey(deadLetters, deadLetter, write.table.isSecond),
        JSON.stringify(deadLetter),
        signal,
      );
      metrics.add('DeadLetters');
      write.outcome = { kind: 'done' };
    } catch (cause) {
      const name = cause instanceof Error ? cause.name : 'unknown';
      write.outcome = { kind: 'failed', reason: `the dead letter could not be written to s3://${deadLetters.bucket} (${name})` };
    }
  }
}

function deadLetterOf(runtime: Runtime, { table, id }: Write, error: MalformedRecord, origin: Origin): DeadLetter {
  return {
    version: 1,
    table: table.name === '' ? null : table.name,
    index: table.index ?? null,
    id: id ?? null,
    keys: origin.keys,
    eventName: origin.eventName,
    sequenceNumber: origin.sequenceNumber,
    approximateCreationDateTime: origin.approximateCreationDateTime,
    ...failureFields(error, runtime.now()),
    release: runtime.release,
    record: origin.record,
  };
}

/** Log lines per batch. */
const MAX_LOG_LINES = 20;

/** One line per kind of reason, not per record: a field that the index refuses fails a thousand records alike. */
function logMalformed<Item extends Write>(log: Log, malformed: readonly Item[], originOf: (write: Item) => Origin): void {
  const groups = new Map<string, { table: string; type: string; reason: string; count: number; sequenceNumber: string | null }>();
  for (const write of malformed) {
    if (write.outcome?.kind !== 'malformed') continue;
    const { type, loggable: reason } = write.outcome.error;
    const key = JSON.stringify([write.table.name, type, reason]);
    const group = groups.get(key) ?? { table: write.table.name, type, reason, count: 0, sequenceNumber: originOf(write).sequenceNumber };
    group.count++;
    groups.set(key, group);
  }
  for (const group of [...groups.values()].slice(0, MAX_LOG_LINES)) log.warn('records that cannot be written', group);
}
