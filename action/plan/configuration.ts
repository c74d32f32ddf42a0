// The function's configuration: the inputs × what AWS shows → the fields to send and the changes to show. Pure.
import type { FunctionConfiguration } from '@aws-sdk/client-lambda';
import type { Configuration } from '../aws/function.ts';
import { SETTINGS, updateOf, type Setting } from '../deployed/function-settings.ts';
import type { Problem } from '../errors.ts';
import type { Inputs } from '../inputs/inputs.ts';
import { change, isSame, type Change } from './change.ts';
import { planVariables, variablesBack } from './environment-variables.ts';
import { INPUT } from './provenance.ts';

export interface ConfigurationPlan {
  /** Fields for UpdateFunctionConfiguration; none: no call. */
  readonly patch: Configuration;
  /** For UpdateFunctionCode, where it must change. */
  readonly architecture: 'arm64' | 'x86_64' | undefined;
  readonly changes: readonly Change[];
  readonly problems: readonly Problem[];
}

/** The part of the configuration that is to change. @param shown of the function, or of the version that an alias serves */
export function planConfiguration(inputs: Inputs, shown: FunctionConfiguration): ConfigurationPlan {
  const differing = SETTINGS.flatMap((setting) => {
    const [before, after] = [setting.read(shown), setting.wanted(inputs, shown)];
    return after === undefined || isSame(before, after) ? [] : [{ setting, before, after }];
  });
  const variables = planVariables(inputs, shown);
  return {
    patch: Object.assign(
      {},
      ...differing.filter(({ setting }) => setting.withCode !== true).map(({ setting, after }) => updateOf(setting, after)),
      variables.patch,
    ) as Configuration,
    architecture: differing.find(({ setting }) => setting.withCode)?.after as ConfigurationPlan['architecture'],
    problems: variables.problems,
    changes: [...differing.flatMap(({ setting, before, after }) => changesOf(setting, before, after, inputs)), ...variables.changes],
  };
}

function changesOf(setting: Setting, before: unknown, after: unknown, inputs: Inputs): Change[] {
  const [was, is] = [setting.show(before), setting.show(after)];
  return Object.keys(is)
    .filter((path) => !isSame(was[path], is[path]))
    .map((path) => change('function', path, was[path], is[path], setting.reason?.(inputs) ?? INPUT));
}

/** The fields that bring `from` back to `to`, for a function that is put back after a failed check or follows the version that serves. */
export function patchBack(from: FunctionConfiguration, to: FunctionConfiguration): Configuration {
  const settings = SETTINGS.filter(({ withCode }) => withCode !== true).flatMap((setting) => {
    const [before, after] = [setting.read(from), setting.read(to)];
    return after === undefined || isSame(before, after) ? [] : [updateOf(setting, after)];
  });
  return Object.assign({}, ...settings, variablesBack(from, to)) as Configuration;
}

/** The configuration as AWS shows it after an update of `patch`. */
export function withPatch(configuration: FunctionConfiguration, patch: Configuration): FunctionConfiguration {
  const { Layers: layers, ...rest } = patch;
  return {
    ...configuration,
    ...(rest as FunctionConfiguration),
    ...(layers === undefined ? {} : { Layers: layers.map((Arn) => ({ Arn })) }),
  };
}
