// Carries a plan out: ready → change → ready, check, and the step that lets the new package serve.
import type { FunctionConfiguration } from '@aws-sdk/client-lambda';
import { pointAlias, publishVersion, type Alias } from '../aws/alias.ts';
import { latestKey, uploadPackage } from '../aws/code-bucket.ts';
import { requirePackage, updateConfiguration, waitUntilReady, type Configuration } from '../aws/function.ts';
import { sha256Of, type DeployedState } from '../deployed/deployed-function.ts';
import { recordConfiguration } from '../deployed/function-settings.ts';
import { hasPassed, type History, type PackageRecord } from '../deployed/package-history.ts';
import { CancelledError, failureSentence, UserError } from '../errors.ts';
import type { Package } from '../package/package.ts';
import type { FunctionPlan } from '../plan/function-plan.ts';
import { configOf } from '../plan/package-plan.ts';
import type { Run } from '../run.ts';
import { checkFunction } from './check-function.ts';
import { bridge, providePackage, putInPlace } from './provide-package.ts';
import { beforeUpdate, putBack, putBackAfter, rollBackOnFailure, undoOnFailure, type Previous } from './rollback-on-failure.ts';

/** The state that serves after the change. */
export interface Applied {
  readonly configuration: FunctionConfiguration;
  readonly alias: Alias | undefined;
}

/** A package that is to serve. */
export interface Release {
  readonly package: Package;
  /** The history once it serves. */
  readonly history: (before: History, record: PackageRecord) => History;
  /** Whether it served before. */
  readonly isRollback?: boolean;
}

/** Changes an existing function as planned, checks it and lets it serve. @throws {UserError} where the check fails, after what served was put back */
export async function applyUpdate(run: Run, deployed: DeployedState, plan: FunctionPlan, release: Release): Promise<Applied> {
  const { report } = run;
  const { functionName } = run.inputs;
  const { package: wanted } = release;
  const variables = changedVariables(plan);
  const previous = await beforeUpdate(run, deployed, variables);
  await deployed.historyStore.begin(previous.packages, variables, release.isRollback === true ? wanted.sha256Hex : undefined);
  const code = plan.code ? await providePackage(run, wanted) : undefined;
  const configuration = await undoOnFailure(run, previous, wanted, async (watched) => {
    if (code !== undefined && deployed.alias === undefined)
      await bridge(watched, plan.patch, await handedOver(plan.patch, deployed), wanted);
    // Configuration first: it may take minutes, and until it is done the former package runs under the former configuration. The time
    // between the two is the short time of the code update.
    let now = Object.keys(plan.patch).length > 0 ? await updateConfiguration(watched.aws, functionName, plan.patch) : undefined;
    if (code !== undefined) {
      now = await putInPlace(watched, code, plan.architecture);
      report.info(`Function ${functionName}: package ${wanted.sha256Base64} is in place.`);
    }
    return now ?? waitUntilReady(watched.aws, functionName, 'after');
  });
  return rollBackOnFailure(run, previous, wanted, () => finishServing(run, previous, release, configuration));
}

/** Names of the environment variables that the plan changes. */
function changedVariables({ patch, changes }: FunctionPlan): string[] {
  if (patch.Environment === undefined) return [];
  return changes.flatMap(({ resource, path }) => {
    const [, name] = resource === 'function' ? (/^environment-variables\.(.+)$/.exec(path) ?? []) : [];
    return name ?? [];
  });
}

/** The package that is replaced; undefined where the handler stays, so that it need not be read. */
async function handedOver({ Handler: handler }: Configuration, { servingPackage }: DeployedState): Promise<Package | undefined> {
  return handler === undefined ? undefined : await servingPackage();
}

/**
 * Checks what is in place, and lets it serve: the alias moves, the history says so.
 * @param configuration of `$LATEST`, as AWS shows it after the change
 * @throws {SwappedPackageError} where that runs another package than the release's (`rollBackOnFailure`) @throws {UserError}
 */
export async function finishServing(
  run: Run,
  previous: Previous,
  { package: wanted, history }: Release,
  configuration: FunctionConfiguration,
): Promise<Applied> {
  const { inputs, aws } = run;
  const { functionName, codeBucket, alias: aliasName } = inputs;
  const { deployed } = previous;
  requirePackage(`function ${functionName}`, configuration.CodeSha256, wanted.sha256Base64);
  let version: string | undefined;
  try {
    if (aliasName !== undefined) version = await publishVersion(aws, functionName, wanted.sha256Base64);
  } catch (error) {
    throw await putBackAfter(run, previous, error, wanted);
  }
  if (inputs.check) {
    const candidate = { version, timeout: configuration.Timeout, environment: configOf(wanted)?.environment };
    const response = await checkFunction(run, candidate);
    if (!response.ok) throw await putBack(run, previous, response, wanted);
  }
  try {
    // Before the step that lets the package serve: a run that is interrupted between the two does it again.
    const served =
      sha256Of(deployed.serving) === wanted.sha256Base64 &&
      (aliasName !== undefined || hasPassed(deployed.historyStore.history, wanted.sha256Hex));
    if (codeBucket !== undefined && !served) await uploadPackage(aws, codeBucket, latestKey(functionName), wanted.bytes);
    const alias = version === undefined ? deployed.alias : await moveAlias(run, deployed.alias, version);
    const record = recordOf(run, wanted, configuration);
    await deployed.historyStore.end(history({ format: 1, pending: false, packages: previous.packages }, record));
    return { configuration, alias };
  } catch (error) {
    if (error instanceof CancelledError) throw error;
    throw new UserError(`${failureSentence(error)}. ${unfinished(run, deployed, version)}`, undefined, { cause: error });
  }
}

/** The version that serves where a step after the check failed. @param version the one that the alias was to serve */
function unfinished({ inputs }: Run, { alias }: DeployedState, version: string | undefined): string {
  const passed = inputs.check ? ' passed its check' : ' is in place';
  if (version === undefined) return `The new package${passed} and serves; run again to finish`;
  const serves =
    alias === undefined
      ? `there is no alias ${inputs.alias ?? ''} yet`
      : `alias ${inputs.alias ?? ''} still serves version ${alias.version}`;
  return `Version ${version}${passed}, and ${serves}; run again to finish`;
}

async function moveAlias({ aws, inputs, report }: Run, existing: Alias | undefined, version: string): Promise<Alias | undefined> {
  const { functionName, alias: name } = inputs;
  if (name === undefined) return existing;
  const former = existing === undefined ? [] : [existing.version, ...(existing.former ?? [])].filter((one) => one !== version);
  const alias = await pointAlias(aws, functionName, name, existing, version, former);
  report.info(`Alias ${name} serves version ${version}.`);
  return alias;
}

function recordOf({ aws, inputs }: Run, wanted: Package, configuration: FunctionConfiguration): PackageRecord {
  const config = configOf(wanted);
  return {
    sha256: wanted.sha256Hex,
    release: config?.release,
    environment: config?.environment,
    deployedAt: new Date(aws.clock.now()).toISOString(),
    checked: inputs.check,
    configuration: recordConfiguration(configuration),
  };
}
