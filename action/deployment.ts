// What a deploy needs to know before it may change anything: endpoint, options, function, tables.
import type { FunctionConfig, KeyMapping } from '../handler/config.ts';
import { readActual, sha256Of, type Actual } from './actual.ts';
import { parseObjectLocation, tableOf } from './aws-rules.ts';
import { readEndpointFile } from './aws/code-bucket.ts';
import type { Aws } from './aws/session.ts';
import type { Trigger } from './aws/triggers.ts';
import { parseEndpoint, secretsOf, type Endpoint } from './endpoint-file.ts';
import { UserError, type Problem } from './errors.ts';
import { workspaceOf } from './given.ts';
import type { Inputs } from './inputs.ts';
import { keyMapping, readSources, type Source } from './key-mapping.ts';
import { loadOptions, type Options } from './options.ts';
import { configOf, mappingOf } from './package-changes.ts';
import { RELEASE, type Package } from './package.ts';
import type { Report } from './report.ts';

/** The endpoint: of the input, else of the file in S3. Its secrets are masked before anything else. @throws {UserError} */
export async function readEndpoint(aws: Aws, inputs: Inputs, report: Report): Promise<Endpoint> {
  const endpoint =
    inputs.endpoint === undefined ? await endpointInBucket(aws, inputs) : parseEndpoint(inputs.endpoint, { source: 'input endpoint' });
  report.mask(...endpoint.secrets);
  return endpoint;
}

async function endpointInBucket(aws: Aws, { endpointFile, codeBucket, environment }: Inputs): Promise<Endpoint> {
  const location = parseObjectLocation(endpointFile);
  const bucket = location?.bucket ?? codeBucket;
  if (location === undefined || bucket === undefined) {
    throw new UserError(
      `code-bucket: it is required to read the endpoint file ${endpointFile} of ${environment}`,
      'Set it (AWS_BUCKET_CODE), or give the endpoint as input endpoint',
    );
  }
  const source = location.bucket === undefined ? location.key : endpointFile;
  return parseEndpoint(await readEndpointFile(aws, bucket, location.key), { source });
}

/** The options file of the workspace. @throws {InputError} */
export function readOptions({ config, environment }: Inputs, env: NodeJS.ProcessEnv): Promise<Options> {
  return loadOptions(config, { workspace: workspaceOf(env), environment });
}

/** What is deployed; the link to its package and the secrets in it are masked. @throws {UserError} */
export function readDeployed(aws: Aws, inputs: Inputs, report: Report): Promise<Actual> {
  return readActual(aws, inputs, {
    link: (link) => {
      report.mask(link);
    },
    package: (found) => {
      const config = configOf(found);
      if (config !== undefined) report.mask(...secretsOf(config.auth));
    },
  });
}

/** config.json of the package. */
export function functionConfig(
  { environment, codeBucket, functionName }: Inputs,
  { endpoint, auth, certificateAuthority }: Endpoint,
  options: Options,
): FunctionConfig {
  const place = codeBucket === undefined ? {} : { 'dead-letters': `s3://${codeBucket}/dead-letters/${functionName}` };
  return {
    format: 1,
    release: RELEASE,
    environment,
    endpoint,
    auth,
    ...(certificateAuthority === undefined ? {} : { certificateAuthority }),
    options: { defaults: { ...place, ...options.defaults }, tables: options.tables },
  };
}

/** The tables that feed the function, and the key mapping made of them. */
export interface Feed {
  readonly triggers: readonly Trigger[];
  readonly sources: readonly Source[];
  readonly mapping: KeyMapping;
  readonly problems: readonly Problem[];
}

/** Reads the tables. @param options of the package, whose `index` wins @param actual what a table that is gone had for keys @throws {UserError} */
export async function readFeed(
  aws: Aws,
  inputs: Inputs,
  options: FunctionConfig['options'],
  report: Report,
  triggers: readonly Trigger[],
  actual: Actual,
): Promise<Feed> {
  const deployed = async (): Promise<KeyMapping> => {
    const found = await actual.servingPackage();
    return found === undefined ? {} : mappingOf(found);
  };
  const foreign = foreignTables(aws, inputs);
  const listed = inputs.tables.filter((name) => !foreign.some(({ table }) => table === name));
  const { sources, problems, warnings } = await readSources(aws, triggers, listed, deployed);
  for (const warning of warnings) report.warn(warning);
  const { mapping, problems: clashes } = keyMapping(sources, options);
  return { triggers, sources, mapping, problems: [...foreign.map(({ problem }) => problem), ...problems, ...clashes] };
}

/** Tables given by an ARN of another place than the function's. */
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
