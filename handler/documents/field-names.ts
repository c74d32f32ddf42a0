// Changes attribute names that engines refuse.
import { MalformedRecord } from '../records/malformed-record.ts';

/**
 * Names that some engine reserves at the top of a document: the metadata fields of OpenSearch 1–3 and Elasticsearch 7–9 and
 * of their plugins, and the Lucene fields that they write beside the user's own. A text in `_tombstone` or `__soft_deletes` is
 * accepted at first and then fails the shard at the next delete (measured on OpenSearch 2.19 and 3.8, Elasticsearch 7.17 and 8.19).
 */
const RESERVED = new Set([
  '_id',
  '_uid',
  '_index',
  '_type',
  '_source',
  '_routing',
  '_parent',
  '_version',
  '_seq_no',
  '_primary_term',
  '_field_names',
  '_fieldnames',
  '_ignored',
  '_ignored_source',
  '_nested_path',
  '_doc_count',
  '_feature',
  '_inference_fields',
  '_data_stream_timestamp',
  '_tsid',
  '_ts_routing_hash',
  '_tier',
  '_all',
  '_size',
  '_timestamp',
  '_ttl',
  '_recovery_source',
  '_tombstone',
  '__soft_deletes',
]);

/** Blank in the engines' Java (Character.isWhitespace) or in JavaScript. */
// eslint-disable-next-line no-control-regex
const BLANK = /^[\s\u001c-\u001f]*$/;

/** Whether `name` must be changed before an engine accepts it. */
export function needsRename(name: string): boolean {
  if (name.charCodeAt(0) === 0x5f /* _ */) {
    const dot = name.indexOf('.');
    if (RESERVED.has(dot === -1 ? name : name.slice(0, dot))) return true;
  }
  return name.includes('.') ? name.split('.').some((segment) => BLANK.test(segment)) : BLANK.test(name);
}

/**
 * Names of one map that may collide with another name of it when they are changed. Real items have one or two; thousands could only be
 * an attack.
 */
export const MAX_COLLISIONS = 100;

/** A name with its reserved first segment and its blank segments fixed. Further `_` go between the two parts. */
interface Fixed {
  readonly before: string;
  readonly after: string;
}

function fixed(name: string): Fixed {
  const segments = name.split('.');
  const first = segments.findIndex((segment, i) => BLANK.test(segment) || (i === 0 && RESERVED.has(segment)));
  const before = [...segments.slice(0, first), '_'].join('.');
  const rest = segments.slice(first + 1).map((segment) => (BLANK.test(segment) ? '_' : segment));
  const own = RESERVED.has(segments[first] ?? '') ? segments[first] : '';
  return { before, after: [own, ...rest].join('.') };
}

/**
 * The field names of one map: reserved names get their first `_` doubled, blank segments become `_`. If that collides with another
 * name of the map, the name that needed no change keeps it and the other gets further `_` at its first change, in the order of the
 * names, so that the same item always yields the same document.
 * @throws {MalformedRecord} if more than a hundred names collide with others
 */
export function fieldNames(names: readonly string[]): ReadonlyMap<string, string> {
  const result = new Map<string, string>();
  const taken = new Set<string>();
  const changed: string[] = [];
  for (const name of names) {
    if (needsRename(name)) {
      changed.push(name);
    } else {
      result.set(name, name);
      taken.add(name);
    }
  }
  /** Names that differ in their further `_` alone, with how many of these the next one needs: none is tried twice. */
  const families = new Map<string, number>();
  let collisions = 0;
  for (const name of changed.sort()) {
    const { before, after } = fixed(name);
    const family = `${before.length} ${before}${after}`;
    let further = families.get(family) ?? 0;
    if (further > 0) collisions++;
    let field = `${before}${'_'.repeat(further)}${after}`;
    while (taken.has(field) && collisions <= MAX_COLLISIONS) {
      collisions++;
      field = `${before}${'_'.repeat(++further)}${after}`;
    }
    if (collisions > MAX_COLLISIONS) {
      throw new MalformedRecord(
        'names_collide',
        `more than ${MAX_COLLISIONS} blank or reserved attribute names of one map yield the same field names; rename them in the table, or leave them out with include or exclude`,
      );
    }
    families.set(family, further + 1);
    result.set(name, field);
    taken.add(field);
  }
  return result;
}
