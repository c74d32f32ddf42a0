// Which of the function's events this is.
import { processBatch, type BatchAnswer } from './events/stream-batch.ts';
import { check } from './events/check.ts';
import { runSlice } from './events/slice/run-slice.ts';
import type { Slice, SliceResponse, SurveyResponse } from '../formats/slice.ts';
import type { Runtime } from './runtime.ts';
import type { CheckResponse } from '../formats/events.ts';

/** What of Lambda's context is read; absent where a person calls the function by hand. */
export interface LambdaContext {
  readonly functionName?: string;
  readonly getRemainingTimeInMillis?: () => number;
}

/** ms: where no context says how long there is. */
const UNKNOWN_REMAINING = 30_000;

/** @throws {Error} saying what was expected, for any event that is not the function's */
export async function answer(
  runtime: Runtime,
  event: unknown,
  context: LambdaContext | undefined,
): Promise<BatchAnswer | CheckResponse | SliceResponse | SurveyResponse> {
  const invocation = {
    functionName: context?.functionName ?? process.env.AWS_LAMBDA_FUNCTION_NAME ?? 'unknown',
    remaining: context?.getRemainingTimeInMillis?.() ?? UNKNOWN_REMAINING,
  };
  if (typeof event === 'object' && event !== null) {
    const { Records: records, check: asked, slice } = event as { Records?: unknown; check?: unknown; slice?: unknown };
    if (Array.isArray(records)) return processBatch(runtime, records, invocation);
    if (asked === true) return check(runtime, invocation);
    if (isSlice(slice)) return runSlice(runtime, slice, invocation);
  }
  throw new Error(
    'The event is none of this function\'s: expected { "Records": [...] } of a DynamoDB stream, { "check": true }, or { "slice": {...} } of the action',
  );
}

/** The action of the same release writes slices; of another one at least its name is read. */
const isSlice = (value: unknown): value is Slice =>
  typeof value === 'object' &&
  value !== null &&
  typeof (value as { kind?: unknown }).kind === 'string' &&
  typeof (value as { release?: unknown }).release === 'string';
