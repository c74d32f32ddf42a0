// Aliases and the indexes behind them: what a name leads to, and the one request that lets it lead to another index.
import { isObject, type Json } from '../../formats/json.ts';
import type { KnownIndex } from '../../formats/index-slice.ts';
import { isNotRead, send, whole, type NotRead, type Reader } from './reader.ts';

/** The aliases of an index, each with its filter, routing and flags. */
export type Aliases = Readonly<Record<string, Json>>;

/** The indexes that a name or a pattern leads to, each with all its aliases. */
export async function aliasesOf(reader: Reader, name: string): Promise<Readonly<Record<string, Aliases>> | NotRead> {
  const about = `reading the aliases of ${name}`;
  const response = await send(
    reader,
    { method: 'GET', path: `/${encodeURIComponent(name)}/_alias`, query: { expand_wildcards: 'all', ignore_unavailable: 'true' } },
    about,
  );
  if (isNotRead(response)) return response;
  return whole(about, () => {
    const found: unknown = JSON.parse(response.text);
    if (!isObject(found)) return undefined;
    return Object.fromEntries(
      Object.entries(found).map(([index, about]) => [index, (isObject(about) && isObject(about.aliases) ? about.aliases : {}) as Aliases]),
    );
  });
}

/** A name, and the index behind it. */
export interface Swap {
  readonly name: string;
  readonly from: string;
  readonly to: string;
  /** All aliases of `from`, with `name` unless that is the index itself. */
  readonly aliases: Aliases;
}

/** Lets the name lead to another index. An index of the name is removed in the same request, and its aliases move with it. */
export async function swap(reader: Reader, change: Swap): Promise<object | NotRead> {
  const done = await swapWith(reader, change, { must_exist: true });
  // OpenSearch 1 does not know it.
  return isNotRead(done) && done.reason.includes('must_exist') ? swapWith(reader, change, {}) : done;
}

/** @param guard of the removal: where somebody else moved the alias at this moment, nothing is changed */
async function swapWith(
  reader: Reader,
  { name, from, to, aliases }: Swap,
  guard: { readonly must_exist?: true },
): Promise<{ readonly text: string } | NotRead> {
  const add = (alias: string, { is_write_index: _, ...properties }: Json = {}): object => ({ add: { index: to, alias, ...properties } });
  const actions =
    from === name
      ? [{ remove_index: { index: from } }, add(name), ...Object.entries(aliases).map(([alias, properties]) => add(alias, properties))]
      : [{ remove: { index: from, alias: name, ...guard } }, add(name, aliases[name])];
  return send(
    reader,
    { method: 'POST', path: '/_aliases', body: JSON.stringify({ actions }), contentType: 'application/json' },
    `moving ${name} to ${to}`,
  );
}

/** Deletes an index. */
export function deleteIndex(reader: Reader, { index }: KnownIndex): Promise<object | NotRead> {
  return send(reader, { method: 'DELETE', path: `/${encodeURIComponent(index)}` }, `deleting ${index}`);
}
