// The state that a document is to have: the item or its absence, and where it is known from.
import type { AttributeMap } from '../records/attribute.ts';
import type { Table } from '../tables.ts';

/** The version that fences a state against older ones, as exact digits (https://docs.opensearch.org/latest/api-reference/document-apis/bulk/). */
export interface ItemVersion {
  readonly digits: string;
  /** `external_gte`: an equal version is written again; `external`: it changes nothing. */
  readonly type: 'external' | 'external_gte';
}

/**
 * The state that one item is to have in its index, whether it was read from a stream record or from the table itself. Absent is a state:
 * its document is deleted.
 */
export interface ItemState {
  readonly table: Table;
  /** Of the document. */
  readonly id: string;
  readonly keys: AttributeMap;
  /** Undefined: the item is absent. */
  readonly image: AttributeMap | undefined;
  /** The old image and the event, for a transform. */
  readonly oldImage: AttributeMap | undefined;
  readonly event: 'INSERT' | 'MODIFY';
  /** Undefined: in the order of arrival. */
  readonly version: ItemVersion | undefined;
}
