// Each sentence that the troubleshooting page goes by, and each log line that the page on operations lists, is one message of the code.
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import ts from 'typescript';
import { PROJECT } from '../stack/cache.ts';

const page = readFileSync(join(PROJECT, 'docs/troubleshooting.md'), 'utf8');
const sentences = [...page.matchAll(/^### `(.*)`$/gm)].map(([, sentence]) => sentence ?? '');
const [, logs = ''] = /^## Logs\n([\s\S]*?)^## /m.exec(readFileSync(join(PROJECT, 'docs/operations.md'), 'utf8')) ?? [];
const lines = [...logs.matchAll(/^\| `(.*?)`/gm)].map(([, line]) => line ?? '');

/** The texts of one expression, in order, with what is put in between: a message. */
function textsOf(node: ts.Node): string {
  if (ts.isStringLiteralLike(node)) return node.text;
  if (ts.isTemplateExpression(node)) {
    return node.head.text + node.templateSpans.map(({ expression, literal }) => `…${textsOf(expression)}…${literal.text}`).join('');
  }
  const parts: string[] = [];
  node.forEachChild((child) => {
    parts.push(textsOf(child));
  });
  return parts.filter((part) => part !== '').join('…');
}

/** Every text of a source file, those within a template as a part of it. */
function messagesOf(file: string): string[] {
  const source = ts.createSourceFile(file, readFileSync(join(PROJECT, file), 'utf8'), ts.ScriptTarget.Latest);
  const messages: string[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isStringLiteralLike(node) || ts.isTemplateExpression(node)) messages.push(textsOf(node));
    node.forEachChild(visit);
  };
  visit(source);
  return messages;
}

const messages = [
  ...globSync(['action/**/*.ts', 'formats/**/*.ts', 'handler/**/*.ts'], { cwd: PROJECT }).flatMap(messagesOf),
  // A shell's messages are on one line each.
  ...readFileSync(join(PROJECT, '.github/workflows/deploy.yml'), 'utf8').split('\n'),
];

/** Whether the parts of a sentence, between its `…`, are in a message in their order. */
function isIn(message: string, sentence: string): boolean {
  let at = 0;
  for (const part of sentence.split('…').map((one) => one.trim())) {
    const found = message.indexOf(part, at);
    if (found < 0) return false;
    at = found + part.length;
  }
  return true;
}

test.each(sentences)('%s', (sentence) => {
  expect(messages.filter((message) => isIn(message, sentence))).not.toEqual([]);
});

test.each(lines)('the log line %s is one of the function', (line) => {
  expect(messages.filter((message) => isIn(message, line))).not.toEqual([]);
});

test('there are such sentences, each with words enough to be found by', () => {
  expect(sentences.length).toBeGreaterThan(40);
  expect(lines.length).toBeGreaterThan(5);
  for (const sentence of sentences) expect(sentence.replace(/[…\s]/g, '').length).toBeGreaterThan(8);
});
