// The package and configuration that served before a change, and how they are put back where the check fails.
import { sha256Base64 } from '../package/sha256.ts';
import type { FunctionConfiguration } from '@aws-sdk/client-lambda';
import { packageKey, readObject } from '../aws/code-bucket.ts';
import { PERMISSIONS } from '../aws/permissions.ts';
import type { Aws } from '../aws/session.ts';
import { SwappedPackageError, updateConfiguration, waitUntilReady } from '../aws/function.ts';
import type { DeployedState } from '../deployed/deployed-function.ts';
import type { History, PackageRecord } from '../deployed/package-history.ts';
import { CancelledError, failureSentence, UserError } from '../errors.ts';
import { openPackage, type Package } from '../package/package.ts';
import { patchBack } from '../plan/configuration.ts';
import type { Run } from '../run.ts';
import type { CheckResponse } from '../../formats/events.ts';
import { failedCheck } from './check-function.ts';
import { bridge, keepTakenOver, providePackage, putInPlace } from './provide-package.ts';

/** The state before a change. */
export interface Previous {
  /** As the run found it. */
  readonly deployed: DeployedState;
  /** The state that a failed check goes back to; undefined: nothing served. */
  readonly fallback: Fallback | undefined;
  /** The packages that served, newest first. */
  readonly packages: readonly PackageRecord[];
}

/** The state that a failed check goes back to. */
interface Fallback {
  readonly configuration: FunctionConfiguration;
  readonly sha256Base64: string | undefined;
  readonly load: () => Promise<Uint8Array>;
  /** Once it is back. */
  readonly history: History;
  /** Whether it counted as deployed, or was left by an interrupted or failed run. */
  readonly settled: boolean;
  /** Names of environment variables whose values before the change are not known. */
  readonly lost: readonly string[];
}

/** The state before the function is created. */
export function beforeCreate(deployed: DeployedState): Previous {
  return { deployed, fallback: undefined, packages: deployed.historyStore.history.packages };
}

/** The state before an update; a package not deployed by this action is kept. @param variables names of those that the update changes @throws {UserError} */
export async function beforeUpdate(run: Run, deployed: DeployedState, variables: readonly string[]): Promise<Previous> {
  const fallback = await fallbackOf(run, deployed, variables);
  return { deployed, fallback, packages: await keepTakenOver(run, deployed) };
}

/**
 * The state that served last and may serve again. After an interrupted run that is not the state in place, which was not checked, but the one that
 * the history names.
 */
async function fallbackOf(
  { aws, inputs: { codeBucket, functionName } }: Run,
  { serving, servingPackage, historyStore: { history } }: DeployedState,
  variables: readonly string[],
): Promise<Fallback | undefined> {
  if (serving === undefined) return undefined;
  const [former] = history.packages;
  const unread = serving.configuration.Environment?.Error === undefined ? [] : variables;
  if (history.pending && former !== undefined && codeBucket !== undefined) {
    const stored = await readObject(aws, codeBucket, packageKey(functionName, former.sha256));
    // A user who may write to the bucket may have replaced it: only the package that passed its check is put back.
    if (stored !== undefined && openPackage(stored.bytes).sha256Hex === former.sha256) {
      const lost = [...new Set([...(history.variables ?? []), ...unread])].sort();
      return {
        // Values of environment variables are in no history, because they may be secret: they stay as they are.
        configuration: {
          ...former.configuration,
          ...(serving.configuration.Environment === undefined ? {} : { Environment: serving.configuration.Environment }),
        },
        sha256Base64: sha256Base64(former.sha256),
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

/**
 * Takes a step after which AWS must run the wanted package; another one counts as a failed check.
 * @throws {UserError} after what served was put back
 */
export async function rollBackOnFailure<T>(run: Run, previous: Previous, wanted: Package, step: () => Promise<T>): Promise<T> {
  try {
    return await step();
  } catch (error) {
    if (!(error instanceof SwappedPackageError)) throw error;
    throw await putBackAfter(run, previous, error, wanted);
  }
}

/**
 * Carries out the calls that change the function, before its check. Where one of them fails after another one changed something, neither
 * the former nor the new state is in place: what served is put back, as after a failed check.
 * @param change makes its calls by the run that it is handed
 * @throws {CancelledError} @throws {UserError} the failure, and what became of what served
 */
export async function undoOnFailure<T>(run: Run, previous: Previous, wanted: Package, change: (run: Run) => Promise<T>): Promise<T> {
  const began = { changing: false };
  const call: Aws['call'] = (action, ...rest) => {
    began.changing ||= PERMISSIONS[action].mutates;
    return run.aws.call(action, ...rest);
  };
  try {
    return await rollBackOnFailure(run, previous, wanted, () => change({ ...run, aws: { ...run.aws, call } }));
  } catch (error) {
    if (error instanceof CancelledError || error instanceof PutBackError) throw error;
    const sentence = failureSentence(error);
    const { historyStore } = previous.deployed;
    const unchanged = { words: `. Nothing of function ${run.inputs.functionName} was changed`, history: historyStore.history };
    if (began.changing) throw await putBackFrom(run, previous, sentence, wanted, unchanged);
    // If it cannot be written, the next run checks once more, and that is all.
    await historyStore.end(historyStore.history).catch(() => undefined);
    throw new UserError(`${sentence}${unchanged.words}`, undefined, { cause: error });
  }
}

/** An error after which what served was put back, or could not be. */
class PutBackError extends UserError {
  override name = 'PutBackError';
}

/** Puts back what served before an error that kept the check from passing. @returns the error that says so @throws {CancelledError} */
export function putBackAfter(run: Run, previous: Previous, error: unknown, replaced: Package): Promise<UserError> {
  const response = failedCheck(error);
  run.report.checked(response);
  return putBack(run, previous, response, replaced);
}

/** Puts back what served before a failed check. @returns the error that says what became of it */
export async function putBack(run: Run, previous: Previous, { problems }: CheckResponse, replaced: Package): Promise<UserError> {
  const words = problems.map(({ what, remedy }) => `${what}${remedy === '' ? '' : `. ${remedy}`}`).join('; ');
  const failed = `The check of function ${run.inputs.functionName} failed: ${words === '' ? 'the function gave no reason' : words}`;
  return putBackFrom(run, previous, failed, replaced, { words: '. There is no former package or configuration to go back to' });
}

/**
 * @param failed the sentence about the failure, without a full stop
 * @param unchanged where nothing had to be put back: what follows that sentence, and the history as it is then (undefined: it stays)
 * @returns the error that says what became of what served
 */
async function putBackFrom(
  run: Run,
  previous: Previous,
  failed: string,
  replaced: Package,
  unchanged: { readonly words: string; readonly history?: History },
): Promise<UserError> {
  const { alias } = run.inputs;
  const { deployed, fallback } = previous;
  if (fallback === undefined)
    return new PutBackError(failed, 'The function stays as it was created, without triggers; fix this and run again');
  const serves =
    alias === undefined || deployed.alias === undefined ? '' : `; alias ${alias} still serves version ${deployed.alias.version}`;
  const [kept, hint] = serves === '' ? lostVariables(fallback) : [''];
  try {
    if (!(await restore(run, deployed, fallback, replaced))) {
      if (unchanged.history !== undefined) await deployed.historyStore.end(unchanged.history);
      const nothing = kept === '' ? unchanged.words : kept;
      return new PutBackError(`${failed}${serves === '' ? nothing : serves}`, hint);
    }
    const what = fallback.settled
      ? 'The former package and configuration'
      : 'The package and configuration that an interrupted or failed run had left';
    return new PutBackError(`${failed}. ${what} were put back${serves}${kept}`, hint);
  } catch (cause) {
    const why = cause instanceof UserError ? cause.message : 'an unexpected error';
    return new PutBackError(
      `${failed}. And the former package and configuration could not be put back: ${why}${serves}`,
      'Run again: the next run checks what is in place, and goes back to what served if that fails',
      { cause },
    );
  }
}

/** The sentence about variables that were not put back, and the remedy. */
function lostVariables({ lost }: Fallback): [string, string?] {
  if (lost.length === 0) return [''];
  return [
    `. These environment variables were not put back, because an interrupted run may have changed them or AWS could not decrypt them, and their former values are not known: ${lost.join(', ')}`,
    'Set them by environment-variables and run again',
  ];
}

/** @returns whether anything was other than before @throws {UserError} */
async function restore(run: Run, deployed: DeployedState, fallback: Fallback, replaced: Package): Promise<boolean> {
  const { aws, inputs, report } = run;
  const now = await waitUntilReady(aws, inputs.functionName, 'before');
  const patch = patchBack(now, fallback.configuration);
  const same = now.CodeSha256 === fallback.sha256Base64;
  if (same && Object.keys(patch).length === 0) return false;
  const former = same ? undefined : openPackage(await fallback.load());
  if (former !== undefined && deployed.alias === undefined) await bridge(run, patch, replaced, former);
  if (Object.keys(patch).length > 0) await updateConfiguration(aws, inputs.functionName, patch);
  if (former !== undefined) {
    const architecture = fallback.configuration.Architectures?.[0];
    await putInPlace(run, await providePackage(run, former), architecture === now.Architectures?.[0] ? undefined : architecture);
  }
  await deployed.historyStore.end(fallback.history);
  report.changed(false);
  return true;
}
