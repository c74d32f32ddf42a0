// Parses the error of an engine: its own type and reason, and those of its causes.
import type { ClusterResponse } from './client.ts';

/** One error of a chain; empty if it has no text. The reason may quote values of the document. */
export interface ErrorLevel {
  readonly type: string;
  readonly reason: string;
}

export interface EngineError extends ErrorLevel {
  /** The error and its causes, outermost first, each with its own reason alone. */
  readonly levels: readonly ErrorLevel[];
}

/** A type is a name, and goes to the log. */
const MAX_TYPE_CHARACTERS = 200;
/** Of a reason, or of a cause: it may quote a whole document, and names its subject at its beginning or its end. */
const MAX_REASON_START_CHARACTERS = 9_000;
const MAX_REASON_END_CHARACTERS = 1_000;
/** Depth of causes that are read; engines have three or four. */
const MAX_CAUSES = 10;

const cut = (reason: string): string =>
  reason.length <= MAX_REASON_START_CHARACTERS + MAX_REASON_END_CHARACTERS
    ? reason
    : `${reason.slice(0, MAX_REASON_START_CHARACTERS)} … ${reason.slice(-MAX_REASON_END_CHARACTERS)}`;

/** Type and reason of an error response: JSON of the engine, or text of a proxy in front of it. Only an engine's error has a type. */
export function errorOf(response: ClusterResponse): EngineError {
  try {
    const { error, Message, message } = JSON.parse(response.text) as Record<string, unknown>;
    if (error !== undefined) return engineError(error);
    const words = Message ?? message;
    return single(typeof words === 'string' ? words.slice(0, 500) : '');
  } catch {
    return single(
      response.text
        .slice(0, 10_000)
        .replace(/<[^<>]*>|\s+/g, ' ')
        .trim()
        .slice(0, 500),
    );
  }
}

const single = (reason: string): EngineError => ({ type: '', reason, levels: [{ type: '', reason }] });

/** Type and reason of an engine's error, with the reasons of its causes if they say more. */
export function engineError(error: unknown): EngineError {
  const levels: ErrorLevel[] = [];
  for (let level = error; level !== undefined && levels.length <= MAX_CAUSES;) {
    const { type, reason, caused_by: cause } = (typeof level === 'object' && level !== null ? level : {}) as Record<string, unknown>;
    const words = typeof level === 'string' ? level : reason;
    levels.push({
      type: typeof type === 'string' ? type.slice(0, MAX_TYPE_CHARACTERS) : '',
      reason: typeof words === 'string' ? cut(words) : '',
    });
    level = cause;
  }
  const reason = levels.reduceRight((inner, { reason: outer }) => {
    if (outer === '' || inner === '') return outer + inner;
    return outer.includes(inner) ? outer : `${outer}: ${inner}`;
  }, '');
  return { type: levels[0]?.type ?? '', reason: cut(reason), levels };
}
