// The parts of a run and their slices. Pure.
import type { SliceTable, SurveyedIndex } from '../../../formats/slice.ts';
import type { Phase } from './run-store.ts';

/** bytes: a segment is at least this large, so that a small table is one slice. */
const MIN_SEGMENT_BYTES = 64 * 1024 * 1024;
const MAX_SEGMENTS = 2_000;
/** Sequence numbers of a slice of the walk. */
const WALK_RANGE = 500_000;

/** How many segments a table is scanned in: a few for each slice that runs at once, so that a large one leaves no other idle. */
export function segmentsFor(bytes: number, concurrency: number): number {
  const bySize = Math.ceil(bytes / MIN_SEGMENT_BYTES);
  return Math.max(1, Math.min(MAX_SEGMENTS, Math.max(bySize, bytes > MIN_SEGMENT_BYTES / 8 ? concurrency * 2 : 1)));
}

/** Pass 1, table → index. @param segments those to work on, of `totalSegments` */
export function scanPhase(table: SliceTable, mode: 'write' | 'compare', segments: readonly number[], totalSegments: number): Phase {
  return {
    name: 'scan',
    slices: segments.map((segment) => ({ kind: 'scan', id: `scan-${segment}`, mode, table, segment, totalSegments })),
  };
}

/** Pass 2, index → table: ranges of sequence numbers of each shard. */
export function walkPhase(tables: readonly SliceTable[], { index, shards }: SurveyedIndex): Phase {
  const slices = shards.flatMap((highest, shard) => {
    const ranges = Math.max(1, Math.ceil((highest + 1) / WALK_RANGE));
    return Array.from({ length: ranges }, (_, i) => ({
      kind: 'walk' as const,
      id: `walk-${shard}-${i}`,
      index,
      tables,
      shard,
      from: i * WALK_RANGE - 1,
      to: Math.min(highest, (i + 1) * WALK_RANGE - 1),
    }));
  });
  return { name: 'walk', slices };
}

/** A further check of lists. */
export function lookPhase(
  name: string,
  tables: readonly SliceTable[],
  lists: readonly string[],
  mode: 'decide' | 'apply',
  isLast: boolean,
): Phase {
  return { name, slices: lists.map((list, i) => ({ kind: 'look', id: `${name}-${i}`, mode, list, isLast, tables })) };
}
