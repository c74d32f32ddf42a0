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
 * Whether a name fits patterns as GitHub's `branches` and `tags` filters take them: in the order given, a later one wins, and one that
 * begins with `!` takes back what an earlier one let in.
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
 * and `+` repeat the character before them, `[...]` one of a set, `\` takes the next character as it is.
 * @throws {Error} with what is wrong, where it is no pattern
 */
export function patternExpression(pattern: string): RegExp {
  let expression = '';
  let repeatable = false;
  for (let at = 0; at < pattern.length; at++) {
    const character = pattern.charAt(at);
    if (character === '\\') {
      at++;
      if (at === pattern.length) throw new Error('a \\ stands at its end');
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
        throw new Error('a [ begins no set of letters and digits');
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

/** Characters: no tag of GitHub's is longer, and the pattern takes time with the square of them. */
const TAG_LIMIT = 1000;

/**
 * The name of the release that a tag precedes, `v2.0.0` for `v2.0.0-rc.1` (semver.org, rule 9), also behind a prefix as `orders-v…`;
 * undefined where the tag is no prerelease.
 */
export function releaseOf(tag: string): string | undefined {
  if (tag.length > TAG_LIMIT) return undefined;
  return /^((?:.*[^0-9A-Za-z.])?v?\d+(?:\.\d+)*)-[0-9A-Za-z][0-9A-Za-z.-]*(?:\+.*)?$/.exec(tag)?.[1];
}

const escaped = (character: string): string => character.replace(/[\\^$.*+?()[\]{}|/-]/, '\\$&');
