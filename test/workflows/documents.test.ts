// The documents lead where they say, name files that are there, and use the words of CONTRIBUTING.md.
import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { PROJECT } from '../stack/cache.ts';

const documents = ['*.md', 'docs/**/*.md', 'test/stack/README.md'].flatMap((pattern) => globSync(pattern, { cwd: PROJECT })).sort();
const text = (path: string): string => readFileSync(join(PROJECT, path), 'utf8');

/** Without code, where a bracket is not a link. */
const prose = (markdown: string): string => markdown.replace(/```[\s\S]*?```/g, '').replace(/`[^`\n]*`/g, '');

/** GitHub's anchors of a document's headings. */
function anchors(markdown: string): string[] {
  return [...markdown.replace(/```[\s\S]*?```/g, '').matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\p{M}_ -]/gu, '')
      .replaceAll(' ', '-'),
  );
}

describe.each(documents)('%s', (path) => {
  const links = [...prose(text(path)).matchAll(/\]\((?!https?:)([^)\s]*)\)/g)].map(([, target = '']) => target);

  test('links to files and headings that are there', () => {
    for (const link of links) {
      const [file = '', anchor] = link.split('#');
      const target = file === '' ? path : relative(PROJECT, join(PROJECT, dirname(path), file));
      expect({ link, exists: existsSync(join(PROJECT, target)) }).toEqual({ link, exists: true });
      if (anchor !== undefined)
        expect({ link, anchors: anchors(text(target)) }).toEqual({ link, anchors: expect.arrayContaining([anchor]) });
    }
  });

  test('has no emoji', () => {
    expect(text(path).match(/\p{Extended_Pictographic}/gu) ?? []).toEqual([]);
  });
});

describe('README.md', () => {
  test('has at most 200 lines and 2,000 words', () => {
    expect(text('README.md').trimEnd().split('\n').length).toBeLessThanOrEqual(200);
    expect(text('README.md').split(/\s+/).length).toBeLessThanOrEqual(2000);
  });

  test('shows on its first screen, in this order, the picture, the scope, the status, the caller, the cost and the two commands', () => {
    const [first = ''] = text('README.md').split('\n## ');
    const parts = [
      ...['```mermaid', '**It does this:**', '**Existing items:**', '**It does not do this:**', '**Use something else**', '**Status:**'],
      ...['**Set-up:**', 'name: Search', '**Cost:**', 'npm ci && npm run demo', 'npm ci && npm test'],
    ];
    const places = parts.map((part) => first.indexOf(part));
    expect(places).not.toContain(-1);
    expect(places).toEqual([...places].sort((a, b) => a - b));
  });
});

test.each(documents.filter((path) => path.startsWith('docs/')))('%s begins with its purpose, in a sentence', (path) => {
  const [heading, blank, first = ''] = text(path).split('\n');
  expect(heading).toMatch(/^# /);
  expect(blank).toBe('');
  expect(first).toMatch(/^[A-Z`].*[.:]$/);
});

test('docs/README.md leads to every page of docs/ by a question', () => {
  const rows = text('docs/README.md')
    .split('\n')
    .filter((line) => /^\| [^|]*\?/.test(line));
  for (const page of globSync('docs/*.md', { cwd: PROJECT }).filter((one) => one !== 'docs/README.md')) {
    const name = page.slice('docs/'.length);
    expect({ page, found: rows.some((row) => row.includes(`](${name})`) || row.includes(`](${name}#`)) }).toEqual({ page, found: true });
  }
});

describe('the words of the documents', () => {
  // Headings of the troubleshooting page quote the code.
  const sentences = documents.flatMap((path) =>
    prose(text(path))
      .split('\n')
      .filter((line) => !line.startsWith('#'))
      .map((line) => ({ path, line })),
  );

  test.each([
    ['response', /\banswer(?:s|ed|ing)?\b/],
    ['is retried, is redelivered, expires', /\bcomes? again\b|\b(?:is|are|was|were) sent again\b|\bgiven up\b|\bgives? up\b/],
    ['fix', /\bmend(?:s|ed|ing)?\b/],
    ['stale document', /\bghosts?\b/],
    ['if it fails', /\bfailing that\b/],
    ['one per line', /\bone a line\b/],
    ['is in, represents', /\bstands? (?:in|for|under)\b/],
    ['a noun and an active verb', /(?:^|[.:] |\| )(?:What|Who|Whoever|Whom)\b/],
  ])('are those of CONTRIBUTING.md: %s', (_word, other) => {
    expect(sentences.filter(({ line }) => other.test(line))).toEqual([]);
  });
});

test('CONTRIBUTING.md names files and folders of the code that are there', () => {
  const named = new Set(
    [...text('CONTRIBUTING.md').matchAll(/`((?:action|formats|handler|scripts|test)\/[\w/.-]*)`/g)].map(([, name = '']) => name),
  );
  expect(named.size).toBeGreaterThan(20);
  for (const name of named) expect({ name, there: existsSync(join(PROJECT, name)) }).toEqual({ name, there: true });
});

describe('the required settings in GitHub', () => {
  test('CONTRIBUTING.md asks for protection of main, of every tag v* and for the review of code owners', () => {
    const rows = text('CONTRIBUTING.md')
      .split('\n')
      .filter((line) => line.startsWith('| Ruleset'));
    expect(rows.find((row) => row.includes('branch `main`'))).toMatch(/code owners/);
    expect(rows.find((row) => row.includes('tags `v*`'))).toMatch(/creates, moves or deletes.*moving tags/);
  });

  test('CODEOWNERS names an owner for every file', () => {
    expect(text('.github/CODEOWNERS')).toMatch(/^\* +@\w+$/m);
  });

  test('step 3 of the quick start asks for rules on branches and tags, and for reviewers of PROD', () => {
    const [, step = ''] = /\*\*3\. In GitHub\*\*([\s\S]*?)\*\*4\./.exec(text('README.md')) ?? [];
    expect(step).toMatch(/Required reviewers/);
    expect(step).toMatch(/^\| `PROD` +\| the tags `v\*` alone +\| somebody/m);
    expect(step).toMatch(/^\| `STAGE` +\| the branch `main` alone/m);
  });
});

describe('SECURITY.md', () => {
  const [, , protections = '', left = ''] =
    /^([\s\S]*?)\n### Protections[^\n]*\n([\s\S]*?)\n### (Your part[\s\S]*)$/.exec(text('SECURITY.md')) ?? [];
  const rows = protections
    .split('\n')
    .filter((line) => line.startsWith('| ') && !/^\| (?:Protection|-)/.test(line))
    .map((line) => line.split(/(?<!\\)\|/).map((cell) => cell.trim()))
    .map(([, sentence = '', shown = '']) => ({ sentence, shown }));
  const references = (shown: string): (readonly [file: string, title: string])[] =>
    [...shown.matchAll(/\[[\w.-]+\]\((test\/[\w/.-]+\.test\.ts)\): `([^`]+)`/g)].map(([, file = '', title = '']) => [file, title]);

  test('names a test for each protection', () => {
    expect(rows.length).toBeGreaterThan(25);
    expect(left).not.toBe('');
    for (const { sentence, shown } of rows) {
      expect({ sentence, tests: references(shown).length > 0 }).toEqual({ sentence, tests: true });
      // Nothing else is in the cell: a reference of another form would be looked up by nobody.
      expect(shown.replace(/\[[\w.-]+\]\(test\/[\w/.-]+\.test\.ts\): `[^`]+`/g, '').replace(/[, ]/g, '')).toBe('');
    }
  });

  test.each(rows.flatMap(({ shown }) => references(shown)))('names a file and a test that are there: %s, %s', (file, title) => {
    const source = text(file);
    const quoted = [`'${title.replaceAll("'", "\\'")}'`, `"${title}"`, `\`${title}\``];
    expect({ file, title, there: quoted.some((one) => source.includes(one)) }).toEqual({ file, title, there: true });
  });
});
