// Whoever hands out the slices of a phase: the action itself, or AWS Step Functions. Both go by the checkpoints, so that a phase can begin
// with one and end with the other.
import { addCounts } from '../../../formats/counts.ts';
import type { Counts, SliceCheckpoint, WorkSlice } from '../../../formats/slice.ts';
import { inParallel } from '../../aws/retry.ts';
import type { Aws } from '../../aws/session.ts';
import type { HeldLock } from './lock.ts';
import { READS_AT_ONCE, type PlannedSlice, type RunStore } from './run-store.ts';
import type { SliceFunction } from './slice-invocation.ts';

/** Works on slices until all are done, parked, or the time is up. @throws {CancelledError} {UserError} */
export type SliceDriver = (slices: readonly PlannedSlice[], settings: DriverSettings) => Promise<DriverResult>;

export interface DriverSettings extends SliceFunction {
  readonly aws: Aws;
  readonly store: RunStore;
  readonly lock: Pick<HeldLock, 'late' | 'isLost'>;
  readonly operation: WorkSlice['operation'];
  /** Unique names: of the run, and of its phase. */
  readonly run: string;
  readonly phase: string;
  /** Slices at once. */
  readonly concurrency: number;
  /** Read capacity units per second of all slices together. */
  readonly maxReadCapacity: number;
  /** ms since the epoch: no slice is started after it. */
  readonly until: number;
  /** Why no slice may be started now; undefined: they may. */
  readonly pause: () => Promise<string | undefined>;
  /** Called now and then. */
  readonly progress: (state: DriverState) => void;
  readonly log: (line: string) => void;
}

/** Progress of a phase. */
export interface DriverState {
  readonly slices: number;
  readonly done: number;
  readonly counts: Counts;
  readonly throttled: { readonly table: number; readonly cluster: number };
  /** Why no slice is started at the moment. */
  readonly waiting?: string;
  /** More about what goes on. */
  readonly detail?: string;
}

export interface DriverResult extends DriverState {
  /** Slices that failed again and again, each with its last reason. */
  readonly parked: readonly { readonly id: string; readonly reason: string }[];
  /** The time was up before all was done. */
  readonly isOver: boolean;
}

/** A slice and where former invocations have left it. */
export interface KnownSlice {
  readonly slice: PlannedSlice;
  readonly checkpoint: SliceCheckpoint | undefined;
}

/** Reads the checkpoints of slices. @throws {AwsError} */
export function readSlices(store: RunStore, slices: readonly PlannedSlice[]): Promise<KnownSlice[]> {
  return inParallel(slices, READS_AT_ONCE, async (slice) => ({ slice, checkpoint: await store.checkpoint(slice.id) }));
}

/** The sum of what slices have done. */
export const countsOf = (known: readonly KnownSlice[]): Counts => addCounts(known.flatMap(({ checkpoint }) => checkpoint?.counts ?? []));

export const pagesOf = (checkpoint: Pick<SliceCheckpoint, 'counts'> | undefined): number => checkpoint?.counts.pages ?? 0;
