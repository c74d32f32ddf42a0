// Collapses the records of a batch to one write per item: the last record of a key wins, the others share its outcome
// (docs/guarantees.md).
import { newWrite, writesOf, type Write } from '../indexing/write.ts';
import type { ItemState } from '../indexing/item-state.ts';
import { isAttributeMap } from '../records/attribute.ts';
import { documentId } from '../records/document-id.ts';
import { externalVersion } from '../records/external-version.ts';
import { malformedBy } from '../records/malformed-record.ts';
import { parseRecord, tableOf, type StreamRecord } from '../records/stream-record.ts';
import type { Table, Tables } from '../tables.ts';
import type { Log } from '../telemetry/log.ts';

/** A write with the records that it is built from. */
export interface StreamWrite extends Write {
  /** All records of the item in the batch, unchanged and in order; the last one is the state. */
  readonly records: unknown[];
}

/** The writes of a batch. */
export interface Collapsed {
  readonly writes: readonly StreamWrite[];
  /** Records that a later one of their item replaces. */
  readonly collapsed: number;
  /** ApproximateCreationDateTime of the oldest record, s since the epoch. */
  readonly oldest: number | undefined;
}

/** Parses the records and groups them by item; an item of a table that is reindexed is a write to each index. A malformed record is a write of its own, or, with a key, its item's state. */
export function collapse(records: readonly unknown[], tables: Tables, log: Log): Collapsed {
  const byItem = new Map<Table, Map<string, StreamWrite>>();
  const writes: StreamWrite[] = [];
  let collapsed = 0;
  let oldest: number | undefined;
  for (const original of records) {
    const seconds = secondsOf(original);
    if (seconds !== undefined && seconds < (oldest ?? Infinity)) oldest = seconds;
    const { table, expired, id, state, outcome } = read(original, tables);
    if (expired && table.keepExpired && table.refusal === undefined) continue;
    if (table.keyNames === undefined && table.name !== '' && table.refusal === undefined) warnOfMissingMapping(table, log);
    let byId = byItem.get(table);
    if (byId === undefined) byItem.set(table, (byId = new Map<string, StreamWrite>()));
    const former = id === undefined ? undefined : byId.get(id);
    if (former !== undefined) {
      former.records.push(original);
      former.state = state;
      former.outcome = outcome;
      collapsed++;
      continue;
    }
    const write: StreamWrite = { ...newWrite(table, id, state, outcome), records: [original] };
    writes.push(write);
    if (id !== undefined) byId.set(id, write);
  }
  return { writes: writes.flatMap(writesOf), collapsed, oldest };
}

/** Reads a record's table, id and state; of a malformed record as much as is readable. */
function read(original: unknown, tables: Tables): Pick<StreamWrite, 'table' | 'id' | 'state' | 'outcome'> & { expired: boolean } {
  let record: StreamRecord | undefined;
  try {
    record = parseRecord(original);
    const table = tables.get(record.table);
    const id = documentId(record.keys, table.keyNames);
    return { table, id, state: stateOf(record, table, id), expired: record.expired, outcome: table.refusal };
  } catch (error) {
    const table = tables.get(tableOf(original) ?? '');
    const id = record === undefined ? readableId(original, table) : undefined;
    // A table that is not known has no dead letters either.
    const outcome = table.refusal?.kind === 'failed' ? table.refusal : ({ kind: 'malformed', error: malformedBy(error) } as const);
    return { table, id, state: undefined, expired: record?.expired === true, outcome };
  }
}

/** The state that a record contains. A record without a time is written without a version. */
function stateOf({ eventName, keys, newImage, oldImage, seconds, sequenceNumber }: StreamRecord, table: Table, id: string): ItemState {
  return {
    table,
    id,
    keys,
    image: newImage,
    oldImage,
    event: eventName === 'INSERT' ? 'INSERT' : 'MODIFY',
    version:
      table.versioned && seconds !== undefined ? { digits: externalVersion(seconds, sequenceNumber), type: 'external_gte' } : undefined,
  };
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
    'the key mapping does not contain this table: ids are built in the order of the keys in each event; run the action with operation: refresh-mapping',
    {
      table: table.name,
    },
  );
}
