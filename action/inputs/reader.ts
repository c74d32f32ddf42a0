import { nearest } from '../../formats/nearest.ts';
import type { Problem } from '../errors.ts';
import { variablesOf } from './variables.ts';

/** `none` in an input that can be cleared (docs/inputs-and-outputs.md). */
export const CLEAR = Symbol('none');
export type Clearable<T> = T | typeof CLEAR;

/** Where an input's value may come from besides `with:`. */
export interface InputSource {
  /** The environment variable that the predecessor read. */
  readonly fallback?: string;
  /** The value is never shown, whatever is wrong with it. */
  readonly secret?: boolean;
}

/** Whether a text has the form of a setting's name. Other text before a `=` may be part of a secret, so it is never shown. */
export const isKeyLike = (text: string): boolean => /^[A-Z0-9_]{1,40}$/.test(text);

/** A rule for a text: undefined where the text follows it, else what was expected, as the end of "expected …". */
export type Rule = (value: string) => string | undefined;

/** The rule that a text matches `pattern`. */
export function matching(pattern: RegExp, expected: string): Rule {
  return (value) => (pattern.test(value) ? undefined : expected);
}

/**
 * Reads inputs from the environment that the runner, or a shell, sets for an action (`INPUT_<NAME>`), and collects their problems. After a
 * problem the value counts as not set, so that reading goes on and all problems are reported at once.
 */
export class InputReader<Name extends string> {
  readonly problems: Problem[] = [];
  readonly #env: NodeJS.ProcessEnv;
  readonly #sources: Readonly<Record<Name, InputSource>>;
  readonly #defaults: () => Readonly<Record<string, string>>;

  /** @param defaults of action.yml: the runner fills them in for an absent input, but not for one that a caller passed as empty */
  constructor(env: NodeJS.ProcessEnv, sources: Readonly<Record<Name, InputSource>>, defaults: () => Readonly<Record<string, string>>) {
    this.#env = env;
    this.#sources = sources;
    this.#defaults = defaults;
  }

  /** The input without white space around it; undefined where it is not set. An empty text is not set. */
  text(name: Name, rule?: Rule): string | undefined {
    const value = this.#raw(name);
    const expected = value === undefined ? undefined : rule?.(value);
    if (value === undefined || expected === undefined) return value;
    this.problem(name, `expected ${expected}, found ${this.#shown(name, value)}`);
    return undefined;
  }

  clearable<T>(name: Name, read: () => T | undefined): Clearable<T> | undefined {
    return this.#raw(name) === 'none' ? CLEAR : read();
  }

  /** YAML's own booleans, as the runner's toolkit accepts them. */
  boolean(name: Name): boolean {
    const value = this.text(name, matching(/^(?:true|True|TRUE|false|False|FALSE)$/, 'true or false'));
    return value?.toLowerCase() === 'true';
  }

  /** A whole number; `128abc`, `1e3` and `0x80` are not. */
  number(name: Name, { min, max, unit }: { min: number; max: number; unit: string }): number | undefined {
    const value = this.text(name, (text) =>
      /^\d{1,9}$/.test(text) && Number(text) >= min && Number(text) <= max ? undefined : `a whole number from ${min} to ${max} (${unit})`,
    );
    return value === undefined ? undefined : Number(value);
  }

  oneOf<const T extends string>(name: Name, allowed: readonly T[]): T | undefined {
    const value = this.#raw(name);
    const found = allowed.find((one) => one === value);
    if (value === undefined || found !== undefined) return found;
    const near = nearest(value, allowed);
    const hint = near === undefined ? '' : `; did you mean ${near}?`;
    this.problem(
      name,
      `expected ${allowed.slice(0, -1).join(', ')} or ${String(allowed.at(-1))}, found ${this.#shown(name, value)}${hint}`,
    );
    return undefined;
  }

  /** One entry per line, and with `commas` several in one line; without duplicates, in the order of the input. */
  list(name: Name, rule: Rule, { commas = false } = {}): string[] | undefined {
    const value = this.#raw(name);
    if (value === undefined) return undefined;
    const entries = value
      .split(commas ? /[\n,]/ : /\n/)
      .map((entry) => entry.trim())
      .filter((entry) => entry !== '');
    for (const entry of entries) {
      const expected = rule(entry);
      if (expected !== undefined) this.problem(name, `expected ${expected}, found ${this.#shown(name, entry)}`);
    }
    return entries.length === 0 ? undefined : [...new Set(entries)];
  }

  /** `KEY=VALUE` lines; blank lines and lines that begin with `#` are skipped. No value is ever shown. */
  pairs(name: Name, ruleOfKey: Rule, ruleOfValue?: Rule): Record<string, string> | undefined {
    const value = this.#raw(name);
    if (value === undefined) return undefined;
    const pairs = new Map<string, string>();
    for (const [index, line] of value.split(/\r?\n/).entries()) {
      if (line.trim() === '' || line.trimStart().startsWith('#')) continue;
      const at = line.indexOf('=');
      const key = line.slice(0, Math.max(at, 0)).trim();
      if (at < 0 || key === '') {
        this.problem(name, `line ${index + 1} is not of the form KEY=VALUE`);
        continue;
      }
      const text = line.slice(at + 1).trim();
      const expected = ruleOfKey(key);
      if (expected !== undefined) this.problem(name, `line ${index + 1}: expected ${expected}, found ${this.#shownKey(name, key)}`);
      const expectedValue = ruleOfValue?.(text);
      if (expectedValue !== undefined)
        this.problem(name, `line ${index + 1}: the value of ${this.#shownKey(name, key)} must be ${expectedValue}`);
      if (pairs.has(key)) this.problem(name, `line ${index + 1}: ${this.#shownKey(name, key)} is set twice`);
      pairs.set(key, text);
    }
    return Object.fromEntries(pairs);
  }

  /** Whether there is any value, even a wrong one: no second problem is made of a value that already drew one. */
  isSet(name: Name): boolean {
    return this.#raw(name) !== undefined;
  }

  /** Notes a problem of an input; the message begins with the input's name, and with the variable where the value came from one. */
  problem(name: Name, message: string): void {
    const { fallback } = this.#sources[name];
    const from =
      fallback !== undefined && this.#input(name) === '' && this.#fallback(name) !== '' ? ` (from the variable ${fallback})` : '';
    this.problems.push({ where: name, message: `${name}${from}: ${message}` });
  }

  #input(name: Name): string {
    const [runner, shell] = variablesOf(name);
    return (this.#env[runner] ?? '').trim() || (this.#env[shell] ?? '').trim();
  }

  #fallback(name: Name): string {
    const { fallback } = this.#sources[name];
    return fallback === undefined ? '' : (this.#env[fallback] ?? '').trim();
  }

  #raw(name: Name): string | undefined {
    const value = this.#input(name) || this.#fallback(name) || (this.#defaults()[name] ?? '');
    return value === '' ? undefined : value;
  }

  /** The text before a `=` may be the end of a secret that ran over several lines. */
  #shownKey(name: Name, key: string): string {
    return isKeyLike(key) ? quoted(key) : this.#shown(name, key);
  }

  #shown(name: Name, value: string): string {
    return this.#sources[name].secret === true ? 'another value' : quoted(value);
  }
}

/** A found value for a message: on one line, and not longer than a line. */
export function quoted(value: string): string {
  return JSON.stringify(value.length > 80 ? `${value.slice(0, 80)}…` : value);
}
