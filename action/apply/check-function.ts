// The check event: asks the deployed function whether it can do its work, and reads its response, which comes from outside.
import { invoke, type Invocation } from '../aws/invoke.ts';
import type { Run } from '../run.ts';
import type { CheckResponse } from '../../formats/events.ts';

/**
 * Asks the deployed function whether it can do its work; it changes no document. A function that fails to respond, or that speaks for
 * another environment than the one that was deployed, is a problem, not an exception.
 * @param environment of the package; undefined: it has none @param version to ask; undefined: `$LATEST` @throws {AwsError}
 */
export async function checkFunction(
  { aws, inputs, report }: Run,
  environment: string | undefined,
  version: string | undefined,
): Promise<CheckResponse> {
  let response = readCheckResponse(await invoke(aws, inputs.functionName, { check: true }, version));
  if (response.ok && environment !== undefined && response.environment !== '' && response.environment !== environment) {
    const what = `The function answers for environment ${response.environment}, not ${environment}`;
    response = {
      ...response,
      ok: false,
      problems: [...response.problems, { what, remedy: 'Look whether another deploy of this function runs at the same time' }],
    };
  }
  report.checked(response);
  return response;
}

/** A check that failed before the function could say anything. */
export function failedCheck(what: string, remedy: string): CheckResponse {
  return { ok: false, cluster: {}, endpoint: '', environment: '', release: '', tables: {}, problems: [{ what, remedy }] };
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const text = (value: unknown): string | undefined => (typeof value === 'string' && value !== '' ? value : undefined);

/** What a cluster says of itself comes from outside: what has another form is left out. */
const DISTRIBUTION = /^[a-z][a-z-]{0,31}$/;
/** `2.19.6`, `8.0.0-rc1`, `7.10.2-SNAPSHOT` */
const VERSION = /^\d{1,4}(?:\.\d{1,6}){0,3}(?:-[A-Za-z0-9.]{1,32})?$/;
const matching = (value: unknown, form: RegExp): string | undefined => (typeof value === 'string' && form.test(value) ? value : undefined);

/** Reads the response to the check; one that is none is a failed check. */
export function readCheckResponse({ payload, functionError }: Invocation): CheckResponse {
  let value: unknown;
  try {
    value = JSON.parse(payload);
  } catch {
    value = undefined;
  }
  if (functionError !== undefined || !isObject(value) || typeof value.ok !== 'boolean') {
    const said = isObject(value) ? [text(value.errorType), text(value.errorMessage)].filter((part) => part !== undefined).join(': ') : '';
    return failedCheck(
      functionError === undefined
        ? `The function gave an answer to the check that is none: ${payload.length > 200 ? `${payload.slice(0, 200)}…` : payload}`
        : `The function failed on the check (${functionError})${said === '' ? '' : `: ${said.replace(/\.$/, '')}`}`,
      remedyFor(said),
    );
  }
  const problems = Array.isArray(value.problems) ? value.problems.filter(isObject) : [];
  return {
    ok: value.ok,
    cluster: isObject(value.cluster) ? readCluster(value.cluster) : {},
    endpoint: text(value.endpoint) ?? '',
    environment: text(value.environment) ?? '',
    release: text(value.release) ?? '',
    tables: Object.fromEntries(
      Object.entries(isObject(value.tables) ? value.tables : {}).flatMap(([table, entry]) =>
        isObject(entry) ? [[table, { index: text(entry.index) ?? null, exists: entry.exists === true }]] : [],
      ),
    ),
    problems: problems.map((problem) => ({
      what: text(problem.what) ?? 'a problem without a text',
      remedy: text(problem.remedy) ?? '',
    })),
  };
}

function readCluster(said: Readonly<Record<string, unknown>>): CheckResponse['cluster'] {
  const version = matching(said.version, VERSION);
  return { distribution: matching(said.distribution, DISTRIBUTION) ?? 'unknown', ...(version === undefined ? {} : { version }) };
}

/** @param said the error of the function, as Lambda shows it */
function remedyFor(said: string): string {
  if (/timed out|Sandbox\.Timedout/i.test(said))
    return "The cluster does not answer within the function's time limit: check the endpoint, and for a function in a VPC its subnets, security groups and the way to the cluster";
  if (/ImportModuleError|HandlerNotFound|UserCodeSyntaxError|Runtime\./.test(said))
    return 'The package does not run under this runtime: check runtime and layers';
  return "Look at the function's log";
}
