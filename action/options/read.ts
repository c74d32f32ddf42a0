import { readFile } from 'node:fs/promises';
import { dirname, posix } from 'node:path';
import type { TableOptions } from '../../formats/function-config.ts';
import { InputError } from '../errors.ts';
import type { Place, Problem } from '../errors.ts';
import { fileText } from '../inputs/file-text.ts';
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
  if (content !== undefined) problems.push(...missingEnvironment(content, environment, placeOf));
  if (content === undefined || problems.length > 0) throw new InputError(problems);
  return { ...effective(content, environment, texts), tablePlaces: tablePlaces(content, environment, placeOf), warnings: rules.warnings };
}

/** The options of one environment, as the package and the triggers use them. */
function effective(file: OptionsFile, environment: string, texts: ReadonlyMap<string, string>): Omit<Options, 'tablePlaces' | 'warnings'> {
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
  const bytes = await readFile(found.real).catch(() => refuse(`${quoted(config)} cannot be read; name a YAML file`));
  const file = fileText(bytes);
  return 'text' in file ? { path: found.real, text: file.text } : refuse(`${quoted(config)} cannot be read: ${file.problem}`);
}

/** A problem of a transform that cannot be read is reported where the options file names it. */
function placed(problem: Problem, path: Path, placeOf: (path: Path) => Place): Problem {
  return problem.place === undefined ? { ...problem, place: placeOf(path) } : problem;
}

/** Where the file names each table that has options in `environment`. */
function tablePlaces(file: OptionsFile, environment: string, placeOf: (path: Path) => Place): Record<string, Place> {
  const own = Object.hasOwn(file.environments ?? {}, environment) ? file.environments?.[environment] : undefined;
  const paths = [
    ...Object.keys(own?.tables ?? {}).map((name): Path => ['environments', environment, 'tables', name]),
    ...Object.keys(file.tables ?? {}).map((name): Path => ['tables', name]),
  ];
  return Object.fromEntries(paths.map((path): [string, Place] => [String(path.at(-1)), placeOf(path)]));
}

/** Overrides for an environment that is called almost like this one, and so were meant for it: they would be ignored. */
function missingEnvironment(file: OptionsFile, environment: string, placeOf: (path: Path) => Place): Problem[] {
  const names = Object.keys(file.environments ?? {});
  if (names.includes(environment)) return [];
  return names
    .filter((name) => isMisspelt(name, environment))
    .map((name) => ({
      where: `environments.${name}`,
      message: `environments.${name}: this is environment ${environment}, which has no overrides; did you mean ${environment}? If ${environment} is to have none, add ${environment}: {}`,
      place: placeOf(['environments', name]),
    }));
}

/** Whether two names differ in case, in blanks or in one character; QA1 and QA2 differ in a digit, and are two environments. */
function isMisspelt(name: string, environment: string): boolean {
  const [written, meant] = [name, environment].map((one) => one.normalize('NFKC').replace(/\s/gu, '').toLowerCase());
  if (written === undefined || meant === undefined || written === meant) return true;
  const lengths = [written.length, meant.length];
  if (Math.min(...lengths) < 2 || Math.max(...lengths) - Math.min(...lengths) > 1) return false;
  let [start, end] = [0, 0];
  while (start < Math.min(...lengths) && written[start] === meant[start]) start++;
  while (end < Math.min(...lengths) - start && written.at(-1 - end) === meant.at(-1 - end)) end++;
  const [ofWritten, ofMeant] = [written.slice(start, written.length - end), meant.slice(start, meant.length - end)];
  if (/\d/.test(ofWritten + ofMeant)) return false;
  // One character more, less or different, or two neighbors that changed places.
  return (ofWritten.length < 2 && ofMeant.length < 2) || (ofWritten.length === 2 && ofWritten === ofMeant.slice(1) + ofMeant.slice(0, 1));
}
