// The parts of a run and their slices. Pure.
import type { LookSlice, RedriveSlice, SliceTable, SurveyedIndex } from '../../../formats/slice.ts';
import type { Phase, RedriveSource } from './run-store.ts';

/** bytes: a segment is no larger, as long as there are no more than the most. */
const SEGMENT_BYTES = 64 * 1024 * 1024;
const MAX_SEGMENTS = 2_000;
/** bytes: a segment has more than one page of 1 MiB, so that a small table is few slices. */
const MIN_SEGMENT_BYTES = 4 * 1024 * 1024;
/** Parts for each slice that runs at once: a part can't be divided, so that a large one must not be much of the work. */
const PARTS_PER_SLICE = 16;
/** Sequence numbers of a slice of the walk: the most, and the least, for a page of the walk has a thousand. */
const MAX_WALK_RANGE = 500_000;
const MIN_WALK_RANGE = 20_000;
/** Slices of the walk, unless there are more shards: a list of them is read as a whole. */
const MAX_WALK_SLICES = 10_000;

/**
 * How many segments a table is scanned in: many for each slice that runs at once. DynamoDB divides a table by the hash of its keys, so
 * that one segment can be much larger than the others; the more there are, the less is in it, and the rest is done beside it.
 */
export function segmentsFor(bytes: number, concurrency: number): number {
  const bySize = Math.ceil(bytes / SEGMENT_BYTES);
  const even = Math.min(concurrency * PARTS_PER_SLICE, Math.floor(bytes / MIN_SEGMENT_BYTES));
  return Math.max(1, Math.min(MAX_SEGMENTS, Math.max(bySize, even)));
}

/** Pass 1, table → index. @param segments those to work on, of `totalSegments` */
export function scanPhase(table: SliceTable, mode: 'write' | 'compare', segments: readonly number[], totalSegments: number): Phase {
  return {
    name: 'scan',
    slices: segments.map((segment) => ({ kind: 'scan', id: `scan-${segment}`, mode, table, segment, totalSegments })),
  };
}

/** Pass 2, index → table: ranges of sequence numbers of each shard. @param concurrency slices that run at once */
export function walkPhase(tables: readonly SliceTable[], { index, shards }: SurveyedIndex, concurrency: number): Phase {
  const numbers = shards.reduce((sum, highest) => sum + highest + 1, 0);
  const even = Math.ceil(numbers / (concurrency * PARTS_PER_SLICE));
  const range = Math.max(Math.min(MAX_WALK_RANGE, Math.max(MIN_WALK_RANGE, even)), Math.ceil(numbers / MAX_WALK_SLICES));
  const slices = shards.flatMap((highest, shard) => {
    const ranges = Math.max(1, Math.ceil((highest + 1) / range));
    return Array.from({ length: ranges }, (_, i) => ({
      kind: 'walk' as const,
      id: `walk-${shard}-${i}`,
      index,
      tables,
      shard,
      from: i * range - 1,
      to: Math.min(highest, (i + 1) * range - 1),
    }));
  });
  return { name: 'walk', slices };
}

/** What could not be written is read again. @param until ms since the epoch: what failed from then on is left alone */
export function redrivePhase(
  name: string,
  table: SliceTable,
  sources: readonly RedriveSource[],
  mode: RedriveSlice['mode'],
  until: number,
): Phase {
  return { name, slices: sources.map((source, i) => ({ kind: 'redrive', id: `${name}-${i}`, mode, ...source, until, tables: [table] })) };
}

/** A further check of lists. */
export function lookPhase(
  name: string,
  tables: readonly SliceTable[],
  lists: readonly string[],
  mode: LookSlice['mode'],
  isLast: boolean,
): Phase {
  return { name, slices: lists.map((list, i) => ({ kind: 'look', id: `${name}-${i}`, mode, list, isLast, tables })) };
}

/** A part of a run in the words of the documents, for the log. @param name of its phase */
export function phaseText(name: string): string {
  if (name.startsWith('look-')) return 'another look at what differs';
  if (name.startsWith('redrive-')) return 'dead letters';
  return TEXTS.get(name) ?? name;
}

const TEXTS: ReadonlyMap<string, string> = new Map([
  ['scan', 'pass 1'],
  ['walk', 'pass 2'],
  ['apply', 'fixing what differs'],
  ['confirm', 'a last look at what was fixed'],
  ['count', 'counting dead letters'],
]);
