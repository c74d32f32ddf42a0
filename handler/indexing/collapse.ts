// The records of a batch, one write per item: the last record of a key wins, the others share its fate (contract 6.3).
import { isAttributeMap } from '../records/attribute.ts';
import { documentId } from '../records/document-id.ts';
import type { Log } from '../telemetry/log.ts';
import { malformedBy, type MalformedRecord } from '../records/malformed-record.ts';
import type { Operation } from './bulk-operation.ts';
import { parseRecord, tableOf, type StreamRecord } from '../records/stream-record.ts';
import type { Table, Tables } from '../tables.ts';

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
  /** All records of the item in the batch, as they came, in order; the last one is the state. */
  readonly records: unknown[];
  /** The last record, taken apart. */
  record: StreamRecord | undefined;
  /** The lines for the cluster, once they are made. */
  operation: Operation | undefined;
  /** Fields that were mapped for this document because it has values of several kinds in them, and how often; undefined: none. */
  mapped: Map<string, number> | undefined;
  /** The cluster has taken it. */
  written: boolean;
  outcome: Result | undefined;
}

/** What the records of a batch come to. */
export interface Collapsed {
  readonly writes: readonly Write[];
  /** Records that a later one of their item stands for. */
  readonly collapsed: number;
  /** ApproximateCreationDateTime of the oldest record, s since the epoch. */
  readonly oldest: number | undefined;
}

/** Takes the records apart and groups them by item. A malformed record is a write of its own, or, with a key, its item's state. */
export function collapse(records: readonly unknown[], tables: Tables, log: Log): Collapsed {
  const byItem = new Map<Table, Map<string, Write>>();
  const writes: Write[] = [];
  let collapsed = 0;
  let oldest: number | undefined;
  for (const original of records) {
    const seconds = secondsOf(original);
    if (seconds !== undefined && seconds < (oldest ?? Infinity)) oldest = seconds;
    const { table, record, id, outcome } = read(original, tables);
    if (record?.expired === true && table.keepExpired && table.refusal === undefined) continue;
    if (table.keyNames === undefined && table.name !== '' && table.refusal === undefined) warnOfMissingMapping(table, log);
    let byId = byItem.get(table);
    if (byId === undefined) byItem.set(table, (byId = new Map<string, Write>()));
    const former = id === undefined ? undefined : byId.get(id);
    if (former !== undefined) {
      former.records.push(original);
      former.record = record;
      former.outcome = outcome;
      collapsed++;
      continue;
    }
    const write: Write = { table, id, records: [original], record, operation: undefined, mapped: undefined, written: false, outcome };
    writes.push(write);
    if (id !== undefined) byId.set(id, write);
  }
  return { writes, collapsed, oldest };
}

/** A record with its table and its id; of a malformed one as much as can be read. */
function read(original: unknown, tables: Tables): Pick<Write, 'table' | 'record' | 'id' | 'outcome'> {
  let record: StreamRecord | undefined;
  try {
    record = parseRecord(original);
    const table = tables.get(record.table);
    return { table, record, id: documentId(record.keys, table.keyNames), outcome: table.refusal };
  } catch (error) {
    const table = tables.get(tableOf(original) ?? '');
    const id = record === undefined ? readableId(original, table) : undefined;
    // A table that is not known gets no dead letters either.
    if (table.refusal?.kind === 'failed') return { table, record, id, outcome: table.refusal };
    return { table, record, id, outcome: { kind: 'malformed', error: malformedBy(error) } };
  }
}

/** The id of a record of which all but the keys may be malformed. */
function readableId(original: unknown, table: Table): string | undefined {
  const keys = (original as { dynamodb?: { Keys?: unknown } } | null)?.dynamodb?.Keys;
  if (table.name === '' || !isAttributeMap(keys)) return undefined;
  try {
    return documentId(keys, table.keyNames);
  } catch {
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
