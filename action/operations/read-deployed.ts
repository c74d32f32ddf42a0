// What is deployed, read for any operation: its secrets are masked, and a function of another environment is refused.
import { readActual, sha256Of, type Actual } from '../deployed/deployed-function.ts';
import type { Aws } from '../aws/session.ts';
import { encodedSecretsOf, secretsOf } from '../endpoint/endpoint-file.ts';
import { UserError } from '../errors.ts';
import type { Inputs } from '../inputs/inputs.ts';
import type { Package } from '../package/package.ts';
import { configOf } from '../plan/package-plan.ts';
import type { Report } from '../report/report.ts';

/** What is deployed; the link to its package and the secrets in it are masked. @throws {UserError} */
export function readDeployed(aws: Aws, inputs: Inputs, report: Report): Promise<Actual> {
  return readActual(aws, inputs, {
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
 * A function serves one environment. @returns what serves, where it is another package than the wanted one
 * @throws {UserError} where it belongs to another environment
 */
export async function refuseForeignEnvironment(
  actual: Actual,
  { environment, functionName }: Inputs,
  wanted: Package | undefined,
): Promise<Package | undefined> {
  if (actual.serving === undefined || sha256Of(actual.serving) === wanted?.sha256Base64) return undefined;
  const found = await actual.servingPackage();
  const deployed = found === undefined ? undefined : configOf(found)?.environment;
  if (deployed !== undefined && deployed !== environment) {
    throw new UserError(
      `Function ${functionName} serves environment ${deployed}, and this run is for ${environment}`,
      'One function serves one environment: give each a function-name of its own, or check the input environment',
    );
  }
  return found;
}
