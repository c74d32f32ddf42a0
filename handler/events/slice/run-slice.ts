// A slice of the work beside the stream: step by step until its time is up, with a checkpoint after each.
import type { IndexResponse } from '../../../formats/index-slice.ts';
import {
  OTHER_RELEASE,
  type CountResponse,
  type Slice,
  type SliceResponse,
  type SurveyResponse,
  type WorkSlice,
} from '../../../formats/slice.ts';
import { abortAt, budgetFor } from '../../budget.ts';
import type { Invocation, Runtime } from '../../runtime.ts';
import { verifyMetrics } from '../../telemetry/verify-metrics.ts';
import { Checkpoint } from './checkpoint.ts';
import { SliceContext, SliceProblem, type Step } from './context.ts';
import { countOpen } from './count-open.ts';
import { indexStep } from './index-step.ts';
import { look } from './second-look.ts';
import { redrive } from './redrive.ts';
import { scan } from './scan.ts';
import { survey } from './survey.ts';
import { walk } from './walk.ts';

/** A slice of another release, which may mean something else. */
class OtherRelease extends Error {
  override name = OTHER_RELEASE;
}

/** Works on a slice for the time of one invocation. @throws {OtherRelease} */
export async function runSlice(
  runtime: Runtime,
  slice: Slice,
  invocation: Invocation,
): Promise<SliceResponse | SurveyResponse | CountResponse | IndexResponse | undefined> {
  if (slice.release !== runtime.release) {
    throw new OtherRelease(
      `The slice is of release ${slice.release} and the function of release ${runtime.release}: run operation deploy with the action that runs this operation`,
    );
  }
  if (slice.kind === 'result') {
    const dimensions = { FunctionName: invocation.functionName, Environment: runtime.environment };
    for (const line of verifyMetrics(slice, runtime.now(), dimensions)) runtime.emit(line);
    return undefined;
  }
  const remaining = 'seconds' in slice ? Math.min(invocation.remaining, slice.seconds * 1000) : invocation.remaining;
  const { signal, release } = abortAt(budgetFor(runtime.now(), remaining).writeUntil, runtime.now());
  try {
    if (slice.kind === 'survey') return await survey(runtime, slice, signal);
    if (slice.kind === 'index') return await indexStep(runtime, slice, signal);
    if (slice.kind === 'count') return await countOpen(runtime, slice, signal);
    return await workOn(runtime, slice, { ...invocation, remaining }, signal);
  } finally {
    release();
  }
}

async function workOn(runtime: Runtime, slice: WorkSlice, invocation: Invocation, signal: AbortSignal): Promise<SliceResponse> {
  const checkpoint = await Checkpoint.open(runtime, slice, signal);
  const context = new SliceContext(runtime, slice, invocation, signal);
  const report = (more: Partial<SliceResponse> = {}): SliceResponse => {
    runtime.emit(
      context.metrics.line(runtime.now(), {
        FunctionName: invocation.functionName,
        Environment: runtime.environment,
        Operation: slice.operation,
      }),
    );
    const { done, counts } = checkpoint.state;
    const throttled = { table: context.pace.throttled, cluster: context.metrics.counts().Throttled };
    return { id: slice.id, done, counts, throttled, ...(context.metrics.unanswered ? { late: true } : {}), ...more };
  };
  if (checkpoint.state.done) return report();
  const before = checkpoint.state;
  /** @throws {SliceProblem} where the driver counts failures, and no step was made */
  const stuck = async (problem: string): Promise<SliceResponse> => {
    const response = report({ problem });
    if (slice.failsWhenStuck !== true || checkpoint.state !== before) return response;
    await checkpoint.note(problem);
    throw new SliceProblem(problem);
  };
  try {
    for await (const step of stepsOf(context, slice, checkpoint.state.cursor ?? undefined)) {
      if (!(await checkpoint.advance(step, signal))) return report({ superseded: true });
      if (runtime.now() > context.budget.writeUntil || signal.aborted) break;
    }
  } catch (error) {
    // The step that was under way when the time was up is made again by the next invocation.
    if (!signal.aborted) {
      if (!(error instanceof SliceProblem)) throw error;
      runtime.log.error('a slice could not go on', { slice: slice.id, reason: error.message });
      return stuck(error.message);
    }
  }
  // While DynamoDB throttles, the driver gives its slices less to read: only one that counts failures has to know.
  const isNoFailure = slice.failsWhenStuck !== true && context.pace.throttled > 0;
  return checkpoint.state !== before || isNoFailure ? report() : stuck(whyNoStep(context, slice));
}

/** Why a whole invocation has not made a step. */
function whyNoStep({ pace, metrics }: SliceContext, slice: WorkSlice): string {
  if (pace.throttled > 0) {
    const tables = ('table' in slice ? [slice.table] : slice.tables).map(({ name }) => name);
    return `DynamoDB throttled the reads of ${tables.join(', ')} for as long as an invocation takes: raise the read capacity of the table, or run again when it is less busy`;
  }
  if (metrics.counts().Throttled > 0)
    return 'the cluster was too busy for one step in the time of an invocation: enlarge it, or run again when it is less busy';
  return 'the time of an invocation is too short for one step: raise timeout or memory-size of the function, or max-read-capacity';
}

function stepsOf(context: SliceContext, slice: WorkSlice, cursor: unknown): AsyncGenerator<Step> {
  switch (slice.kind) {
    case 'scan':
      return scan(context, slice, cursor);
    case 'walk':
      return walk(context, slice, cursor);
    case 'look':
      return look(context, slice, cursor);
    case 'redrive':
      return redrive(context, slice, cursor);
  }
}
