// The sentences that the troubleshooting page goes by are those of the code.
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { PROJECT } from '../stack/cache.ts';

const page = readFileSync(join(PROJECT, 'docs/troubleshooting.md'), 'utf8');
const sources = ['action/**/*.ts', 'formats/**/*.ts', 'handler/**/*.ts', '.github/workflows/deploy.yml']
  .flatMap((pattern) => globSync(pattern, { cwd: PROJECT }))
  .map((file) => readFileSync(join(PROJECT, file), 'utf8'))
  .join('\n')
  // Quotes within quotes, and what stands in a shell's or a template's place.
  .replaceAll("\\'", "'");
const sentences = [...page.matchAll(/^### `(.*)`$/gm)].map(([, sentence]) => sentence ?? '');

test.each(sentences)('%s', (sentence) => {
  // Where a name stands in the code, `…` stands on the page.
  for (const part of sentence.split('…').map((one) => one.trim())) {
    if (part.length > 3) expect(sources).toContain(part);
  }
});

test('there are such sentences', () => {
  expect(sentences.length).toBeGreaterThan(40);
});
