// A slice of the work beside the stream: one invocation of the function that reads a part of a table or of an index. The action writes
// these events and the function's checkpoints reply to them; both are of one release.

import type { CheckProblem } from './events.ts';
import type { IndexSlice } from './index-slice.ts';

/** An attribute of a table's key. */
export interface KeyAttribute {
  readonly name: string;
  readonly type: 'S' | 'N' | 'B';
}

/** A table as a slice needs it; the rest is in the function's package. */
export interface SliceTable {
  readonly name: string;
  /** Hash key first. */
  readonly keys: readonly KeyAttribute[];
}

/** Name of the error with which the function refuses a slice of another release. */
export const OTHER_RELEASE = 'OtherRelease';

interface SliceBase {
  /** For metrics. */
  readonly operation: 'backfill' | 'verify' | 'redrive' | 'reindex';
  /** Of the action: the function refuses that of another one. */
  readonly release: string;
  /** Where the run keeps its objects: checkpoints in `slices/`, lists in `lists/`. */
  readonly bucket: string;
  readonly prefix: string;
  /** Unique in the run; names the checkpoint. */
  readonly id: string;
  /** Read capacity units per second that this slice may use. */
  readonly capacity: number;
  /** s that the invocation may work: the next one gets the share of the capacity that is right by then. */
  readonly seconds: number;
  /** An invocation that gets no further fails, for a driver that retries after failures: AWS Step Functions. */
  readonly failsWhenStuck?: true;
}

/** Reads a segment of the table: writes its items, or compares them with their documents. */
export interface ScanSlice extends SliceBase {
  readonly kind: 'scan';
  readonly mode: 'write' | 'compare';
  readonly table: SliceTable;
  /** Instead of the table's own: that which a reindex fills. */
  readonly index?: string;
  readonly segment: number;
  readonly totalSegments: number;
}

/** Reads a range of sequence numbers of one shard, and lists the documents that no table has an item for. */
export interface WalkSlice extends SliceBase {
  readonly kind: 'walk';
  /** A concrete index, not an alias. */
  readonly index: string;
  readonly shard: number;
  /** Sequence numbers above `from`, up to `to`. */
  readonly from: number;
  readonly to: number;
  /** All tables that share the index. */
  readonly tables: readonly SliceTable[];
}

/**
 * Looks again at what a list names: decides whether it differs, writes the item's present state, or deletes documents that were written while
 * their items were removed.
 */
export interface LookSlice extends SliceBase {
  readonly kind: 'look';
  readonly mode: 'decide' | 'apply' | 'confirm';
  /** Key of the list in the bucket. */
  readonly list: string;
  /** No further look follows: what still moves is listed as that. */
  readonly isLast: boolean;
  readonly tables: readonly SliceTable[];
  /** Instead of the tables' own: that which a reindex fills. */
  readonly index?: string;
}

/** Objects of a bucket below a prefix. */
export interface ObjectPlace {
  readonly bucket: string;
  readonly prefix: string;
}

/**
 * Works off what could not be written: dead letters, or the batches that Lambda discarded (objects of an S3 on-failure destination). Each
 * item is read again, and its present state written; then the object is deleted.
 */
export interface RedriveSlice extends SliceBase {
  readonly kind: 'redrive';
  /** `count` only reads the objects. */
  readonly mode: 'count' | 'apply';
  readonly form: 'dead-letters' | 'failed-batches';
  readonly from: ObjectPlace;
  /** Without version or alias: only batches of this function are worked off; absent: all are of it. */
  readonly functionArn?: string;
  /** ms since the epoch: what failed from then on is left to the next run, and so is what fails again. */
  readonly until: number;
  /** Objects about other tables are left alone. */
  readonly tables: readonly SliceTable[];
}

/** Looks at the indexes of tables, and reads an item of each to see that it may. */
export interface SurveySlice {
  readonly kind: 'survey';
  readonly release: string;
  /** Whether missing indexes are created, as the first record would create them; else nothing is changed. */
  readonly create: boolean;
  /** Where the run keeps its objects. */
  readonly bucket: string;
  readonly prefix: string;
  readonly tables: readonly SliceTable[];
  /** Instead of the tables' own: that which a reindex fills. */
  readonly index?: string;
  /** Where the run reads objects that others have written. */
  readonly places?: readonly ObjectPlace[];
}

/** Counts the slices of a list that are not done. */
export interface CountSlice {
  readonly kind: 'count';
  readonly release: string;
  readonly bucket: string;
  readonly prefix: string;
  /** Key of the list in the bucket: an array of `ListedSlice`. */
  readonly list: string;
}

/** An item of a list of slices, which is the input of one execution. */
export interface ListedSlice {
  readonly slice: WorkSlice;
  /** Pages that were done when the list was written. */
  readonly pages: number;
}

export interface CountResponse {
  readonly slices: number;
  /** Slices that are not done; in doubt, more. */
  readonly open: number;
}

/** Differences between a table and its index that remain. */
export interface TableDifferences {
  readonly missing: number;
  /** With those that no change can overwrite (frozen). */
  readonly different: number;
  readonly stale: number;
}

/** The result of a comparison, which the function writes as metrics. */
export interface ResultSlice {
  readonly kind: 'result';
  readonly release: string;
  readonly tables: Readonly<Record<string, TableDifferences>>;
}

export type WorkSlice = ScanSlice | WalkSlice | LookSlice | RedriveSlice;
export type Slice = WorkSlice | SurveySlice | CountSlice | ResultSlice | IndexSlice;

/** An index as a survey finds it. */
export interface SurveyedIndex {
  /** The name of the options or the key mapping: an index or an alias. */
  readonly name: string;
  /** The concrete index behind it. */
  readonly index: string;
  /** Empty where the index does not exist. */
  readonly uuid: string;
  readonly documents: number;
  /** The highest sequence number of each shard; empty where there is no index, or the engine shows no shards. */
  readonly shards: readonly number[];
  /** OpenSearch Serverless, which shows no shards: its documents cannot be walked. */
  readonly serverless: boolean;
}

export interface SurveyResponse {
  /** By table. */
  readonly tables: Readonly<Record<string, SurveyedIndex>>;
  readonly problems: readonly CheckProblem[];
}

/** What a slice has done, as numbers. */
export const COUNTS = [
  'read',
  'written',
  'newer',
  'deleted',
  'malformed',
  'equal',
  'missing',
  'different',
  'stale',
  'moving',
  'repaired',
  'kept',
  'frozen',
  'unchecked',
  'ignored',
  'dead-letters',
  'failed-batches',
  'redriven',
  'failed-again',
  'foreign',
  'candidates',
  'pages',
] as const;
export type Counts = Readonly<Partial<Record<(typeof COUNTS)[number] | 'read-capacity', number>>>;

/** Field → documents whose value of it the engine ignores: it is in the document, and searches of the field do not find it. */
export type IgnoredFields = Readonly<Record<string, number>>;

/** What is known of a slice: `<prefix>/slices/<id>.json`. It decides what is done, whatever became of an invocation's response. */
export interface SliceCheckpoint {
  readonly format: 1;
  readonly id: string;
  /** Where to go on; null: at the beginning. */
  readonly cursor: unknown;
  /** Lists that were written. */
  readonly lists: readonly string[];
  readonly counts: Counts;
  readonly ignored?: IgnoredFields;
  readonly done: boolean;
  /** Why the last invocation got no further, if it did not (`failsWhenStuck`). */
  readonly problem?: string;
  /** ms since the epoch. */
  readonly updatedAt: number;
}

export interface SliceResponse {
  readonly id: string;
  readonly done: boolean;
  /** Of the whole slice so far. */
  readonly counts: Counts;
  /** Times that DynamoDB and the cluster throttled this invocation. */
  readonly throttled: { readonly table: number; readonly cluster: number };
  /** Why this invocation got no further, fit for a log. */
  readonly problem?: string;
  /** Another invocation of the same slice is further. */
  readonly superseded?: true;
  /** A write to the cluster ended without a response, so that it may still be under way. */
  readonly late?: true;
}

/** A key whose item and document are to be looked at again, or differ: one line of a list. */
export interface Finding {
  readonly table: string;
  readonly id: string;
  /** As DynamoDB has them: `{ "pk": { "S": "a" } }`. */
  readonly keys: unknown;
  readonly kind: 'missing' | 'different' | 'stale' | 'frozen' | 'moving' | 'dead-letter' | 'failed-again';
  /** Of a dead letter: its type of error. */
  readonly type?: string;
  /** The document and the item as they were seen: version and sequence number, a digest; null: absent. */
  readonly document?: string | null;
  readonly item?: string | null;
}
