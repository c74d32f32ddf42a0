import { isObject } from '../../formats/json.ts';
import type { Place, Problem } from '../errors.ts';
import { checkPattern } from './filter-pattern.ts';
import { pathText } from './parse.ts';
import type { Path } from './parse.ts';

/** One place of the file that has options. */
export interface OptionBlock {
  readonly path: Path;
  readonly options: Readonly<Record<string, unknown>>;
}

/** The defaults, each table, and both again in each environment. The form of `file` need not be right: values in no known place are left out. */
export function optionBlocks(file: unknown): OptionBlock[] {
  const levels = [{ path: [] as Path, level: file }, ...entries(file, ['environments']).map(({ path, value }) => ({ path, level: value }))];
  return levels
    .flatMap(({ path, level }) => [
      { path: [...path, 'defaults'], value: isObject(level) ? level.defaults : undefined },
      ...entries(level, ['tables']).map((table) => ({ ...table, path: [...path, ...table.path] })),
    ])
    .flatMap(({ path, value }) => (isObject(value) ? [{ path, options: value }] : []));
}

/** Rules over several keys, which a schema cannot express. */
export function checkOptions(file: unknown, placeOf: (path: Path) => Place): { problems: Problem[]; warnings: Problem[] } {
  const problems: Problem[] = [];
  const warnings: Problem[] = [];
  const note = (list: Problem[], path: Path, message: string): void => {
    list.push({ where: pathText(path), message: `${pathText(path)}: ${message}`, place: placeOf(path) });
  };
  for (const { path, options } of optionBlocks(file)) {
    const trigger = isObject(options.trigger) ? options.trigger : {};
    if (options.include !== undefined && options.exclude !== undefined) {
      note(problems, [...path, 'exclude'], 'include and exclude cannot be used together; remove one of them');
    }
    if (Number(trigger['maximum-record-age-hours'] ?? 0) >= 24) {
      note(
        warnings,
        [...path, 'trigger', 'maximum-record-age-hours'],
        'a stream keeps records for 24 hours, so those that are not indexed by then are lost without a trace; set 23 or less',
      );
    }
    const patterns: readonly unknown[] = Array.isArray(trigger.filter) ? trigger.filter : [];
    for (const [at, pattern] of patterns.entries()) {
      if (!isObject(pattern)) continue;
      const notes = checkPattern(pattern);
      for (const { path: below, message } of notes.problems) note(problems, [...path, 'trigger', 'filter', at, ...below], message);
      for (const { path: below, message } of notes.warnings) note(warnings, [...path, 'trigger', 'filter', at, ...below], message);
    }
    if (dropsChanges(trigger.filter)) {
      note(
        warnings,
        [...path, 'trigger', 'filter'],
        'a filter on more than the keys excludes changes and deletes, so that stale documents stay in the index',
      );
    }
  }
  return { problems, warnings };
}

/** The values under the names at `path`. */
function entries(level: unknown, path: readonly [string]): { path: Path; value: unknown }[] {
  const named = isObject(level) ? level[path[0]] : undefined;
  return isObject(named) ? Object.entries(named).map(([name, value]) => ({ path: [...path, name], value })) : [];
}

/** Whether of one item some records may match and others not: only its keys, and where it comes from, never change. */
function dropsChanges(pattern: unknown): boolean {
  if (Array.isArray(pattern)) return pattern.some(dropsChanges);
  if (!isObject(pattern)) return false;
  return Object.entries(pattern).some(([key, value]) => {
    if (['Keys', 'eventSource', 'eventSourceARN', 'awsRegion', 'eventVersion', 'StreamViewType'].includes(key)) return false;
    return key === 'dynamodb' || key === '$or' ? dropsChanges(value) : true;
  });
}
