/**
 * An error made for a person: one clear sentence that says what, where and how to fix it. Everything that the action expects to go
 * wrong ends as one; anything else is a defect and is reported as such.
 */
export class UserError extends Error {
  override name = 'UserError';
  readonly hint: string | undefined;

  /**
   * @param message what went wrong and where, without a full stop at its end
   * @param hint how to fix it
   */
  constructor(message: string, hint?: string, options?: ErrorOptions) {
    super(hint === undefined ? message : `${message}. ${hint}`, options);
    this.hint = hint;
  }
}

/** The job was cancelled: no failure of what was under way, and nothing more is to be changed. */
export class CancelledError extends UserError {
  override name = 'CancelledError';

  constructor(hint = 'The deployed state is consistent; the next run finishes this one') {
    super('The job was cancelled', hint);
  }
}

/** A place in a file of the user's, for annotations. */
export interface Place {
  readonly file: string;
  readonly line?: number;
}

/** `search.yml:3` */
export function placeText({ file, line }: Place): string {
  return line === undefined ? file : `${file}:${line}`;
}

/** One problem of the user's input: an input, a line of the options file, a line of the endpoint file. */
export interface Problem {
  /** The input or key: `memory-size`, `tables.Orders.index`. */
  readonly where: string;
  readonly message: string;
  readonly place?: Place;
}

/** All problems of all inputs and files, reported at once. */
export class InputError extends UserError {
  override name = 'InputError';
  readonly problems: readonly Problem[];

  constructor(problems: readonly Problem[]) {
    super(problems.map(({ place, message }) => `${place === undefined ? '' : `${placeText(place)}: `}${message}`).join('\n'));
    this.problems = problems;
  }
}

/** Any thrown thing as one sentence for the person who reads the log. */
export function failureSentence(error: unknown): string {
  if (error instanceof UserError) return error.message;
  const words = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  return `This is a defect of the action, please report it: ${words}`;
}

/** Waits for all, and puts the problems of all into one error. Any other error comes first. */
export async function collectProblems<T extends readonly unknown[]>(work: { readonly [K in keyof T]: Promise<T[K]> | T[K] }): Promise<T> {
  const results = await Promise.allSettled(work);
  const problems: Problem[] = [];
  for (const result of results) {
    if (result.status === 'fulfilled') continue;
    if (!(result.reason instanceof InputError)) throw result.reason;
    problems.push(...result.reason.problems);
  }
  if (problems.length > 0) throw new InputError(problems);
  return results.map((result) => (result.status === 'fulfilled' ? result.value : undefined)) as unknown as T;
}
