// Dispatches an event: a batch of a stream, a check, or a slice of a table.
import { processBatch, type BatchResponse } from './events/stream-batch.ts';
import { check } from './events/check.ts';
import { runSlice } from './events/slice/run-slice.ts';
import type { IndexResponse } from '../formats/index-slice.ts';
import type { CountResponse, Slice, SliceResponse, SurveyResponse } from '../formats/slice.ts';
import type { Runtime } from './runtime.ts';
import type { CheckResponse } from '../formats/events.ts';

/** The part of Lambda's context that is read; absent if a person calls the function by hand. */
export interface LambdaContext {
  readonly functionName?: string;
  readonly getRemainingTimeInMillis?: () => number;
}

/** ms: if no context says how much time remains. */
const DEFAULT_REMAINING_MS = 30_000;

/** @throws {Error} naming the expected events, for any other event */
export async function dispatch(
  runtime: Runtime,
  event: unknown,
  context: LambdaContext | undefined,
): Promise<BatchResponse | CheckResponse | SliceResponse | SurveyResponse | CountResponse | IndexResponse | undefined> {
  const invocation = {
    functionName: context?.functionName ?? process.env.AWS_LAMBDA_FUNCTION_NAME ?? 'unknown',
    remaining: context?.getRemainingTimeInMillis?.() ?? DEFAULT_REMAINING_MS,
  };
  if (typeof event === 'object' && event !== null) {
    const { Records: records, check: checkRequested, slice } = event as { Records?: unknown; check?: unknown; slice?: unknown };
    if (Array.isArray(records)) return processBatch(runtime, records, invocation);
    if (checkRequested === true) return check(runtime, invocation);
    if (isSlice(slice)) return runSlice(runtime, slice, invocation);
  }
  throw new Error(
    'The event is not one of this function\'s events: expected { "Records": [...] } of a DynamoDB stream, { "check": true }, or { "slice": {...} } of the action',
  );
}

/** The action of the same release writes slices; of another one at least its name is read. */
const isSlice = (value: unknown): value is Slice =>
  typeof value === 'object' &&
  value !== null &&
  typeof (value as { kind?: unknown }).kind === 'string' &&
  typeof (value as { release?: unknown }).release === 'string';
