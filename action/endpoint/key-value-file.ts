import { isKeyLike } from '../inputs/reader.ts';

/** A line `KEY='value'` of a settings file. */
export interface Setting {
  readonly key: string;
  readonly value: string;
  /** The value as an earlier release read it, which kept backslashes in double quotes; undefined: it is the same. */
  readonly former?: string;
  /** 1 for the first line of the file. */
  readonly line: number;
}

/** A line that is not a setting. Its content is not shown: it may be a secret. */
export interface BadLine {
  readonly line: number;
  readonly message: string;
}

const ASSIGNMENT = /^\s*(?:export\s+)?([A-Za-z_][\w.-]*)\s*=(.*)$/s;
const QUOTES = ["'''", '"""', "'", '"'];

/**
 * Parses a settings file as Python, a shell and dotenv agree on it: `KEY='value'`, `KEY="value"` or `KEY=value`, `export` before
 * it, comments, blank lines, any line ends, a byte order mark. Values are data, and nothing in them is evaluated. In double quotes `\"`,
 * `\\`, `\n` and `\t` are a quote, a backslash, a line feed and a tab, as Python and dotenv read them, and any other backslash stays; in
 * single quotes and without quotes all do. A value runs over several lines between triple quotes, or where it begins as a certificate
 * does.
 */
export function parseSettings(text: string): { settings: Setting[]; problems: BadLine[] } {
  const lines = text.replace(/^\uFEFF/, '').split(/\r\n|\n|\r/);
  const settings: Setting[] = [];
  const problems: BadLine[] = [];
  for (let at = 0; at < lines.length; at++) {
    const line = at + 1;
    const content = lines[at] ?? '';
    if (/^\s*(?:#|$)/.test(content)) continue;
    const [, key, assigned] = ASSIGNMENT.exec(content) ?? [];
    const rest = assigned?.trimStart();
    if (key === undefined || rest === undefined) {
      problems.push({ line, message: strayMessage(content) });
      continue;
    }
    const quote = QUOTES.find((one) => rest.startsWith(one) && (one.length === 1 || rest !== `${one[0] ?? ''}${one[0] ?? ''}`));
    if (quote === undefined) {
      settings.push({ key, value: rest.replace(/(?:^|(?<!\s)\s+)#.*$/, '').trim(), line });
      continue;
    }
    const isOpenEnded = quote.length === 3 || rest.startsWith('-----BEGIN', quote.length);
    const inside = [rest.slice(quote.length), ...(isOpenEnded ? lines.slice(at + 1) : [])];
    const escapes = quote.startsWith('"');
    const closed = upToQuote(quote, inside, escapes);
    const former = escapes ? upToQuote(quote, inside, false) : undefined;
    if (closed === undefined) {
      const name = isKeyLike(key) ? key : 'this key';
      const hint =
        former === undefined ? '' : '; \\" is a quote inside of it: write \\\\ for a backslash, or put the value in single quotes';
      problems.push({ line, message: `the quote of ${name} is not closed at the end of the value${hint}` });
      // The following lines are the rest of a certificate, not settings.
      if (isOpenEnded) break;
      continue;
    }
    const value = escapes ? unescaped(closed.value) : closed.value;
    settings.push({ key, value, line, ...(former === undefined || former.value === value ? {} : { former: former.value }) });
    at += closed.lines - 1;
  }
  return { settings, problems };
}

/** `ES_ENDPOINT: https://…`, as YAML and JSON have it. Of any other line nothing is shown. */
function strayMessage(line: string): string {
  const [, key] = /^\s*(?:[-{,]\s*)?["']?(ES_[A-Z_]{1,37})["']?\s*:/.exec(line) ?? [];
  if (key === undefined) return "this line is neither KEY='value' nor a comment; fix or remove it";
  return `this line has ${key} as YAML or JSON would; write ${key}='value', with an equals sign`;
}

/**
 * The value before the first `quote` that ends it: one with nothing but a comment after it, so that `'it's'` is `it's`.
 * @param escapes whether a quote after a backslash is a part of the value
 */
function upToQuote(quote: string, lines: readonly string[], escapes: boolean): { value: string; lines: number } | undefined {
  for (const [index, line] of lines.entries()) {
    for (let end = 0; end < line.length; end++) {
      if (escapes && line.charAt(end) === '\\') end++;
      else if (line.startsWith(quote, end) && /^\s*(?:#.*)?$/.test(line.slice(end + quote.length)))
        return { value: [...lines.slice(0, index), line.slice(0, end)].join('\n'), lines: index + 1 };
    }
  }
  return undefined;
}

const ESCAPED: Readonly<Record<string, string>> = { n: '\n', t: '\t' };

function unescaped(text: string): string {
  return text.replace(/\\(["\\nt])/g, (_, character: string) => ESCAPED[character] ?? character);
}
