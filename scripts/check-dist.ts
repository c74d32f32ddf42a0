// Whether the committed dist/ is the build of its sources: built anew in another folder and compared byte for byte.
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from './build.ts';

const dist = join(dirname(fileURLToPath(import.meta.url)), '..', 'dist');
const fresh = mkdtempSync(join(tmpdir(), 'check-dist-'));

function files(folder: string): Map<string, Buffer> {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return new Map(
    entries.map((entry) => {
      const path = join(entry.parentPath, entry.name);
      return [path.slice(folder.length + 1).replaceAll('\\', '/'), readFileSync(path)];
    }),
  );
}

try {
  build(fresh);
  const [expected, found] = [files(fresh), files(dist)];
  const wrong = [...new Set([...expected.keys(), ...found.keys()])].filter((name) => {
    const [a, b] = [expected.get(name), found.get(name)];
    return a === undefined || b === undefined || !a.equals(b);
  });
  for (const name of wrong) console.error(`dist/${name} differs from the build of the sources`);
  if (wrong.length > 0) {
    console.error('Run npm run build and commit dist/');
    process.exitCode = 1;
  } else {
    console.log(`dist: ${found.size} files, all equal to the build of the sources`);
  }
} finally {
  rmSync(fresh, { recursive: true, force: true });
}
