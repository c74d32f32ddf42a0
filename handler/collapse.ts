// The records of a batch, one write per item: the last record of a key wins, the others share its fate (contract 6.3).
import { documentId } from './identity.ts';
import type { Log } from './log.ts';
import { MalformedRecord } from './malformed.ts';
import type { Operation } from './operation.ts';
import { parseRecord, reportableSequenceNumber, tableOf, type StreamRecord } from './record.ts';
import type { Table, Tables } from './tables.ts';

/** A record as it came. */
export interface Received {
  readonly original: unknown;
  /** By which Lambda can be told of it; undefined where the record has none. */
  readonly sequenceNumber: string | undefined;
  /** ApproximateCreationDateTime, s since the epoch. */
  readonly seconds: number | undefined;
}

/** What a person is told of a write that is over. */
export type Result =
  | { readonly kind: 'done' }
  /** Can never be written. */
  | { readonly kind: 'malformed'; readonly error: MalformedRecord }
  /** Must come again; the reason is fit for a log. */
  | { readonly kind: 'failed'; readonly reason: string };

/** The state that one item shall have at the end of the batch, and what becomes of it. */
export interface Write {
  readonly table: Table;
  readonly id: string | undefined;
  /** All records of the item in the batch, in order; the last one is the state. */
  readonly records: Received[];
  /** The last record, taken apart. */
  record: StreamRecord | undefined;
  /** The lines for the cluster, once they are made. */
  operation: Operation | undefined;
  /** Fields that were mapped for this document because it has values of several kinds in them; undefined: none. */
  mapped: Set<string> | undefined;
  /** The cluster has taken it. */
  written: boolean;
  outcome: Result | undefined;
}

/** Takes the records apart and groups them by item. A malformed record is a write of its own, or, with a key, its item's state. */
export function collapse(records: readonly unknown[], tables: Tables, log: Log): { writes: Write[]; collapsed: number } {
  const byItem = new Map<Table, Map<string, Write>>();
  const writes: Write[] = [];
  let collapsed = 0;
  for (const original of records) {
    const received: Received = { original, sequenceNumber: reportableSequenceNumber(original), seconds: secondsOf(original) };
    const table = tables.get(tableOf(original) ?? '');
    let record: StreamRecord | undefined;
    let error: MalformedRecord | undefined;
    try {
      record = parseRecord(original);
      if (record.expired && table.keepExpired) continue;
    } catch (thrown) {
      if (!(thrown instanceof MalformedRecord)) throw thrown;
      error = thrown;
    }
    const id = idOf(original, record, table, (problem) => (error ??= problem));
    if (table.keyNames === undefined && table.name !== '') warnOfMissingMapping(table, log);
    const byId = byItem.get(table) ?? new Map<string, Write>();
    if (byId.size === 0) byItem.set(table, byId);
    const former = id === undefined ? undefined : byId.get(id);
    const outcome: Result | undefined = error === undefined ? undefined : { kind: 'malformed', error };
    if (former !== undefined) {
      former.records.push(received);
      former.record = record;
      former.outcome = outcome;
      collapsed++;
      continue;
    }
    const write: Write = { table, id, records: [received], record, operation: undefined, mapped: undefined, written: false, outcome };
    writes.push(write);
    if (id !== undefined) byId.set(id, write);
  }
  return { writes, collapsed };
}

/** The id of a record's document, of a malformed record too where its key can be read. */
function idOf(
  original: unknown,
  record: StreamRecord | undefined,
  table: Table,
  refused: (error: MalformedRecord) => void,
): string | undefined {
  const keys = record?.keys ?? (original as { dynamodb?: { Keys?: unknown } } | null)?.dynamodb?.Keys;
  if (table.name === '' || typeof keys !== 'object' || keys === null) return undefined;
  try {
    return documentId(keys as StreamRecord['keys'], table.keyNames);
  } catch (error) {
    if (!(error instanceof MalformedRecord)) throw error;
    refused(error);
    return undefined;
  }
}

function secondsOf(original: unknown): number | undefined {
  const seconds = (original as { dynamodb?: { ApproximateCreationDateTime?: unknown } } | null)?.dynamodb?.ApproximateCreationDateTime;
  return typeof seconds === 'number' ? seconds : undefined;
}

/** Tables whose missing mapping was logged: once per table and start. */
const warned = new WeakSet<Table>();

function warnOfMissingMapping(table: Table, log: Log): void {
  if (warned.has(table)) return;
  warned.add(table);
  log.warn(
    'the key mapping does not know this table: ids are made in the order of the keys in each event; run the action with operation: refresh-mapping',
    {
      table: table.name,
    },
  );
}
