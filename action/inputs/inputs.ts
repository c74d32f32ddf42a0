import { inputDefaults } from '../action-file.ts';
import { parseDeleteLimit, type DeleteLimit } from './delete-limit.ts';
import * as aws from './aws-rules.ts';
import { InputError } from '../errors.ts';
import { OPERATIONS, type Operation } from './operation.ts';
import { CLEAR, InputReader, matching } from './reader.ts';
import type { Clearable, InputSource } from './reader.ts';

export { CLEAR } from './reader.ts';
export type { Clearable } from './reader.ts';

/** Every input of action.yml, with the environment variable that the predecessor read for it. */
export const INPUTS = {
  operation: {},
  'dry-run': {},
  environment: { fallback: 'ENV' },
  'function-name': {},
  'code-bucket': { fallback: 'AWS_BUCKET_CODE' },
  role: { fallback: 'IAM_ROLE' },
  description: { fallback: 'DESC' },
  endpoint: { secret: true },
  'endpoint-file': {},
  tables: {},
  config: {},
  'memory-size': {},
  timeout: {},
  'ephemeral-storage': {},
  runtime: {},
  architecture: {},
  'subnet-ids': { fallback: 'SUBNET_IDS' },
  'security-group-ids': { fallback: 'SG_IDS' },
  'environment-variables': { secret: true },
  'env-strategy': {},
  tags: {},
  'log-retention-days': {},
  layers: {},
  'kms-key-arn': {},
  tracing: {},
  alias: {},
  check: {},
  'rollback-to': {},
  'backfill-new-tables': {},
  'dead-letters': {},
  repair: {},
  report: {},
  prune: {},
  'delete-limit': {},
  'fail-on-differences': {},
  sample: {},
  'max-read-capacity': {},
  concurrency: {},
  'time-limit-minutes': {},
  'state-machine': {},
  restart: {},
  to: {},
  'delete-old-index': {},
  'allowed-account-ids': {},
  'role-to-assume': {},
  'aws-profile': { fallback: 'PROFILE' },
  'github-token': { secret: true },
} as const satisfies Record<string, InputSource>;

export type InputName = keyof typeof INPUTS;

/** Whether a deploy backfills the tables that get their first trigger. */
const NEW_TABLES = ['auto', 'always', 'never'] as const;
export type NewTables = (typeof NEW_TABLES)[number];

/** All inputs as one value, read once at the edge. Undefined means: not set by the user, never sent to AWS on update. */
export interface Inputs {
  readonly operation: Operation;
  readonly dryRun: boolean;
  readonly environment: string;
  readonly functionName: string;
  readonly codeBucket: string | undefined;
  readonly role: string | undefined;
  readonly description: Clearable<string> | undefined;
  /** URL or text of an endpoint file; a secret. */
  readonly endpoint: string | undefined;
  /** As set, or `${environment}_es_creds`. */
  readonly endpointFile: string;
  /** Table names (an ARN is reduced to its table's name), in the order of the input, without duplicates. */
  readonly tables: readonly string[];
  /** Those of `tables` that are ARNs, unchanged: their region and account must be the function's. */
  readonly tableArns: readonly string[];
  /** Path of the options file in the workspace. */
  readonly config: string | undefined;
  /** MiB */
  readonly memorySize: number | undefined;
  /** s */
  readonly timeout: number | undefined;
  /** MiB of /tmp */
  readonly ephemeralStorage: number | undefined;
  readonly runtime: string | undefined;
  readonly architecture: 'arm64' | 'x86_64' | undefined;
  readonly subnetIds: Clearable<readonly string[]> | undefined;
  readonly securityGroupIds: Clearable<readonly string[]> | undefined;
  readonly environmentVariables: Clearable<Readonly<Record<string, string>>> | undefined;
  readonly envStrategy: 'merge' | 'overwrite';
  readonly tags: Clearable<Readonly<Record<string, string>>> | undefined;
  readonly logRetentionDays: number | undefined;
  readonly layers: Clearable<readonly string[]> | undefined;
  readonly kmsKeyArn: Clearable<string> | undefined;
  readonly tracing: 'Active' | 'PassThrough' | undefined;
  readonly alias: string | undefined;
  readonly check: boolean;
  readonly rollbackTo: string | undefined;
  readonly backfillNewTables: NewTables;
  /** `s3://bucket/prefix` of the dead letters of all tables. */
  readonly deadLetters: string | undefined;
  readonly repair: boolean;
  /** `s3://bucket/key` of the list of differences of an earlier run. */
  readonly report: string | undefined;
  readonly prune: boolean;
  readonly deleteLimit: DeleteLimit;
  readonly failOnDifferences: boolean;
  /** Above 0 and up to 1. */
  readonly sample: number;
  /** Read capacity units per second. */
  readonly maxReadCapacity: number | undefined;
  readonly concurrency: number;
  readonly timeLimitMinutes: number;
  /** ARN of the state machine that hands out the slices; undefined: the action does. */
  readonly stateMachine: string | undefined;
  readonly restart: boolean;
  /** Index that a reindex leads searches back to. */
  readonly to: string | undefined;
  readonly deleteOldIndex: boolean;
  readonly allowedAccountIds: readonly string[];
  /** ARN of the role of the session. */
  readonly roleToAssume: string | undefined;
  readonly awsProfile: string | undefined;
  readonly githubToken: string | undefined;
}

/**
 * Reads and checks all inputs. @param env `process.env`: `INPUT_*` first, else the predecessor's variable, else the default of action.yml
 * @throws {InputError} with every problem of every input
 */
export function readInputs(env: NodeJS.ProcessEnv): Inputs {
  const from = new InputReader<InputName>(env, INPUTS, inputDefaults);
  const operation = from.oneOf('operation', OPERATIONS);
  const environment = from.text('environment', aws.environmentName);
  if (!from.isSet('environment')) {
    from.problem('environment', 'it is required; name the environment, such as STAGE or PROD');
  }
  const functionName = from.text('function-name', aws.functionName);
  const tables = from.list('tables', aws.table, { commas: true }) ?? [];
  const inputs = {
    dryRun: from.boolean('dry-run'),
    codeBucket: from.text('code-bucket', aws.bucketName),
    role: from.text('role', aws.roleArn),
    description: from.clearable('description', () => from.text('description', aws.description)),
    endpoint: from.text('endpoint'),
    endpointFile: from.text('endpoint-file', aws.objectLocation) ?? `${environment ?? ''}_es_creds`,
    tables: [...new Set(tables.flatMap((table) => aws.tableOf(table) ?? []))],
    tableArns: tables.filter((table) => table.startsWith('arn:')),
    config: from.text('config'),
    memorySize: from.number('memory-size', { min: 128, max: 10240, unit: 'MiB' }),
    timeout: from.number('timeout', { min: 1, max: 900, unit: 'seconds' }),
    ephemeralStorage: from.number('ephemeral-storage', { min: 512, max: 10240, unit: 'MiB' }),
    runtime: from.text('runtime', aws.runtime),
    architecture: from.oneOf('architecture', ['arm64', 'x86_64']),
    subnetIds: from.clearable('subnet-ids', () => from.list('subnet-ids', aws.subnetId, { commas: true })),
    securityGroupIds: from.clearable('security-group-ids', () => from.list('security-group-ids', aws.securityGroupId, { commas: true })),
    environmentVariables: from.clearable('environment-variables', () => from.pairs('environment-variables', aws.variableName)),
    envStrategy: from.oneOf('env-strategy', ['merge', 'overwrite']) ?? 'merge',
    tags: from.clearable('tags', () => from.pairs('tags', aws.tagKey, aws.tagValue)),
    logRetentionDays: toNumber(from.text('log-retention-days', aws.retentionDays)),
    layers: from.clearable('layers', () => from.list('layers', aws.layerArn)),
    kmsKeyArn: from.clearable('kms-key-arn', () => from.text('kms-key-arn', aws.kmsKeyArn)),
    tracing: from.oneOf('tracing', ['Active', 'PassThrough']),
    alias: from.text('alias', aws.aliasName),
    check: from.boolean('check'),
    rollbackTo: from.text('rollback-to', aws.versionOrHash),
    backfillNewTables: from.oneOf('backfill-new-tables', NEW_TABLES) ?? 'auto',
    deadLetters: from.text('dead-letters', aws.objectPrefix),
    repair: from.boolean('repair'),
    report: from.text('report', aws.objectUri),
    prune: from.boolean('prune'),
    deleteLimit: parseDeleteLimit(from.text('delete-limit', aws.deleteLimit) ?? '') ?? { share: 0 },
    failOnDifferences: from.boolean('fail-on-differences'),
    sample: shareOf(from.text('sample', aws.sample)),
    maxReadCapacity: from.number('max-read-capacity', { min: 1, max: 1_000_000, unit: 'read capacity units per second' }),
    concurrency: from.number('concurrency', { min: 1, max: 1_000, unit: 'slices at once' }) ?? 1,
    timeLimitMinutes: from.number('time-limit-minutes', { min: 1, max: 7_200, unit: 'minutes' }) ?? 1,
    stateMachine: from.text('state-machine', aws.stateMachineArn),
    restart: from.boolean('restart'),
    to: from.text('to', aws.indexName),
    deleteOldIndex: from.boolean('delete-old-index'),
    allowedAccountIds: from.list('allowed-account-ids', aws.accountId, { commas: true }) ?? [],
    roleToAssume: from.text('role-to-assume', aws.roleArn),
    awsProfile: from.text('aws-profile', matching(/^[^\p{Cc}\]]+$/u, "a profile's name on one line")),
    githubToken: from.text('github-token'),
  } satisfies Omit<Inputs, 'operation' | 'environment' | 'functionName'>;
  checkTogether(inputs, operation, from);
  if (operation !== undefined) NEEDS[operation]?.(inputs, from);
  if (from.problems.length > 0 || operation === undefined || environment === undefined || functionName === undefined) {
    throw new InputError(from.problems);
  }
  return { operation, environment, functionName, ...inputs };
}

type Checked = Omit<Inputs, 'operation' | 'environment' | 'functionName'>;

/** Inputs that an operation requires; those that depend on the function (a role to create it) are checked where it is read. */
const NEEDS: Partial<Record<Operation, (inputs: Checked, from: InputReader<InputName>) => void>> = {
  deploy: ({ endpoint, endpointFile, codeBucket }, from) => {
    if (endpoint === undefined && codeBucket === undefined && !endpointFile.startsWith('s3://') && !from.isSet('code-bucket')) {
      from.problem('code-bucket', `it is required to read the endpoint file ${endpointFile}; set it, or set the input endpoint`);
    }
  },
  reindex: ({ to, restart, codeBucket, alias }, from) => {
    if (codeBucket === undefined && alias === undefined && !from.isSet('code-bucket') && !from.isSet('alias'))
      from.problem('code-bucket', 'it or alias is required for a reindex, which deploys the function');
    if (to !== undefined && restart) from.problem('restart', 'it has no meaning with to, which goes back to an index that exists');
  },
  rollback: ({ codeBucket, alias }, from) => {
    if (codeBucket === undefined && alias === undefined && !from.isSet('code-bucket') && !from.isSet('alias')) {
      from.problem(
        'code-bucket',
        'it or alias is required for a rollback, because a former package is kept in the bucket or as a version of the alias',
      );
    }
  },
};

/** Slices that a job of GitHub hands out at once. */
const MAX_CONCURRENCY = 100;

/** Rules over several inputs. */
function checkTogether(inputs: Checked, operation: Operation | undefined, from: InputReader<InputName>): void {
  const { subnetIds, securityGroupIds, environmentVariables, tags, layers } = inputs;
  const inVpc = Array.isArray(subnetIds);
  if (inVpc !== Array.isArray(securityGroupIds)) {
    from.problem(
      inVpc ? 'security-group-ids' : 'subnet-ids',
      'it must be set too, because Lambda accepts subnets and security groups only together',
    );
  } else if (securityGroupIds === CLEAR && subnetIds === undefined) {
    from.problem('security-group-ids', 'none alone clears nothing; to leave the VPC, set subnet-ids to none');
  }
  if (isPairs(environmentVariables)) {
    const problem = aws.variablesProblem(environmentVariables);
    if (problem !== undefined) from.problem('environment-variables', problem);
  }
  if (isPairs(tags) && Object.keys(tags).length > aws.MAX_TAGS) from.problem('tags', `a function can have at most ${aws.MAX_TAGS} tags`);
  if (Array.isArray(layers) && layers.length > aws.MAX_LAYERS)
    from.problem('layers', `a function can have at most ${aws.MAX_LAYERS} layers`);
  if (inputs.concurrency > MAX_CONCURRENCY && inputs.stateMachine === undefined)
    from.problem('concurrency', `it can be at most ${MAX_CONCURRENCY} without state-machine`);
  if (inputs.rollbackTo !== undefined && operation !== undefined && operation !== 'rollback') {
    from.problem('rollback-to', `it has no meaning with operation ${operation}; use operation rollback or leave it out`);
  }
  if (inputs.report !== undefined && operation !== undefined && (operation !== 'verify' || !inputs.repair)) {
    from.problem('report', 'it has a meaning only with operation verify and repair: true; set them, or leave it out');
  }
  if (inputs.deadLetters !== undefined && operation !== undefined && operation !== 'redrive') {
    from.problem(
      'dead-letters',
      `it has no meaning with operation ${operation}; to choose where the function writes dead letters, set the option dead-letters in the options file`,
    );
  }
  for (const [name, isSet] of [
    ['to', inputs.to !== undefined],
    ['delete-old-index', inputs.deleteOldIndex],
  ] as const)
    if (isSet && operation !== undefined && operation !== 'reindex')
      from.problem(name, `it has no meaning with operation ${operation}; use operation reindex or leave it out`);
}

const isPairs = (value: Checked['tags']): value is Readonly<Record<string, string>> => typeof value === 'object';

/** `5%` as a share; all of it where nothing is said. */
const shareOf = (value: string | undefined): number => (value === undefined ? 1 : Number(value.replace('%', '')) / 100);

const toNumber = (value: string | undefined): number | undefined => (value === undefined ? undefined : Number(value));
