// Reads items again and writes their present state, for redrive.
import { addCounts } from '../../../formats/counts.ts';
import type { Counts, RedriveSlice, SliceTable } from '../../../formats/slice.ts';
import type { RedriveItem } from '../../dead-letters/stored-dead-letter.ts';
import type { ItemState } from '../../indexing/item-state.ts';
import type { Write } from '../../indexing/write.ts';
import type { MalformedRecord } from '../../records/malformed-record.ts';
import type { Table } from '../../tables.ts';
import { ITEMS_IN_MEMORY, type ReadState, type ReadWrite, type SliceContext } from './context.ts';

/** What became of an item; an error: it failed again. */
export type Outcome = 'done' | 'moving' | 'frozen' | MalformedRecord | undefined;
interface OfIndex {
  readonly index: string | undefined;
  readonly outcome: Outcome;
}
/** Of each item, by its name: one for each index that it was written to, which are two of a table that is reindexed. */
export type Outcomes = ReadonlyMap<string, readonly OfIndex[]>;
interface Rewritten {
  readonly outcomes: Outcomes;
  readonly counts: Counts;
}

/** An item among those of several tables. */
export const nameOfItem = ({ table, id }: Pick<RedriveItem, 'table' | 'id'>): string => JSON.stringify([table, id]);

/** The outcome that decides about an item: whatever is not done. */
export function worst(outcomes: readonly OfIndex[]): Outcome {
  const all = outcomes.map(({ outcome }) => outcome);
  return all.find((outcome) => typeof outcome === 'object') ?? all.find((outcome) => outcome !== 'done') ?? all[0];
}

/**
 * Reads items and writes their present state, to both indexes of a table that is reindexed.
 * @param malformed whether items that fail again become dead letters of their own
 */
export async function rewrite(
  context: SliceContext,
  { tables }: RedriveSlice,
  items: readonly RedriveItem[],
  malformed: 'keep' | 'dead-letter',
): Promise<Rewritten> {
  const outcomes = new Map<string, readonly OfIndex[]>();
  let counts: Counts = {};
  for (const table of tables) {
    const own = items.filter((item) => item.table === table.name);
    for (let at = 0; at < own.length; at += ITEMS_IN_MEMORY) {
      const part = await rewriteTogether(context, table, own.slice(at, at + ITEMS_IN_MEMORY), malformed);
      counts = addCounts([counts, part.counts]);
      for (const [name, ofIndexes] of part.outcomes) outcomes.set(name, ofIndexes);
    }
  }
  return { outcomes, counts };
}

async function rewriteTogether(
  context: SliceContext,
  sliceTable: SliceTable,
  items: readonly RedriveItem[],
  malformed: 'keep' | 'dead-letter',
): Promise<Rewritten> {
  const table = context.table(sliceTable);
  const read = await context.items(
    sliceTable,
    items.map(({ keys }) => keys),
  );
  const states = items.map(({ id, keys, version }) => context.presentState(table, id, keys, read, version));
  const writable = states.filter(({ image }) => image !== undefined || !table.keepExpired);
  const targets = context.targets(sliceTable);
  const toWrite = writable.flatMap((state) => targets.map((target) => ({ ...state, table: target })));
  const writes = await (malformed === 'keep' ? context.tryToWrite(toWrite) : context.write(toWrite));
  const confirmed = await confirm(context, sliceTable, targets, writes);
  const outcomes = new Map<string, OfIndex[]>();
  for (const state of states.filter((one) => !writable.includes(one)))
    outcomes.set(nameOfItem({ table: table.name, id: state.id }), [{ index: undefined, outcome: 'done' }]);
  for (const { id, ...ofIndex } of await outcomesOf(context, writes)) {
    const name = nameOfItem({ table: table.name, id });
    outcomes.set(name, [...(outcomes.get(name) ?? []), ofIndex]);
  }
  const kept = states.length - writable.length;
  const counts: Counts = { 'read-capacity': read.capacity, read: items.length, kept, ...countsOf(writes) };
  return { outcomes, counts: addCounts([counts, confirmed]) };
}

/**
 * Reads the written items once more, and deletes the documents of those that are gone, or that have none by their transform: an item that was
 * removed between its read and its write leaves one if the index has already forgotten the delete. @throws {SliceProblem}
 */
async function confirm(
  context: SliceContext,
  sliceTable: SliceTable,
  targets: readonly Table[],
  writes: readonly ReadWrite[],
): Promise<Counts> {
  const present = new Map(writes.filter(({ written, image }) => written && image !== undefined).map((write) => [write.id ?? '', write]));
  if (present.size === 0) return {};
  const read = await context.items(
    sliceTable,
    [...present.values()].map(({ keys }) => keys),
    true,
  );
  const deletes: ReadState[] = [];
  for (const [id, { keys, state, table }] of present) {
    const states = targets.map((target) => context.presentState(target, id, keys, read, state?.version?.digits));
    const isGone = read.items.has(id) ? await hasNone(context, states[0]) : !table.keepExpired;
    if (isGone) deletes.push(...states);
  }
  const deleted = (await context.tryToWrite(deletes)).filter(({ written }) => written).length;
  return { 'read-capacity': read.capacity, deleted };
}

/** Whether an item has no document, because its transform says so. */
const hasNone = async (context: SliceContext, state: ItemState | undefined): Promise<boolean> =>
  state?.table.transform !== undefined && !(await context.hasDocument(state));

function countsOf(writes: readonly Write[]): Counts {
  const malformed = writes.filter(({ outcome }) => outcome?.kind === 'malformed').length;
  const written = writes.filter((write) => write.written);
  return {
    written: written.length,
    deleted: written.filter(({ state }) => state?.image === undefined).length,
    malformed,
    newer: writes.length - written.length - malformed,
  };
}

/** The outcome of each write: failed again, forbidden by a delete that is younger than the margin or by a frozen document, or done. */
async function outcomesOf(context: SliceContext, writes: readonly ReadWrite[]): Promise<(OfIndex & { readonly id: string })[]> {
  const refused = writes.filter(({ outcome, written }) => outcome?.kind === 'done' && !written);
  const left = new Map<ReadWrite, Outcome>();
  for (const index of new Set(refused.flatMap(({ table }) => table.index ?? []))) {
    const own = refused.filter(({ table }) => table.index === index);
    const documents = await context.documents(
      index,
      own.map(({ id = '' }) => id),
      false,
    );
    for (const write of own) {
      const { id = '', image, state } = write;
      const document = documents.get(id);
      if (document !== undefined) {
        if (context.isFrozen(document)) left.set(write, 'frozen');
        // An item whose transform gives no document lacks none.
      } else if (image !== undefined && !(await hasNone(context, state))) left.set(write, 'moving');
    }
  }
  return writes.map((write) => {
    const { id = '', outcome, table } = write;
    return { id, index: table.index, outcome: outcome?.kind === 'malformed' ? outcome.error : (left.get(write) ?? 'done') };
  });
}
