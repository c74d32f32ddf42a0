// The deployed state, read for any operation: its secrets are masked, and a function of another environment is refused.
import { readDeployedState, sha256Of, type DeployedState } from '../deployed/deployed-function.ts';
import type { Aws } from '../aws/session.ts';
import { encodedSecretsOf, secretsOf } from '../endpoint/auth-secrets.ts';
import { UserError } from '../errors.ts';
import type { Inputs } from '../inputs/inputs.ts';
import type { Package } from '../package/package.ts';
import { configOf } from '../plan/package-plan.ts';
import type { Report } from '../report/report.ts';

/** The deployed state; the link to its package and the secrets in it are masked. @throws {UserError} */
export function readDeployed(aws: Aws, inputs: Inputs, report: Report): Promise<DeployedState> {
  return readDeployedState(aws, inputs, {
    link: (link) => {
      report.mask(link);
    },
    package: (found) => {
      const config = configOf(found);
      if (config !== undefined) report.mask(...secretsOf(config.auth), ...encodedSecretsOf(config.auth));
    },
  });
}

/**
 * A function serves one environment. @returns the package that serves, where it is another one than the wanted one
 * @throws {UserError} where it belongs to another environment
 */
export async function refuseForeignEnvironment(
  deployed: DeployedState,
  { environment, functionName }: Inputs,
  wanted: Package | undefined,
): Promise<Package | undefined> {
  if (deployed.serving === undefined || sha256Of(deployed.serving) === wanted?.sha256Base64) return undefined;
  const found = await deployed.servingPackage();
  const other = found === undefined ? undefined : configOf(found)?.environment;
  if (other !== undefined && other !== environment) {
    throw new UserError(
      `Function ${functionName} serves environment ${other}, and this run is for ${environment}`,
      'One function serves one environment: give each a function-name of its own, or check the input environment',
    );
  }
  return found;
}
