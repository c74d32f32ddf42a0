// An event of Lambda's: its records, the writes that they come to, and the answer (contract 4 and 6).
import { abortAt, budgetFor, type Budget } from '../budget.ts';
import { collapse, type Write } from '../indexing/collapse.ts';
import { deadLetterKey, type DeadLetter } from '../dead-letters/dead-letter.ts';
import type { Log } from '../telemetry/log.ts';
import { type MalformedRecord, withoutValues } from '../records/malformed-record.ts';
import { Metrics } from '../telemetry/metrics.ts';
import { compareSequenceNumbers, isDynamoDbRecord, reportableSequenceNumber, tableOf } from '../records/stream-record.ts';
import type { Invocation, Runtime } from '../runtime.ts';
import type { Tables } from '../tables.ts';
import { Writer } from '../indexing/writer.ts';

/** Lambda's partial batch response: everything from the lowest named sequence number on comes again. */
export interface BatchAnswer {
  readonly batchItemFailures: { itemIdentifier: string }[];
}

/** Thrown where an answer could not save what is not done: Lambda then sends the whole batch again. */
export class BatchFailed extends Error {
  override name = 'BatchFailed';
}

/** Dead letters written at the same time. */
const LETTERS_AT_ONCE = 8;

/**
 * Writes what the records of an event come to, and tells Lambda what is not done.
 * @throws {BatchFailed} for an event without a DynamoDB record, and where the answer would not be heard
 */
export async function processBatch(runtime: Runtime, records: readonly unknown[], invocation: Invocation): Promise<BatchAnswer> {
  if (!records.some(isDynamoDbRecord)) {
    throw new BatchFailed(
      `The event holds ${records.length} records and none of them of aws:dynamodb; give the function triggers of DynamoDB streams only`,
    );
  }
  const { now, tables, log } = runtime;
  const budget = budgetFor(now(), invocation.remaining);
  const metrics = new Metrics();
  metrics.add('Records', records.length);
  const { writes, collapsed, oldest } = collapse(records, tables, log);
  metrics.add('Collapsed', collapsed);
  if (oldest !== undefined) metrics.recordAge = Math.max(0, now() - oldest * 1000);

  await new Writer(runtime, metrics, budget, invocation.remaining).write(writes);
  await settleMalformed(runtime, metrics, budget, writes);
  await refresh(runtime, budget, writes);

  // Only what is known to be done is not asked for again.
  for (const write of writes) write.outcome ??= { kind: 'failed', reason: 'nothing is known of the record' };
  const open = writes.filter(({ outcome }) => outcome?.kind === 'failed');
  report(runtime, metrics, invocation, records.length, writes, open);
  return answer(open, records, tables);
}

/** Dead letters for what can never be written; where they have no place or cannot be written, the records are not done. */
async function settleMalformed(runtime: Runtime, metrics: Metrics, budget: Budget, writes: readonly Write[]): Promise<void> {
  const malformed = writes.filter(({ outcome }) => outcome?.kind === 'malformed');
  if (malformed.length === 0) return;
  metrics.add('Malformed', malformed.length);
  logMalformed(runtime.log, malformed);
  const { signal, release } = abortAt(budget.answerBy, runtime.now());
  const queue = malformed[Symbol.iterator]();
  const worker = async (): Promise<void> => {
    for (const write of queue) await settleOne(runtime, metrics, write, signal);
  };
  await Promise.all(Array.from({ length: LETTERS_AT_ONCE }, worker));
  release();
}

async function settleOne(runtime: Runtime, metrics: Metrics, write: Write, signal: AbortSignal): Promise<void> {
  if (write.outcome?.kind !== 'malformed') return;
  const { error } = write.outcome;
  const policy = write.table.onMalformed;
  if (policy === 'drop') {
    write.outcome = { kind: 'done' };
  } else if (policy === 'fail' || write.table.deadLetters === undefined) {
    write.outcome = { kind: 'failed', reason: error.loggable };
  } else {
    const letter = deadLetter(runtime, write, error);
    try {
      signal.throwIfAborted();
      await runtime.putObject(
        write.table.deadLetters.bucket,
        deadLetterKey(write.table.deadLetters, letter),
        JSON.stringify(letter),
        signal,
      );
      metrics.add('DeadLetters');
      write.outcome = { kind: 'done' };
    } catch (cause) {
      const name = cause instanceof Error ? cause.name : 'unknown';
      write.outcome = {
        kind: 'failed',
        reason: `the dead letter could not be written to s3://${write.table.deadLetters.bucket} (${name})`,
      };
    }
  }
}

/** A record that may be malformed: nothing about it is certain. */
interface ForeignRecord {
  readonly eventName?: unknown;
  readonly dynamodb?: { readonly Keys?: unknown; readonly ApproximateCreationDateTime?: unknown };
}

function deadLetter(runtime: Runtime, write: Write, error: MalformedRecord): DeadLetter {
  const record: ForeignRecord | null = write.records.at(-1) ?? null;
  return {
    version: 1,
    table: write.table.name === '' ? null : write.table.name,
    index: write.table.index ?? null,
    id: write.id ?? null,
    keys: record?.dynamodb?.Keys ?? null,
    eventName: record?.eventName ?? null,
    sequenceNumber: reportableSequenceNumber(record) ?? null,
    approximateCreationDateTime: record?.dynamodb?.ApproximateCreationDateTime ?? null,
    failedAt: new Date(runtime.now()).toISOString(),
    status: error.status ?? null,
    type: error.type,
    reason: error.detail === undefined ? error.message : `${error.message}: ${error.detail}`,
    release: runtime.release,
    record,
  };
}

/** One line per kind of reason, not per record: a field that the index refuses fails a thousand records alike. */
function logMalformed(log: Log, malformed: readonly Write[]): void {
  const groups = new Map<string, { table: string; type: string; reason: string; count: number; sequenceNumber: string | undefined }>();
  for (const { outcome, table, records } of malformed) {
    if (outcome?.kind !== 'malformed') continue;
    const { type } = outcome.error;
    const reason = outcome.error.loggable;
    const key = JSON.stringify([table.name, type, reason]);
    const group = groups.get(key) ?? {
      table: table.name,
      type,
      reason,
      count: 0,
      sequenceNumber: reportableSequenceNumber(records.at(-1)),
    };
    group.count++;
    groups.set(key, group);
  }
  for (const group of [...groups.values()].slice(0, 20)) log.warn('records that cannot be written', group);
}

/** One refresh for all indexes that were written to and want one. A document is safe without it, so that it never fails a record. */
async function refresh(runtime: Runtime, budget: Budget, writes: readonly Write[]): Promise<void> {
  if (runtime.engine.serverless) return;
  const indexes = new Set<string>();
  for (const { written, table } of writes) if (written && table.refresh === true && table.index !== undefined) indexes.add(table.index);
  if (indexes.size === 0) return;
  const { signal, release } = abortAt(budget.answerBy, runtime.now());
  const problem = signal.aborted ? 'no time was left' : await runtime.indexes.refresh([...indexes], signal);
  release();
  if (problem !== undefined)
    runtime.log.warn('refresh failed; the documents are written and will be found after the next one', {
      indexes: [...indexes],
      reason: withoutValues(problem),
    });
}

function report(
  runtime: Runtime,
  metrics: Metrics,
  invocation: Invocation,
  records: number,
  writes: readonly Write[],
  open: readonly Write[],
): void {
  const counts = metrics.counts();
  const first = lowest(open);
  const fields = {
    tables: [...new Set(writes.map(({ table }) => table.name))],
    records,
    indexed: counts.Indexed,
    deleted: counts.Deleted,
    stale: counts.Stale,
    collapsed: counts.Collapsed,
    retried: counts.Retried,
    malformed: counts.Malformed,
    deadLetters: counts.DeadLetters,
    notDone: open.reduce((sum, write) => sum + write.records.length, 0),
    ...(open.length === 0 ? {} : { firstNotDone: first ?? null, reason: reasonOf(open[0]) }),
  };
  if (open.length === 0) runtime.log.info('batch done', fields);
  else runtime.log.error('batch not done', fields);
  runtime.emit(metrics.line(runtime.now(), { FunctionName: invocation.functionName, Environment: runtime.environment }));
}

const reasonOf = (write: Write | undefined): string => (write?.outcome?.kind === 'failed' ? write.outcome.reason : '');

/** The lowest sequence number of all records that are not done, those that were collapsed into later ones included; undefined where one has none. */
function lowest(open: readonly Write[]): string | undefined {
  let first: string | undefined;
  for (const { records } of open) {
    for (const record of records) {
      const number = reportableSequenceNumber(record);
      if (number === undefined) return undefined;
      if (first === undefined || compareSequenceNumbers(number, first) < 0) first = number;
    }
  }
  return first;
}

function answer(open: readonly Write[], records: readonly unknown[], tables: Tables): BatchAnswer {
  if (open.length === 0) return { batchItemFailures: [] };
  const first = lowest(open);
  const reason = reasonOf(open[0]);
  if (first === undefined) {
    throw new BatchFailed(`A record without a sequence number is not done (${reason}): the whole batch must come again`);
  }
  // Lambda takes the answer of a trigger without ReportBatchItemFailures for success, whatever it says.
  const deaf = records.map((record) => tables.get(tableOf(record) ?? '')).find((table) => !table.partialAnswer);
  if (deaf !== undefined) {
    throw new BatchFailed(
      `${open.length} items are not done, the first at ${first} (${reason}): the whole batch must come again, since the key mapping does not say that the trigger of ${deaf.name === '' ? 'every record' : deaf.name} has ReportBatchItemFailures; give it that and run the action with operation: refresh-mapping`,
    );
  }
  return { batchItemFailures: [{ itemIdentifier: first }] };
}
