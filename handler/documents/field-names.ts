// Attribute names that no engine takes as they are (contract 6.2).

/**
 * Names that some engine keeps for itself at the top of a document: the metadata fields of OpenSearch 1–3 and Elasticsearch 7–9 and
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

/** What the engines' Java calls blank (Character.isWhitespace) or JavaScript does. */
// eslint-disable-next-line no-control-regex
const BLANK = /^[\s\u001c-\u001f]*$/;

/** Whether `name` must be changed before an engine takes it. */
export function needsRename(name: string): boolean {
  if (name.charCodeAt(0) === 0x5f /* _ */) {
    const dot = name.indexOf('.');
    if (RESERVED.has(dot === -1 ? name : name.slice(0, dot))) return true;
  }
  return name.includes('.') ? name.split('.').some((segment) => BLANK.test(segment)) : BLANK.test(name);
}

/** The name with its reserved first segment and its blank segments mended, by `underscores` more characters than need be. */
function mended(name: string, underscores: number): string {
  const extra = '_'.repeat(underscores);
  return name
    .split('.')
    .map((segment, i) => (BLANK.test(segment) ? `_${extra}` : i === 0 && RESERVED.has(segment) ? `_${extra}${segment}` : segment))
    .join('.');
}

/**
 * The field names of one map: reserved names get their first `_` doubled, blank segments become `_`. Where that meets another name
 * of the map, the one that needed no change keeps it and the other gets further `_`, in the order of the names, so that the same
 * item always gives the same document.
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
  for (const name of changed.sort()) {
    let field = mended(name, 0);
    for (let underscores = 1; taken.has(field); underscores++) field = mended(name, underscores);
    result.set(name, field);
    taken.add(field);
  }
  return result;
}
