// Carries a plan out: ready → change → ready, check, and what served is put back where the check fails.
import type { FunctionConfiguration } from '@aws-sdk/client-lambda';
import { sha256Of, type Actual } from '../deployed/deployed-function.ts';
import { pointAlias, publishVersion, type Alias } from '../aws/alias.ts';
import { checkFunction, type CheckAnswer } from '../aws/check.ts';
import { latestKey, packageKey, readObject, uploadPackage } from '../aws/code-bucket.ts';
import {
  requirePackage,
  SwappedPackageError,
  updateCode,
  updateConfiguration,
  waitUntilReady,
  type Code,
  type Configuration,
} from '../aws/function.ts';
import { patchBack } from '../plan/configuration.ts';
import { UserError } from '../errors.ts';
import { hasPassed, withServing, type History, type PackageRecord } from '../deployed/package-history.ts';
import { recordConfiguration } from '../deployed/function-settings.ts';
import { configOf } from '../plan/package-plan.ts';
import { bridgePackage, openPackage, type Package } from '../package/package.ts';
import type { FunctionPlan } from '../plan/function-plan.ts';
import type { Run } from '../run.ts';

/** What serves after the change. */
export interface Applied {
  readonly configuration: FunctionConfiguration;
  readonly alias: Alias | undefined;
}

/** bytes: what UpdateFunctionCode takes inline (Lambda quotas: a request of 50 MB). */
const INLINE_LIMIT = 50 * 1024 * 1024;

/** Uploads the package under its own hash, or hands it over inline where there is no bucket. @throws {UserError} */
export async function provide({ aws, inputs }: Run, wanted: Package): Promise<Code> {
  const { codeBucket: bucket, functionName } = inputs;
  if (bucket === undefined) {
    if (wanted.bytes.length <= INLINE_LIMIT) return { bytes: wanted.bytes, sha256Base64: wanted.sha256Base64 };
    throw new UserError(`The package has ${wanted.bytes.length} bytes, and Lambda takes ${INLINE_LIMIT} inline`, 'Name a code-bucket');
  }
  const key = packageKey(functionName, wanted.sha256Hex);
  return { bucket, key, version: await uploadPackage(aws, bucket, key, wanted.bytes), sha256Base64: wanted.sha256Base64 };
}

/** Puts a package in place that AWS was given before. @throws {SwappedPackageError} where AWS then runs another one @throws {UserError} */
async function putInPlace(
  { aws, inputs: { functionName } }: Run,
  code: Code,
  architecture: 'arm64' | 'x86_64' | undefined,
): Promise<FunctionConfiguration> {
  const now = await updateCode(aws, functionName, code, architecture);
  requirePackage(`function ${functionName}`, now.CodeSha256, code.sha256Base64);
  return now;
}

/**
 * Takes a step after which AWS must run the package that it was given; another one counts as a failed check.
 * @throws {UserError} after what served was put back
 */
export async function orPutBack<T>(
  run: Run,
  actual: Actual,
  fallback: Fallback | undefined,
  wanted: Package,
  step: () => Promise<T>,
): Promise<T> {
  try {
    return await step();
  } catch (error) {
    if (!(error instanceof SwappedPackageError)) throw error;
    const problems = [{ what: error.message, remedy: '' }];
    const answer: CheckAnswer = { ok: false, cluster: undefined, environment: undefined, release: undefined, tables: {}, problems };
    run.report.checked(answer);
    throw await putBack(run, actual, answer, fallback, wanted);
  }
}

/**
 * Changes an existing function as planned, checks it and lets it serve.
 * @param history what it becomes once the package serves
 * @throws {UserError} where the check fails, after what served was put back
 */
export async function applyUpdate(
  run: Run,
  actual: Actual,
  plan: FunctionPlan,
  wanted: Package,
  history: (before: History, record: PackageRecord) => History,
): Promise<Applied> {
  const { inputs, aws, report } = run;
  const { functionName } = inputs;
  const variables = changedVariables(plan);
  const fallback = await fallbackOf(run, actual, variables);
  const known = await rememberTakenOver(run, actual);
  await actual.memory.begin(known, variables);
  const code = plan.code ? await provide(run, wanted) : undefined;
  return orPutBack(run, actual, fallback, wanted, async () => {
    if (code !== undefined && actual.alias === undefined) await bridge(run, plan.patch, await handedOver(plan.patch, actual), wanted);
    // Configuration first: it may take minutes, and until it is done the former package runs under the former configuration. What is
    // between the two is the moment that the code takes.
    let now = Object.keys(plan.patch).length > 0 ? await updateConfiguration(aws, functionName, plan.patch) : undefined;
    if (code !== undefined) {
      now = await putInPlace(run, code, plan.architecture);
      report.info(`Function ${functionName}: package ${wanted.sha256Base64} is in place.`);
    }
    now ??= await waitUntilReady(aws, functionName, 'after');
    return finishServing(run, actual, wanted, now, known, history, fallback);
  });
}

/** Names of the environment variables that the plan changes. */
function changedVariables({ patch, changes }: FunctionPlan): string[] {
  if (patch.Environment === undefined) return [];
  return changes.flatMap(({ resource, path }) => {
    const [, name] = resource === 'function' ? (/^environment-variables\.(.+)$/.exec(path) ?? []) : [];
    return name ?? [];
  });
}

/** The package that gives the function up; undefined where it stays in one hand, and needs not be looked at. */
async function handedOver({ Handler: handler }: Configuration, { servingPackage }: Actual): Promise<Package | undefined> {
  return handler === undefined ? undefined : await servingPackage();
}

/**
 * Where the handler changes, neither order of the two calls to come has a working function between them. A package that holds the files
 * of both sides does, whenever the run may end.
 */
async function bridge(run: Run, { Handler: handler }: Configuration, from: Package | undefined, to: Package): Promise<void> {
  if (handler === undefined || from === undefined) return;
  const both = bridgePackage(from, to);
  if (both === undefined || both.bytes.length > INLINE_LIMIT) return;
  await putInPlace(run, await provide(run, both), undefined);
}

/**
 * Checks what is in place, and lets it serve: the alias moves, the history says so.
 * @param configuration of `$LATEST`, as AWS shows it after the change
 * @param fallback puts back what served before; undefined: nothing did
 * @throws {SwappedPackageError} where that runs another package than `wanted` (`orPutBack`) @throws {UserError}
 */
export async function finishServing(
  run: Run,
  actual: Actual,
  wanted: Package,
  configuration: FunctionConfiguration,
  known: readonly PackageRecord[],
  history: (before: History, record: PackageRecord) => History,
  fallback: Fallback | undefined,
): Promise<Applied> {
  const { inputs, aws, report } = run;
  const { functionName, codeBucket, alias: aliasName } = inputs;
  requirePackage(`function ${functionName}`, configuration.CodeSha256, wanted.sha256Base64);
  const version = aliasName === undefined ? undefined : await publishVersion(aws, functionName, wanted.sha256Base64);
  if (inputs.check) {
    const answer = await ask(run, configOf(wanted)?.environment, version);
    if (!answer.ok) throw await putBack(run, actual, answer, fallback, wanted);
  }
  // Before the step that lets the package serve: a run that is interrupted between the two does it again.
  const served =
    sha256Of(actual.serving) === wanted.sha256Base64 && (aliasName !== undefined || hasPassed(actual.memory.history, wanted.sha256Hex));
  if (codeBucket !== undefined && !served) await uploadPackage(aws, codeBucket, latestKey(functionName), wanted.bytes);
  let alias = actual.alias;
  if (aliasName !== undefined && version !== undefined) {
    const former =
      actual.alias === undefined ? [] : [actual.alias.version, ...(actual.alias.former ?? [])].filter((one) => one !== version);
    alias = await pointAlias(aws, functionName, aliasName, actual.alias, version, former);
    report.info(`Alias ${aliasName} serves version ${version}.`);
  }
  const config = configOf(wanted);
  const record: PackageRecord = {
    sha256: wanted.sha256Hex,
    release: config?.release,
    environment: config?.environment,
    deployedAt: new Date(aws.pace.now()).toISOString(),
    checked: inputs.check,
    configuration: recordConfiguration(configuration),
  };
  await actual.memory.end(history({ format: 1, pending: false, packages: known }, record));
  return { configuration, alias };
}

/** Asks the function; also that it speaks for the environment that was deployed. */
export async function ask(
  { aws, inputs, report }: Run,
  environment: string | undefined,
  version: string | undefined,
): Promise<CheckAnswer> {
  let answer = await checkFunction(aws, inputs.functionName, version);
  if (answer.ok && environment !== undefined && answer.environment !== undefined && answer.environment !== environment) {
    const what = `The function answers for environment ${answer.environment}, not ${environment}`;
    answer = {
      ...answer,
      ok: false,
      problems: [...answer.problems, { what, remedy: 'Look whether another deploy of this function runs at the same time' }],
    };
  }
  report.checked(answer);
  return answer;
}

/** What a failed check goes back to. */
export interface Fallback {
  readonly configuration: FunctionConfiguration;
  readonly sha256Base64: string | undefined;
  readonly load: () => Promise<Uint8Array>;
  /** Once it is back. */
  readonly history: History;
  /** Whether it passed for deployed, or is what an interrupted or failed run left. */
  readonly settled: boolean;
  /** Names of environment variables whose values before the change are not known. */
  readonly lost: readonly string[];
}

/**
 * What served last and may serve again. After an interrupted run that is not what was found in place, which nobody has checked, but what
 * the history names. @param variables names of those that this run changes
 */
async function fallbackOf(
  run: Run,
  { serving, servingPackage, memory: { history } }: Actual,
  variables: readonly string[],
): Promise<Fallback | undefined> {
  const { aws, inputs } = run;
  if (serving === undefined) return undefined;
  const [former] = history.packages;
  const { codeBucket } = inputs;
  const unread = serving.configuration.Environment?.Error === undefined ? [] : variables;
  if (history.pending && former !== undefined && codeBucket !== undefined) {
    const stored = await readObject(aws, codeBucket, packageKey(inputs.functionName, former.sha256));
    // Whoever may write to the bucket may have replaced it: what is put back is what passed its check, or nothing.
    if (stored !== undefined && openPackage(stored.bytes).sha256Hex === former.sha256) {
      const lost = [...new Set([...(history.variables ?? []), ...unread])].sort();
      return {
        // Values of environment variables are in no history, because they may be secret: they stay as they are.
        configuration: {
          ...former.configuration,
          ...(serving.configuration.Environment === undefined ? {} : { Environment: serving.configuration.Environment }),
        },
        sha256Base64: Buffer.from(former.sha256, 'hex').toString('base64'),
        load: () => Promise.resolve(stored.bytes),
        // Where other variables may be in place than those that passed the check, the next run checks again.
        history: { format: 1, pending: lost.length > 0, packages: history.packages, ...(lost.length > 0 ? { variables: lost } : {}) },
        settled: true,
        lost,
      };
    }
  }
  return {
    configuration: serving.configuration,
    sha256Base64: serving.configuration.CodeSha256,
    load: async () => (await servingPackage())?.bytes ?? new Uint8Array(),
    history: unread.length > 0 ? { ...history, pending: true } : history,
    settled: !history.pending,
    lost: unread,
  };
}

/** Puts back what served before a failed check, and says what became of it. */
async function putBack(
  run: Run,
  actual: Actual,
  answer: CheckAnswer,
  fallback: Fallback | undefined,
  replaced: Package,
): Promise<UserError> {
  const { aws, inputs, report } = run;
  const { functionName, alias } = inputs;
  const problems = answer.problems.map(({ what, remedy }) => `${what}${remedy === '' ? '' : `. ${remedy}`}`).join('; ');
  const failed = `The check of function ${functionName} failed: ${problems === '' ? 'the function gave no reason' : problems}`;
  if (fallback === undefined)
    return new UserError(failed, 'The function stays as it was created, without triggers; mend this and run again');
  const serves = alias === undefined || actual.alias === undefined ? '' : `; alias ${alias} still serves version ${actual.alias.version}`;
  const lost = fallback.lost.join(', ');
  const [kept, hint] =
    serves !== '' || lost === ''
      ? ['']
      : [
          `. These environment variables were not put back, because an interrupted run may have changed them or AWS could not decrypt them, and their former values are not known: ${lost}`,
          'Set them by environment-variables and run again',
        ];
  try {
    const now = await waitUntilReady(aws, functionName, 'before');
    const patch = patchBack(now, fallback.configuration);
    const same = now.CodeSha256 === fallback.sha256Base64;
    if (same && Object.keys(patch).length === 0) {
      const nothing = kept === '' ? '. There is no former package or configuration to go back to' : kept;
      return new UserError(`${failed}${serves === '' ? nothing : serves}`, hint);
    }
    const former = same ? undefined : openPackage(await fallback.load());
    if (former !== undefined && actual.alias === undefined) await bridge(run, patch, replaced, former);
    if (Object.keys(patch).length > 0) await updateConfiguration(aws, functionName, patch);
    if (former !== undefined) {
      const architecture = fallback.configuration.Architectures?.[0];
      await putInPlace(run, await provide(run, former), architecture === now.Architectures?.[0] ? undefined : architecture);
    }
    await actual.memory.end(fallback.history);
    report.changed(false);
    const what = fallback.settled
      ? 'The former package and configuration'
      : 'The package and configuration that an interrupted or failed run had left';
    return new UserError(`${failed}. ${what} were put back${serves}${kept}`, hint);
  } catch (error) {
    const words = error instanceof UserError ? error.message : 'an unexpected error';
    return new UserError(`${failed}. And the former package and configuration could not be put back: ${words}`, 'Run again', {
      cause: error,
    });
  }
}

/**
 * A package of another hand that is about to be replaced is kept in the bucket, with what it ran with, so that a failed check, an
 * interrupted run and `rollback` find it. @returns the packages that served, newest first
 */
async function rememberTakenOver(
  { aws, inputs }: Run,
  { serving, servingPackage, memory: { history } }: Actual,
): Promise<readonly PackageRecord[]> {
  const { codeBucket: bucket, alias, functionName } = inputs;
  if (serving === undefined || bucket === undefined || alias !== undefined || history.pending) return history.packages;
  const sha256 = Buffer.from(serving.configuration.CodeSha256 ?? '', 'base64').toString('hex');
  if (history.packages[0]?.sha256 === sha256 || hasPassed(history, sha256)) return history.packages;
  const found = await servingPackage();
  if (found === undefined) return history.packages;
  await uploadPackage(aws, bucket, packageKey(functionName, found.sha256Hex), found.bytes);
  const config = configOf(found);
  return withServing(history, {
    sha256: found.sha256Hex,
    release: config?.release,
    environment: config?.environment,
    deployedAt: serving.configuration.LastModified ?? '',
    checked: false,
    configuration: recordConfiguration(serving.configuration),
  }).packages;
}
