// How a package gets to AWS: through the bucket or inline, and by way of one that runs under two configurations.
import { sha256Hex } from '../package/sha256.ts';
import type { FunctionConfiguration } from '@aws-sdk/client-lambda';
import { packageKey, uploadPackage } from '../aws/code-bucket.ts';
import { requirePackage, updateCode, type Code, type Configuration } from '../aws/function.ts';
import type { DeployedState } from '../deployed/deployed-function.ts';
import { recordConfiguration } from '../deployed/function-settings.ts';
import { hasPassed, withServing, type PackageRecord } from '../deployed/package-history.ts';
import { UserError } from '../errors.ts';
import { bridgePackage, type Package } from '../package/package.ts';
import { configOf } from '../plan/package-plan.ts';
import type { Run } from '../run.ts';

/** bytes: the most that UpdateFunctionCode accepts inline (Lambda quotas: a request of 50 MB). */
const MAX_INLINE_BYTES = 50 * 1024 * 1024;

/** Uploads the package under its own hash, or hands it over inline where there is no bucket. @throws {UserError} */
export async function providePackage({ aws, inputs }: Run, wanted: Package): Promise<Code> {
  const { codeBucket: bucket, functionName } = inputs;
  if (bucket === undefined) {
    if (wanted.bytes.length <= MAX_INLINE_BYTES) return { bytes: wanted.bytes, sha256Base64: wanted.sha256Base64 };
    throw new UserError(
      `The package has ${wanted.bytes.length} bytes, and Lambda accepts ${MAX_INLINE_BYTES} inline`,
      'Name a code-bucket',
    );
  }
  const key = packageKey(functionName, wanted.sha256Hex);
  return { bucket, key, version: await uploadPackage(aws, bucket, key, wanted.bytes), sha256Base64: wanted.sha256Base64 };
}

/** Puts an uploaded package in place. @throws {SwappedPackageError} where AWS then runs another one @throws {UserError} */
export async function putInPlace(
  { aws, inputs: { functionName } }: Run,
  code: Code,
  architecture: 'arm64' | 'x86_64' | undefined,
): Promise<FunctionConfiguration> {
  const now = await updateCode(aws, functionName, code, architecture);
  requirePackage(`function ${functionName}`, now.CodeSha256, code.sha256Base64);
  return now;
}

/**
 * Where the handler changes, neither order of the two calls to come has a working function between them. A package that holds the files
 * of both sides does, whenever the run may end. @param from the package that is replaced; undefined: none
 */
export async function bridge(run: Run, { Handler: handler }: Configuration, from: Package | undefined, to: Package): Promise<void> {
  if (handler === undefined || from === undefined) return;
  const both = bridgePackage(from, to);
  if (both === undefined || both.bytes.length > MAX_INLINE_BYTES) return;
  await putInPlace(run, await providePackage(run, both), undefined);
}

/**
 * A package not deployed by this action that is about to be replaced is kept in the bucket, with its configuration, so that a failed check, an
 * interrupted run and `rollback` find it. @returns the packages that served, newest first
 */
export async function keepTakenOver(
  { aws, inputs }: Run,
  { serving, servingPackage, historyStore: { history } }: DeployedState,
): Promise<readonly PackageRecord[]> {
  const { codeBucket: bucket, alias, functionName } = inputs;
  if (serving === undefined || bucket === undefined || alias !== undefined || history.pending) return history.packages;
  const sha256 = sha256Hex(serving.configuration.CodeSha256 ?? '');
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
