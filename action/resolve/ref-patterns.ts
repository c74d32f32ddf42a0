/** A branch or tag, without `refs/…/`. */
export interface Ref {
  readonly kind: 'branch' | 'tag';
  readonly name: string;
}

/** `refs/heads/main`, `refs/tags/v1`; undefined for any other ref, such as that of a pull request. */
export function parseRef(ref: string): Ref | undefined {
  const [, kind, name] = /^refs\/(heads|tags)\/(.+)$/.exec(ref) ?? [];
  return name === undefined ? undefined : { kind: kind === 'heads' ? 'branch' : 'tag', name };
}

/**
 * Whether a name fits patterns as in GitHub's `branches` and `tags` filters: in their order, a later one wins, and one that
 * begins with `!` excludes names that an earlier one includes.
 */
export function matchesPatterns(name: string, patterns: readonly string[]): boolean {
  return patterns.reduce(
    (matches, pattern) =>
      pattern.startsWith('!')
        ? matches && !patternExpression(pattern.slice(1)).test(name)
        : matches || patternExpression(pattern).test(name),
    false,
  );
}

/**
 * A pattern as a regular expression. Rules: GitHub's "Filter pattern cheat sheet": `*` any characters but `/`, `**` any characters, `?`
 * and `+` repeat the character before them, `[...]` one of a set, `\` escapes the next character.
 * @throws {Error} with the problem, where it is not a valid pattern
 */
export function patternExpression(pattern: string): RegExp {
  let expression = '';
  let repeatable = false;
  for (let at = 0; at < pattern.length; at++) {
    const character = pattern.charAt(at);
    if (character === '\\') {
      at++;
      if (at === pattern.length) throw new Error('a \\ is at its end');
      expression += escaped(pattern.charAt(at));
    } else if (character === '*') {
      const isDouble = pattern.charAt(at + 1) === '*';
      if (isDouble) at++;
      expression += isDouble ? '.*' : '[^/]*';
    } else if (character === '?' || character === '+') {
      if (!repeatable) throw new Error(`a ${character} has no character before it to repeat`);
      expression += character;
    } else if (character === '[') {
      const end = pattern.indexOf(']', at);
      const set = pattern.slice(at + 1, end);
      if (end < 0 || !/^(?:[A-Za-z0-9_.]-[A-Za-z0-9_.]|[A-Za-z0-9_.])+$/.test(set))
        throw new Error('a [ does not begin a set of letters and digits');
      expression += `[${set}]`;
      at = end;
    } else {
      expression += escaped(character);
    }
    repeatable = !['*', '?', '+'].includes(character);
  }
  try {
    return new RegExp(`^${expression}$`, 's');
  } catch {
    throw new Error('a range in [ ] runs backwards');
  }
}

/** A pushed tag that is a prerelease by semantic versioning (semver.org, rule 9); a date such as `v2026.11.26-1` is not. */
export function isPrerelease(tag: string): boolean {
  const version = versionOf(tag);
  return version !== undefined && !(version.isDate && /^-\d+(?:\+|$)/.test(tag.slice(version.end)));
}

/** The name that a tag has without what follows its version or date, `v2.0.0` for `v2.0.0-rc.1`; undefined where nothing does. */
export function withoutSuffix(tag: string): string | undefined {
  const version = versionOf(tag);
  return version === undefined ? undefined : tag.slice(0, version.end);
}

const DATE = /(?<!\d|\d\.)(\d{4})[.-](\d\d?)[.-](\d\d?)(?!\d|\.\d)/g;
const VERSION = /(?<!\d|\d\.)\d+\.\d+\.\d+(?!\d|\.\d)/g;
/** `2`, `v2.0`: no version of semver.org, but read as one. */
const SHORT_VERSION = /(?<![0-9A-Za-z.])[vV]?\d+(?:\.\d+)*(?![0-9A-Za-z.])/g;

/** Where the version or date ends that a `-` follows; the text before it, such as `orders-v`, may be anything. */
function versionOf(tag: string): { readonly end: number; readonly isDate: boolean } | undefined {
  const found = (pattern: RegExp): { at: number; end: number }[] =>
    [...tag.matchAll(pattern)].map(({ index, 0: text }) => ({ at: index, end: index + text.length }));
  const dates = [...tag.matchAll(DATE)]
    .filter(
      ({ index, 1: year, 2: month, 3: day }) =>
        isDay(Number(year), Number(month), Number(day)) && !isSuffix(tag.slice(Math.max(0, index - 64), index)),
    )
    .map(({ index, 0: text }) => ({ at: index, end: index + text.length, isDate: true }));
  const versions = found(VERSION)
    .filter(({ at }) => !dates.some((date) => date.at === at))
    .map((one) => ({ ...one, isDate: false }));
  const candidates = [...dates, ...versions].sort((a, b) => a.at - b.at);
  if (candidates.length === 0) candidates.push(...found(SHORT_VERSION).map((one) => ({ ...one, isDate: false })));
  // The first that ends the name, or that build metadata or a suffix follows; a part of a path such as `node-1.2.3/v2` is not.
  const first = candidates.find(({ end }) => ['', '-', '+'].includes(tag.charAt(end)));
  return first !== undefined && tag.charAt(first.end) === '-' ? first : undefined;
}

/** Whether what follows `before` is the suffix of a version, as the date of the snapshot `v1.2-2024-05-01`. */
function isSuffix(before: string): boolean {
  const last = /-[vV]?$/.test(before)
    ? before
        .slice(0, before.lastIndexOf('-'))
        .split(/[^0-9A-Za-z.]/)
        .at(-1)
    : undefined;
  return last !== undefined && /^[vV]?\d+(?:\.\d+)*$/.test(last);
}

function isDay(year: number, month: number, day: number): boolean {
  return month >= 1 && month <= 12 && day >= 1 && day <= new Date(Date.UTC(year, month, 0)).getUTCDate();
}

const escaped = (character: string): string => character.replace(/[\\^$.*+?()[\]{}|/-]/, '\\$&');
