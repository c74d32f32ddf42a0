// The check event: the deployed function checks whether it can do its work, and its response, which comes from outside, is read here.
import { isObject } from '../../formats/json.ts';
import { invoke, isInvocableLater, type Invocation } from '../aws/invoke.ts';
import { retryUntil, type Attempt } from '../aws/retry.ts';
import { CancelledError, failureSentence } from '../errors.ts';
import type { Run } from '../run.ts';
import type { CheckResponse } from '../../formats/events.ts';

/** The version to check. */
export interface Candidate {
  /** Version; undefined: `$LATEST`. */
  readonly version: string | undefined;
  /** s: the function's time limit. */
  readonly timeout: number | undefined;
  /** Of the package; undefined: it has none. */
  readonly environment: string | undefined;
}

/** ms: how long to wait for transient problems: a function that is not active yet, throttled calls, a busy cluster. */
const TRANSIENT_TIMEOUT_MS = 2 * 60_000;

/**
 * Invokes the check of the deployed function, which changes no document. Any reason for which the check does not pass, its own
 * invocation included, is a problem in the response, not an exception. @throws {CancelledError}
 */
export async function checkFunction({ aws, inputs, report }: Run, { environment, ...candidate }: Candidate): Promise<CheckResponse> {
  const target = { name: inputs.functionName, ...candidate };
  let waits = false;
  const isBusy = (attempt: Attempt<CheckResponse>): boolean => {
    const busy = 'value' in attempt ? isTransient(attempt.value) : isInvocableLater(attempt.error);
    if (busy && !waits) report.info(`The check waits for up to ${TRANSIENT_TIMEOUT_MS / 60_000} minutes: ${reasonOf(attempt)}`);
    waits ||= busy;
    return busy;
  };
  let response: CheckResponse;
  try {
    const deadline = aws.clock.now() + TRANSIENT_TIMEOUT_MS;
    response = await retryUntil(aws.clock, deadline, isBusy, async () => readCheckResponse(await invoke(aws, target, { check: true })));
  } catch (error) {
    response = failedCheck(error);
  }
  if (response.ok && environment !== undefined && response.environment !== '' && response.environment !== environment) {
    const what = `The function responds for environment ${response.environment}, not ${environment}`;
    response = {
      ...response,
      ok: false,
      problems: [...response.problems, { what, remedy: 'Look whether another deploy of this function runs at the same time' }],
    };
  }
  report.checked(response);
  return response;
}

const isTransient = ({ ok, transient }: CheckResponse): boolean => !ok && transient === true;

const reasonOf = (attempt: Attempt<CheckResponse>): string =>
  'value' in attempt ? attempt.value.problems.map(({ what }) => what).join('; ') : failureSentence(attempt.error);

/** A check that failed by an error, before the function could say anything. @throws {CancelledError} which is no failure */
export function failedCheck(error: unknown): CheckResponse {
  if (error instanceof CancelledError) throw error;
  return withProblem(failureSentence(error), '');
}

function withProblem(what: string, remedy: string): CheckResponse {
  return { ok: false, cluster: {}, endpoint: '', environment: '', release: '', tables: {}, problems: [{ what, remedy }] };
}

const text = (value: unknown): string | undefined => (typeof value === 'string' && value !== '' ? value : undefined);

/** An annotation can have 64 KB, and nobody reads more than this. */
const MAX_PROBLEMS = 20;
const MAX_PROBLEM_LENGTH = 1_000;

const shortened = (words: string, length: number): string => (words.length > length ? `${words.slice(0, length)}…` : words);

/** The cluster's own data comes from outside: a value of another form is left out. */
const DISTRIBUTION = /^[a-z][a-z-]{0,31}$/;
/** `2.19.6`, `8.0.0-rc1`, `7.10.2-SNAPSHOT` */
const VERSION = /^\d{1,4}(?:\.\d{1,6}){0,3}(?:-[A-Za-z0-9.]{1,32})?$/;
const matching = (value: unknown, form: RegExp): string | undefined => (typeof value === 'string' && form.test(value) ? value : undefined);

/** Reads the response to the check; any other response is a failed check. */
export function readCheckResponse({ payload, functionError }: Invocation): CheckResponse {
  let value: unknown;
  try {
    value = JSON.parse(payload);
  } catch {
    value = undefined;
  }
  if (functionError !== undefined || !isObject(value) || typeof value.ok !== 'boolean') {
    const said = isObject(value) ? [text(value.errorType), text(value.errorMessage)].filter((part) => part !== undefined).join(': ') : '';
    return withProblem(
      functionError === undefined
        ? `The function's response to the check cannot be read: ${payload === '' ? 'it is empty' : shortened(payload, 200)}`
        : `The function failed on the check (${functionError})${said === '' ? '' : `: ${said.replace(/\.$/, '')}`}`,
      remedyFor(said),
    );
  }
  const problems = (Array.isArray(value.problems) ? value.problems : []).filter(isObject).map((problem) => ({
    what: shortened(text(problem.what) ?? 'a problem without a text', MAX_PROBLEM_LENGTH),
    remedy: shortened(text(problem.remedy) ?? '', MAX_PROBLEM_LENGTH),
  }));
  const more = problems.length - MAX_PROBLEMS;
  return {
    ok: value.ok,
    ...(value.transient === true ? { transient: true } : {}),
    cluster: isObject(value.cluster) ? readCluster(value.cluster) : {},
    endpoint: text(value.endpoint) ?? '',
    environment: text(value.environment) ?? '',
    release: text(value.release) ?? '',
    tables: Object.fromEntries(
      Object.entries(isObject(value.tables) ? value.tables : {}).flatMap(([table, entry]) =>
        isObject(entry) ? [[table, { index: text(entry.index) ?? null, exists: entry.exists === true }]] : [],
      ),
    ),
    problems: [
      ...problems.slice(0, MAX_PROBLEMS),
      ...(more > 0 ? [{ what: `${more} more problem${more === 1 ? '' : 's'}`, remedy: "Look at the function's log" }] : []),
    ],
  };
}

function readCluster(said: Readonly<Record<string, unknown>>): CheckResponse['cluster'] {
  const version = matching(said.version, VERSION);
  return { distribution: matching(said.distribution, DISTRIBUTION) ?? 'unknown', ...(version === undefined ? {} : { version }) };
}

/** @param said the error of the function, as Lambda shows it */
function remedyFor(said: string): string {
  if (/timed out|Sandbox\.Timedout/i.test(said))
    return "The cluster does not respond within the function's time limit: check the endpoint, and for a function in a VPC its subnets, security groups and the way to the cluster";
  if (/ImportModuleError|HandlerNotFound|UserCodeSyntaxError|Runtime\./.test(said))
    return 'The package does not run under this runtime: check runtime and layers';
  return "Look at the function's log";
}
