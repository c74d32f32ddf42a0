// Documents read by their ids, as they were written.
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

/** Reads documents in real time, whether they are visible to searches or not. @returns by id; those that are not there are left out */
export async function readDocuments(
  cluster: ClusterClient,
  index: string,
  ids: readonly string[],
  now: () => number,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, IndexedDocument> | NotRead> {
  if (ids.length === 0) return new Map();
  try {
    const request = { method: 'POST', path: `/${encodeURIComponent(index)}/_mget`, body: JSON.stringify({ ids }) } as const;
    const response = await cluster.send(request, signal);
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
  let responses = 0;
  const documents = new Map<string, IndexedDocument>();
  const scanner = new Scanner(text);
  for (const member of scanner.members()) {
    if (member !== 'docs') {
      scanner.skip();
      continue;
    }
    for (const _ of scanner.items()) {
      // The texts of its members: numbers keep their digits, and a source its form.
      const member: Record<string, string | undefined> = {};
      for (const name of scanner.members()) member[name] = scanner.skip();
      const { _id = 'null', _version = '', _seq_no = '', _source, found, error } = member;
      // An index that does not exist has no documents; a shard that could not be read says nothing of its own.
      if (error === undefined ? found === undefined : !isMissingIndex(JSON.parse(error))) return undefined;
      responses++;
      const id = JSON.parse(_id) as unknown;
      if (found === 'true' && typeof id === 'string')
        documents.set(id, { id, version: _version, sequenceNumber: _seq_no, source: _source });
    }
  }
  return responses === requested ? documents : undefined;
}

const isMissingIndex = (error: unknown): boolean =>
  typeof error === 'object' && error !== null && (error as { type?: unknown }).type === 'index_not_found_exception';

const [QUOTE, BACKSLASH, OPEN_BRACE, CLOSE_BRACE, OPEN_BRACKET, CLOSE_BRACKET] = [0x22, 0x5c, 0x7b, 0x7d, 0x5b, 0x5d];

/** Whether a scalar, or the outermost value, is over at a place. */
const isEnd = (text: string, at: number): boolean => at >= text.length || ',}] \n\r\t'.includes(text.charAt(at));

/** The place after the string that begins at one. @throws {SyntaxError} */
function afterString(text: string, from: number): number {
  for (let at = from + 1; ;) {
    const quote = text.indexOf('"', at);
    if (quote < 0) throw new SyntaxError('the text ends within a string');
    let backslashes = 0;
    while (text.charCodeAt(quote - 1 - backslashes) === BACKSLASH) backslashes++;
    at = quote + 1;
    if (backslashes % 2 === 0) return at;
  }
}

/** Walks over a JSON text that is known to be one, member by member, without taking its values apart. */
class Scanner {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  /** The names of the members of the object that begins here; each value must be skipped or walked over before the next. */
  *members(): Generator<string> {
    for (const _ of this.#elements('{', '}')) {
      const name = this.#string();
      this.#space();
      this.#at++;
      yield JSON.parse(name) as string;
    }
  }

  /** The items of the list that begins here, likewise. */
  *items(): Generator<undefined> {
    yield* this.#elements('[', ']');
  }

  *#elements(open: string, close: string): Generator<undefined> {
    this.#space();
    if (this.#text[this.#at] !== open) throw new SyntaxError(`expected ${open} at ${this.#at}`);
    this.#at++;
    this.#space();
    while (this.#text[this.#at] !== close) {
      if (this.#at >= this.#text.length) throw new SyntaxError('the text ends within a value');
      yield undefined;
      this.#space();
      if (this.#text[this.#at] === ',') this.#at++;
      this.#space();
    }
    this.#at++;
  }

  /** The text of the value that begins here. */
  skip(): string {
    this.#space();
    const text = this.#text;
    const from = this.#at;
    let at = from;
    let depth = 0;
    do {
      const code = text.charCodeAt(at);
      if (Number.isNaN(code)) throw new SyntaxError('the text ends within a value');
      if (code === QUOTE) {
        at = afterString(text, at);
        continue;
      }
      if (code === OPEN_BRACE || code === OPEN_BRACKET) depth++;
      else if (code === CLOSE_BRACE || code === CLOSE_BRACKET) depth--;
      at++;
    } while (depth > 0 || !isEnd(text, at));
    this.#at = at;
    return text.slice(from, at);
  }

  #string(): string {
    const from = this.#at;
    if (this.#text.charCodeAt(from) !== QUOTE) throw new SyntaxError(`expected a string at ${from}`);
    this.#at = afterString(this.#text, from);
    return this.#text.slice(from, this.#at);
  }

  #space(): void {
    while (' \n\r\t'.includes(this.#text[this.#at] ?? 'x')) this.#at++;
  }
}
