// Desired × deployed → what is to change, and with which calls. Pure: no clock, no network, no secret.
import type { FunctionConfiguration } from '@aws-sdk/client-lambda';
import type { Alias } from '../aws/alias.ts';
import type { Configuration } from '../aws/function.ts';
import type { LogGroup } from '../aws/log-group.ts';
import { change, type Change } from './change.ts';
import { settingsOnCreate } from '../deployed/function-settings.ts';
import { patchBack, withPatch, type ConfigurationPlan } from './configuration.ts';
import { CLEAR, type Inputs } from '../inputs/inputs.ts';
import { packageChanges } from './package-plan.ts';
import type { Package } from '../package/package.ts';
import { DEFAULT, INPUT, type Provenance } from './provenance.ts';

export interface DesiredFunction {
  readonly package: Package;
  /** Undefined: the package is as it was deployed before. */
  readonly provenance: Provenance | undefined;
  /** The inputs' configuration, compared with the one that serves. */
  readonly configuration: ConfigurationPlan;
  readonly alias: string | undefined;
  /** Whether a package has to pass its check to count as deployed. */
  readonly check: boolean;
}

export interface DeployedParts {
  /** `$LATEST` */
  readonly latest: FunctionConfiguration;
  /** The version that serves: the alias's, or `$LATEST` itself. */
  readonly serving: FunctionConfiguration;
  readonly alias: Alias | undefined;
  /** The package that serves; undefined where its hash is that of the desired package, so that it was not downloaded. */
  readonly package: Package | undefined;
  /** Whether what serves has passed its check. */
  readonly passed: boolean;
}

/** The changes to an existing function. */
export interface FunctionPlan {
  readonly changes: readonly Change[];
  /** Whether what serves changes, and so must be checked. */
  readonly serves: boolean;
  /** UpdateFunctionCode */
  readonly code: boolean;
  /** UpdateFunctionConfiguration; without fields no call. */
  readonly patch: Configuration;
  /** For UpdateFunctionCode. */
  readonly architecture: 'arm64' | 'x86_64' | undefined;
}

/**
 * The version that serves is compared; the calls are those that bring `$LATEST` there, which an interrupted or failed run may have left ahead of the
 * alias.
 */
export function planFunction(desired: DesiredFunction, deployed: DeployedParts): FunctionPlan {
  const { latest, serving, alias } = deployed;
  const sha = desired.package.sha256Base64;
  const sameCode = serving.CodeSha256 === sha;
  const failure = failureOf(latest);
  const failed = failure !== undefined;
  const aliasIsNew = desired.alias !== undefined && alias === undefined;
  const differences = [
    ...(sameCode ? [] : packageChanges(deployed.package, desired.package, desired.provenance)),
    ...desired.configuration.changes,
    ...(failure !== undefined && (desired.alias === undefined || !sameCode) ? [failure] : []),
  ];
  const unchecked =
    desired.check && desired.alias === undefined && !deployed.passed && differences.length === 0
      ? [change('package', 'check', 'never passed', 'passed', 'the package in place never passed its check')]
      : [];
  const serves = differences.length > 0 || unchecked.length > 0 || aliasIsNew;
  const changes = [...differences, ...unchecked];
  if (desired.alias !== undefined) {
    if (alias === undefined) changes.push(change('alias', desired.alias, undefined, '(a new version)', 'the alias does not exist yet'));
    else if (serves) changes.push(change('alias', desired.alias, alias.version, '(a new version)', 'moved after a good check'));
  }
  if (!serves) return { changes, serves, code: false, patch: {}, architecture: undefined };
  const isServing = latest === serving;
  const wantedArchitecture = desired.configuration.architecture ?? serving.Architectures?.[0];
  const architecture = wantedArchitecture === latest.Architectures?.[0] ? undefined : wantedArchitecture;
  return {
    changes,
    serves,
    code: latest.CodeSha256 !== sha || architecture !== undefined || failed,
    patch: isServing ? desired.configuration.patch : patchBack(latest, withPatch(serving, desired.configuration.patch)),
    architecture,
  };
}

/** The status that a failed update or creation left behind. */
function failureOf({
  State: state,
  StateReasonCode: why,
  LastUpdateStatus: status,
  LastUpdateStatusReasonCode: whyNot,
}: FunctionConfiguration): Change | undefined {
  if (status === 'Failed')
    return change('function', 'last-update-status', `Failed (${whyNot ?? 'no reason code'})`, 'Successful', 'the last update failed');
  return state === 'Failed'
    ? change('function', 'state', `Failed (${why ?? 'no reason code'})`, 'Active', 'the function failed')
    : undefined;
}

/** The changes that create a function. */
export function planCreation(inputs: Inputs, desired: Package, provenance: Provenance): Change[] {
  const variables = typeof inputs.environmentVariables === 'object' ? Object.keys(inputs.environmentVariables) : [];
  return [
    change('function', 'function', undefined, inputs.functionName, 'there is no function of this name'),
    ...settingsOnCreate(inputs).flatMap(({ setting, value, isDefault }) =>
      Object.entries(setting.show(value)).map(([path, shown]) =>
        change('function', path, undefined, shown, isDefault ? DEFAULT : (setting.reason?.(inputs) ?? INPUT)),
      ),
    ),
    ...variables.sort().map((name) => change('function', `environment-variables.${name}`, undefined, '(a value)', INPUT)),
    ...packageChanges(undefined, desired, provenance),
    ...(inputs.alias === undefined ? [] : [change('alias', inputs.alias, undefined, '(a new version)', 'the alias does not exist yet')]),
  ];
}

export interface TagPlan {
  readonly set: Readonly<Record<string, string>>;
  readonly remove: readonly string[];
  readonly changes: readonly Change[];
}

/**
 * The input names all tags that the function is to have: others go, but for those of AWS (`aws:`), which nobody can change, and the
 * action's own.
 */
export function planTags(wanted: Inputs['tags'], deployed: Readonly<Record<string, string>>): TagPlan {
  if (wanted === undefined) return { set: {}, remove: [], changes: [] };
  const tags = wanted === CLEAR ? {} : wanted;
  const set = Object.fromEntries(Object.entries(tags).filter(([key, value]) => deployed[key] !== value));
  const remove = Object.keys(deployed).filter(
    (key) => !(key in tags) && !key.startsWith('aws:') && !key.startsWith('dynamodb-to-opensearch:'),
  );
  return {
    set,
    remove,
    changes: [
      ...Object.entries(set).map(([key, value]) => change('tags', key, deployed[key], value, INPUT)),
      ...remove.map((key) => change('tags', key, deployed[key], undefined, 'the input does not name it')),
    ],
  };
}

export function planLogs(days: number | undefined, group: LogGroup | undefined): Change[] {
  if (days === undefined || group === undefined || group.retentionDays === days) return [];
  return [change('log group', 'retention-days', group.exists ? (group.retentionDays ?? 'never expire') : undefined, days, INPUT)];
}
