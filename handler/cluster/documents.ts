// Documents read by their ids, as they were written.
import { JsonScanner, membersOf } from '../documents/json-scanner.ts';
import { isNotRead, send, whole, type NotRead, type Reader } from './reader.ts';

/** A document as the index has it. */
export interface IndexedDocument {
  readonly id: string;
  /** Exact digits. */
  readonly version: string;
  readonly sequenceNumber: string;
  /** JSON text; undefined if it was not requested, or the index stores none. */
  readonly source: string | undefined;
}

/**
 * Reads documents in real time, whether they are visible to searches or not. @param sources false: without them
 * @returns by id; those that are not there are left out
 */
export async function readDocuments(
  reader: Reader,
  index: string,
  ids: readonly string[],
  sources = true,
): Promise<ReadonlyMap<string, IndexedDocument> | NotRead> {
  if (ids.length === 0) return new Map();
  const about = `reading documents of ${index}`;
  const path = `/${encodeURIComponent(index)}/_mget`;
  const query = sources ? {} : { _source: 'false' };
  const response = await send(reader, { method: 'POST', path, query, body: JSON.stringify({ ids }) }, about);
  if (isNotRead(response)) return response;
  // A shard that could not be read says nothing of its documents, which must not count as missing.
  return whole(about, () => documentsOf(response.text, ids.length));
}

/**
 * The documents of a response of `_mget`. Their sources are cut out as they stand: read as values they would lose digits.
 * @param requested number of ids in the request
 * @returns undefined where not every one of them could be read @throws {SyntaxError}
 */
export function documentsOf(text: string, requested: number): ReadonlyMap<string, IndexedDocument> | undefined {
  const documents = new Map<string, IndexedDocument>();
  let read = 0;
  const scanner = new JsonScanner(text);
  const document = (): void => {
    const { _id = 'null', _version = '', _seq_no = '', _source, found, error } = membersOf(scanner);
    // An index that does not exist has no documents; a shard that could not be read says nothing of its own.
    if (error === undefined ? found === undefined : !isMissingIndex(JSON.parse(error))) return;
    read++;
    const id = JSON.parse(_id) as unknown;
    if (found === 'true' && typeof id === 'string') documents.set(id, { id, version: _version, sequenceNumber: _seq_no, source: _source });
  };
  scanner.object((name) => {
    if (name === 'docs') scanner.list(document);
    else scanner.value();
  });
  scanner.end();
  return read === requested ? documents : undefined;
}

const isMissingIndex = (error: unknown): boolean =>
  typeof error === 'object' && error !== null && (error as { type?: unknown }).type === 'index_not_found_exception';
