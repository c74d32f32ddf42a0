// One invocation of the function for a slice, and how it ended.
import { OTHER_RELEASE, type SliceResponse, type WorkSlice } from '../../../formats/slice.ts';
import { isTransient } from '../../aws/errors.ts';
import { invoke, isInvocableLater } from '../../aws/invoke.ts';
import type { Aws } from '../../aws/session.ts';
import { UserError } from '../../errors.ts';
import type { PlannedSlice, RunStore } from './run-store.ts';

/** ms: the cluster may still be at a request that long after whoever sent it has gone: it waits up to a minute for a shard. */
const CLUSTER_MS = 60_000;

/** The deployed function, as slices are passed to it. */
export interface SliceFunction {
  readonly functionName: string;
  readonly qualifier: string | undefined;
  readonly release: string;
  /** s: its time limit. */
  readonly timeout: number;
}

/** ms: for how long a write of an invocation can arrive whose response was lost. @param timeout s: the function's time limit */
export const longestRequest = ({ timeout }: Pick<SliceFunction, 'timeout'>): number => timeout * 1000 + CLUSTER_MS;

/** Values that are fixed when a slice is passed on. */
export interface SliceLoad {
  readonly operation: WorkSlice['operation'];
  /** Read capacity units per second. */
  readonly capacity: number;
  /** s that the invocation may work. */
  readonly seconds: number;
}

export interface SliceResult {
  readonly response?: SliceResponse;
  /** Why it came no further. */
  readonly reason?: string;
  /** ms: a write that it has left behind may arrive for so long from now on; 0: it has left none. */
  readonly lateMs: number;
}

/** Whether a slice writes to the index. */
export const writes = (slice: PlannedSlice): boolean =>
  'mode' in slice && slice.mode !== 'compare' && slice.mode !== 'decide' && slice.mode !== 'count';

/** Whether a slice only counts. */
const isCount = (slice: PlannedSlice): boolean => slice.kind === 'redrive' && slice.mode === 'count';

/** Passes a slice to the function once. @throws {UserError} where no further invocation would end in another way */
export async function invokeSlice(
  aws: Aws,
  { functionName, qualifier, release, timeout }: SliceFunction,
  { bucket, prefix }: RunStore,
  slice: PlannedSlice,
  load: SliceLoad,
): Promise<SliceResult> {
  const event = { slice: { ...slice, bucket, prefix, release, ...load } };
  const left = (lateMs: number): number => (writes(slice) ? lateMs : 0);
  let payload: string;
  let functionError: string | undefined;
  try {
    const target = { name: functionName, version: qualifier, timeout };
    // The checkpoint is read before it is tried again.
    ({ payload, functionError } = await invoke(aws, target, event, { isRetried: false, readsOnly: isCount(slice), signal: aws.signal }));
  } catch (error) {
    // Throttled, busy or out of reach: this slice's failure, not the end of the run.
    if (!(error instanceof UserError)) throw error;
    if (isInvocableLater(error)) return { reason: error.message, lateMs: 0 };
    if (isTransient(error)) return { reason: error.message, lateMs: left(longestRequest({ timeout })) };
    throw error;
  }
  let parsed: unknown;
  try {
    parsed = JSON.parse(payload);
  } catch {
    return { reason: "the function's response is not valid JSON", lateMs: left(CLUSTER_MS) };
  }
  if (functionError !== undefined) {
    const { errorMessage, errorType } = (parsed ?? {}) as { errorMessage?: unknown; errorType?: unknown };
    if (errorType === OTHER_RELEASE && typeof errorMessage === 'string') throw new UserError(errorMessage);
    return { reason: typeof errorMessage === 'string' ? errorMessage : functionError, lateMs: left(CLUSTER_MS) };
  }
  const response = parsed as SliceResponse;
  const { problem: reason, late } = response;
  return { response, ...(reason === undefined ? {} : { reason }), lateMs: late === true ? left(CLUSTER_MS) : 0 };
}
