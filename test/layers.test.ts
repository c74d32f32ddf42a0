// The folders of the sources stand in the order of their imports: the data walks one way, and nothing reaches back.
import { globSync, readFileSync } from 'node:fs';
import { dirname, join, posix } from 'node:path';
import { expect, test } from '@jest/globals';
import { PROJECT } from './stack/cache.ts';

/** Of each program, the files and folders from the entry on. What is in one imports of its own program only what comes later. */
const ORDER: Readonly<Record<string, readonly string[]>> = {
  formats: [
    'counts.ts',
    'key-shape.ts',
    'slice.ts',
    'index-slice.ts',
    'events.ts',
    'function-config.ts',
    'key-mapping.ts',
    'fields.ts',
    'json.ts',
    'index-name.ts',
    's3-uri.ts',
    'nearest.ts',
  ],
  handler: [
    ...['index.ts', 'start.ts', 'dispatch.ts', 'events', 'dead-letters', 'indexing', 'runtime.ts', 'budget.ts', 'cluster'],
    ...['aws', 'tables.ts', 'documents', 'records', 'http', 'telemetry'],
  ],
  action: [
    ...['index.ts', 'main.ts', 'operations', 'read-inputs.ts', 'apply', 'run.ts', 'endpoint', 'report', 'plan', 'deployed', 'aws'],
    ...[
      'package',
      'options',
      'resolve',
      'inputs',
      'action-file.ts',
      'node-version.ts',
      'errors.ts',
      'log-text.ts',
      'loopback.ts',
      'release.ts',
      'shown.ts',
    ],
  ],
};
/** Which programs a program may import from, beside itself. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = { formats: [], handler: ['formats'], action: ['formats'] };

const imports = new Map(
  globSync(
    Object.keys(ORDER).map((program) => `${program}/**/*.ts`),
    { cwd: PROJECT },
  ).map((file) => {
    const text = readFileSync(join(PROJECT, file), 'utf8');
    const paths = [...text.matchAll(/(?:from|import\()\s*(?:\/\*.*?\*\/\s*)?'(\.[^']+\.ts)'/g)].map(([, path = '']) => path);
    return [file, paths.map((path) => posix.normalize(posix.join(dirname(file), path)))] as const;
  }),
);

/** The program of a file and its place in the program's order. */
function placeOf(file: string): { program: string; at: number } {
  const [program = '', part = ''] = file.split('/');
  return { program, at: ORDER[program]?.indexOf(part) ?? -1 };
}

test('every file and folder of the sources has a place in the order', () => {
  expect(imports.size).toBeGreaterThan(80);
  expect([...imports.keys()].filter((file) => placeOf(file).at < 0)).toEqual([]);
});

test('nothing imports from a folder above its own, nor from the other program', () => {
  const wrong = [...imports].flatMap(([file, targets]) =>
    targets
      .filter((target) => {
        const [from, to] = [placeOf(file), placeOf(target)];
        return from.program === to.program ? to.at < from.at : MAY_IMPORT[from.program]?.includes(to.program) !== true;
      })
      .map((target) => `${file} imports ${target}`),
  );
  expect(wrong).toEqual([]);
});

test('no imports go in a circle, not even those of types', () => {
  const circles: string[] = [];
  const done = new Set<string>();
  const visit = (file: string, way: readonly string[]): void => {
    if (way.includes(file)) circles.push([...way.slice(way.indexOf(file)), file].join(' > '));
    if (way.includes(file) || done.has(file)) return;
    for (const target of imports.get(file) ?? []) visit(target, [...way, file]);
    done.add(file);
  };
  for (const file of imports.keys()) visit(file, []);
  expect(circles).toEqual([]);
});
