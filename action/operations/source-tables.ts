// The tables whose streams the function reads, and the key mapping that is built from them.
import type { FunctionConfig } from '../../formats/function-config.ts';
import type { KeyMapping } from '../../formats/key-mapping.ts';
import type { Aws } from '../aws/session.ts';
import type { Trigger } from '../aws/triggers.ts';
import type { DeployedState } from '../deployed/deployed-function.ts';
import type { Problem } from '../errors.ts';
import { tableOf } from '../inputs/aws-rules.ts';
import type { Inputs } from '../inputs/inputs.ts';
import { keyMapping, findSourceTables, type SourceTable } from '../plan/key-mapping.ts';
import { mappingOf } from '../plan/package-plan.ts';
import type { Report } from '../report/report.ts';

/** The source tables of the function, and the key mapping built from them. */
export interface MappedTables {
  readonly triggers: readonly Trigger[];
  readonly sources: readonly SourceTable[];
  readonly mapping: KeyMapping;
  readonly problems: readonly Problem[];
}

/** Reads the tables. @param options of the package, whose `index` wins @param deployed its package has the keys of a table that is gone @throws {UserError} */
export async function readSourceTables(
  aws: Aws,
  inputs: Inputs,
  options: FunctionConfig['options'],
  report: Report,
  triggers: readonly Trigger[],
  deployed: DeployedState,
): Promise<MappedTables> {
  const deployedMapping = async (): Promise<KeyMapping> => {
    const found = await deployed.servingPackage();
    return found === undefined ? {} : mappingOf(found);
  };
  const foreign = foreignTables(aws, inputs);
  const listed = inputs.tables.filter((name) => !foreign.some(({ table }) => table === name));
  const { sources, problems, warnings } = await findSourceTables(aws, triggers, listed, deployedMapping);
  for (const warning of warnings) report.warn(warning);
  const { mapping, problems: clashes } = keyMapping(sources, options);
  return { triggers, sources, mapping, problems: [...foreign.map(({ problem }) => problem), ...problems, ...clashes] };
}

/** Tables named by an ARN of another account or region than the function's. */
function foreignTables(aws: Aws, { tableArns }: Inputs): { table: string | undefined; problem: Problem }[] {
  return tableArns
    .filter((arn) => !arn.startsWith(`arn:${aws.partition}:dynamodb:${aws.region}:${aws.account}:`))
    .map((arn) => ({
      table: tableOf(arn),
      problem: {
        where: 'tables',
        message: `tables: ${arn} is not in account ${aws.account}, region ${aws.region}, where the function is. Name tables of that account and region`,
      },
    }));
}
