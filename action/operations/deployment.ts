// What a deploy reads, and the plan that it makes of it: nothing is changed here.
import type { FunctionConfiguration } from '@aws-sdk/client-lambda';
import type { FunctionConfig } from '../../formats/function-config.ts';
import type { DeployedState } from '../deployed/deployed-function.ts';
import type { Run } from '../run.ts';
import { describeLogGroup, type LogGroup } from '../aws/log-group.ts';
import { listTriggers } from '../aws/triggers.ts';
import type { Change } from '../plan/change.ts';
import { TIMEOUT_ON_CREATE } from '../deployed/function-settings.ts';
import { planConfiguration } from '../plan/configuration.ts';
import { functionConfig } from '../plan/package-content.ts';
import { planNewTables, type NewTarget } from './backfill-new-tables.ts';
import { runBucket } from './run-target.ts';
import { readDeployed, refuseForeignEnvironment } from './read-deployed.ts';
import { formerReadingWarnings } from '../endpoint/former-reading.ts';
import { readEndpoint } from '../endpoint/read-endpoint.ts';
import { readSourceTables, type MappedTables } from './source-tables.ts';
import { collectProblems, InputError, type Problem } from '../errors.ts';
import { loadOptions, workspaceOf } from '../options/load.ts';
import { hasPassed } from '../deployed/package-history.ts';
import type { Inputs } from '../inputs/inputs.ts';
import type { Options } from '../options/options.ts';
import { buildPackage, readHandler, type Package } from '../package/package.ts';
import { planCreation, planFunction, planLogs, planTags, type FunctionPlan, type TagPlan } from '../plan/function-plan.ts';
import { optionsSource, provenanceOf } from '../plan/provenance.ts';
import { namedTables, optionTableProblems, uncheckedTablesWarning } from '../plan/option-tables.ts';
import { planTriggers, type TriggerPlan } from '../plan/trigger-plan.ts';
import type { NewTablePlan } from '../plan/new-tables.ts';
import type { TriggerContext } from '../plan/trigger-step.ts';
import { indexWarnings } from '../plan/index-changes.ts';
import { keptReindex } from '../plan/reindexed-tables.ts';
import { functionWarnings, variablesAfter } from '../plan/transport-warnings.ts';
import { noTriggerWarning } from '../plan/trigger-warnings.ts';

/** Everything that was read, and the changes to make. */
export interface Deployment {
  readonly options: Options;
  readonly deployed: DeployedState;
  readonly mapped: MappedTables;
  readonly package: Package;
  /** Undefined: the function is to be created. */
  readonly update: FunctionPlan | undefined;
  readonly tags: TagPlan;
  readonly logs: LogGroup | undefined;
  readonly triggers: TriggerPlan;
  /** Tables that get their first trigger. */
  readonly newTables: readonly NewTablePlan[];
  readonly target: NewTarget;
  readonly changes: readonly Change[];
}

/** Everything that a plan is built from, except the tables. */
interface Found {
  readonly options: Options;
  readonly endpoint: Awaited<ReturnType<typeof readEndpoint>>;
  readonly deployed: DeployedState;
  readonly triggers: Awaited<ReturnType<typeof listTriggers>>;
  readonly handler: Uint8Array;
  readonly logs: LogGroup | undefined;
}

/** @throws {InputError} with all problems of endpoint and options */
async function read({ inputs, aws, report, env }: Run): Promise<Found> {
  const { config, environment, functionName, alias, logRetentionDays } = inputs;
  const [options, endpoint, deployed, triggers, handler, logs] = await collectProblems<
    [Found['options'], Found['endpoint'], Found['deployed'], Found['triggers'], Found['handler'], Found['logs']]
  >([
    loadOptions(config, { workspace: workspaceOf(env), environment }),
    readEndpoint(aws, inputs, report),
    readDeployed(aws, inputs, report),
    listTriggers(aws, functionName, alias),
    readHandler(),
    logRetentionDays === undefined ? undefined : describeLogGroup(aws, `/aws/lambda/${functionName}`),
  ]);
  return { options, endpoint, deployed, triggers, handler, logs };
}

/**
 * Reads and compares; changes nothing. @param isRepeated this run has shown the warnings of endpoint and options
 * @throws {InputError} with all problems of endpoint, options, tables and inputs
 */
export async function planDeployment(run: Run, { isRepeated = false } = {}): Promise<Deployment> {
  const { inputs, aws, report, env } = run;
  const { options, endpoint, deployed, triggers, handler, logs } = await read(run);
  if (!isRepeated) report.warnAbout([...endpoint.warnings, ...options.warnings], workspaceOf(env));
  const config = functionConfig(inputs, endpoint, options);
  const mapped = await readSourceTables(aws, inputs, config.options, report, triggers, deployed);
  const context: TriggerContext = {
    functionName: inputs.functionName,
    alias: inputs.alias,
    managed: inputs.tables.length > 0,
    optionsFile: optionsSource(inputs.config),
    now: aws.clock.now(),
  };
  const plannedTriggers = planTriggers(mapped.sources, mapped.triggers, options, context);
  const { serving, latest } = deployed;
  const configuration = serving === undefined ? undefined : planConfiguration(inputs, serving.configuration);
  const named = namedTables(inputs, triggers);
  const problems = [
    ...optionTableProblems(options, named),
    ...mapped.problems,
    ...plannedTriggers.problems,
    ...(configuration?.problems ?? []),
    ...createProblems(inputs, deployed),
  ];
  if (problems.length > 0) throw new InputError(problems);
  const { mapping } = mapped;
  const packageWith = (kept: Pick<FunctionConfig, 'reindex'>): Package =>
    buildPackage({ handler, config: { ...config, ...kept }, mapping, transforms: options.transforms });
  const found = await refuseForeignEnvironment(deployed, inputs, packageWith({}));
  const kept = keptReindex(found, { config, mapping }, aws.clock.now());
  const wanted = packageWith(kept.part);
  const provenance = provenanceOf(inputs, options);
  const update =
    latest === undefined || serving === undefined || configuration === undefined
      ? undefined
      : planFunction(
          { package: wanted, provenance, configuration, alias: inputs.alias, check: inputs.check },
          {
            latest: latest.configuration,
            serving: serving.configuration,
            alias: deployed.alias,
            package: found,
            passed: hasPassed(deployed.historyStore.history, wanted.sha256Hex),
          },
        );
  const target: NewTarget = {
    bucket: runBucket(inputs.codeBucket, config),
    mapping,
    config,
    codeSha256: wanted.sha256Base64,
    memorySize: inputs.memorySize ?? serving?.configuration.MemorySize,
    timeout: inputs.timeout ?? serving?.configuration.Timeout ?? TIMEOUT_ON_CREATE,
  };
  const newTables = await planNewTables(run, plannedTriggers.steps, mapped, options, target);
  const tags = planTags(inputs.tags, latest?.tags ?? {});
  const noTrigger = latest === undefined ? noTriggerWarning(mapped.triggers, context) : [];
  const variables = variablesAfter(inputs, serving?.configuration.Environment?.Variables);
  for (const warning of [
    ...uncheckedTablesWarning(options, named),
    ...formerReadingWarnings(endpoint, found),
    ...kept.warnings,
    ...indexWarnings(found, wanted),
    ...plannedTriggers.warnings,
    ...newTables.flatMap(({ warnings }) => warnings),
    ...noTrigger,
    ...timeoutWarning(inputs, serving?.configuration),
    ...functionWarnings(inputs.functionName, variables),
  ])
    report.warn(warning);
  return {
    options,
    deployed,
    mapped,
    package: wanted,
    update,
    tags,
    logs,
    triggers: plannedTriggers,
    newTables,
    target,
    changes: [
      ...(update === undefined ? planCreation(inputs, wanted, provenance) : update.changes),
      ...tags.changes,
      ...planLogs(inputs.logRetentionDays, logs),
      ...plannedTriggers.changes,
      ...newTables.flatMap(({ changes }) => changes),
    ],
  };
}

function createProblems({ functionName, role }: Inputs, { latest }: DeployedState): Problem[] {
  if (latest !== undefined || role !== undefined) return [];
  return [
    {
      where: 'role',
      message: `role: function ${functionName} does not exist yet, and to create it the ARN of its role is required. Set role (IAM_ROLE), or check function-name, account and region`,
    },
  ];
}

/** s: under it the time that the handler reserves for its response leaves little time to write. */
const MIN_TIMEOUT_S = 15;

function timeoutWarning({ timeout }: Inputs, deployed: FunctionConfiguration | undefined): { title: string; message: string }[] {
  const seconds = timeout ?? deployed?.Timeout ?? TIMEOUT_ON_CREATE;
  return seconds >= MIN_TIMEOUT_S
    ? []
    : [
        {
          title: 'A short time limit',
          message: `The function may run for ${seconds} s: a batch that meets a slow cluster is retried again and again. Set timeout to ${MIN_TIMEOUT_S} or more`,
        },
      ];
}
