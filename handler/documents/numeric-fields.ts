// Fields that accept lists of numbers, as the options' mappings declare them: coordinates, vectors, numbers, dates.
import { isObject } from '../../formats/json.ts';

/** A field of the mapping, and the fields below it. */
export interface NumericFields {
  /** Lists of numbers stay numbers here and everywhere below. */
  readonly all: boolean;
  /** By the name of the field, without dots. */
  readonly below: ReadonlyMap<string, NumericFields>;
}

/**
 * Types whose lists of numbers are numbers, in OpenSearch and Elasticsearch
 * (https://docs.opensearch.org/latest/field-types/supported-field-types/index/,
 * https://www.elastic.co/docs/reference/elasticsearch/mapping-reference/field-data-types); ranges end in `_range`.
 */
const TYPES = new Set([
  'byte',
  'short',
  'integer',
  'long',
  'unsigned_long',
  'half_float',
  'float',
  'double',
  'scaled_float',
  'date',
  'date_nanos',
  'geo_point',
  'geo_shape',
  'point',
  'shape',
  'xy_point',
  'xy_shape',
  'knn_vector',
  'dense_vector',
  'rank_vectors',
  'sparse_vector',
  'rank_feature',
  'rank_features',
  'histogram',
  'aggregate_metric_double',
]);

const ALL: NumericFields = { all: true, below: new Map() };
/** Levels of a mapping that are read: more than any engine accepts, fewer than the stack allows. */
const MAX_DEPTH = 200;

interface Place {
  all: boolean;
  readonly below: Map<string, Place>;
}

/**
 * Reads the option `mappings` once per table; names with dots are paths, as in the engine.
 * @returns undefined if no field accepts lists of numbers, as in most tables
 */
export function numericFields(mappings: Readonly<Record<string, unknown>>): NumericFields | undefined {
  const root: Place = { all: false, below: new Map() };
  return addProperties(root, mappings, 0) ? root : undefined;
}

/** Adds the fields below a mapping that accept numbers. @returns whether there are any */
function addProperties(place: Place, mapping: unknown, depth: number): boolean {
  const properties = isObject(mapping) ? mapping.properties : undefined;
  if (!isObject(properties) || depth > MAX_DEPTH) return false;
  let found = false;
  for (const [path, field] of Object.entries(properties)) {
    if (!isObject(field)) continue;
    const inner: Place = { all: isNumeric(field.type), below: new Map() };
    if (!inner.all && !addProperties(inner, field, depth + 1)) continue;
    found = true;
    merge(placeOf(place, path), inner);
  }
  return found;
}

function placeOf(from: Place, path: string): Place {
  let place = from;
  for (const name of path.split('.')) {
    let next = place.below.get(name);
    if (next === undefined) place.below.set(name, (next = { all: false, below: new Map() }));
    place = next;
  }
  return place;
}

/** The same field may be declared in parts: `a.b` beside `a` with properties. */
function merge(into: Place, from: Place): void {
  into.all ||= from.all;
  for (const [name, place] of from.below) {
    const known = into.below.get(name);
    if (known === undefined) into.below.set(name, place);
    else merge(known, place);
  }
}

const isNumeric = (type: unknown): boolean => typeof type === 'string' && (TYPES.has(type) || type.endsWith('_range'));

/** Finds a field below another one. @param name of the field; with dots, a path */
export function fieldBelow(fields: NumericFields | undefined, name: string): NumericFields | undefined {
  if (fields === undefined) return undefined;
  if (fields.all) return ALL;
  const own = fields.below.get(name);
  if (own !== undefined || !name.includes('.')) return own;
  let place: NumericFields | undefined = fields;
  // Segment by segment, up to the first that is not a field: names may be long.
  for (let from = 0; place !== undefined && !place.all && from <= name.length;) {
    const dot = name.indexOf('.', from);
    const end = dot < 0 ? name.length : dot;
    place = place.below.get(name.slice(from, end));
    from = end + 1;
  }
  return place;
}
