import { inputDefaults } from './action-file.ts';
import { environmentName, functionName } from './aws-rules.ts';
import { InputError, type Problem } from './errors.ts';
import { InputReader } from './input-reader.ts';
import { INPUTS, OPERATIONS, readInputs, type InputName, type Inputs } from './inputs.ts';

/** Waits for all, and puts the problems of all into one error. Any other error comes first. */
export async function gather<T extends readonly unknown[]>(work: { readonly [K in keyof T]: Promise<T[K]> | T[K] }): Promise<T> {
  const results = await Promise.allSettled(work);
  const problems: Problem[] = [];
  for (const result of results) {
    if (result.status === 'fulfilled') continue;
    if (!(result.reason instanceof InputError)) throw result.reason;
    problems.push(...result.reason.problems);
  }
  if (problems.length > 0) throw new InputError(problems);
  return results.map((result) => (result.status === 'fulfilled' ? result.value : undefined)) as unknown as T;
}

/** The inputs. Where they have problems, those of the options file and of the endpoint are told with them. @throws {InputError} */
export async function readGiven(env: NodeJS.ProcessEnv): Promise<Inputs> {
  try {
    return readInputs(env);
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    const [inputs] = await gather<[Inputs, unknown, unknown]>([Promise.reject(error), checkOptions(env), checkEndpoint(env)]);
    return inputs;
  }
}

/** Operation, environment and function of inputs that have problems, for outputs and summary: what of them is right by itself, else empty. */
export function givenNames(env: NodeJS.ProcessEnv): { operation: string; environment: string; functionName: string } {
  const from = new InputReader<InputName>(env, INPUTS, inputDefaults);
  return {
    operation: from.oneOf('operation', OPERATIONS) ?? '',
    environment: from.text('environment', environmentName) ?? '',
    functionName: from.text('function-name', functionName) ?? '',
  };
}

async function checkOptions(env: NodeJS.ProcessEnv): Promise<void> {
  const config = env.INPUT_CONFIG?.trim() ?? '';
  if (config === '') return;
  const { loadOptions } = await import(/* webpackMode: "eager" */ './options.ts');
  await loadOptions(config, { workspace: workspaceOf(env), environment: env.INPUT_ENVIRONMENT?.trim() ?? '' });
}

async function checkEndpoint(env: NodeJS.ProcessEnv): Promise<void> {
  const endpoint = env.INPUT_ENDPOINT?.trim() ?? '';
  if (endpoint === '') return;
  const { parseEndpoint } = await import(/* webpackMode: "eager" */ './endpoint-file.ts');
  parseEndpoint(endpoint, { source: 'input endpoint' });
}

/** The folder that the options file lies in. */
export function workspaceOf(env: NodeJS.ProcessEnv): string {
  return env.GITHUB_WORKSPACE ?? process.cwd();
}
