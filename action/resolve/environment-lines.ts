// The input `environments`: which branches and tags go to which environment.
import { nearest } from '../../formats/nearest.ts';
import type { Problem } from '../errors.ts';
import { environmentName } from '../inputs/aws-rules.ts';
import { quoted } from '../inputs/reader.ts';
import { patternExpression } from './ref-patterns.ts';
import type { Ref } from './ref-patterns.ts';

/** The environments where the caller names none, as the workflows' input `environments` has them. */
export const DEFAULT_ENVIRONMENTS = 'branch main: STAGE\ntag v*: PROD\n';

/** One line of the input. */
export interface Rule {
  readonly kind: Ref['kind'];
  readonly patterns: readonly string[];
  readonly environment: string;
}

/** Words that are read as `branch` and `tag`: GitHub's own filters, parts of refs, and what people call them. */
const MEANT: Readonly<Record<Ref['kind'], readonly string[]>> = {
  branch: ['branch', 'branches', 'head', 'heads'],
  tag: ['tag', 'tags', 'release', 'releases', 'version', 'versions'],
};

/**
 * Lines `branch|tag <patterns>: <environment>`, or one bare pattern, which is a branch's; blank lines and comments are skipped. A line
 * that could mean a tag is never read as a branch: an environment such as PROD would be open to whoever may push that branch.
 * @param problems gets one sentence per line that is wrong, with the nearest form
 */
export function parseEnvironments(text: string, problems: Problem[]): Rule[] {
  const lines = (text.trim() === '' ? DEFAULT_ENVIRONMENTS : text).split(/\r\n|\n|\r/);
  return lines.flatMap((line, index) => {
    const content = line.trim();
    if (content === '' || content.startsWith('#')) return [];
    const result = parseLine(content);
    if (typeof result !== 'string') return [result];
    problems.push({ where: 'environments', message: `environments: line ${index + 1}: ${result}` });
    return [];
  });
}

/** @returns the rule, or what is wrong with the line */
function parseLine(line: string): Rule | string {
  // Without one pattern for the whole line, which would take quadratic time on a thousand spaces.
  const colon = line.lastIndexOf(':');
  const environment = line.slice(colon + 1).trim();
  const words = colon < 0 || /\s/.test(environment) ? [] : wordsOf(line.slice(0, colon));
  const [first = ''] = words;
  const kind = words.length > 1 && (first === 'branch' || first === 'tag') ? first : undefined;
  const written = kind === undefined ? words : words.slice(1);
  if (written.length === 0) return `expected a line as "branch main: STAGE", found ${quoted(line)}${didYouMean(line)}`;

  const patterns = written.map(unquoted);
  const problem =
    (kind === undefined ? bareProblem(patterns, line) : kindsWithin(patterns)) ??
    patterns.map((pattern) => wordProblem(pattern, line)).find((one) => one !== undefined);
  if (problem !== undefined) return problem;
  const expected = deployableName(environment);
  if (expected !== undefined) {
    const hint = /["'{}[\],]/.test(environment) ? didYouMean(line) : '';
    return `expected after the colon ${expected}, found ${quoted(environment)}${hint}`;
  }
  if (patterns.every((pattern) => pattern.startsWith('!')))
    return 'a pattern with ! excludes names that an earlier pattern includes; put that pattern first';
  for (const pattern of patterns) {
    try {
      patternExpression(pattern.replace(/^!/, ''));
    } catch (error) {
      return `the pattern ${quoted(pattern)} cannot be read: ${error instanceof Error ? error.message : String(error)}`;
    }
  }
  return { kind: kind ?? 'branch', patterns, environment };
}

/** The problem of a line that begins with neither `branch` nor `tag`, as far as its patterns show. */
function bareProblem(patterns: readonly string[], line: string): string | undefined {
  const [first = '', ...others] = patterns;
  if (others.length > 0) {
    if (/^[-*+•–]$/u.test(first)) return `this input is lines, not a list${didYouMean(line)}`;
    return kindOf(first) === undefined
      ? `without branch or tag a line has exactly one pattern, and this one has ${patterns.length}${didYouMean(line)}`
      : `it begins with ${quoted(first)}, where branch or tag is expected${didYouMean(line)}`;
  }
  if (MEANT.branch.includes(first.toLowerCase()) || MEANT.tag.includes(first.toLowerCase()))
    return `${quoted(first)} alone could be a kind or a name; write "branch <pattern>: <environment>" or "tag <pattern>: <environment>"`;
  if (SHORT_OF_REF.test(first)) return `patterns match short names, without refs/${didYouMean(line)}`;
  // `release/**` is a name that branches have.
  if (/^tags?(?![0-9A-Za-z])/i.test(first) || looksLikeVersion(first))
    return `${quoted(first)} looks like a tag, and a line without tag before it is for branches${didYouMean(line)}`;
  return undefined;
}

/** `branch main tag v*`: two lines in one. */
function kindsWithin(patterns: readonly string[]): string | undefined {
  const word = patterns.length < 2 ? undefined : patterns.find((pattern) => /^(?:branch(?:es)?|tags?)$/i.test(pattern));
  return word === undefined ? undefined : `${quoted(word)} is among the patterns; give each kind a line of its own`;
}

/** Characters of no pattern: the signs of lists, maps and quotes, which would match nothing, or something else. */
function wordProblem(pattern: string, line: string): string | undefined {
  const plain = pattern.replace(/\\./gu, '');
  if (/["']|^[`‘’“”„]|[`‘’“”„]$/u.test(plain)) return `quotes, if any, go around each pattern by itself${didYouMean(line)}`;
  if (/^!?refs\//i.test(pattern)) return `patterns match short names, without refs/${didYouMean(line)}`;
  if (/^[{}]|[,;:]|\}$|^\[[A-Za-z]{2,}\]$|^\[[^\]]*\*|^[-=|&>→]+$/u.test(plain))
    return `${quoted(pattern)} is not a pattern; patterns are separated by blanks, with no list or map around them${didYouMean(line)}`;
  return undefined;
}

/** `refs/tags/v*`, `heads/main`: a whole ref, or most of one. */
const SHORT_OF_REF = /^(?:refs|heads)\//i;

/**
 * `v*`, `v1.*`, `orders-v*`, `[0-9]*`, `*.*.*`, `1.2.3`: what tags are called, and no branch but by accident. `v2`, `v2.x` and
 * `release/1.*` are names of branches too.
 */
function looksLikeVersion(pattern: string): boolean {
  const plain = pattern.replace(/\\(.)/gu, '$1').replace(/\[[vV]{1,2}\]/g, 'v');
  const isPattern = /[*?[+]/.test(plain);
  return (
    (isPattern && /(?:^|[@-])v(?:\d|[*?[])/i.test(plain)) ||
    (isPattern && /^(?:.*@)?(?:\d|\[0-9\]|\*\.\*)/.test(plain)) ||
    /^v?\d+\.\d+\.\d/i.test(plain)
  );
}

/** The kind that the first word of a line was meant as: in any case, misspelt, with a sign after it. */
function kindOf(word: string): Ref['kind'] | undefined {
  const [, letters = ''] = /^([a-z]+)[:=,]?$/.exec(word.toLowerCase()) ?? [];
  const kinds = ['branch', 'tag'] as const;
  const names = kinds.flatMap((kind) => MEANT[kind]);
  const found = names.includes(letters) ? letters : letters.length < 3 ? undefined : nearest(letters, names);
  return found === undefined ? undefined : kinds.find((kind) => MEANT[kind].includes(found));
}

/** The form that a line most likely was meant to have, as the end of a sentence; empty where that is anybody's guess. */
function didYouMean(line: string): string {
  const uncommented = line.replace(/(?<!\s)\s+#.*$/, '');
  if (uncommented !== line && typeof parseLine(uncommented) !== 'string')
    return `; a comment has a line of its own: did you mean ${quoted(uncommented)}?`;
  const colon = line.lastIndexOf(':');
  // An expression that was not evaluated, or a map of several keys.
  if (colon < 0 || line.includes('${{') || (/[{,]/.test(line) && line.split(':').length > 2)) return '';
  const plain = (text: string): string[] => text.split(/[\s{}"'`‘’“”„,;:=]+/u).filter((word) => /[\p{L}\p{N}*?[]/u.test(word));
  const before = plain(line.slice(0, colon));
  const words = before.filter((word, at) => at > 0 || before.length === 1 || word !== '*');
  const named = words.length > 1 ? kindOf(words[0] ?? '') : undefined;
  const ref = /(?:^|[^\w-])tags?\//i.test(line) ? 'tag' : SHORT_OF_REF.test(words[0] ?? '') ? 'branch' : undefined;
  const patterns = (named === undefined ? words : words.slice(1)).map((word) =>
    word
      .replace(/^\[(?=[A-Za-z]*[^\]-]*\]?$)/, '')
      .replace(/^(?:refs\/)?(?:heads|tags?)\//i, '')
      .replace(/^([^[]*)\]$/, '$1'),
  );
  const versions = patterns.filter(looksLikeVersion).length;
  const kind = named ?? ref ?? (versions === 0 ? 'branch' : versions === patterns.length ? 'tag' : undefined);
  const [environment = '', ...rest] = plain(line.slice(colon + 1));
  if (kind === undefined || patterns.length === 0 || patterns.some((pattern) => pattern === '' || kindOf(pattern) !== undefined)) return '';
  return rest.length > 0 || environmentName(environment) !== undefined
    ? ''
    : `; did you mean "${kind} ${patterns.join(' ')}: ${environment}"?`;
}

/** The expected form of a name, where it may not be that of an environment: those of plans accept no deploys. */
export function deployableName(name: string): string | undefined {
  const expected = environmentName(name);
  if (expected !== undefined || !name.endsWith(PLAN_SUFFIX)) return expected;
  return `a name that does not end in ${PLAN_SUFFIX}, as the GitHub environments of plans do`;
}

/** The suffix of the GitHub environments of plans. */
export const PLAN_SUFFIX = '-plan';

/** The words of a text, which spaces separate, except between quotes. */
function wordsOf(text: string): string[] {
  return text.match(/(?:\\\S|'[^']*'|"[^"]*"|[^\s'"\\])+|\S+/g) ?? [];
}

/** A word without the quotes around it, as GitHub's own examples have them. */
function unquoted(word: string): string {
  const quote = word.charAt(0);
  if (word.length < 2 || (quote !== "'" && quote !== '"') || !word.endsWith(quote)) return word;
  const inner = word.slice(1, -1).trim();
  return inner === '' || inner.includes(quote) || /\s/.test(inner) ? word : inner;
}
