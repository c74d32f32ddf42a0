import {
  CreateAliasCommand,
  GetAliasCommand,
  PublishVersionCommand,
  UpdateAliasCommand,
  ListVersionsByFunctionCommand,
  type AliasConfiguration,
} from '@aws-sdk/client-lambda';
import { UserError } from '../errors.ts';
import { isAwsError } from './errors.ts';
import { isConflict, READY_TIMEOUT_MS, requirePackage, waitUntilReady } from './function.ts';
import { failsWith, retryUntil } from './retry.ts';
import type { Aws } from './session.ts';

/** The version that an alias invokes, and the versions before it. */
export interface Alias {
  readonly arn: string;
  readonly version: string;
  /** Versions that served before, newest first; undefined where the alias does not say (it was created by hand). */
  readonly former: readonly string[] | undefined;
  /** Whether a second version gets part of the calls. */
  readonly weighted: boolean;
}

export interface Version {
  readonly version: string;
  /** base64 */
  readonly codeSha256: string;
  /** s */
  readonly timeout: number | undefined;
}

// The history of versions is in the alias's own description: it changes in the same call as the alias, so that no
// interruption can part the two, and it needs no bucket.
const FORMERLY = 'Moved by dynamodb-to-opensearch. Formerly: ';
/** An alias's description can have 256 characters. */
const MAX_FORMER_VERSIONS = 20;

export function describeFormer(former: readonly string[]): string {
  return `${FORMERLY}${former.length === 0 ? '-' : former.slice(0, MAX_FORMER_VERSIONS).join(' ')}`;
}

export function parseFormer(description: string | undefined): string[] | undefined {
  if (description?.startsWith(FORMERLY) !== true) return undefined;
  return description
    .slice(FORMERLY.length)
    .split(' ')
    .filter((version) => /^\d+$/.test(version));
}

function toAlias(found: AliasConfiguration): Alias {
  return {
    arn: found.AliasArn ?? '',
    version: found.FunctionVersion ?? '$LATEST',
    former: parseFormer(found.Description),
    weighted: Object.keys(found.RoutingConfig?.AdditionalVersionWeights ?? {}).length > 0,
  };
}

/** The alias, or undefined where there is none. @throws {AwsError} */
export async function getAlias(aws: Aws, functionName: string, name: string): Promise<Alias | undefined> {
  try {
    return toAlias(
      await aws.call('lambda:GetAlias', `alias ${functionName}:${name}`, () =>
        aws.lambda.send(new GetAliasCommand({ FunctionName: functionName, Name: name })),
      ),
    );
  } catch (error) {
    if (isAwsError(error, 'ResourceNotFoundException')) return undefined;
    throw error;
  }
}

/**
 * Publishes the content of `$LATEST`, and waits until that version is ready. Lambda publishes nothing new, and returns the last version,
 * where `$LATEST` has not changed since. @param codeSha256 refused where `$LATEST` has another package by now
 * @throws {SwappedPackageError} where the version has another package
 */
export function publishVersion(aws: Aws, functionName: string, codeSha256: string): Promise<string> {
  return retryUntil(aws.clock, aws.clock.now() + READY_TIMEOUT_MS, failsWith(isConflict), async (before) => {
    if (before > 0) await waitUntilReady(aws, functionName, 'before');
    const { Version: version, CodeSha256: reported } = await aws.call('lambda:PublishVersion', `function ${functionName}`, () =>
      aws.lambda.send(new PublishVersionCommand({ FunctionName: functionName, CodeSha256: codeSha256 })),
    );
    if (version === undefined) throw new UserError(`function ${functionName}: AWS named no version that it published`);
    const { CodeSha256: found } = await waitUntilReady(aws, functionName, 'after', version);
    for (const hash of [reported, found]) requirePackage(`version ${version} of function ${functionName}`, hash, codeSha256);
    return version;
  });
}

/** Creates the alias, or moves it: the whole traffic at once. @param former versions to go back to, newest first */
export async function pointAlias(
  aws: Aws,
  functionName: string,
  name: string,
  existing: Alias | undefined,
  version: string,
  former: readonly string[],
): Promise<Alias> {
  const common = { FunctionName: functionName, Name: name, FunctionVersion: version, Description: describeFormer(former) };
  const resource = `alias ${functionName}:${name}`;
  const move = (weighted: boolean): Promise<AliasConfiguration> =>
    aws.call('lambda:UpdateAlias', resource, () =>
      aws.lambda.send(new UpdateAliasCommand({ ...common, ...(weighted ? { RoutingConfig: { AdditionalVersionWeights: {} } } : {}) })),
    );
  if (existing !== undefined) return toAlias(await move(existing.weighted));
  try {
    return toAlias(await aws.call('lambda:CreateAlias', resource, () => aws.lambda.send(new CreateAliasCommand(common))));
  } catch (error) {
    // Someone made it in the meantime. moto calls that by the second name.
    if (isAwsError(error, 'ResourceConflictException', 'ConflictException')) return toAlias(await move(false));
    throw error;
  }
}

/** All published versions, oldest first. @throws {AwsError} */
export async function listVersions(aws: Aws, functionName: string): Promise<Version[]> {
  const versions: Version[] = [];
  let marker: string | undefined;
  do {
    const page = await aws.call('lambda:ListVersionsByFunction', `function ${functionName}`, () =>
      aws.lambda.send(
        new ListVersionsByFunctionCommand({ FunctionName: functionName, ...(marker === undefined ? {} : { Marker: marker }) }),
      ),
    );
    for (const { Version: version, CodeSha256: sha, Timeout: timeout } of page.Versions ?? []) {
      if (version !== undefined && version !== '$LATEST') versions.push({ version, codeSha256: sha ?? '', timeout });
    }
    marker = page.NextMarker;
  } while (marker !== undefined && marker !== '');
  return versions.sort((a, b) => Number(a.version) - Number(b.version));
}
