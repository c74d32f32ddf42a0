// The environment variables that contain the inputs.
import { nearest } from '../../formats/nearest.ts';

const PREFIX = 'INPUT_';

/** The variables of an input: as GitHub's runner names it, and as a shell can export it (`INPUT_DRY-RUN`, `INPUT_DRY_RUN`). */
export function variablesOf(input: string): readonly [runner: string, shell: string] {
  const runner = `${PREFIX}${input.toUpperCase()}`;
  return [runner, runner.replaceAll('-', '_')];
}

/**
 * Variables that look like inputs and are none, each with the nearest one, if any is near. GitHub finds such inputs itself; nobody else does.
 * @param inputs the names of all inputs
 */
export function unknownInputs(env: NodeJS.ProcessEnv, inputs: readonly string[]): { variable: string; near: string | undefined }[] {
  const known = inputs.map(variablesOf);
  const all = new Set<string>(known.flat());
  const shell = known.map(([, name]) => name);
  return Object.keys(env)
    .filter((variable) => variable.startsWith(PREFIX) && !all.has(variable))
    .map((variable) => ({ variable, near: nearest(variable, shell) }));
}
