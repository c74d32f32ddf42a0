import { inputDefaults } from './action-file.ts';
import { environmentName, functionName } from './inputs/aws-rules.ts';
import { collectProblems, InputError } from './errors.ts';
import { workspaceOf } from './options/load.ts';
import { InputReader } from './inputs/reader.ts';
import { INPUTS, readInputs, type InputName, type Inputs } from './inputs/inputs.ts';
import { OPERATIONS } from './inputs/operation.ts';
import { unknownInputs } from './inputs/variables.ts';
import type { Warning } from './plan/change.ts';

/** The inputs. Where they have problems, those of the options file and of the endpoint are reported with them. @throws {InputError} */
export async function readInputsOrAllProblems(env: NodeJS.ProcessEnv): Promise<Inputs> {
  try {
    return readInputs(env);
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    const [inputs] = await collectProblems<[Inputs, unknown, unknown]>([Promise.reject(error), checkOptions(env), checkEndpoint(env)]);
    return inputs;
  }
}

/** Operation, environment and function of inputs that have problems, for outputs and summary: each one that is valid by itself, else empty. */
export function validNames(env: NodeJS.ProcessEnv): { operation: string; environment: string; functionName: string } {
  const from = new InputReader<InputName>(env, INPUTS, inputDefaults);
  return {
    operation: from.oneOf('operation', OPERATIONS) ?? '',
    environment: from.text('environment', environmentName) ?? '',
    functionName: from.text('function-name', functionName) ?? '',
  };
}

/** A warning for each variable that looks like an input and is none. */
export function unknownInputWarnings(env: NodeJS.ProcessEnv): Warning[] {
  return unknownInputs(env, Object.keys(INPUTS)).map(({ variable, near }) => ({
    title: 'An unknown input',
    message: `${variable} has no effect, because the action has no such input${near === undefined ? '' : `; did you mean ${near}?`}`,
  }));
}

async function checkOptions(env: NodeJS.ProcessEnv): Promise<void> {
  const config = env.INPUT_CONFIG?.trim() ?? '';
  if (config === '') return;
  const { loadOptions } = await import(/* webpackMode: "eager" */ './options/load.ts');
  await loadOptions(config, { workspace: workspaceOf(env), environment: env.INPUT_ENVIRONMENT?.trim() ?? '' });
}

async function checkEndpoint(env: NodeJS.ProcessEnv): Promise<void> {
  const endpoint = env.INPUT_ENDPOINT?.trim() ?? '';
  if (endpoint === '') return;
  const { parseEndpoint } = await import(/* webpackMode: "eager" */ './endpoint/endpoint-file.ts');
  parseEndpoint(endpoint, { source: 'input endpoint' });
}
