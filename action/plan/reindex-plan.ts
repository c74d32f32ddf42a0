// The plan of a reindex: what it begins with, goes on with, or ends. Pure.
import { indexNameProblem } from '../../formats/index-name.ts';
import type { Reindexed } from '../../formats/function-config.ts';
import type { KnownIndex, ServingIndex } from '../../formats/index-slice.ts';
import { change, type Change } from './change.ts';

/**
 * The steps in their order. The alias moves in `verify`, once that has found no difference: a run that is interrupted between the two
 * compares again.
 */
export type ReindexStep = 'create' | 'deploy' | 'backfill' | 'verify' | 'end';

/** The record of a reindex in the bucket. */
export interface StoredReindex {
  readonly format: 1;
  /** Names the parts: a new one where the function has not written to both indexes all the time. */
  readonly id: string;
  /** ISO 8601, UTC */
  readonly startedAt: string;
  /** The index that served when it began, or of which searches are to be led away. */
  readonly from: KnownIndex;
  /** The index that is to serve; without a UUID until it is known. */
  readonly to: KnownIndex;
  /** Whether the name that searches use is that of `from` itself, which the alias replaces. */
  readonly replacesIndex: boolean;
  readonly step: ReindexStep;
  readonly finished: boolean;
}

/** Everything that the plan depends on. */
export interface ReindexContext {
  readonly table: string;
  readonly serving: ServingIndex;
  /** Of the deployed package; undefined: the function writes to one index. */
  readonly entry: Reindexed | undefined;
  /** The other index of the entry; undefined: there is none. */
  readonly other: KnownIndex | undefined;
  readonly former: StoredReindex | undefined;
  /** The inputs. */
  readonly to: string | undefined;
  readonly deleteOldIndex: boolean;
  readonly restart: boolean;
  /** ISO 8601, UTC */
  readonly now: string;
  /** Unique. */
  readonly id: string;
}

export interface ReindexPlan {
  readonly state: StoredReindex;
  readonly goesOn: boolean;
}

/** @returns a sentence for inputs or a state with which no run is possible */
export function planReindex(context: ReindexContext): ReindexPlan | string {
  const { serving, entry, other, former, to, deleteOldIndex, restart } = context;
  if (to !== undefined) return planReturn(context, to);
  const goesOn = former !== undefined && !former.finished && !restart;
  if (goesOn) return planResume(context, former);
  if (deleteOldIndex)
    return entry?.indexes.includes(serving.index) === true
      ? begun(context, { from: other ?? serving, to: serving, step: 'end' })
      : nothingToEnd(context);
  const number = Math.max(1, ...serving.numbered.map((name) => Number(name.slice(serving.name.length + 1)))) + 1;
  const index = `${serving.name}-${number}`;
  const problem = indexNameProblem(index);
  if (problem !== undefined)
    return `the next index would be called ${index}, and ${problem}. Give the table a shorter index in the options file`;
  return begun(context, { from: serving, to: { index, uuid: '' }, step: 'create' });
}

function nothingToEnd({ table, serving, entry }: ReindexContext): string {
  const remedy = 'Run operation reindex without delete-old-index';
  return entry === undefined
    ? `delete-old-index: changes of table ${table} are written to ${serving.index} alone, so there is nothing to end. ${remedy} to build a new index`
    : `delete-old-index: ${serving.name} leads to ${serving.index}, and changes of table ${table} are written to ${entry.indexes.join(' and ')}: someone else has moved it. ${remedy}, which ends that with a new index`;
}

function begun(
  { serving, now, id }: ReindexContext,
  { from, to, step }: { from: KnownIndex; to: KnownIndex; step: StoredReindex['step'] },
): ReindexPlan {
  const known = ({ index, uuid }: KnownIndex): KnownIndex => ({ index, uuid });
  return {
    state: {
      format: 1,
      id,
      startedAt: now,
      from: known(from),
      to: known(to),
      replacesIndex: !serving.isAlias,
      step,
      finished: false,
    },
    goesOn: false,
  };
}

/** Leads searches to the index that the input `to` names, while both are written. */
function planReturn(context: ReindexContext, to: string): ReindexPlan | string {
  const { table, serving, entry, other } = context;
  if (entry?.indexes.includes(to) !== true || !entry.indexes.includes(serving.index)) return notWritten({ table, entry }, to);
  if (to === serving.index) return begun(context, { from: other ?? serving, to: serving, step: 'end' });
  return other === undefined
    ? `to: there is no index ${to} any more. Run operation reindex without to, which builds a new one`
    : begun(context, { from: serving, to: other, step: 'verify' });
}

const notWritten = ({ table, entry }: Pick<ReindexContext, 'table' | 'entry'>, to: string): string =>
  `to: ${to} is not an index that changes of table ${table} are written to${
    entry === undefined ? ', and no reindex of it is under way' : `; those are ${entry.indexes.join(' and ')}`
  }. Run operation reindex without to`;

function planResume(context: ReindexContext, former: StoredReindex): ReindexPlan | string {
  const { table, serving, entry, id } = context;
  const { from, to, step } = former;
  const isAt = (known: KnownIndex): boolean => known.index === serving.index && known.uuid === serving.uuid;
  // Interrupted between the move and its record.
  if (isAt(to)) return { state: { ...former, step: 'end' }, goesOn: true };
  if (!isAt(from))
    return `${serving.name} leads to ${serving.index} and no longer to ${from.index} as when the reindex of table ${table} began: someone else has moved it. Begin anew with restart: true`;
  const isWritten = entry !== undefined && entry.indexes.includes(from.index) && entry.indexes.includes(to.index);
  // What was changed while the function did not write to both is not in the new index: all of it is filled again.
  if ((step === 'backfill' || step === 'verify') && !isWritten) return { state: { ...former, id, step: 'deploy' }, goesOn: true };
  return { state: former, goesOn: true };
}

type Row = (...cells: [resource: string, path: string, before: string | undefined, after: string | undefined, reason: string]) => void;
const BOTH_WRITTEN = 'every change is written to both, which doubles the writes and the storage until this reindex is ended';
const ONCE_EQUAL = 'once both passes find no difference, in one request';
const THE_END = 'the end of the reindex';
const WAY_BACK = 'the way back';
const DELETES_OLD = 'deleted, by delete-old-index: true';

/** The rows of the plan beside those of the backfill. */
export function reindexChanges({ table, serving, entry, deleteOldIndex }: ReindexContext, { state }: ReindexPlan): Change[] {
  const { from, to, step, replacesIndex } = state;
  const { name } = serving;
  const rows: Change[] = [];
  const row: Row = (...cells) => void rows.push(change(...cells));
  const steps = ['create', 'deploy', 'backfill', 'verify', 'end'].indexOf(step);
  if (steps === 0) row(`index ${to.index}`, 'index', undefined, 'created', 'with the settings and mappings of the deployed options');
  if (steps <= 1) {
    row('package', `reindex.${table}`, entry?.indexes.join(' and '), `${from.index} and ${to.index}`, BOTH_WRITTEN);
    const unused = entry?.indexes.filter((index) => index !== from.index && index !== to.index) ?? [];
    for (const index of unused) row(`index ${index}`, 'changes', 'written', 'no longer written', 'it is kept as it is; delete it by hand');
  }
  if (steps <= 3)
    row(
      `alias ${name}`,
      'index',
      from.index,
      to.index,
      replacesIndex
        ? `once both passes find no difference; ${name} is an index now, and one request replaces it by an alias, so that it cannot be kept`
        : ONCE_EQUAL,
    );
  if (replacesIndex || deleteOldIndex) {
    row('package', `reindex.${table}`, `${from.index} and ${to.index}`, undefined, THE_END);
    if (deleteOldIndex && !replacesIndex) row(`index ${from.index}`, 'index', WAY_BACK, undefined, DELETES_OLD);
  } else {
    row(
      `index ${from.index}`,
      'changes',
      undefined,
      'written',
      `the way back: to: ${from.index}; ended by delete-old-index: true or the next reindex`,
    );
  }
  return rows;
}

/** Everything that is known where nobody may look at the indexes. */
export interface UnseenContext extends Pick<ReindexContext, 'table' | 'entry' | 'to' | 'deleteOldIndex'> {
  /** The name that searches use. */
  readonly name: string;
}

/** A plan by the deployed package and the inputs alone. */
export interface UnseenPlan {
  readonly changes: readonly Change[];
  /** The index that is filled or compared, as far as it is known; undefined: none is. */
  readonly filled: string | undefined;
}

/**
 * The rows of the plan where nobody may look at the indexes, so that neither the one that serves nor an earlier run is known.
 * @returns a sentence for inputs with which no run is possible, whatever there is
 */
export function planUnseen({ table, name, entry, to, deleteOldIndex }: UnseenContext): UnseenPlan | string {
  if (to !== undefined && entry?.indexes.includes(to) !== true) return notWritten({ table, entry }, to);
  const rows: Change[] = [];
  const row: Row = (...cells) => void rows.push(change(...cells));
  const written = entry?.indexes.join(' and ');
  if (deleteOldIndex && entry !== undefined) {
    row('package', `reindex.${table}`, written, undefined, THE_END);
    row(`index ${entry.indexes.join(' or ')}`, 'index', WAY_BACK, undefined, `${DELETES_OLD}; the one that searches do not use`);
    return { changes: rows, filled: undefined };
  }
  const [serving, filled] = ['the index that serves', to ?? `${name}-<n>`];
  if (to === undefined) {
    row(`index ${filled}`, 'index', undefined, 'created', 'with the next free number, unless an earlier run goes on');
    row('package', `reindex.${table}`, written, `${serving} and ${filled}`, BOTH_WRITTEN);
  }
  row(`alias ${name}`, 'index', serving, filled, ONCE_EQUAL);
  row(serving, 'changes', undefined, 'written', 'the way back, unless it is the name itself, which an alias replaces');
  return { changes: rows, filled };
}
