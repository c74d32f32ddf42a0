import { logText } from '../log-text.ts';

/** Characters: a shorter secret is not hidden, because its characters occur everywhere. */
const MIN_SECRET_CHARACTERS = 4;
const HIDDEN = '***';

/**
 * Text that may leave the run: without secrets, control characters and workflow commands. Log, annotations, summary, comment and outputs
 * all get their values from here, each before it is escaped for where it goes: an escaped secret would no longer be found.
 */
export class Redaction {
  /** The secrets in every spelling that a value from outside may have them in. */
  readonly #spellings = new Set<string>();

  /** Hides a secret in every text that is produced from now on. */
  hide(secret: string): void {
    for (const spelling of spellingsOf(secret)) if (spelling.length >= MIN_SECRET_CHARACTERS) this.#spellings.add(spelling);
  }

  text(text: string): string {
    // Characters that nobody sees may part a secret: once they are gone it is looked for again.
    return this.#hidden(logText(this.#hidden(text)));
  }

  /** A value of JSON, each text and key in it by itself: hiding a secret such as `1` in the whole would not leave valid JSON. */
  value<T>(value: T): T {
    return this.#value(value) as T;
  }

  #value(value: unknown): unknown {
    if (typeof value === 'string') return this.text(value);
    if (typeof value === 'number') return this.#hidden(String(value)) === String(value) ? value : HIDDEN;
    if (Array.isArray(value)) return value.map((entry) => this.#value(entry));
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([key, entry]) => [this.text(key), this.#value(entry)]));
  }

  /** Secrets that overlap leave nothing of each other. */
  #hidden(text: string): string {
    const found = [...this.#spellings].flatMap((spelling) => [...placesOf(spelling, text), ...cutPlacesOf(spelling, text)]);
    if (found.length === 0) return text;
    let clean = '';
    let end = 0;
    for (const [from, to] of found.sort(([a], [b]) => a - b)) {
      if (from >= end) clean += `${text.slice(end, from)}${HIDDEN}`;
      end = Math.max(end, to);
    }
    return clean + text.slice(end);
  }
}

type Place = readonly [from: number, to: number];

function placesOf(spelling: string, text: string): Place[] {
  const places: Place[] = [];
  for (let at = text.indexOf(spelling); at >= 0; at = text.indexOf(spelling, at + 1)) places.push([at, at + spelling.length]);
  return places;
}

/** Where a text was cut within a secret, which `…` shows: the rest of it, if that is a third or more. */
function cutPlacesOf(spelling: string, text: string): Place[] {
  const places: Place[] = [];
  const least = Math.max(MIN_SECRET_CHARACTERS, Math.ceil(spelling.length / 3));
  for (let mark = text.indexOf('…'); mark >= 0; mark = text.indexOf('…', mark + 1)) {
    for (let length = Math.min(spelling.length - 1, mark); length >= least; length -= 1) {
      if (!text.startsWith(spelling.slice(0, length), mark - length)) continue;
      places.push([mark - length, mark]);
      break;
    }
  }
  return places;
}

/**
 * As it is, and as JSON (also within a text of JSON), a URL or base64 carry it; on one line too, as an error of AWS is shown, since line
 * feeds and tabs may be in a secret.
 */
function spellingsOf(secret: string): string[] {
  const json = JSON.stringify(secret).slice(1, -1);
  const wellFormed = secret.toWellFormed();
  const urls = [encodeURIComponent(wellFormed), encodeURI(wellFormed)];
  const base64 = Buffer.from(secret).toString('base64');
  return [
    ...[secret, secret.replace(/\s+/g, ' ').trim(), json, JSON.stringify(json).slice(1, -1)],
    ...urls.flatMap((url) => [url, url.replace(/%[0-9A-F]{2}/g, (code) => code.toLowerCase())]),
    ...[base64, base64.replace(/(?<!=)=+$/, ''), Buffer.from(secret).toString('base64url')],
  ];
}
