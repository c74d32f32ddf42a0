// The documents lead where they say, and name files that are there.
import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { PROJECT } from '../stack/cache.ts';

const documents = ['*.md', 'docs/**/*.md', 'test/stack/README.md'].flatMap((pattern) => globSync(pattern, { cwd: PROJECT })).sort();
const text = (path: string): string => readFileSync(join(PROJECT, path), 'utf8');

/** Without what stands in code, where a bracket is no link. */
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

test('CONTRIBUTING.md names files and folders of the code that are there', () => {
  const named = new Set(
    [...text('CONTRIBUTING.md').matchAll(/`((?:action|formats|handler|scripts|test)\/[\w/.-]*)`/g)].map(([, name = '']) => name),
  );
  expect(named.size).toBeGreaterThan(20);
  for (const name of named) expect({ name, there: existsSync(join(PROJECT, name)) }).toEqual({ name, there: true });
});

describe('what is asked of the settings in GitHub', () => {
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
  const [, , protects = '', left = ''] =
    /^([\s\S]*?)\n### What protects[^\n]*\n([\s\S]*?)\n### (What is left to you[\s\S]*)$/.exec(text('SECURITY.md')) ?? [];
  const rows = protects
    .split('\n')
    .filter((line) => line.startsWith('| ') && !/^\| (?:What holds|-)/.test(line))
    .map((line) => line.split(/(?<!\\)\|/).map((cell) => cell.trim()))
    .map(([, sentence = '', shown = '']) => ({ sentence, shown }));
  const references = (shown: string): (readonly [file: string, title: string])[] =>
    [...shown.matchAll(/\[[\w.-]+\]\((test\/[\w/.-]+\.test\.ts)\): `([^`]+)`/g)].map(([, file = '', title = '']) => [file, title]);

  test('names a test for each sentence about what protects', () => {
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
