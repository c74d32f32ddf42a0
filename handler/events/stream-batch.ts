// Handles a batch of stream records: from its records to writes, and to the response (docs/guarantees.md).
import { budgetFor } from '../budget.ts';
import { settleMalformed, type Origin } from '../dead-letters/settle-malformed.ts';
import { refreshWritten } from '../indexing/refresh.ts';
import { Writer } from '../indexing/writer.ts';
import { compareSequenceNumbers, isDynamoDbRecord, reportableSequenceNumber, tableOf } from '../records/stream-record.ts';
import type { Invocation, Runtime } from '../runtime.ts';
import type { Tables } from '../tables.ts';
import { Metrics } from '../telemetry/metrics.ts';
import { collapse, type StreamWrite } from './collapse.ts';

/** Lambda's partial batch response: Lambda retries everything from the lowest named sequence number on. */
export interface BatchResponse {
  readonly batchItemFailures: { itemIdentifier: string }[];
}

/** Thrown if no response can name the records that are not done: Lambda then retries the whole batch. */
export class BatchFailed extends Error {
  override name = 'BatchFailed';
}

/**
 * Writes the items of an event's records, and reports to Lambda which records are not done.
 * @throws {BatchFailed} for an event without a DynamoDB record, and if a trigger without ReportBatchItemFailures would ignore the response
 */
export async function processBatch(runtime: Runtime, records: readonly unknown[], invocation: Invocation): Promise<BatchResponse> {
  // A tumbling window ends with an event that has no records.
  if (records.length === 0) return { batchItemFailures: [] };
  if (!records.some(isDynamoDbRecord)) {
    throw new BatchFailed(
      `The event has ${records.length} records and none of them is from aws:dynamodb; give the function triggers of DynamoDB streams only`,
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
  await settleMalformed(runtime, metrics, budget, writes, originOf);
  await refreshWritten(runtime, budget, writes);

  // Every record is retried unless it is known to be done.
  for (const write of writes) write.outcome ??= { kind: 'failed', reason: 'the outcome of the record is unknown' };
  const open = writes.filter(({ outcome }) => outcome?.kind === 'failed');
  report(runtime, metrics, invocation, records.length, writes, open);
  return responseFor(open, records, tables);
}

/** A record that may be malformed: nothing about it is certain. */
interface ForeignRecord {
  readonly eventName?: unknown;
  readonly dynamodb?: { readonly Keys?: unknown; readonly ApproximateCreationDateTime?: unknown };
}

/** The fields of a dead letter about the record that gave the item its last state. */
function originOf({ records }: StreamWrite): Origin {
  const record: ForeignRecord | null = records.at(-1) ?? null;
  return {
    keys: record?.dynamodb?.Keys ?? null,
    eventName: record?.eventName ?? null,
    sequenceNumber: reportableSequenceNumber(record) ?? null,
    approximateCreationDateTime: record?.dynamodb?.ApproximateCreationDateTime ?? null,
    record,
  };
}

function report(
  runtime: Runtime,
  metrics: Metrics,
  invocation: Invocation,
  records: number,
  writes: readonly StreamWrite[],
  open: readonly StreamWrite[],
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
    notDone: new Set(open.flatMap((write) => write.records)).size,
    ...(open.length === 0 ? {} : { firstNotDone: first ?? null, reason: reasonOf(open[0]) }),
  };
  if (open.length === 0) runtime.log.info('batch done', fields);
  else runtime.log.error('batch not done', fields);
  runtime.emit(metrics.line(runtime.now(), { FunctionName: invocation.functionName, Environment: runtime.environment }));
}

const reasonOf = (write: StreamWrite | undefined): string => (write?.outcome?.kind === 'failed' ? write.outcome.reason : '');

/** The lowest sequence number of all records that are not done, those that were collapsed into later ones included; undefined where one has none. */
function lowest(open: readonly StreamWrite[]): string | undefined {
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

function responseFor(open: readonly StreamWrite[], records: readonly unknown[], tables: Tables): BatchResponse {
  if (open.length === 0) return { batchItemFailures: [] };
  const first = lowest(open);
  const reason = reasonOf(open[0]);
  if (first === undefined) {
    throw new BatchFailed(`A record without a sequence number is not done (${reason}): the whole batch is retried`);
  }
  // Lambda treats every response of a trigger without ReportBatchItemFailures as success.
  const unreporting = records.map((record) => tables.get(tableOf(record) ?? '')).find((table) => !table.partialResponse);
  if (unreporting !== undefined) {
    throw new BatchFailed(
      `${open.length} items are not done, the first at ${first} (${reason}): the whole batch is retried, since the key mapping does not say that the trigger of ${unreporting.name === '' ? 'every record' : unreporting.name} has ReportBatchItemFailures; give it that and run the action with operation: refresh-mapping`,
    );
  }
  return { batchItemFailures: [{ itemIdentifier: first }] };
}
