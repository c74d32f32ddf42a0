import { readFile } from 'node:fs/promises';
import { dirname, posix } from 'node:path';
import type { TableOptions } from '../../formats/function-config.ts';
import { InputError } from '../errors.ts';
import type { Place, Problem } from '../errors.ts';
import { quoted } from '../inputs/reader.ts';
import { parseOptionsFile } from './parse.ts';
import type { Path } from './parse.ts';
import { defaultOptions, forEnvironment, tableOptions, triggerSettings } from './merge.ts';
import { checkOptions, optionBlocks } from './rules.ts';
import type { OptionsFile } from './schema.ts';
import { entryNames, readTransform, transformPathProblem } from './transforms.ts';
import type { Options } from './options.ts';
import { insideFolder } from './contained-path.ts';

/**
 * Reads the options file `config` (relative to `workspace`) and the transforms it names, also those
 * that only another environment uses, so that a mistake shows before that environment is deployed.
 * @throws {InputError} with every problem of the files
 */
export async function readOptions(
  config: string,
  { workspace, environment }: { readonly workspace: string; readonly environment: string },
): Promise<Options> {
  const { path, text } = await readConfig(config, workspace);
  const shown = config.replaceAll('\\', '/');
  const { value, content, problems, placeOf } = parseOptionsFile(text, shown);
  const rules = checkOptions(value, placeOf);
  problems.push(...rules.problems);
  const texts = new Map<string, string>();
  for (const { path: at, options } of optionBlocks(value)) {
    const file = options.transform;
    if (typeof file !== 'string' || transformPathProblem(file) !== undefined || texts.has(file)) continue;
    const result = await readTransform(dirname(path), posix.dirname(shown), file);
    if ('problems' in result) problems.push(...result.problems.map((problem) => placed(problem, [...at, 'transform'], placeOf)));
    texts.set(file, 'text' in result ? result.text : '');
  }
  if (content === undefined || problems.length > 0) throw new InputError(problems);
  return effective(content, environment, texts, [...rules.warnings, ...missingEnvironment(content, environment, placeOf)]);
}

/** The options of one environment, as the package and the triggers take them. */
function effective(file: OptionsFile, environment: string, texts: ReadonlyMap<string, string>, warnings: Problem[]): Options {
  const { defaults, tables, pruneTriggers, onlyKnownTables } = forEnvironment(file, environment);
  const names = entryNames([defaults, ...Object.values(tables)].flatMap(({ transform }) => transform ?? []));
  const packed = ({ transform, ...rest }: TableOptions): TableOptions => {
    const name = transform === undefined ? undefined : names.get(transform);
    return name === undefined ? rest : { ...rest, transform: name };
  };
  const mapTables = <T>(map: (options: (typeof tables)[string]) => T): Record<string, T> =>
    Object.fromEntries(Object.entries(tables).map(([name, options]) => [name, map(options)]));
  return {
    defaults: packed(defaultOptions(defaults)),
    tables: mapTables((options) => packed(tableOptions(defaults, options))),
    triggers: {
      defaults: triggerSettings(defaults.trigger),
      tables: mapTables(({ trigger }) => triggerSettings(defaults.trigger, trigger)),
    },
    pruneTriggers,
    ...(onlyKnownTables ? { onlyKnownTables } : {}),
    transforms: Object.fromEntries([...names].map(([transform, name]) => [name, texts.get(transform) ?? ''])),
    warnings,
  };
}

async function readConfig(config: string, workspace: string): Promise<{ path: string; text: string }> {
  const refuse = (message: string): never => {
    throw new InputError([{ where: 'config', message: `config: ${message}` }]);
  };
  const found = await insideFolder(workspace, config);
  if ('problem' in found) {
    return refuse(
      found.problem === 'outside'
        ? `${quoted(config)} leads out of the workspace; name a file of the repository`
        : `there is no file ${quoted(config)} in the workspace; check the path, and that the job checks the repository out`,
    );
  }
  const text = await readFile(found.real, 'utf8').catch(() => refuse(`${quoted(config)} cannot be read; name a YAML file`));
  return { path: found.real, text };
}

/** A problem of a transform that cannot be read stands where the options file names it. */
function placed(problem: Problem, path: Path, placeOf: (path: Path) => Place): Problem {
  return problem.place === undefined ? { ...problem, place: placeOf(path) } : problem;
}

/** Overrides for an environment that is called almost like this one, and so was meant to be it. */
function missingEnvironment(file: OptionsFile, environment: string, placeOf: (path: Path) => Place): Problem[] {
  const names = Object.keys(file.environments ?? {});
  const near = names.includes(environment) ? undefined : names.find((name) => name.toLowerCase() === environment.toLowerCase());
  if (near === undefined) return [];
  const message = `environments.${near}: this is environment ${environment}, which has no overrides; did you mean ${environment}?`;
  return [{ where: `environments.${near}`, message, place: placeOf(['environments', near]) }];
}
