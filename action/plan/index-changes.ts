// Changed options that an index, or the documents in it, do not follow by themselves: what a deploy leaves as it is, and how to change it. Pure.
import type { FunctionConfig, TableOptions } from '../../formats/function-config.ts';
import type { KeyMapping } from '../../formats/key-mapping.ts';
import type { Package } from '../package/package.ts';
import { isSame, type Warning } from './change.ts';
import { configOf, mappingOf } from './package-plan.ts';
import { indexOf } from './reindexed-tables.ts';

/** The options that apply only when an index is created. */
const OF_INDEX = ['mappings', 'index-settings'] as const;
/** The options that apply only when a document is written. */
const OF_DOCUMENT = ['include', 'exclude', 'transform'] as const;
type Name = (typeof OF_INDEX)[number] | (typeof OF_DOCUMENT)[number];

/** A package's config.json and key mapping, and the text of a transform by the name that the options give it. */
interface PackageParts {
  readonly config: FunctionConfig;
  readonly mapping: KeyMapping;
  readonly transform: (name: string) => string | undefined;
}

/**
 * Of each table that stays: one warning where its options no longer fit its index. Nothing is said of the options of a new table.
 * @param found undefined: nothing serves, or the wanted package does
 */
export function indexWarnings(found: Package | undefined, wanted: Package): Warning[] {
  const [before, after] = [partsOf(found), partsOf(wanted)];
  if (before === undefined || after === undefined) return [];
  return Object.values(after.mapping).flatMap(({ TableName: table }) => {
    if (!Object.hasOwn(before.mapping, table.toLowerCase())) return [];
    const [former, index] = [indexOf(before, table), indexOf(after, table)];
    if (former !== undefined && index !== undefined && former !== index) return [otherIndex(table, former, index)];
    const changed = (names: readonly Name[]): string =>
      names.filter((name) => !isSame(valueOf(before, table, name), valueOf(after, table, name))).join(' and ');
    const [ofIndex, ofDocument] = [changed(OF_INDEX), changed(OF_DOCUMENT)];
    if (ofIndex !== '') return [keptIndex(table, index ?? '', ofIndex, after.config.auth)];
    return ofDocument === '' ? [] : [keptDocuments(table, ofDocument)];
  });
}

function partsOf(from: Package | undefined): PackageParts | undefined {
  const config = from === undefined ? undefined : configOf(from);
  if (from === undefined || config === undefined) return undefined;
  const transform = (name: string): string | undefined => {
    const bytes = from.entries.get(name);
    return bytes === undefined ? undefined : Buffer.from(bytes).toString('base64');
  };
  return { config, mapping: mappingOf(from), transform };
}

/** The table's own option, or else the default's. A transform is its text. */
function valueOf({ config, transform }: PackageParts, table: string, name: Name): TableOptions[Name] {
  const { defaults, tables } = config.options;
  const own = Object.hasOwn(tables, table) ? tables[table] : undefined;
  const isOwnProjection = own?.include !== undefined || own?.exclude !== undefined;
  const value = own?.[name] ?? ((name === 'include' || name === 'exclude') && isOwnProjection ? undefined : defaults[name]);
  return name === 'transform' && typeof value === 'string' ? (transform(value) ?? value) : value;
}

const otherIndex = (table: string, former: string, index: string): Warning => ({
  title: 'Another index',
  message: `From this run on the changes of table ${table} go to ${index}, and ${former} gets no more. ${index} begins without the items that the table holds: run operation backfill with tables: ${table} afterwards, lead searches to ${index}, and delete ${former}`,
});

function keptIndex(table: string, index: string, changed: string, auth: FunctionConfig['auth']): Warning {
  const isServerless = auth.type === 'sigv4' && auth.service === 'aoss';
  const remedy = isServerless
    ? `give the table another index in the options file, deploy, and run operation backfill with tables: ${table}`
    : `run operation reindex with tables: ${table} afterwards`;
  return {
    title: 'An index that stays as it is',
    message: `The ${changed} of table ${table} changed. They apply when an index is created, and an index ${index} that exists stays as it is. To build it anew, ${remedy}`,
  };
}

const keptDocuments = (table: string, changed: string): Warning => ({
  title: 'Documents that stay as they are',
  message: `The option ${changed} of table ${table} changed. It applies when a document is written, and documents that exist keep what they have until their items change. To write them anew, run operation verify with tables: ${table} and repair: true afterwards`,
});

/** Tables that a package to go back to does not know: their triggers stay. */
export function lostTables(found: Package | undefined, wanted: Package | undefined): Warning[] {
  if (found === undefined || wanted === undefined) return [];
  const after = mappingOf(wanted);
  return Object.entries(mappingOf(found))
    .filter(([key]) => !Object.hasOwn(after, key))
    .map(([, { TableName: table }]) => ({
      title: 'A table that the package does not know',
      message: `The package to go back to was built before table ${table} was a source of the function, and the trigger of ${table} stays. Run operation refresh-mapping afterwards`,
    }));
}
