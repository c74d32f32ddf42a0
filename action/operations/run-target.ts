// What a run on tables works with: the deployed function, its key mapping, the code bucket, the tables.
import type { KeyMapping } from '../../formats/key-mapping.ts';
import { nearest } from '../../formats/nearest.ts';
import { parseS3Uri } from '../../formats/s3-uri.ts';
import { describeRunTable, type RunTable } from '../aws/tables.ts';
import { sha256Of } from '../deployed/deployed-function.ts';
import { InputError, UserError, type Problem } from '../errors.ts';
import { configOf, mappingOf } from '../plan/package-plan.ts';
import { RELEASE } from '../release.ts';
import type { Run } from '../run.ts';
import { reportServing } from './outputs.ts';
import { readDeployed, refuseForeignEnvironment } from './read-deployed.ts';

/** The deployed state, as far as a run needs it. */
export interface RunTarget {
  readonly bucket: string;
  readonly mapping: KeyMapping;
  readonly codeSha256: string;
  /** Names of the index of each table of the package. */
  readonly indexOf: (table: string) => string | undefined;
}

/** Reads the deployed function, its key mapping and the code bucket. @throws {UserError} where no run is possible */
export async function targetOf(run: Run): Promise<RunTarget> {
  const { inputs, aws, report } = run;
  const { functionName } = inputs;
  // Only a deploy needs the history of packages: without the bucket it is not read.
  const deployed = await readDeployed(aws, { ...inputs, codeBucket: undefined }, report);
  if (deployed.serving === undefined)
    throw new UserError(
      `function-name: there is no function ${functionName} in account ${aws.account}, region ${aws.region}`,
      'Run operation deploy first, or check function-name and the region',
    );
  reportServing(run, deployed);
  const found = await refuseForeignEnvironment(deployed, inputs, undefined);
  const config = found === undefined ? undefined : configOf(found);
  if (found === undefined || config === undefined)
    throw new UserError(
      `The package of function ${functionName} was not deployed by this action`,
      'Run operation deploy first, which takes the function over',
    );
  if (config.release !== RELEASE)
    throw new UserError(
      `Function ${functionName} is of release ${config.release}, and this action of release ${RELEASE}`,
      'Run operation deploy with this action first: both must be of one release',
    );
  const place = config.options.defaults['dead-letters'];
  const bucket = inputs.codeBucket ?? (place === undefined ? undefined : parseS3Uri(place)?.bucket);
  if (bucket === undefined)
    throw new UserError(
      'code-bucket: it is required for this operation, which keeps its progress there',
      'Set it (AWS_BUCKET_CODE), and deploy with it',
    );
  const mapping = mappingOf(found);
  return {
    bucket,
    mapping,
    codeSha256: sha256Of(deployed.serving) ?? '',
    indexOf: (table) => config.options.tables[table]?.index ?? mapping[table.toLowerCase()]?.Index,
  };
}

/** The tables of a run, described. @throws {InputError} naming those that do not exist */
export async function tablesOf({ inputs, aws }: Run, { mapping }: RunTarget): Promise<RunTable[]> {
  const known = Object.values(mapping).map(({ TableName }) => TableName);
  const names = inputs.tables.length > 0 ? inputs.tables : known;
  const problems: Problem[] = [];
  const tables: RunTable[] = [];
  if (names.length === 0)
    problems.push({ where: 'tables', message: 'tables: the deployed key mapping knows no table. Name tables, and deploy with them' });
  for (const name of names) {
    if (!known.includes(name)) {
      const near = nearest(name, known);
      const hint = near === undefined ? 'Deploy with it in tables, or run operation refresh-mapping' : `Did you mean ${near}?`;
      problems.push({ where: 'tables', message: `tables: the deployed key mapping does not know the table ${name}. ${hint}` });
      continue;
    }
    const found = await describeRunTable(aws, name);
    if (found === undefined)
      problems.push({
        where: 'tables',
        message: `tables: there is no table ${name} in account ${aws.account}, region ${aws.region}. Check the name, and the region of the job`,
      });
    else tables.push(found);
  }
  if (problems.length > 0) throw new InputError(problems);
  return tables;
}
