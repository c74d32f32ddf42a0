// Which of the function's events this is.
import { processBatch, type BatchAnswer } from './events/stream-batch.ts';
import { check } from './events/check.ts';
import type { Runtime } from './runtime.ts';
import type { CheckResponse } from '../formats/events.ts';

/** What of Lambda's context is read; absent where a person calls the function by hand. */
export interface LambdaContext {
  readonly functionName?: string;
  readonly getRemainingTimeInMillis?: () => number;
}

/** ms: where no context says how long there is. */
const UNKNOWN_REMAINING = 30_000;
const LATER = ['backfill', 'verify', 'redrive'];

/** @throws {Error} saying what was expected, for any event that is not the function's */
export async function answer(runtime: Runtime, event: unknown, context: LambdaContext | undefined): Promise<BatchAnswer | CheckResponse> {
  const invocation = {
    functionName: context?.functionName ?? process.env.AWS_LAMBDA_FUNCTION_NAME ?? 'unknown',
    remaining: context?.getRemainingTimeInMillis?.() ?? UNKNOWN_REMAINING,
  };
  if (typeof event === 'object' && event !== null) {
    const { Records: records, check: asked } = event as { Records?: unknown; check?: unknown };
    if (Array.isArray(records)) return processBatch(runtime, records, invocation);
    if (asked === true) return check(runtime, invocation);
    const later = LATER.find((name) => name in event);
    if (later !== undefined) throw new Error(`The operation ${later} is not in this release (${runtime.release})`);
  }
  throw new Error('The event is none of this function\'s: expected { "Records": [...] } of a DynamoDB stream, or { "check": true }');
}
