import { namesAlone } from '../telemetry/redaction.ts';

/**
 * A record that can never be written as it is: refused by the product's own shaping, by a transform or by the engine. The reason
 * is for a person and says how to fix it; it may name attributes, never quote their values.
 */
export class MalformedRecord extends Error {
  override name = 'MalformedRecord';
  /** HTTP status of the engine's response, if the engine refused it. */
  readonly status: number | undefined;
  /** The engine's type of error, or one of the product's own. */
  readonly type: string;
  /** Text that may quote the document, such as a transform's own message: for the dead letter, never for a log. */
  readonly detail: string | undefined;

  constructor(type: string, reason: string, status?: number, detail?: string) {
    super(reason);
    this.detail = detail;
    this.type = type;
    this.status = status;
  }

  /** For logs: the engine's reasons quote values of the document, the product's own never do. */
  get loggable(): string {
    if (this.status === undefined) return this.message;
    return this.message.startsWith(REFUSED) ? REFUSED + namesAlone(this.message.slice(REFUSED.length)) : namesAlone(this.message);
  }
}

/**
 * Turns any error thrown for one record into a malformed record: even a defect of the product affects this record alone, which is
 * stored as a dead letter, and neither its batch nor the stream behind it.
 */
export function malformedBy(error: unknown): MalformedRecord {
  if (error instanceof MalformedRecord) return error;
  const { name, message } = error instanceof Error ? error : new Error(String(error));
  return new MalformedRecord(
    'shaping_failed',
    `the function failed on this record (${name}); report it with the record's types, and redrive the record with a release that fixes it`,
    undefined,
    message,
  );
}

/** The beginning of the reason for a document that the engine refused. */
const REFUSED = 'the cluster refuses the document: ';

/** A document that the engine refused. */
export function refusedByCluster({ type, reason, status }: { type: string; reason: string; status: number }): MalformedRecord {
  return new MalformedRecord(type, REFUSED + reason, status);
}
