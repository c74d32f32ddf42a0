// Whether the tables that the options name are tables of the function. Pure.
import type { Problem } from '../errors.ts';
import { nearest } from '../../formats/nearest.ts';
import type { Trigger } from '../aws/triggers.ts';
import { streamOrigin } from '../aws/triggers.ts';
import type { Inputs } from '../inputs/inputs.ts';
import type { Options } from '../options/options.ts';
import type { Warning } from './change.ts';

/** The names of all tables that the input `tables` or a trigger names, those that are gone included. */
export function namedTables({ tables }: Pick<Inputs, 'tables'>, triggers: readonly Trigger[]): string[] {
  return [...new Set([...tables, ...triggers.flatMap(({ source }) => streamOrigin(source)?.table ?? [])])].sort();
}

/** A name in the options that no table has: its options would be ignored, `exclude` among them, which keeps data out of an index. */
export interface UnknownTable {
  readonly name: string;
  /** The table that was most likely meant. */
  readonly near: string | undefined;
}

/** @param known none: nothing can be compared, and nothing is unknown */
export function unknownTables(names: readonly string[], known: readonly string[]): UnknownTable[] {
  if (known.length === 0) return [];
  return names
    .filter((name) => !known.includes(name))
    .map((name) => ({ name, near: known.find((one) => one.toLowerCase() === name.toLowerCase()) ?? nearest(name, known) }));
}

/** Tables shown of a long list. */
const MAX_SHOWN = 10;

/** Problems of the tables in the options file, as it applies to this environment. */
export function optionTableProblems({ tables, tablePlaces }: Options, known: readonly string[]): Problem[] {
  return unknownTables(Object.keys(tables), known).map(({ name, near }) => {
    const place = Object.hasOwn(tablePlaces, name) ? tablePlaces[name] : undefined;
    const names = `${known.slice(0, MAX_SHOWN).join(', ')}${known.length > MAX_SHOWN ? ', …' : ''}`;
    const remedy =
      near === undefined
        ? `neither the input tables nor a trigger names it, but ${names}. Name it in tables, or remove it here; options of a table that only another environment has belong under environments.<name>.tables`
        : `did you mean ${near}? Names of tables are exact, and options under another name are not applied`;
    const message = `tables.${name}: this deploy has no table ${name}; ${remedy}`;
    return { where: `tables.${name}`, message, ...(place === undefined ? {} : { place }) };
  });
}

/** Of a deploy that knows no table yet: the names in the options cannot be checked. */
export function uncheckedTablesWarning({ tables }: Options, known: readonly string[]): Warning[] {
  const names = Object.keys(tables);
  if (known.length > 0 || names.length === 0) return [];
  return [
    {
      title: 'Options of tables that are not known yet',
      message: `The options file names ${names.join(', ')}, and neither the input tables nor a trigger names a table yet, so that these names were not checked: options under a misspelt name are not applied. Set tables, or deploy again when the triggers are there`,
    },
  ];
}
