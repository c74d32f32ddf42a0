// What the demo prints: numbered steps, lines with the time, and a sign of life while a step takes long.

/** ms without a line before one says what is being waited for. */
const QUIET_MS = 1_500;

export class Narrator {
  readonly #began = Date.now();
  #said = Date.now();
  #steps = 0;
  #activity: string | (() => string) = '';
  readonly #timer: NodeJS.Timeout;

  readonly #print: (line: string) => void;

  constructor(
    print: (line: string) => void = (line) => {
      console.log(line);
    },
  ) {
    this.#print = print;
    this.#timer = setInterval(() => {
      if (this.#activity === '' || Date.now() - this.#said < QUIET_MS) return;
      this.say(`… ${typeof this.#activity === 'string' ? this.#activity : this.#activity()}`);
    }, 250);
    this.#timer.unref();
  }

  /** A line with the seconds since the beginning. */
  say(line: string): void {
    this.#said = Date.now();
    this.#print(`[${((Date.now() - this.#began) / 1000).toFixed(1).padStart(5)} s] ${line}`);
  }

  /** Begins a step. @param look what to look at in it */
  step(title: string, look: string): void {
    this.#steps += 1;
    this.#said = Date.now();
    this.#print(`\n== ${this.#steps}. ${title}\n   ${look}`);
  }

  /** Names what is being waited for, until it is there. @param activity called for each line */
  async during<Result>(activity: string | (() => string), work: Promise<Result>): Promise<Result> {
    const outer = this.#activity;
    this.#activity = activity;
    try {
      return await work;
    } finally {
      this.#activity = outer;
    }
  }

  /** A text as it came from elsewhere. */
  quote(text: string): void {
    this.#said = Date.now();
    for (const line of text.trimEnd().split('\n')) this.#print(`          ${line}`);
  }

  /** No more signs of life. */
  end(): void {
    clearInterval(this.#timer);
  }
}
