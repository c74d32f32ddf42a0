import { isKeyLike } from '../inputs/reader.ts';

/** A line `KEY='value'` of a settings file. */
export interface Setting {
  readonly key: string;
  readonly value: string;
  /** 1 for the first line of the file. */
  readonly line: number;
}

/** A line that is none. What stands in it is not shown: it may be a secret. */
export interface BadLine {
  readonly line: number;
  readonly message: string;
}

const ASSIGNMENT = /^\s*(?:export\s+)?([A-Za-z_][\w.-]*)\s*=\s*(.*)$/;
const QUOTES = ["'''", '"""', "'", '"'];

/**
 * Takes a settings file apart as Python, a shell and dotenv agree on it: `KEY='value'`, `KEY="value"` or `KEY=value`, `export` before
 * it, comments, blank lines, any line ends, a byte order mark. Values are data: nothing in them is evaluated or unescaped. A value runs
 * over several lines between triple quotes, or where it begins as a certificate does.
 */
export function parseSettings(text: string): { settings: Setting[]; problems: BadLine[] } {
  const lines = text.replace(/^\uFEFF/, '').split(/\r\n|\n|\r/);
  const settings: Setting[] = [];
  const problems: BadLine[] = [];
  for (let at = 0; at < lines.length; at++) {
    const line = at + 1;
    const content = lines[at] ?? '';
    if (/^\s*(?:#|$)/.test(content)) continue;
    const [, key, rest] = ASSIGNMENT.exec(content) ?? [];
    if (key === undefined || rest === undefined) {
      problems.push({ line, message: "this line is neither KEY='value' nor a comment; fix or remove it" });
      continue;
    }
    const quote = QUOTES.find((one) => rest.startsWith(one) && (one.length === 1 || rest !== `${one[0] ?? ''}${one[0] ?? ''}`));
    if (quote === undefined) {
      settings.push({ key, value: rest.replace(/(?:^|(?<!\s)\s+)#.*$/, '').trim(), line });
      continue;
    }
    const isOpenEnded = quote.length === 3 || rest.startsWith('-----BEGIN', quote.length);
    const closed = upToQuote(quote, [rest.slice(quote.length), ...(isOpenEnded ? lines.slice(at + 1) : [])]);
    if (closed === undefined) {
      problems.push({ line, message: `the quote of ${isKeyLike(key) ? key : 'this key'} is not closed at the end of the value` });
      // What follows is the rest of a certificate, not lines of its own.
      if (isOpenEnded) break;
      continue;
    }
    settings.push({ key, value: closed.value, line });
    at += closed.lines - 1;
  }
  return { settings, problems };
}

/** The value before the first `quote` that ends it: one with nothing but a comment after it, so that `'it's'` is `it's`. */
function upToQuote(quote: string, lines: readonly string[]): { value: string; lines: number } | undefined {
  for (const [index, line] of lines.entries()) {
    for (let end = line.indexOf(quote); end >= 0; end = line.indexOf(quote, end + 1)) {
      if (!/^\s*(?:#.*)?$/.test(line.slice(end + quote.length))) continue;
      return { value: [...lines.slice(0, index), line.slice(0, end)].join('\n'), lines: index + 1 };
    }
  }
  return undefined;
}
