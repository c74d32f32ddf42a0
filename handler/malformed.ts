/**
 * A record that can never be written as it is: refused by the product's own shaping, by a transform or by the engine. The reason
 * is for a person and says what to do; it may name attributes, never quote their values.
 */
export class MalformedRecord extends Error {
  override name = 'MalformedRecord';
  /** HTTP status of the engine's answer, where the engine refused it. */
  readonly status: number | undefined;
  /** The engine's type of error, or a word of the product's own. */
  readonly type: string;
  /** What may quote the document, such as a transform's own message: for the dead letter, never for a log. */
  readonly detail: string | undefined;

  constructor(type: string, reason: string, status?: number, detail?: string) {
    super(reason);
    this.detail = detail;
    this.type = type;
    this.status = status;
  }

  /** For logs: the engine's reasons quote values of the document, the product's own never do. */
  get loggable(): string {
    return this.status === undefined ? this.message : withoutValues(this.message);
  }
}

/**
 * What was thrown for one record, as its malformation: also a defect of the product's own that this record meets costs the record
 * alone, which a dead letter keeps, and neither its batch nor the stream behind it.
 */
export function malformedBy(error: unknown): MalformedRecord {
  if (error instanceof MalformedRecord) return error;
  const { name, message } = error instanceof Error ? error : new Error(String(error));
  return new MalformedRecord(
    'shaping_failed',
    `the function failed on this record (${name}); report it with the record's types, and redrive the record with a release that mends it`,
    undefined,
    message,
  );
}

/**
 * An engine's reason without what it quotes of the document, for logs: `failed to parse field [price] of type [double]`. The type
 * and the field stay, values and ids go.
 */
export const withoutValues = (reason: string): string => unquoted(reason).slice(0, 300).trim();

/** Characters of a reason that are looked at: it may quote a whole item, and has said by then what it is about. */
const LENGTH = 2000;

/** The beginning of an engine's reason, at its full length, without values and ids. */
export function unquoted(reason: string): string {
  // Quotes and brackets that are open where it is cut are closed, so that a pattern finds the end of what it takes out.
  const beginning = reason.length <= LENGTH ? reason : `${reason.slice(0, LENGTH)}"'.].`;
  return (
    beginning
      // Of a shard's troubles the engine tells with the whole request, documents included.
      .replace(/[,:]? ?request: \[?Bulk[\s\S]*|\bcontaining \[(?:index|delete|create|update) [\s\S]*|\bsource\[[\s\S]*/, '')
      // All that follows the field and its type is about the value.
      .replace(/(failed to parse field \[[^\]]*\] of type \[[^\]]*\])[\s\S]*/, '$1.')
      .replace(/ ?\bin document with id '[\s\S]*?'(?=\.|,|:|$)/g, '')
      .replace(/Preview of field's value:[\s\S]*/, '')
      .replace(/\b(date field|geohash|join name|value|input|token|term) \[[\s\S]*?\](?=[\s,.;:]|$)/gi, '$1 […]')
      .replace(/(field=)?"[^"]*"/g, (quoted, field?: string) => (field === undefined ? '"…"' : quoted))
      .replace(/(?<!\w)'[\s\S]*?'(?!\w)/g, "'…'")
  );
}
