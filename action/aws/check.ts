import { InvokeCommand } from '@aws-sdk/client-lambda';
import { PATIENCE, type Aws } from './session.ts';

/** One thing that keeps the function from doing its work, as the function itself says. */
export interface CheckProblem {
  readonly what: string;
  readonly remedy: string;
}

/** The function's answer to `{ "check": true }` (contract 4). */
export interface CheckAnswer {
  readonly ok: boolean;
  readonly cluster: { readonly distribution: string; readonly version: string | undefined } | undefined;
  readonly environment: string | undefined;
  readonly release: string | undefined;
  /** By table. */
  readonly tables: Readonly<Record<string, { readonly index: string; readonly exists: boolean }>>;
  readonly problems: readonly CheckProblem[];
}

/**
 * Asks the deployed function whether it can do its work; it changes no document. A function that fails to answer is a problem, not an
 * exception. @param qualifier version to ask; absent: `$LATEST` @throws {AwsError}
 */
export async function checkFunction(aws: Aws, name: string, qualifier?: string): Promise<CheckAnswer> {
  const answer = await aws.call('lambda:InvokeFunction', `function ${name}${qualifier === undefined ? '' : `:${qualifier}`}`, () =>
    aws.lambda.send(
      new InvokeCommand({
        FunctionName: name,
        ...(qualifier === undefined ? {} : { Qualifier: qualifier }),
        Payload: Buffer.from('{"check":true}'),
      }),
      { requestTimeout: PATIENCE.invocation },
    ),
  );
  const text = Buffer.from(answer.Payload ?? []).toString('utf8');
  return parseCheckAnswer(text, answer.FunctionError);
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const text = (value: unknown): string | undefined => (typeof value === 'string' && value !== '' ? value : undefined);

/** What a cluster says of itself comes from outside: what has another form is left out. */
const DISTRIBUTION = /^[a-z][a-z-]{0,31}$/;
/** `2.19.6`, `8.0.0-rc1`, `7.10.2-SNAPSHOT` */
const VERSION = /^\d{1,4}(?:\.\d{1,6}){0,3}(?:-[A-Za-z0-9.]{1,32})?$/;
const matching = (value: unknown, form: RegExp): string | undefined => (typeof value === 'string' && form.test(value) ? value : undefined);

/** @param functionError what Lambda says where the function threw or ended */
export function parseCheckAnswer(payload: string, functionError: string | undefined): CheckAnswer {
  let value: unknown;
  try {
    value = JSON.parse(payload);
  } catch {
    value = undefined;
  }
  if (functionError !== undefined || !isObject(value) || typeof value.ok !== 'boolean') {
    const said = isObject(value) ? [text(value.errorType), text(value.errorMessage)].filter((part) => part !== undefined).join(': ') : '';
    return failed(
      functionError === undefined
        ? `The function gave an answer to the check that is none: ${payload.length > 200 ? `${payload.slice(0, 200)}…` : payload}`
        : `The function failed on the check (${functionError})${said === '' ? '' : `: ${said.replace(/\.$/, '')}`}`,
      remedyFor(said),
    );
  }
  const cluster = isObject(value.cluster) ? value.cluster : undefined;
  const problems = Array.isArray(value.problems) ? value.problems.filter(isObject) : [];
  return {
    ok: value.ok,
    cluster:
      cluster === undefined
        ? undefined
        : { distribution: matching(cluster.distribution, DISTRIBUTION) ?? 'unknown', version: matching(cluster.version, VERSION) },
    environment: text(value.environment),
    release: text(value.release),
    tables: Object.fromEntries(
      Object.entries(isObject(value.tables) ? value.tables : {}).flatMap(([table, entry]) =>
        isObject(entry) ? [[table, { index: text(entry.index) ?? '', exists: entry.exists === true }]] : [],
      ),
    ),
    problems: problems.map((problem) => ({
      what: text(problem.what) ?? 'a problem without a text',
      remedy: text(problem.remedy) ?? '',
    })),
  };
}

function remedyFor(said: string): string {
  if (/timed out|Sandbox\.Timedout/i.test(said))
    return "The cluster does not answer within the function's time limit: check the endpoint, and for a function in a VPC its subnets, security groups and the way to the cluster";
  if (/ImportModuleError|HandlerNotFound|UserCodeSyntaxError|Runtime\./.test(said))
    return 'The package does not run under this runtime: check runtime and layers';
  return "Look at the function's log";
}

function failed(what: string, remedy: string): CheckAnswer {
  return { ok: false, cluster: undefined, environment: undefined, release: undefined, tables: {}, problems: [{ what, remedy }] };
}
