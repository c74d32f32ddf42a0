// Carries out the plan of a deploy, in its order.
import type { CreateFunctionCommandInput } from '@aws-sdk/client-lambda';
import { applyTriggers, tableReports } from '../apply/triggers.ts';
import { providePackage } from '../apply/provide-package.ts';
import { beforeCreate, rollBackOnFailure } from '../apply/rollback-on-failure.ts';
import { applyUpdate, finishServing, type Applied, type Release } from '../apply/update-function.ts';
import type { Run } from '../run.ts';
import { createFunction } from '../aws/function.ts';
import { keepLogs } from '../aws/log-group.ts';
import { tagsOnCreate } from '../deployed/history-store.ts';
import { changeTags } from '../aws/tags.ts';
import { settingsOnCreate, type SettingsRequest } from '../deployed/function-settings.ts';
import { backfillNewTables } from './backfill-new-tables.ts';
import { reportServing } from './outputs.ts';
import { UserError } from '../errors.ts';
import { withServing } from '../deployed/package-history.ts';
import { CLEAR, type Inputs } from '../inputs/inputs.ts';
import { tableItems } from '../plan/table-items.ts';
import { planDeployment, type Deployment } from './deployment.ts';

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
  const deployment = await planDeployment(run);
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
  const after = await planDeployment(run, { isRepeated: true });
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
