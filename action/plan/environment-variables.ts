// The environment variables of the function, which are merged with those it has and never shown. Pure.
import type { FunctionConfiguration } from '@aws-sdk/client-lambda';
import type { Configuration } from '../aws/function.ts';
import type { Problem } from '../errors.ts';
import { variablesProblem } from '../inputs/aws-rules.ts';
import { CLEAR, type Inputs } from '../inputs/inputs.ts';
import { change, isSame, type Change } from './change.ts';
import { INPUT } from './provenance.ts';

/** The environment variables to send and to show, or why they cannot be changed. */
export interface VariablesPlan {
  readonly patch: Configuration;
  readonly changes: readonly Change[];
  readonly problems: readonly Problem[];
}

const NOTHING: VariablesPlan = { patch: {}, changes: [], problems: [] };
const refused = (message: string): VariablesPlan => ({
  ...NOTHING,
  problems: [{ where: 'environment-variables', message: `environment-variables: ${message}` }],
});

/** UpdateFunctionConfiguration replaces the whole map, so that variables that stay must be sent too. Plans name variables, never values. */
export function planVariables(inputs: Inputs, shown: FunctionConfiguration): VariablesPlan {
  const { environmentVariables, envStrategy } = inputs;
  if (environmentVariables === undefined) return NOTHING;
  const merges = envStrategy === 'merge' && environmentVariables !== CLEAR;
  const error = shown.Environment?.Error;
  if (error !== undefined && merges) {
    const words = [error.ErrorCode, error.Message].filter(Boolean).join(': ');
    return refused(
      `AWS could not decrypt those that the function has (${words}), so that nothing can be merged with them. Give the deploying role kms:Decrypt on the function's key, or set env-strategy to overwrite`,
    );
  }
  const wanted = environmentVariables === CLEAR ? {} : environmentVariables;
  const before = shown.Environment?.Variables ?? {};
  const after = merges ? { ...before, ...wanted } : wanted;
  const problem = variablesProblem(after);
  if (problem !== undefined) return refused(`with those that the function has, ${problem}`);
  const changes = [...new Set([...Object.keys(before), ...Object.keys(after)])]
    .sort()
    .filter((name) => before[name] !== after[name])
    .map((name) => {
      const is = !(name in after) ? undefined : name in before ? '(another value)' : '(a value)';
      return change('function', `environment-variables.${name}`, name in before ? '(a value)' : undefined, is, INPUT);
    });
  // Variables that cannot be read count as other ones.
  if (error !== undefined) changes.push(change('function', 'environment-variables', '(not readable)', '(replaced)', INPUT));
  return changes.length === 0 ? NOTHING : { patch: { Environment: { Variables: { ...after } } }, changes, problems: [] };
}

/** The field that brings the variables of `from` back to those of `to`, where both can be read. */
export function variablesBack(from: FunctionConfiguration, to: FunctionConfiguration): Configuration {
  if (from.Environment?.Error !== undefined || to.Environment?.Error !== undefined) return {};
  const variables = to.Environment?.Variables ?? {};
  return isSame(from.Environment?.Variables ?? {}, variables) ? {} : { Environment: { Variables: variables } };
}
