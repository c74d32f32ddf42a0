// Passes slices to the deployed function, some at once, until each is done. The checkpoint decides whether one is done, never a response: a
// lost one costs nothing, and a slice that is passed twice changes nothing.
import type { Counts, SliceResponse, WorkSlice } from '../../../formats/slice.ts';
import { isTransient } from '../../aws/errors.ts';
import { invoke, isInvocableLater } from '../../aws/invoke.ts';
import type { Aws } from '../../aws/session.ts';
import { UserError } from '../../errors.ts';
import { addCounts } from './counts.ts';
import type { PlannedSlice, RunStore } from './run-store.ts';

/** Times that a slice may fail before it is parked. */
const MAX_FAILURES = 5;
/** ms: the first pause after a failure is up to this long, each further one up to twice the former. */
const PAUSE_MS = 1_000;

export interface PoolSettings {
  readonly aws: Aws;
  readonly store: RunStore;
  readonly functionName: string;
  readonly qualifier: string | undefined;
  readonly release: string;
  readonly operation: WorkSlice['operation'];
  /** Slices at once. */
  readonly concurrency: number;
  /** Read capacity units per second of all slices together. */
  readonly maxReadCapacity: number;
  /** ms since the epoch: no slice is started after it. */
  readonly until: number;
  /** Called after every response. */
  readonly progress: (state: PoolState) => void;
}

/** Progress of a phase. */
export interface PoolState {
  readonly slices: number;
  readonly done: number;
  readonly counts: Counts;
  readonly throttled: { readonly table: number; readonly cluster: number };
}

export interface PoolResult extends PoolState {
  /** Slices that failed again and again, each with its last reason. */
  readonly parked: readonly { readonly id: string; readonly reason: string }[];
  /** The time was up before all was done. */
  readonly isOver: boolean;
}

/** Works on slices until all are done, parked, or the time is up. @throws {UserError} where the job is cancelled */
export async function workOn(slices: readonly PlannedSlice[], settings: PoolSettings): Promise<PoolResult> {
  const { aws, store, concurrency, maxReadCapacity, until, progress } = settings;
  const open: PlannedSlice[] = [];
  const counts = new Map<string, Counts>();
  let done = 0;
  for (const slice of slices) {
    const known = await store.checkpoint(slice.id);
    if (known !== undefined) counts.set(slice.id, known.counts);
    if (known?.done === true) done++;
    else open.push(slice);
  }
  const parked: { id: string; reason: string }[] = [];
  let throttled = { table: 0, cluster: 0 };
  // Each has the same share of the read capacity: divided by those that run so far, the first ones would have more than their part.
  const workers = Math.min(concurrency, open.length);
  const state = (): PoolState => ({ slices: slices.length, done, counts: addCounts([...counts.values()]), throttled });
  progress(state());
  const worker = async (): Promise<void> => {
    for (let slice = open.shift(); slice !== undefined; slice = open.shift()) {
      for (let failures = 0; ;) {
        if (aws.clock.now() >= until) {
          open.push(slice);
          return;
        }
        const { response, reason } = await handOut(slice, settings, maxReadCapacity / workers);
        if (response !== undefined) {
          counts.set(slice.id, response.counts);
          throttled = { table: throttled.table + response.throttled.table, cluster: throttled.cluster + response.throttled.cluster };
        }
        if (response?.done === true) {
          done++;
          progress(state());
          break;
        }
        progress(state());
        if (reason === undefined) continue;
        failures++;
        if (failures === MAX_FAILURES) {
          parked.push({ id: slice.id, reason });
          break;
        }
        await aws.clock.sleep(aws.clock.random() * PAUSE_MS * 2 ** failures);
      }
    }
  };
  await Promise.all(Array.from({ length: workers }, worker));
  return { ...state(), parked, isOver: open.length > 0 };
}

/** One invocation. @param capacity read capacity units per second @returns its response, and why it came no further */
async function handOut(
  slice: PlannedSlice,
  { aws, store, functionName, qualifier, release, operation }: PoolSettings,
  capacity: number,
): Promise<{ readonly response?: SliceResponse; readonly reason?: string }> {
  const { bucket, prefix } = store;
  const event = { slice: { ...slice, bucket, prefix, release, operation, capacity } };
  let parsed: unknown;
  let functionError: string | undefined;
  try {
    const invocation = await invoke(aws, { name: functionName, version: qualifier, timeout: undefined }, event);
    functionError = invocation.functionError;
    parsed = JSON.parse(invocation.payload);
  } catch (error) {
    if (error instanceof SyntaxError) return { reason: "the function's response is not valid JSON" };
    // Throttled, busy or out of reach: this slice's failure, not the end of the run.
    if (error instanceof UserError && (isInvocableLater(error) || isTransient(error))) return { reason: error.message };
    throw error;
  }
  if (functionError !== undefined) {
    const { errorMessage } = parsed as { errorMessage?: unknown };
    return { reason: typeof errorMessage === 'string' ? errorMessage : functionError };
  }
  const response = parsed as SliceResponse;
  return response.problem === undefined ? { response } : { response, reason: response.problem };
}
