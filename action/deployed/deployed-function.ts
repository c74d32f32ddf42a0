import type { FunctionConfiguration } from '@aws-sdk/client-lambda';
import { getAlias, type Alias } from '../aws/alias.ts';
import { NO_MEMORY, bucketMemory, tagMemory, type PackageMemory } from './history-store.ts';
import { downloadCode, getFunction, type DeployedFunction } from '../aws/function.ts';
import type { Aws } from '../aws/session.ts';
import { UserError } from '../errors.ts';
import type { Inputs } from '../inputs/inputs.ts';
import { openPackage, type Package } from '../package/package.ts';

/** The function as it is before a run changes anything. */
export interface Actual {
  readonly arn: string;
  /** `$LATEST`; undefined: there is no function of this name. */
  readonly latest: DeployedFunction | undefined;
  readonly alias: Alias | undefined;
  /** What serves: the alias' version, or `$LATEST` without an alias. */
  readonly serving: DeployedFunction | undefined;
  readonly memory: PackageMemory;
  /** Downloads what serves, once; undefined where nothing does. Secrets in it are masked by the caller. */
  readonly servingPackage: () => Promise<Package | undefined>;
}

/**
 * Reads what is deployed. @param mask told of the presigned link to the package, and of the package itself, before either is used
 * @throws {UserError} for a function that no package can be put into
 */
export async function readActual(
  aws: Aws,
  { functionName, alias: aliasName, codeBucket }: Pick<Inputs, 'functionName' | 'alias' | 'codeBucket'>,
  mask: { readonly link: (link: string) => void; readonly package: (found: Package) => void },
): Promise<Actual> {
  const arn = `arn:${aws.partition}:lambda:${aws.region}:${aws.account}:function:${functionName}`;
  const [latest, aliased, alias, bucket] = await Promise.all([
    getFunction(aws, functionName),
    aliasName === undefined ? undefined : getFunction(aws, functionName, aliasName),
    aliasName === undefined ? undefined : getAlias(aws, functionName, aliasName),
    aliasName === undefined && codeBucket !== undefined ? bucketMemory(aws, codeBucket, functionName) : undefined,
  ]);
  if (latest?.configuration.PackageType === 'Image') {
    throw new UserError(
      `function ${functionName} is made from a container image, and Lambda cannot turn it into one with a package`,
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
    memory: aliasName !== undefined ? NO_MEMORY : (bucket ?? tagMemory(aws, latest, latest?.configuration.FunctionArn ?? arn)),
    servingPackage: async () => (serving === undefined ? undefined : await (downloaded ??= load(serving))),
  };
}

/** base64, as AWS gives it; undefined where there is no function. */
export function sha256Of(found: { readonly configuration: FunctionConfiguration } | undefined): string | undefined {
  return found?.configuration.CodeSha256;
}
