import { InvokeCommand } from '@aws-sdk/client-lambda';
import { UserError } from '../errors.ts';
import { isAwsError, isConcurrencyReserved, isThrottled, isTransient } from './errors.ts';
import { getFunction } from './function.ts';
import { TRANSIENT } from './retry.ts';
import { RESPONSE_TIMEOUT_MS, type Aws } from './session.ts';

/** The result of an invocation. */
export interface Invocation {
  /** The function's response: JSON, if it has not thrown or been ended. */
  readonly payload: string;
  /** Lambda's word where the function threw or was ended (`Unhandled`). */
  readonly functionError: string | undefined;
}

/** The function or version to invoke, and its time limit. */
export interface Target {
  readonly name: string;
  /** Version; undefined: `$LATEST`. */
  readonly version: string | undefined;
  /** s: the function's time limit; undefined: the longest that Lambda has. */
  readonly timeout: number | undefined;
}

/** s: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html */
export const MAX_TIMEOUT_S = 900;
/** ms: the time that Lambda may need beside the function's own time, for a cold start. */
const AROUND_AN_INVOCATION = 30_000;

/** How an invocation is made. */
export interface InvokeOptions {
  /** Whether broken connections and failing servers are retried here. */
  readonly isRetried?: boolean;
  /** The function changes nothing, so that it may be invoked in a dry run. */
  readonly readsOnly?: boolean;
  /** Aborts the request; the function goes on. */
  readonly signal?: AbortSignal;
}

/**
 * Invokes the function once and waits for its response. Broken connections and failing servers are retried; refusals that end only after
 * a while (`isInvocableLater`) are the caller's to wait for. @throws {AwsError} @throws {ConcurrencyInUseError}
 */
export async function invoke(
  aws: Aws,
  { name, version, timeout = MAX_TIMEOUT_S }: Target,
  event: object,
  { isRetried = true, readsOnly = false, signal }: InvokeOptions = {},
): Promise<Invocation> {
  const requestTimeout = Math.min(RESPONSE_TIMEOUT_MS.invocation, timeout * 1_000 + AROUND_AN_INVOCATION);
  try {
    const response = await aws.call(
      readsOnly ? 'lambda:InvokeFunction (reads)' : 'lambda:InvokeFunction',
      `function ${name}${version === undefined ? '' : `:${version}`}`,
      () =>
        aws.lambda.send(
          new InvokeCommand({
            FunctionName: name,
            ...(version === undefined ? {} : { Qualifier: version }),
            Payload: Buffer.from(JSON.stringify(event)),
          }),
          { requestTimeout, ...(signal === undefined ? {} : { abortSignal: signal }) },
        ),
      (error) => (isRetried && isTransient(error) && !isInvocableLater(error) && !wasSilent(error) ? TRANSIENT : undefined),
    );
    return { payload: Buffer.from(response.Payload ?? []).toString('utf8'), functionError: response.FunctionError };
  } catch (error) {
    if (isConcurrencyReserved(error)) await explainConcurrency(aws, name);
    throw error;
  }
}

/** Whether nothing came back for as long as the function may run: it would be so again. A connection that was not made is another matter. */
function wasSilent(error: unknown): boolean {
  return isAwsError(error, 'TimeoutError', 'ETIMEDOUT') && !/connect/i.test(error.words);
}

/** The reserved concurrency of the function is not 0, but all of it is in use. */
export class ConcurrencyInUseError extends UserError {
  override name = 'ConcurrencyInUseError';
}

/** AWS gives one reason where the reserved concurrency is 0 and where all of it is in use. @throws {ConcurrencyInUseError} in the second case */
async function explainConcurrency(aws: Aws, name: string): Promise<void> {
  const found = await getFunction(aws, name).catch(() => undefined);
  const reserved = found?.reservedConcurrency ?? 0;
  if (reserved === 0) return;
  throw new ConcurrencyInUseError(
    `function ${name} could not be invoked: all ${reserved} of its reserved concurrency are in use`,
    'Raise the reserved concurrency, or run again when less is going on',
  );
}

/** Lambda's names for a function that is being made ready. https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html, Errors */
const BECOMING_READY = ['CodeArtifactUserPendingException', 'SnapStartNotReadyException', 'ResourceNotReadyException'];

/** Whether an invocation was refused for a transient reason: the function is not active yet, or calls are throttled. */
export function isInvocableLater(error: unknown): boolean {
  if (error instanceof ConcurrencyInUseError || isThrottled(error) || isAwsError(error, ...BECOMING_READY)) return true;
  // `Failed`, the other state that a function may be in, is not transient.
  return isAwsError(error) && error.status === 409 && /pending|initiali[sz]ing|inactive|in progress|creating/i.test(error.words);
}
