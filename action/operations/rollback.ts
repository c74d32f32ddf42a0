import { sha256Base64, sha256Hex } from '../package/sha256.ts';
import type { Runtime } from '@aws-sdk/client-lambda';
import type { FunctionConfig } from '../../formats/function-config.ts';
import { sha256Of, type DeployedState } from '../deployed/deployed-function.ts';
import { checkFunction } from '../apply/check-function.ts';
import { applyUpdate } from '../apply/update-function.ts';
import type { Run } from '../run.ts';
import { listVersions, pointAlias, type Alias, type Version } from '../aws/alias.ts';
import { packageKey, readObject } from '../aws/code-bucket.ts';
import { change } from '../plan/change.ts';
import type { ConfigurationPlan } from '../plan/configuration.ts';
import { reportServing } from './outputs.ts';
import { readDeployed, refuseForeignEnvironment } from './read-deployed.ts';
import { UserError } from '../errors.ts';
import { formerPackage, hasPassed, rolledBackTo, type PackageRecord } from '../deployed/package-history.ts';
import { recordConfiguration } from '../deployed/function-settings.ts';
import { configOf } from '../plan/package-plan.ts';
import { openPackage, type Package } from '../package/package.ts';
import { planFunction } from '../plan/function-plan.ts';
import { indexWarnings, lostTables } from '../plan/index-changes.ts';
import { rollbackReindexWarnings } from '../plan/reindexed-tables.ts';
import { functionWarnings } from '../plan/transport-warnings.ts';

/** Puts the package deployed before the current one back, or the alias on the version before, or what `rollback-to` names. @throws {UserError} */
export async function rollback(run: Run): Promise<void> {
  const { inputs, aws, report } = run;
  const deployed = await readDeployed(aws, inputs, report);
  if (deployed.latest === undefined || deployed.serving === undefined) {
    throw new UserError(
      `function-name: there is no function ${inputs.functionName} in account ${aws.account}, region ${aws.region}`,
      'Check function-name and the region',
    );
  }
  reportServing(run, deployed);
  for (const warning of functionWarnings(inputs.functionName, deployed.serving.configuration.Environment?.Variables ?? {}))
    report.warn(warning);
  await refuseForeignEnvironment(deployed, inputs, undefined);
  await (inputs.alias === undefined ? rollBackPackage(run, deployed) : rollBackAlias(run, deployed, inputs.alias));
}

async function rollBackAlias(run: Run, deployed: DeployedState, name: string): Promise<void> {
  const { inputs, aws, report } = run;
  const { functionName } = inputs;
  if (deployed.alias === undefined)
    throw new UserError(`alias: function ${functionName} has no alias ${name}`, 'Check alias, or run operation deploy with it first');
  const target = await targetVersion(run, deployed.alias, name);
  if (target.version === deployed.alias.version) {
    report.plan([]);
    return;
  }
  report.plan([
    change(
      'alias',
      name,
      deployed.alias.version,
      target.version,
      inputs.rollbackTo === undefined ? 'the version that served before' : 'set by rollback-to',
    ),
  ]);
  await warnAbout(run, deployed, await deployed.packageOf(target.version));
  if (inputs.dryRun) return;
  if (inputs.check) {
    const response = await checkFunction(run, { ...target, environment: inputs.environment });
    if (!response.ok) {
      const problems = response.problems.map(({ what, remedy }) => `${what}${remedy === '' ? '' : `. ${remedy}`}`).join('; ');
      throw new UserError(
        `The check of version ${target.version} failed: ${problems}; alias ${name} still serves version ${deployed.alias.version}`,
        'Set check: false to roll back all the same',
      );
    }
  }
  const moved = await pointAlias(aws, functionName, name, deployed.alias, target.version, target.former);
  reportServing(run, deployed, { alias: moved, sha256: target.codeSha256 });
}

const reindexOf = (found: Package | undefined): FunctionConfig['reindex'] => (found === undefined ? undefined : configOf(found)?.reindex);

/** What the package to go back to leaves as it is, or ends. */
async function warnAbout({ report }: Run, { servingPackage }: DeployedState, wanted: Package | undefined): Promise<void> {
  const found = await servingPackage();
  const changed = wanted === undefined ? [] : indexWarnings(found, wanted);
  for (const warning of [...rollbackReindexWarnings(reindexOf(found), reindexOf(wanted)), ...changed, ...lostTables(found, wanted)])
    report.warn(warning);
}

/** The version to go back to, and the ones for further rollbacks from there. */
async function targetVersion({ aws, inputs }: Run, alias: Alias, name: string): Promise<Version & { former: string[] }> {
  const { functionName, rollbackTo } = inputs;
  const versions = await listVersions(aws, functionName);
  const lower = versions.filter(({ version }) => Number(version) < Number(alias.version)).reverse();
  // An alias created by hand does not record its former versions: the next lower version then.
  const served = (alias.former ?? lower.map(({ version }) => version)).filter((version) => versions.some((one) => one.version === version));
  const sha256 = rollbackTo === undefined ? undefined : asBase64(rollbackTo);
  const wanted =
    rollbackTo === undefined
      ? versions.find(({ version }) => version === served[0])
      : (versions.find(({ version }) => version === rollbackTo) ??
        [...served.map((version) => versions.find((one) => one.version === version)), ...versions.toReversed()].find(
          (one) => one?.codeSha256 === sha256,
        ));
  if (wanted === undefined) {
    if (rollbackTo === undefined)
      throw new UserError(
        `Alias ${name} of function ${functionName} has served no version before ${alias.version}`,
        'Name one with rollback-to',
      );
    throw new UserError(
      `rollback-to: function ${functionName} has no version ${rollbackTo}`,
      `It has ${
        versions.length === 0
          ? 'none'
          : versions
              .slice(-20)
              .map(({ version }) => version)
              .join(', ')
      }`,
    );
  }
  const at = served.indexOf(wanted.version);
  return { ...wanted, former: at >= 0 ? served.slice(at + 1) : served.filter((version) => Number(version) < Number(wanted.version)) };
}

async function rollBackPackage(run: Run, deployed: DeployedState): Promise<void> {
  const { inputs, aws, report } = run;
  const { functionName, codeBucket: bucket } = inputs;
  if (bucket === undefined)
    throw new UserError(
      'rollback needs code-bucket, where former packages are kept, or an alias, whose versions are',
      'Set code-bucket (AWS_BUCKET_CODE) or alias',
    );
  const { latest, serving, historyStore } = deployed;
  if (latest === undefined || serving === undefined) return;
  const current = sha256Hex(sha256Of(serving) ?? '');
  const record = targetRecord(run, deployed, current);
  const stored = await readObject(aws, bucket, packageKey(functionName, record.sha256));
  if (stored === undefined)
    throw new UserError(
      `There is no package s3://${bucket}/${packageKey(functionName, record.sha256)}`,
      'Name another with rollback-to, or deploy an older release',
    );
  const wanted = openPackage(stored.bytes);
  if (wanted.sha256Hex !== record.sha256)
    throw new UserError(
      `s3://${bucket}/${packageKey(functionName, record.sha256)} does not match the SHA-256 in its name`,
      'Name another with rollback-to',
    );
  const environment = configOf(wanted)?.environment;
  if (environment !== undefined && environment !== inputs.environment) {
    throw new UserError(
      `The package ${record.sha256} is of environment ${environment}, and this run is for ${inputs.environment}`,
      'Name another with rollback-to',
    );
  }
  const plan = planFunction(
    {
      package: wanted,
      provenance: undefined,
      configuration: needs(record, serving.configuration, wanted),
      alias: undefined,
      check: inputs.check,
    },
    {
      latest: latest.configuration,
      serving: serving.configuration,
      alias: undefined,
      package: await deployed.servingPackage(),
      passed: hasPassed(historyStore.history, wanted.sha256Hex),
    },
  );
  await warnAbout(run, deployed, wanted);
  report.plan(plan.changes);
  if (inputs.dryRun || !plan.serves) return;
  const checked: Run = environment === undefined ? { ...run, inputs: { ...inputs, check: false } } : run;
  if (checked !== run)
    report.warn({
      title: 'A package that cannot be checked',
      message: `The package ${record.sha256} was not built by this action and does not support the check`,
    });
  await applyUpdate(checked, deployed, plan, { package: wanted, history: rolledBackTo, isRollback: true });
  reportServing(run, deployed, { sha256: wanted.sha256Base64 });
}

function targetRecord({ inputs }: Run, { serving, historyStore: { history } }: DeployedState, current: string): PackageRecord {
  const { rollbackTo, functionName } = inputs;
  if (rollbackTo === undefined) {
    const former = formerPackage(history, current);
    if (former !== undefined) return former;
    throw new UserError(
      `No package of function ${functionName} is known from before the current one`,
      'Name one with rollback-to, or deploy an older release',
    );
  }
  const sha256 = sha256Hex(asBase64(rollbackTo) ?? '');
  if (sha256 === '')
    throw new UserError(
      `rollback-to: ${rollbackTo} is a version, and without alias there are none`,
      'Set the SHA-256 of a package, or set alias',
    );
  return (
    history.packages.find((record) => record.sha256 === sha256) ?? {
      sha256,
      release: undefined,
      environment: undefined,
      deployedAt: '',
      checked: false,
      configuration: recordConfiguration(serving?.configuration ?? {}),
    }
  );
}

/** The part of the configuration that the former package needs; all else stays. */
function needs(
  { configuration: { Handler: handler, Runtime: runtime } }: PackageRecord,
  deployed: { Handler?: string | undefined; Runtime?: Runtime | undefined },
  wanted: Package,
): ConfigurationPlan {
  const reason = 'the package needs it';
  // One package of this product runs wherever another does.
  const same = configOf(wanted) !== undefined && deployed.Handler === 'index.handler' && (deployed.Runtime ?? '').startsWith('nodejs');
  const changed = [
    ...(same || handler === undefined || handler === deployed.Handler
      ? []
      : [{ patch: { Handler: handler }, change: change('function', 'handler', deployed.Handler, handler, reason) }]),
    ...(same || runtime === undefined || runtime === deployed.Runtime
      ? []
      : [{ patch: { Runtime: runtime }, change: change('function', 'runtime', deployed.Runtime, runtime, reason) }]),
  ];
  return {
    patch: Object.assign({}, ...changed.map(({ patch }) => patch)) as ConfigurationPlan['patch'],
    architecture: undefined,
    changes: changed.map((one) => one.change),
    problems: [],
  };
}

/** A hash in hex or base64 → base64; undefined for a version's number. */
function asBase64(value: string): string | undefined {
  if (/^[0-9a-f]{64}$/i.test(value)) return sha256Base64(value);
  return /^[A-Za-z0-9+/]{43}=$/.test(value) ? value : undefined;
}
