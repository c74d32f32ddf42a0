// Documents read by their ids, as they were written.
import { JsonScanner, membersOf } from '../documents/json-scanner.ts';
import { classifyRequest, classifyThrown, type Outcome } from './responses.ts';
import type { ClusterClient } from './client.ts';

/** A document as the index has it. */
export interface IndexedDocument {
  readonly id: string;
  /** Exact digits. */
  readonly version: string;
  readonly sequenceNumber: string;
  /** JSON text; undefined if it was not requested, or the index stores none. */
  readonly source: string | undefined;
}

/** Why documents could not be read. */
export type NotRead = Extract<Outcome, { kind: 'transient' | 'configuration' }>;

export const isNotRead = (found: object): found is NotRead => 'kind' in found;

/** A refusal of a request that reads. */
export function notRead(failure: Outcome, what: string): NotRead {
  if (failure.kind === 'transient' || failure.kind === 'configuration') return failure;
  const reason = 'reason' in failure ? failure.reason : failure.kind;
  return {
    kind: 'configuration',
    type: 'type' in failure ? failure.type : failure.kind,
    reason: `${what} was refused: ${reason}`,
    remedy: "Allow the function's role or user to read and search the index (indices:data/read/*)",
  };
}

/** A response that is not whole, or not one to the request: it says nothing of what is there and what is not. */
export const unreadable = (what: string): NotRead => ({
  kind: 'transient',
  cause: 'unreadable',
  type: 'unreadable_response',
  reason: `the response to ${what} was not a whole one`,
  throttled: false,
});

/** A response read by `read`, which returns undefined, or throws a SyntaxError, where it is not a whole one. */
export function whole<Found extends object>(what: string, read: () => Found | undefined): Found | NotRead {
  try {
    return read() ?? unreadable(what);
  } catch (error) {
    if (error instanceof SyntaxError) return unreadable(what);
    throw error;
  }
}

/**
 * Reads documents in real time, whether they are visible to searches or not. @param sources false: without them
 * @returns by id; those that are not there are left out
 */
export async function readDocuments(
  cluster: ClusterClient,
  index: string,
  ids: readonly string[],
  now: () => number,
  signal: AbortSignal,
  sources = true,
): Promise<ReadonlyMap<string, IndexedDocument> | NotRead> {
  if (ids.length === 0) return new Map();
  try {
    const path = `/${encodeURIComponent(index)}/_mget`;
    const query = sources ? {} : { _source: 'false' };
    const response = await cluster.send({ method: 'POST', path, query, body: JSON.stringify({ ids }) }, signal);
    const failure = classifyRequest(response, now());
    if (failure !== undefined) return notRead(failure, `reading documents of ${index}`);
    // A shard that could not be read says nothing of its documents, which must not count as missing.
    return whole(`reading documents of ${index}`, () => documentsOf(response.text, ids.length));
  } catch (error) {
    return classifyThrown(error, signal);
  }
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
