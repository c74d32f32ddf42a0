// The function, its alias and its package as they are deployed now.
import type { FunctionConfiguration } from '@aws-sdk/client-lambda';
import { getAlias, type Alias } from '../aws/alias.ts';
import { NO_HISTORY, bucketHistory, tagHistory, type HistoryStore } from './history-store.ts';
import { downloadCode, functionArn, getFunction, type DeployedFunction } from '../aws/function.ts';
import type { Aws } from '../aws/session.ts';
import { UserError } from '../errors.ts';
import type { Inputs } from '../inputs/inputs.ts';
import { openPackage, type Package } from '../package/package.ts';

/** The function as it is before a run changes anything. */
export interface DeployedState {
  readonly arn: string;
  /** `$LATEST`; undefined: there is no function of this name. */
  readonly latest: DeployedFunction | undefined;
  readonly alias: Alias | undefined;
  /** The version that serves: the alias's, or `$LATEST` without an alias. */
  readonly serving: DeployedFunction | undefined;
  readonly historyStore: HistoryStore;
  /** Downloads the package that serves, once; undefined where none does. Secrets in it are masked by the caller. */
  readonly servingPackage: () => Promise<Package | undefined>;
  /** Downloads the package of a published version; undefined where there is no such version. */
  readonly packageOf: (version: string) => Promise<Package | undefined>;
}

/**
 * Reads the deployed state. @param mask called with the presigned link to the package, and of the package itself, before either is used
 * @throws {UserError} for a function that cannot have a package
 */
export async function readDeployedState(
  aws: Aws,
  { functionName, alias: aliasName, codeBucket }: Pick<Inputs, 'functionName' | 'alias' | 'codeBucket'>,
  mask: { readonly link: (link: string) => void; readonly package: (found: Package) => void },
): Promise<DeployedState> {
  const arn = functionArn(aws, functionName);
  const [latest, aliased, alias, bucket] = await Promise.all([
    getFunction(aws, functionName),
    aliasName === undefined ? undefined : getFunction(aws, functionName, aliasName),
    aliasName === undefined ? undefined : getAlias(aws, functionName, aliasName),
    aliasName === undefined && codeBucket !== undefined ? bucketHistory(aws, codeBucket, functionName) : undefined,
  ]);
  if (latest?.configuration.PackageType === 'Image') {
    throw new UserError(
      `function ${functionName} is built from a container image, and Lambda cannot turn it into one with a package`,
      'Choose another function-name',
    );
  }
  const serving = alias === undefined ? latest : (aliased ?? latest);
  for (const { codeLocation } of [latest, aliased].filter((found) => found !== undefined)) {
    if (codeLocation !== undefined) mask.link(codeLocation);
  }
  let downloaded: Promise<Package> | undefined;
  const load = async (from: DeployedFunction): Promise<Package> => {
    const found = openPackage(await downloadCode(aws, functionName, from.codeLocation));
    mask.package(found);
    return found;
  };
  return {
    arn: latest?.configuration.FunctionArn ?? arn,
    latest,
    alias,
    serving,
    historyStore: aliasName !== undefined ? NO_HISTORY : (bucket ?? tagHistory(aws, latest, latest?.configuration.FunctionArn ?? arn)),
    servingPackage: async () => (serving === undefined ? undefined : await (downloaded ??= load(serving))),
    packageOf: async (version) => {
      const found = await getFunction(aws, functionName, version);
      if (found?.codeLocation !== undefined) mask.link(found.codeLocation);
      return found === undefined ? undefined : await load(found);
    },
  };
}

/** base64, as in AWS's response; undefined where there is no function. */
export function sha256Of(found: { readonly configuration: FunctionConfiguration } | undefined): string | undefined {
  return found?.configuration.CodeSha256;
}
