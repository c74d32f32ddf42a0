// Tables of the deployed package whose index is being replaced: what another deploy keeps of that, and what there is to say about it. Pure.
import type { FunctionConfig, Reindexed } from '../../formats/function-config.ts';
import type { KeyMapping } from '../../formats/key-mapping.ts';
import type { Package } from '../package/package.ts';
import type { Warning } from './change.ts';
import { configOf, mappingOf } from './package-plan.ts';

type Reindexing = NonNullable<FunctionConfig['reindex']>;
/** A package's config.json and key mapping. */
interface PackageTables {
  readonly config: Pick<FunctionConfig, 'options' | 'reindex'>;
  readonly mapping: KeyMapping;
}

/** ms: two indexes that are written for longer than this were probably forgotten. */
const LONG_MS = 14 * 24 * 60 * 60_000;

/** The index or alias of a table of the package, which searches use; undefined: it has none. */
export const indexOf = ({ config: { options }, mapping }: PackageTables, table: string): string | undefined =>
  (Object.hasOwn(options.tables, table) ? options.tables[table]?.index : undefined) ??
  options.defaults.index ??
  (Object.hasOwn(mapping, table.toLowerCase()) ? mapping[table.toLowerCase()]?.Index : undefined);

/**
 * What a deploy keeps of the package that serves: a table goes on being written to both indexes, unless it is no table of the function any
 * more or has another index. @param found undefined: nothing serves, or the wanted package does @param now ms since the epoch
 */
export function keptReindex(
  found: Package | undefined,
  to: PackageTables,
  now: number,
): { readonly part: Pick<FunctionConfig, 'reindex'>; readonly warnings: Warning[] } {
  const config = found === undefined ? undefined : configOf(found);
  if (found === undefined || config?.reindex === undefined) return { part: {}, warnings: [] };
  const from = { config, mapping: mappingOf(found) };
  const warnings: Warning[] = [];
  const kept = Object.entries(config.reindex).filter(([table, { indexes }]) => {
    const [before, after] = [indexOf(from, table), indexOf(to, table)];
    if (after !== undefined && before === after) return true;
    const why = after === undefined ? 'it is no table of the function any more' : `its index is ${after} from now on`;
    warnings.push({
      title: 'The end of a reindex',
      message: `Table ${table} is no longer written to the two indexes ${indexes.join(' and ')}, since ${why}. Delete the one that you do not need`,
    });
    return false;
  });
  const reindex = Object.fromEntries(kept);
  return { part: kept.length === 0 ? {} : { reindex }, warnings: [...warnings, ...reindexWarnings(reindex, now)] };
}

/** @param now ms since the epoch */
export function reindexWarnings(reindex: Reindexing | undefined, now: number): Warning[] {
  return Object.entries(reindex ?? {}).flatMap(([table, { indexes, since }]) =>
    now - Date.parse(since) < LONG_MS
      ? []
      : [
          {
            title: 'Two indexes are written',
            message: `Since ${since.slice(0, 10)} every change of table ${table} is written to both ${indexes.join(' and ')}, which costs twice the writes and the storage. Run operation reindex with tables: ${table} and delete-old-index: true to end it`,
          },
        ],
  );
}

/** @param from the configuration that serves @param to the one that a rollback puts in its place */
export function rollbackReindexWarnings(from: Reindexing | undefined, to: Reindexing | undefined): Warning[] {
  const ended = different(from, to).map(([table, { indexes }]) => ({
    title: 'The end of a reindex',
    message: `The package to go back to does not write table ${table} to both ${indexes.join(' and ')}: the one that its searches do not use gets no more changes. Run operation reindex with tables: ${table} again, which begins anew`,
  }));
  const begun = different(to, from).map(([table, { indexes }]) => ({
    title: 'Two indexes are written',
    message: `The package to go back to writes table ${table} to both ${indexes.join(' and ')}, and creates the one that is missing. Run operation reindex with tables: ${table} and delete-old-index: true to end it`,
  }));
  return [...ended, ...begun];
}

const different = (from: Reindexing | undefined, to: Reindexing | undefined): [string, Reindexed][] =>
  Object.entries(from ?? {}).filter(([table, { indexes }]) => to?.[table]?.indexes.join(' ') !== indexes.join(' '));
