// The error of an engine, taken apart: what it says itself, and what it says of its causes.
import type { EngineAnswer } from './client.ts';

/** One error of a chain; empty where it says nothing. The reason may quote values of the document. */
export interface ErrorLevel {
  readonly type: string;
  readonly reason: string;
}

export interface EngineError extends ErrorLevel {
  /** The error and its causes, outermost first, each with its own reason alone. */
  readonly levels: readonly ErrorLevel[];
}

/** Characters of a type: it is a name, and goes to the log. */
const TYPE_LIMIT = 200;
/** Characters of a reason, or of a cause: it may quote a whole document, and what it is about stands at its beginning or its end. */
const REASON_START = 9_000;
const REASON_END = 1_000;
/** Causes of causes that are read; engines have three or four. */
const CAUSES_LIMIT = 10;

const cut = (reason: string): string =>
  reason.length <= REASON_START + REASON_END ? reason : `${reason.slice(0, REASON_START)} … ${reason.slice(-REASON_END)}`;

/** Type and reason of an error response: JSON of the engine, or text of whatever is before it. Only an engine's error has a type. */
export function errorOf(answer: EngineAnswer): EngineError {
  try {
    const { error, Message, message } = JSON.parse(answer.text) as Record<string, unknown>;
    if (error !== undefined) return engineError(error);
    const words = Message ?? message;
    return single(typeof words === 'string' ? words.slice(0, 500) : '');
  } catch {
    return single(
      answer.text
        .slice(0, 10_000)
        .replace(/<[^<>]*>|\s+/g, ' ')
        .trim()
        .slice(0, 500),
    );
  }
}

const single = (reason: string): EngineError => ({ type: '', reason, levels: [{ type: '', reason }] });

/** Type and reason of an engine's error, with the reasons of what caused it where they say more. */
export function engineError(error: unknown): EngineError {
  const levels: ErrorLevel[] = [];
  for (let level = error; level !== undefined && levels.length <= CAUSES_LIMIT;) {
    const { type, reason, caused_by: cause } = (typeof level === 'object' && level !== null ? level : {}) as Record<string, unknown>;
    const words = typeof level === 'string' ? level : reason;
    levels.push({
      type: typeof type === 'string' ? type.slice(0, TYPE_LIMIT) : '',
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
