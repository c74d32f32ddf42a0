// All documents of an index, shard by shard in the order of their sequence numbers: complete, without a context on the server, and the
// cursor is one number that holds for days. Sorting by _id is refused by Elasticsearch 8 and 9, and a point in time sorted by _doc loses
// documents on OpenSearch 2 and 3 (measured: 9 of 500).
import { JsonScanner, membersOf } from '../documents/json-scanner.ts';
import { isNotRead, send, unreadable, whole, type NotRead, type Reader } from './reader.ts';

/** A document that a walk meets. */
export interface WalkedDocument {
  readonly id: string;
  /** Exact digits. */
  readonly version: string;
  readonly sequenceNumber: number;
  /** Fields whose values the engine ignores, as far as it lists them. */
  readonly ignored: readonly string[];
}

/** A concrete index. */
export interface IndexFacts {
  readonly index: string;
  readonly uuid: string;
  readonly documents: number;
  /** The highest sequence number of each shard, -1 for an empty one. */
  readonly shards: readonly number[];
}

/** The documents of a shard with sequence numbers above `after`, up to `to`, in their order. */
export async function walkShard(
  reader: Reader,
  index: string,
  { shard, after, to, size }: { readonly shard: number; readonly after: number; readonly to: number; readonly size: number },
): Promise<readonly WalkedDocument[] | NotRead> {
  const search = { size, query: { range: { _seq_no: { gt: after, lte: to } } }, sort: bySequenceNumber('asc') };
  const documents = await searchShard(reader, index, shard, search);
  if (isNotRead(documents)) return documents;
  // A walk goes on after the last one: from a response to another request it would leave documents out, or never end.
  const isNext = documents.every(({ sequenceNumber: at }, i) => at > after && at >= (documents[i - 1]?.sequenceNumber ?? 0));
  return isNext ? documents : unreadable(readingShard(index, shard));
}

const readingShard = (index: string, shard: number): string => `reading shard ${shard} of ${index}`;

/** An index without a document and without a mapping does not know the field. */
const bySequenceNumber = (order: 'asc' | 'desc'): readonly object[] => [{ _seq_no: { order, unmapped_type: 'long' } }];

/** Searches one shard, without the sources. */
async function searchShard(reader: Reader, index: string, shard: number, search: object): Promise<readonly WalkedDocument[] | NotRead> {
  const about = readingShard(index, shard);
  const response = await send(
    reader,
    {
      method: 'POST',
      path: `/${encodeURIComponent(index)}/_search`,
      query: { preference: `_shards:${shard}` },
      body: JSON.stringify({ ...search, _source: false, version: true, seq_no_primary_term: true, track_total_hits: false }),
    },
    about,
  );
  if (isNotRead(response)) return response;
  return whole(about, () => hitsOf(response.text));
}

/** The hits of a search; undefined if it did not find all of them: a walk over a part of them would leave documents out. @throws {SyntaxError} */
function hitsOf(text: string): readonly WalkedDocument[] | undefined {
  let documents: readonly WalkedDocument[] | undefined;
  let [isWhole, isInTime] = [false, false];
  const scanner = new JsonScanner(text);
  scanner.object((name) => {
    if (name === 'hits') documents = walkedDocuments(scanner);
    else if (name === 'timed_out') isInTime = scanner.value() === 'false';
    else if (name === '_shards') {
      const { total, successful } = membersOf(scanner);
      isWhole = total === '1' && successful === '1';
    } else scanner.value();
  });
  scanner.end();
  return isWhole && isInTime ? documents : undefined;
}

/** The documents of the list `hits` in the object at the scanner; undefined if it has none. @throws {SyntaxError} */
function walkedDocuments(scanner: JsonScanner): readonly WalkedDocument[] | undefined {
  let documents: WalkedDocument[] | undefined;
  scanner.object((name) => {
    if (name !== 'hits') {
      scanner.value();
      return;
    }
    const found: WalkedDocument[] = [];
    scanner.list(() => found.push(walkedDocument(membersOf(scanner))));
    documents = found;
  });
  return documents;
}

/** @param hit the JSON texts of its members: a version has more digits than a JavaScript number @throws {SyntaxError} for one that is not whole */
function walkedDocument({
  _id = 'null',
  _version = '',
  _seq_no = '',
  _ignored = '[]',
}: Record<string, string | undefined>): WalkedDocument {
  const id: unknown = JSON.parse(_id);
  const ignored: unknown = JSON.parse(_ignored);
  if (typeof id !== 'string' || !isWholeNumber(_version) || !isWholeNumber(_seq_no)) throw new SyntaxError('a hit is not a whole one');
  return {
    id,
    version: _version,
    sequenceNumber: Number(_seq_no),
    ignored: Array.isArray(ignored) ? ignored.map(String) : [],
  };
}

const isWholeNumber = (text: string): boolean => /^\d+$/.test(text);

/** Makes what was written visible to searches, then looks at the index behind a name. */
export async function surveyIndex(reader: Reader, name: string): Promise<IndexFacts | NotRead> {
  const path = `/${encodeURIComponent(name)}`;
  const { serverless } = reader.cluster;
  if (!serverless) {
    const refreshed = await send(reader, { method: 'POST', path: `${path}/_refresh` }, `the refresh of ${name}`);
    if (isNotRead(refreshed)) return refreshed;
  }
  const about = `reading the settings of ${name}`;
  const settings = await send(reader, { method: 'GET', path: `${path}/_settings`, query: { flat_settings: 'true' } }, about);
  if (isNotRead(settings)) return settings;
  const indexes = whole(about, () => Object.entries(JSON.parse(settings.text) as Record<string, { settings?: Record<string, string> }>));
  if (isNotRead(indexes)) return indexes;
  const [index, facts] = indexes[0] ?? [name, {}];
  if (indexes.length > 1) {
    return {
      kind: 'configuration',
      type: 'alias_over_several_indexes',
      reason: `${name} is an alias over ${indexes.length} indexes`,
      remedy: 'Give the table one index, or an alias over one index',
    };
  }
  const documents = await countOf(reader, index);
  if (typeof documents === 'object') return documents;
  const shards = await shardsOf(reader, index, serverless ? 0 : Number(facts.settings?.['index.number_of_shards'] ?? 1));
  return isNotRead(shards) ? shards : { index, uuid: facts.settings?.['index.uuid'] ?? '', documents, shards };
}

async function countOf(reader: Reader, index: string): Promise<number | NotRead> {
  const about = `counting the documents of ${index}`;
  const response = await send(reader, { method: 'GET', path: `/${encodeURIComponent(index)}/_count` }, about);
  if (isNotRead(response)) return response;
  const found = whole(about, () => JSON.parse(response.text) as { count?: unknown });
  if (isNotRead(found)) return found;
  return typeof found.count === 'number' ? found.count : unreadable(about);
}

/** The highest sequence number of each of so many shards. */
async function shardsOf(reader: Reader, index: string, count: number): Promise<number[] | NotRead> {
  const shards: number[] = [];
  for (let shard = 0; shard < count; shard++) {
    const last = await searchShard(reader, index, shard, { size: 1, sort: bySequenceNumber('desc') });
    if (isNotRead(last)) return last;
    shards.push(last[0]?.sequenceNumber ?? -1);
  }
  return shards;
}
