import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { compileTransform } from '../../../action/options/compile-transform.ts';

const problems = (source: string, file = 'orders.ts'): string[] =>
  compileTransform(source, file).problems.map(({ message, place }) => `${place?.file ?? ''}:${place?.line ?? ''}: ${message}`);

describe('a transform', () => {
  test('loses its types, and every line stays where it was', () => {
    const source = 'interface Order { total: number }\n\nexport default (document: Order): Order =>\n  document;\n';
    const { text, problems: none } = compileTransform(source, 'orders.ts');
    expect(none).toEqual([]);
    expect(text.split('\n').map((line) => line.trim())).toEqual(['', '', 'export default (document       )        =>', 'document;', '']);
  });

  test('written in JavaScript goes out as it was written', () => {
    const source = 'export default (a) => a   ; // as is\n';
    expect(compileTransform(source, 'orders.mjs').text).toBe(source);
  });

  test.each([
    "import { createHash } from 'node:crypto';\nimport type { X } from './types.ts';\nexport default async (d: X) => d;",
    'const f = (d) => d;\nexport { f as default };',
    'export default function transform(d) { return d; }',
    "const { gzip } = await import('node:zlib');\nexport default gzip;",
    "export * from 'node:url';\nexport default 1;",
    'export default (d) => import.meta.url;',
    '// import "./x"\nexport default (d) => "import(./y)";',
  ])('may read %j', (source) => {
    expect(problems(source)).toEqual([]);
  });

  test.each([
    [
      "import _ from 'lodash';\nexport default _;",
      'orders.ts:1: it imports "lodash"; a transform is one file, which may import node: modules alone',
    ],
    [
      "\nexport * from './x.js';\nexport default 1",
      'orders.ts:2: it imports "./x.js"; a transform is one file, which may import node: modules alone',
    ],
    [
      "export { default } from './x.js';",
      'orders.ts:1: it imports "./x.js"; a transform is one file, which may import node: modules alone',
    ],
    [
      "export default async () => {\n  await import('https://a.b/c.js');\n};",
      'orders.ts:2: it imports "https://a.b/c.js"; a transform is one file, which may import node: modules alone',
    ],
    [
      'export default (d) => import(d.name);',
      'orders.ts:1: it imports a module whose name is computed; a transform may import node: modules alone, by their names',
    ],
    ["import fs from 'fs';\nexport default fs;", 'orders.ts:1: it imports "fs"; write "node:fs"'],
    [
      "import fs from 'node:crytpo';\nexport default fs;",
      'orders.ts:1: it imports "node:crytpo", which Node does not have; did you mean node:crypto?',
    ],
    ['export const transform = 1;', 'orders.ts:1: it has no default export; write export default (document) => document'],
    [
      'module.exports = (d) => d;',
      'orders.ts:1: it has no default export; write export default (document) => document; module.exports does not count in an ES module',
    ],
    ['', 'orders.ts:1: it has no default export; write export default (document) => document'],
  ])('%j is refused with one sentence and its line', (source, message) => {
    expect(problems(source)).toEqual([message]);
  });

  test('that cannot be parsed is refused with the line of the error', () => {
    expect(problems('const a = 1;\nconst b: number = ;\nexport default a;')).toEqual(['orders.ts:2: Expression expected']);
    expect(problems('const a = 1;\n\nexport default (a => ;\n', 'orders.js')).toEqual([expect.stringMatching(/^orders\.js:3: /)]);
    expect(problems('let a = 1;\nenum X { A }\nexport default X;')).toEqual([
      'orders.ts:2: TypeScript enum is not supported in strip-only mode; use what Node can run by leaving the types out',
    ]);
  });

  test('is read without a warning of Node in the log', () => {
    const folder = mkdtempSync(join(tmpdir(), 'transform-'));
    try {
      const script = `import { compileTransform } from ${JSON.stringify(new URL('../../../action/options/compile-transform.ts', import.meta.url).href)};
        compileTransform('export default 1 as number', 'a.ts'); process.emitWarning('still there'); console.log('done');`;
      writeFileSync(join(folder, 'run.mjs'), script);
      const { stdout, stderr } = spawnSync(process.execPath, [join(folder, 'run.mjs')], {
        env: { ...process.env, NODE_OPTIONS: '' },
        encoding: 'utf8',
      });
      expect(stdout.trim()).toBe('done');
      expect(stderr.match(/Warning: .*/g)).toEqual(['Warning: still there']);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
