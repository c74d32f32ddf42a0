import { NO_OPTIONS, type Options } from './options.ts';

/**
 * Reads the options file `config` (relative to `workspace`; undefined: no file, all defaults) and the transforms it names.
 * @throws {InputError} with every problem of the files
 */
export async function loadOptions(
  config: string | undefined,
  context: { readonly workspace: string; readonly environment: string },
): Promise<Options> {
  if (config === undefined) return NO_OPTIONS;
  // The schema takes longer to load than most of the action, and most users have no options file. `eager`: in the one bundle all the same.
  const { readOptions } = await import(/* webpackMode: "eager" */ './read.ts');
  return readOptions(config, context);
}

/** The folder of the options file. */
export function workspaceOf(env: NodeJS.ProcessEnv): string {
  return env.GITHUB_WORKSPACE ?? process.cwd();
}
