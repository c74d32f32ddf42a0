// Regular expressions meet text from outside: engines, AWS, events, files. None may take longer than in proportion to its text.
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import ts from 'typescript';
import { PROJECT } from './stack/cache.ts';

/** Made from an option of the user's own workflow, for names of branches and tags. */
const MADE_AT_RUN_TIME = ["new RegExp(`^${expression}$`, 's')"];

/** Characters of the texts that are compared. */
const [SHORT, LONG] = [1_500, 24_000];
/** Times as long as the shorter one that the longer one may take: 16 where work is linear, 256 where it is quadratic. */
const FACTOR = 64;
/** Times as long as a pattern that looks at each character once: below, there is nothing to compare. */
const HARMLESS = 40;

interface Pattern {
  readonly where: string;
  readonly pattern: RegExp;
}

function patternsOf(file: string): Pattern[] {
  const source = ts.createSourceFile(file, readFileSync(join(PROJECT, file), 'utf8'), ts.ScriptTarget.Latest, true);
  const constants = new Map<string, string>();
  const found: Pattern[] = [];
  const add = (node: ts.Node, pattern: RegExp): void => {
    const { line } = source.getLineAndCharacterOfPosition(node.getStart());
    found.push({ where: `${file}:${line + 1} ${String(pattern)}`, pattern });
  };
  const visit = (node: ts.Node): void => {
    if (ts.isVariableDeclaration(node) && node.initializer !== undefined && ts.isStringLiteralLike(node.initializer)) {
      constants.set(node.name.getText(), node.initializer.text);
    }
    if (ts.isRegularExpressionLiteral(node)) {
      const end = node.text.lastIndexOf('/');
      add(node, new RegExp(node.text.slice(1, end), node.text.slice(end + 1)));
    } else if (ts.isNewExpression(node) && node.expression.getText() === 'RegExp' && !MADE_AT_RUN_TIME.includes(node.getText())) {
      add(node, new RegExp(textOf(node.arguments?.[0], constants), textOf(node.arguments?.[1], constants)));
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}

/** The text of an expression of string literals and constants of the file. @throws where it is another one: it needs a look */
function textOf(node: ts.Expression | undefined, constants: ReadonlyMap<string, string>): string {
  if (node === undefined) return '';
  if (ts.isStringLiteralLike(node)) return node.text;
  if (ts.isTemplateExpression(node)) {
    return node.head.text + node.templateSpans.map(({ expression, literal }) => textOf(expression, constants) + literal.text).join('');
  }
  const text = constants.get(node.getText());
  if (text === undefined) throw new Error(`${node.getSourceFile().fileName}: ${node.getText()} is made at run time`);
  return text;
}

/** Texts that the pattern matches, without what it asks of the places around them. */
function examplesOf({ source, flags }: RegExp): string[] {
  const plain = source.replace(/\(\?<?[=!](?:\\.|[^()\\])*\)|\\b/g, '');
  return fc.sample(fc.stringMatching(new RegExp(plain, flags.replace(/[gimsy]/g, '')), { size: 'small' }), { numRuns: 6, seed: 1 });
}

/** What a pattern may be slow at: a part of what it matches over and over, at the beginning or behind what comes before it, and no end. */
function* hostileTexts(pattern: RegExp): Generator<(length: number) => string> {
  const filled = (before: string, part: string) => (length: number) =>
    `${before}${part.repeat(Math.ceil((length - before.length) / part.length))}\u0000`;
  const seen = new Set<string>();
  for (const example of examplesOf(pattern)) {
    const text = example.slice(0, 60);
    for (let from = 0; from < text.length; from++) {
      const ends = from === 0 ? Array.from(text, (_, i) => i + 1) : [from + 1, from + 2, text.length - 1, text.length];
      for (const to of ends) {
        const part = text.slice(from, to);
        for (const before of ['', text.slice(0, from)]) {
          const key = JSON.stringify([before, part]);
          if (part === '' || seen.has(key)) continue;
          seen.add(key);
          yield filled(before, part);
        }
      }
    }
  }
  for (const part of [' ', '\n', 'a', '0', '.', '/', '[', '"', "'", '<', '_', '-', '=', ': ']) yield filled('', part);
}

/** ms; of several tries the best. */
function timed(pattern: RegExp, text: string, tries: number): number {
  let best = Infinity;
  for (let i = 0; i < tries; i++) {
    const before = performance.now();
    if (pattern.global) text.replace(pattern, '');
    else pattern.exec(text);
    best = Math.min(best, performance.now() - before);
  }
  return best;
}

const files = globSync('{formats,handler,action}/**/*.ts', { cwd: PROJECT }).sort();
const patterns = files.flatMap(patternsOf);
/** Fails at each character. */
// eslint-disable-next-line no-control-regex -- no text of the tests has it
const LINEAR = /\u0001(?=\u0002)/;

test('all patterns are found', () => {
  expect(patterns.length).toBeGreaterThan(150);
});

/** Why a pattern is not linear, or undefined where it is. */
function problemOf(pattern: RegExp): string | undefined {
  const once = timed(LINEAR, 'a'.repeat(LONG), 5);
  for (const hostile of hostileTexts(pattern)) {
    const text = hostile(LONG);
    if (timed(pattern, text, 1) < HARMLESS * once) continue;
    const growth = timed(pattern, text, 5) / timed(pattern, hostile(SHORT), 9);
    if (growth >= FACTOR) return `${growth.toFixed(1)} times as long for sixteen times ${JSON.stringify(text.slice(0, 80))}…`;
  }
  return undefined;
}

test.each(patterns.map(({ where, pattern }) => [where, pattern] as const))('%s is linear in its text', (_, pattern) => {
  expect(problemOf(pattern)).toBeUndefined();
});

test.each([
  /\[[^\]]*\]/g,
  /\s+$/,
  /\/+$/,
  /^\s*(.*\S)\s*:\s*$/,
  /'[^]*?'(?!\w)/g,
  /(failed to parse field \[[^\]]*\] of type \[[^\]]*\])[^]*/,
])('%s is noticed, which is not', (pattern) => {
  expect(problemOf(pattern)).toMatch(/times as long/);
});
