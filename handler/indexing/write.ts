// A write of one item, from its stream record or its table to the outcome of its request.
import type { MalformedRecord } from '../records/malformed-record.ts';
import type { Table } from '../tables.ts';
import type { Operation } from './bulk-operation.ts';
import type { ItemState } from './item-state.ts';

/** The outcome of a write. */
export type WriteOutcome =
  | { readonly kind: 'done' }
  /** Can never be written. */
  | { readonly kind: 'malformed'; readonly error: MalformedRecord }
  /** Must be retried by the caller; the reason is fit for a log. */
  | { readonly kind: 'failed'; readonly reason: string };

/** Lines of one state for two indexes; a promise while its transform runs. */
export interface SharedOperation {
  operation: Operation | Promise<Operation> | undefined;
}

/** A state on its way to the index, and its outcome. */
export interface Write {
  readonly table: Table;
  /** Of the document; undefined where the item's key cannot be read. */
  readonly id: string | undefined;
  /** Undefined if there is none: then the write is malformed. */
  state: ItemState | undefined;
  /** The lines for the cluster, once they are built. */
  operation: Operation | undefined;
  /** The lines, for the write of the same state to the other index of a table that is reindexed: they are built once. */
  shared: SharedOperation | undefined;
  /** Fields that were mapped for this document because it has values of several kinds in them, and how often; undefined: none. */
  mapped: Map<string, number> | undefined;
  /** The cluster has changed the document. */
  written: boolean;
  /** Searches see the document: the request refreshed the index. */
  refreshed: boolean;
  outcome: WriteOutcome | undefined;
}

/** A write at its beginning. */
export function newWrite(table: Table, id: string | undefined, state: ItemState | undefined, outcome?: WriteOutcome): Write {
  return { table, id, state, operation: undefined, shared: undefined, mapped: undefined, written: false, refreshed: false, outcome };
}

/** The writes of a state: one, or while its table is reindexed one to each index, with an outcome of its own. */
export function writesOf<One extends Write>(write: One): One[] {
  const { both } = write.table;
  // What is malformed or refused at the beginning is so for both indexes.
  if (both === undefined || write.outcome !== undefined) return [write];
  const shared = { operation: undefined };
  return both.map((table) => ({ ...write, table, shared }));
}

/** A write that can be sent: its table has an index. */
export type Ready = Write & { readonly table: Table & { readonly index: string }; readonly state: ItemState };
/** One whose lines are built. */
export type Prepared = Ready & { readonly operation: Operation };
