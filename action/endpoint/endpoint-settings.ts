// The settings of an endpoint file, and the problems and warnings about them.
import { nearest } from '../../formats/nearest.ts';
import type { Place, Problem } from '../errors.ts';
import { isKeyLike } from '../inputs/reader.ts';
import { parseSettings } from './key-value-file.ts';

export const KEYS = [
  'ES_ENDPOINT',
  'ES_AUTH',
  'ES_USERNAME',
  'ES_PASSWORD',
  'ES_API_KEY',
  'ES_SECRET_ARN',
  'ES_REGION',
  'ES_SERVICE',
  'ES_CA',
  'ES_ALLOW_HTTP',
] as const;
export type Key = (typeof KEYS)[number];

/** The settings of one file while they are checked: each part is read once, and its problems are noted with their lines. */
export class EndpointSettings {
  readonly problems: Problem[] = [];
  readonly warnings: Problem[] = [];
  /** Keys that resemble a known one: a warning, and a part of the error where something is wrong. */
  readonly misspelt: Problem[] = [];
  /** The values that releases read otherwise which left backslashes in double quotes alone. */
  readonly former: { readonly key: string; readonly place: Place }[] = [];
  /** Where ES_ENDPOINT most likely is, under another name. */
  endpointLike: { readonly shown: string; readonly line: number; readonly isName: boolean } | undefined;
  readonly source: string;
  readonly #values = new Map<string, { value: string; line: number | undefined }>();

  constructor(text: string, source: string, formerly: boolean) {
    this.source = source;
    const bare = text.replace(/^\uFEFF/, '').trim();
    if (/^[a-z][a-z0-9+.-]*:\/\/\S*$/i.test(bare)) {
      this.#values.set('ES_ENDPOINT', { value: bare, line: undefined });
      return;
    }
    const { settings, problems } = parseSettings(text);
    for (const { line, message } of problems) this.problems.push({ where: 'ES_ENDPOINT', message, place: { file: source, line } });
    for (const { key, value: present, former, line } of settings) {
      const value = formerly ? (former ?? present) : present;
      const first = this.#values.get(key);
      if (first !== undefined) {
        this.problems.push({ where: key, message: `${key} is set twice; remove one of them`, place: { file: source, line } });
      } else if ((KEYS as readonly string[]).includes(key)) {
        if (value !== '') this.#values.set(key, { value, line });
        if (former !== undefined) this.former.push({ key, place: { file: source, line } });
      } else {
        const near = nearest(key, KEYS);
        const hint = near === undefined ? `the keys are ${KEYS.join(', ')}` : `did you mean ${near}?`;
        const shown = near !== undefined || isKeyLike(key) ? `the key ${key}` : 'this key';
        const note = { where: 'ES_ENDPOINT', message: `${shown} is not known and not used; ${hint}`, place: { file: source, line } };
        (near === undefined ? this.warnings : this.misspelt).push(note);
        const isName = near === 'ES_ENDPOINT';
        if ((isName || isAddress(key, value)) && (this.endpointLike === undefined || (isName && !this.endpointLike.isName)))
          this.endpointLike = { shown, line, isName };
      }
    }
  }

  get(key: Key): string | undefined {
    return this.#values.get(key)?.value;
  }

  note(list: Problem[], key: Key, message: string): void {
    const line = this.#values.get(key)?.line;
    list.push({ where: key, message, place: { file: this.source, ...(line === undefined ? {} : { line }) } });
  }

  problem(key: Key, message: string): void {
    this.note(this.problems, key, message);
  }

  oneOf<const T extends string>(key: Key, allowed: readonly T[]): T | undefined {
    const value = this.get(key);
    const found = allowed.find((one) => one === value);
    if (value !== undefined && found === undefined) {
      const near = nearest(value, allowed);
      this.problem(key, `${key} must be ${allowed.join(', ')}${near === undefined ? '' : `; did you mean ${near}?`}`);
    }
    return found;
  }
}

/** Whether an unknown key may have the cluster's address, by its name or its value. */
function isAddress(key: string, value: string): boolean {
  return /^https?:\/\//i.test(value) || /(?:^|[_.-])(?:endpoint|ur[il]|hosts?|domain|cluster)(?:[_.-]|$)/i.test(key);
}
