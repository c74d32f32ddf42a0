// A slice of a reindex: a look at the indexes of a table, or one step with them.
import type { CheckProblem } from './events.ts';

/** A concrete index as it was seen: one of this name that was created anew is another. */
export interface KnownIndex {
  readonly index: string;
  readonly uuid: string;
}

/** Looks at the indexes of a table that is reindexed, or makes one step with them. */
export interface IndexSlice {
  readonly kind: 'index';
  readonly release: string;
  readonly table: string;
  readonly step:
    /** @property index another one to look at, beside that of the name */
    | { readonly do: 'look'; readonly index?: string }
    /** Creates an index with the settings and mappings of the options. */
    | { readonly do: 'create'; readonly index: string }
    /** Points the name that searches use to `to`, in one request, if it still points to `from`. */
    | { readonly do: 'swap'; readonly from: KnownIndex; readonly to: KnownIndex }
    /** Deletes an index that no alias points to. */
    | ({ readonly do: 'delete' } & KnownIndex);
}

/** What the name that searches use leads to. */
export interface ServingIndex extends KnownIndex {
  readonly name: string;
  /** Else it is the index itself. */
  readonly isAlias: boolean;
  /** Other aliases of the index. */
  readonly aliases: readonly string[];
  readonly documents: number;
  /** Indexes and aliases that are called after it with a number: `<name>-<n>`. */
  readonly numbered: readonly string[];
}

export interface IndexResponse {
  readonly serving?: ServingIndex;
  /** That a step was about. */
  readonly known?: KnownIndex;
  readonly problem?: CheckProblem;
}
