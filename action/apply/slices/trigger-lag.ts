// Slices wait while the function's triggers lag behind their streams: the changes of users come first.
import { failureSentence } from '../../errors.ts';
import { hasSessionEnded, isDenied } from '../../aws/errors.ts';
import { readIteratorAge } from '../../aws/iterator-age.ts';
import type { Aws } from '../../aws/session.ts';

/** ms: triggers that are further behind make slices wait, in an execution of AWS Step Functions too (docs/cloudformation/state-machine.yml). */
export const MAX_AGE_MS = 5 * 60_000;
/** ms: CloudWatch has one value a minute. */
const READ_EVERY_MS = 60_000;

/** The iterator age of a function's triggers, read once a minute. */
export class TriggerLag {
  readonly #aws: Aws;
  readonly #functionName: string;
  readonly #warn: (message: string) => void;
  #age = 0;
  #readAt = -Infinity;
  #isWarned = false;

  /** @param warn called once where the age can't be read: the run goes on without waiting */
  constructor(aws: Aws, functionName: string, warn: (message: string) => void) {
    this.#aws = aws;
    this.#functionName = functionName;
    this.#warn = warn;
  }

  /** ms; 0 where the triggers have read nothing lately, or their age can't be read. @throws {CancelledError} */
  async age(): Promise<number> {
    const { clock, signal } = this.#aws;
    if (clock.now() - this.#readAt < READ_EVERY_MS) return this.#age;
    this.#readAt = clock.now();
    try {
      this.#age = (await readIteratorAge(this.#aws, this.#functionName)) ?? 0;
    } catch (error) {
      signal.throwIfAborted();
      this.#age = 0;
      // The next invocation meets it as well, and ends the run.
      if (hasSessionEnded(error)) return 0;
      // A permission stays missing.
      if (isDenied(error)) this.#readAt = Infinity;
      if (!this.#isWarned)
        this.#warn(
          `The run does not wait for triggers that are behind their streams, because their iterator age cannot be read: ${failureSentence(error)}`,
        );
      this.#isWarned = true;
    }
    return this.#age;
  }

  /** Why slices wait now; undefined: they don't. @throws {CancelledError} */
  async reason(): Promise<string | undefined> {
    const age = await this.age();
    return age <= MAX_AGE_MS
      ? undefined
      : `no new part is begun, because the triggers of the function are ${Math.round(age / 60_000)} minutes behind`;
  }
}
