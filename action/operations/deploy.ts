import type { CreateFunctionCommandInput, FunctionConfiguration } from '@aws-sdk/client-lambda';
import type { FunctionConfig } from '../../formats/function-config.ts';
import type { DeployedState } from '../deployed/deployed-function.ts';
import { applyTriggers, tableReports } from '../apply/triggers.ts';
import { providePackage } from '../apply/provide-package.ts';
import { beforeCreate, rollBackOnFailure } from '../apply/rollback-on-failure.ts';
import { applyUpdate, finishServing, type Applied, type Release } from '../apply/update-function.ts';
import type { Run } from '../run.ts';
import { createFunction } from '../aws/function.ts';
import { describeLogGroup, keepLogs, type LogGroup } from '../aws/log-group.ts';
import { tagsOnCreate } from '../deployed/history-store.ts';
import { changeTags } from '../aws/tags.ts';
import { listTriggers } from '../aws/triggers.ts';
import type { Change } from '../plan/change.ts';
import { settingsOnCreate, TIMEOUT_ON_CREATE, type SettingsRequest } from '../deployed/function-settings.ts';
import { planConfiguration } from '../plan/configuration.ts';
import { functionConfig } from '../plan/package-content.ts';
import { backfillNewTables, planNewTables, type NewTarget } from './backfill-new-tables.ts';
import { reportServing } from './outputs.ts';
import { runBucket } from './run-target.ts';
import { readDeployed, refuseForeignEnvironment } from './read-deployed.ts';
import { formerReadingWarnings } from '../endpoint/former-reading.ts';
import { readEndpoint } from '../endpoint/read-endpoint.ts';
import { readSourceTables, type MappedTables } from './source-tables.ts';
import { collectProblems, InputError, UserError, type Problem } from '../errors.ts';
import { loadOptions, workspaceOf } from '../options/load.ts';
import { hasPassed, withServing } from '../deployed/package-history.ts';
import { CLEAR, type Inputs } from '../inputs/inputs.ts';
import type { Options } from '../options/options.ts';
import { buildPackage, readHandler, type Package } from '../package/package.ts';
import { planCreation, planFunction, planLogs, planTags, type FunctionPlan, type TagPlan } from '../plan/function-plan.ts';
import { optionsSource, provenanceOf } from '../plan/provenance.ts';
import { namedTables, optionTableProblems, uncheckedTablesWarning } from '../plan/option-tables.ts';
import { tableItems } from '../plan/table-items.ts';
import { planTriggers, type TriggerPlan } from '../plan/trigger-plan.ts';
import type { NewTablePlan } from '../plan/new-tables.ts';
import type { TriggerContext } from '../plan/trigger-step.ts';
import { indexWarnings } from '../plan/index-changes.ts';
import { keptReindex } from '../plan/reindexed-tables.ts';
import { functionWarnings, variablesAfter } from '../plan/transport-warnings.ts';
import { noTriggerWarning } from '../plan/trigger-warnings.ts';

/** Everything that was read, and the changes to make. */
interface Deployment {
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

/**
 * Endpoint → key mapping → package → plan → create or update the function → check → triggers → items of new tables → report.
 * @throws {UserError}
 */
export function deploy(run: Run): Promise<void> {
  return attempt(run, 1);
}

/** A function that is being deleted is neither shown nor let be created, for a while. */
const ATTEMPTS = 5;

async function attempt(run: Run, made: number): Promise<void> {
  const { inputs, aws, report } = run;
  const deployment = await prepare(run);
  report.plan(deployment.changes);
  report.items(tableItems(deployment.mapped.sources, deployment.newTables, deployment.triggers.steps));
  reportDeployed(run, deployment, undefined);
  if (inputs.dryRun) return;
  const applied = await applyFunction(run, deployment);
  if (applied === 'exists') {
    if (made === ATTEMPTS) {
      throw new UserError(
        `function ${inputs.functionName}: AWS shows no such function, and lets none be created because it exists`,
        'It may be being deleted at this moment: run again in some minutes',
      );
    }
    if (made > 1) await aws.clock.sleep(2_000);
    report.info(`Function ${inputs.functionName} was created by someone else at this moment: it is updated.`);
    report.forgetPlan();
    return attempt(run, made + 1);
  }
  reportDeployed(run, deployment, applied);
  await applyTriggers(run, deployment.triggers.steps);
  const after = deployment.triggers.steps.length > 0 ? await followTriggers(run, deployment) : deployment;
  await backfillNewTables(run, deployment.newTables, after.target);
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
async function prepare(run: Run, { isRepeated = false } = {}): Promise<Deployment> {
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

/** Creates or updates the function, as far as the plan says. */
async function applyFunction(run: Run, deployment: Deployment): Promise<Applied | 'exists' | undefined> {
  const { inputs, aws } = run;
  const { deployed, package: wanted, update, tags, logs } = deployment;
  const setLogs = async (): Promise<void> => {
    if (inputs.logRetentionDays !== undefined && logs !== undefined && logs.retentionDays !== inputs.logRetentionDays)
      await keepLogs(aws, logs, inputs.logRetentionDays);
  };
  let applied: Applied | 'exists' | undefined;
  if (update === undefined) {
    applied = await create(run, deployment, setLogs);
  } else {
    if (update.serves) applied = await applyUpdate(run, deployed, update, { package: wanted, history: withServing });
    await changeTags(aws, deployed.arn, tags.set, tags.remove);
    await setLogs();
  }
  return applied;
}

async function create(run: Run, { deployed, package: wanted }: Deployment, setLogs: () => Promise<void>): Promise<Applied | 'exists'> {
  const { inputs, aws, report } = run;
  const { environmentVariables: variables } = inputs;
  await deployed.historyStore.begin(deployed.historyStore.history.packages, typeof variables === 'object' ? Object.keys(variables) : []);
  const code = await providePackage(run, wanted);
  const made = await createFunction(aws, inputs.functionName, createRequest(inputs), code);
  if (made === undefined) return 'exists';
  report.outputs({ created: 'true' });
  report.info(`Function ${inputs.functionName} is created.`);
  // Before the first invocation, which would create the log group itself.
  await setLogs();
  const previous = beforeCreate(deployed);
  const release: Release = { package: wanted, history: withServing };
  return rollBackOnFailure(run, previous, wanted, () => finishServing(run, previous, release, made));
}

function createRequest(inputs: Inputs): Omit<CreateFunctionCommandInput, 'FunctionName' | 'Code'> {
  const { environmentVariables: variables, tags: wanted, codeBucket, alias, role: Role } = inputs;
  const tags = { ...(wanted === CLEAR ? {} : wanted), ...(codeBucket === undefined && alias === undefined ? tagsOnCreate : {}) };
  return {
    ...settingsOnCreate(inputs).reduce<SettingsRequest>((request, { setting, value }) => ({ ...request, ...setting.request(value) }), {}),
    Role,
    ...(typeof variables === 'object' ? { Environment: { Variables: { ...variables } } } : {}),
    ...(Object.keys(tags).length === 0 ? {} : { Tags: tags }),
  };
}

/**
 * Reads the triggers back. Where one has only now begun to report batch item failures, the package is updated in a second step: updated
 * before, the function would have reported failures that Lambda still ignored, and lost them. @returns the state that it leads to
 */
async function followTriggers(run: Run, before: Deployment): Promise<Deployment> {
  const after = await prepare(run, { isRepeated: true });
  reportDeployed(run, after, undefined);
  if (after.update?.serves !== true) return after;
  run.report.info('The triggers report batch item failures now; the key mapping in the package says so.');
  run.report.plan(after.update.changes);
  const replaced = before.package.sha256Hex;
  const applied = await applyUpdate(run, after.deployed, after.update, {
    package: after.package,
    history: (history, record) => withServing(history, record, replaced),
  });
  reportDeployed(run, after, applied);
  return after;
}

function reportDeployed(run: Run, { deployed, mapped, package: wanted }: Deployment, applied: Applied | undefined): void {
  const { inputs, report } = run;
  const created = deployed.latest === undefined && inputs.dryRun;
  reportServing(run, deployed, { alias: applied?.alias, sha256: applied !== undefined || created ? wanted.sha256Base64 : undefined });
  if (created) report.outputs({ created: 'true' });
  report.tables(tableReports(mapped.mapping, mapped.sources, inputs.alias));
}
