// What a run on tables works with: the deployed function, its key mapping, the code bucket, the tables.
import { DEFAULT_OPTIONS, type FunctionConfig, type TableOptions } from '../../formats/function-config.ts';
import type { KeyMapping } from '../../formats/key-mapping.ts';
import { nearest } from '../../formats/nearest.ts';
import { parseS3Uri } from '../../formats/s3-uri.ts';
import { MAX_TIMEOUT_S } from '../aws/invoke.ts';
import { describeRunTable, type RunTable } from '../aws/tables.ts';
import { sha256Of } from '../deployed/deployed-function.ts';
import { InputError, UserError, type Problem } from '../errors.ts';
import type { TableOperation } from '../inputs/operation.ts';
import { shownLimit } from '../inputs/delete-limit.ts';
import { configOf, mappingOf } from '../plan/package-plan.ts';
import { indexOf } from '../plan/reindexed-tables.ts';
import type { RunPlanContext } from '../plan/run-plan.ts';
import { RELEASE } from '../release.ts';
import type { Run } from '../run.ts';
import { reportServing } from './outputs.ts';
import { readDeployed, refuseForeignEnvironment } from './read-deployed.ts';

/** The deployed state, as far as a run needs it. */
export interface RunTarget {
  readonly bucket: string;
  readonly mapping: KeyMapping;
  readonly codeSha256: string;
  /** Of the package. */
  readonly config: FunctionConfig;
  /** MiB of the function; undefined: not known. */
  readonly memorySize: number | undefined;
  /** s: the function's time limit. */
  readonly timeout: number;
}

/** `s3://bucket/prefix` of the dead letters of a table of the package; undefined: there is none. */
export const deadLettersOf = ({ config }: Pick<RunTarget, 'config'>, table: string): string | undefined =>
  optionsOf(config, table)['dead-letters'];

/** The options of a table of the package. */
const optionsOf = ({ options }: FunctionConfig, table: string): TableOptions => ({
  ...options.defaults,
  ...(Object.hasOwn(options.tables, table) ? options.tables[table] : {}),
});

/** The bucket of a run's objects: that of the input, else that of the dead letters of the package. */
export function runBucket(codeBucket: string | undefined, { options }: FunctionConfig): string | undefined {
  const place = options.defaults['dead-letters'];
  return codeBucket ?? (place === undefined ? undefined : parseS3Uri(place)?.bucket);
}

/** The prefix in the bucket, or with a table the one of its run: without a slash at its end. */
export const runPrefix = (functionName: string, operation: string, table?: string): string =>
  ['runs', functionName, operation, ...(table === undefined ? [] : [table])].join('/');

/** Everything that the plan of a run on a table depends on. */
export function planContext(
  { inputs, aws }: Run,
  operation: TableOperation,
  target: Pick<RunTarget, 'bucket' | 'mapping' | 'config' | 'memorySize'>,
  { table, capacity }: { readonly table: string; readonly capacity: number },
): RunPlanContext {
  const { config, bucket, memorySize } = target;
  const { versioning = DEFAULT_OPTIONS.versioning } = optionsOf(config, table);
  return {
    operation,
    repair: inputs.repair,
    prune: inputs.prune,
    report: operation === 'verify' ? inputs.report : undefined,
    deleteLimit: shownLimit(inputs.deleteLimit),
    index: indexOf(target, table) ?? '(none)',
    serverless: config.auth.type === 'sigv4' && config.auth.service === 'aoss',
    versioned: versioning === 'external',
    place: `s3://${bucket}/${runPrefix(inputs.functionName, operation, table)}/`,
    region: aws.region,
    now: aws.clock.now(),
    capacity,
    concurrency: inputs.concurrency,
    memorySize,
  };
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
  const bucket = runBucket(inputs.codeBucket, config);
  if (bucket === undefined)
    throw new UserError(
      'code-bucket: it is required for this operation, which keeps its progress there',
      'Set it (AWS_BUCKET_CODE), and deploy with it',
    );
  return {
    bucket,
    config,
    mapping: mappingOf(found),
    codeSha256: sha256Of(deployed.serving) ?? '',
    memorySize: deployed.serving.configuration.MemorySize,
    timeout: deployed.serving.configuration.Timeout ?? MAX_TIMEOUT_S,
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
