// The settings and mappings with which the function creates an index.
import { isObject, type Json } from '../../formats/json.ts';
import type { Table } from '../tables.ts';

/** Text for search, and a keyword for filters and sorting: the engines' own default for a string. */
export const TEXT = { type: 'text', fields: { keyword: { type: 'keyword', ignore_above: 256 } } } as const;

/**
 * Settings that let an index accept every item of a table. DynamoDB does not distinguish 1 from 1.5, so the engine's guess from the
 * first number (long) would refuse or truncate later ones; its guess of dates would hide later strings; its limit of 20 levels is below
 * DynamoDB's 32 (and a name with dots adds levels). `gc_deletes` is how long a delete fences older states.
 *
 * Its guess of a boolean would refuse all other values if `ignore_malformed` does not apply to booleans: there they are keywords.
 */
const SETTINGS: Json = {
  'index.mapping.coerce': true,
  'index.mapping.ignore_malformed': true,
  'index.mapping.depth.limit': 100,
  'index.mapping.total_fields.limit': 5000,
  'index.gc_deletes': '1h',
};
const MAPPINGS: Json = {
  date_detection: false,
  numeric_detection: false,
  dynamic_templates: [
    { whole_numbers: { match_mapping_type: 'long', mapping: { type: 'double' } } },
    { numbers: { match_mapping_type: 'double', mapping: { type: 'double' } } },
    { strings: { match_mapping_type: 'string', mapping: TEXT } },
  ],
};

const BOOLEANS = { booleans: { match_mapping_type: 'boolean', mapping: { type: 'keyword', ignore_above: 256 } } } as const;

/**
 * The body that creates the index of a table: the product's settings, overridden by those of the options.
 * @param booleans whether the engine accepts other kinds in a field of type boolean
 */
export function indexBody(table: Pick<Table, 'indexSettings' | 'mappings'>, booleans: boolean): { settings: Json; mappings: Json } {
  const { dynamic_templates: templates, ...mappings } = table.mappings;
  return {
    settings: { ...SETTINGS, ...flattened(table.indexSettings) },
    mappings: {
      ...MAPPINGS,
      ...mappings,
      // The first template that matches decides: the user's come first.
      dynamic_templates: [
        ...(Array.isArray(templates) ? (templates as unknown[]) : []),
        ...(MAPPINGS.dynamic_templates as unknown[]),
        ...(booleans ? [] : [BOOLEANS]),
      ],
    },
  };
}

/** Settings by their full names: `{ index: { refresh_interval } }`, `{ refresh_interval }` and `index.refresh_interval` are one. */
export function flattened(settings: Json, prefix = ''): Json {
  const result: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(settings)) {
    const path = prefix === '' ? name : `${prefix}.${name}`;
    if (isObject(value)) Object.assign(result, flattened(value, path));
    else result[path === 'index' || path.startsWith('index.') ? path : `index.${path}`] = value;
  }
  return result;
}
