// Builds dist/ from a clean folder: the action (dist/index.js) and, beside it, the Lambda function (dist/handler/index.mjs).
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const ncc = join(root, 'node_modules', '@vercel', 'ncc', 'dist', 'ncc', 'cli.js');

/** Bundles `entry` into `out`. No cache: a build depends on the sources alone. */
function bundle(entry: string, out: string, options: string[]): void {
  execFileSync(process.execPath, [ncc, 'build', join(root, entry), '--out', out, '--no-cache', '--no-source-map-register', ...options], {
    cwd: root,
    stdio: ['ignore', 'inherit', 'inherit'],
  });
}

export function build(dist: string): void {
  rmSync(dist, { recursive: true, force: true });
  mkdirSync(dist, { recursive: true });
  bundle('action/index.ts', dist, ['--license', 'licenses.txt']);
  const handler = join(dist, 'handler');
  bundle('handler/index.ts', handler, ['--minify', '--license', 'licenses.txt']);
  // The package of the function has no package.json: the extension alone says that it is an ES module.
  renameSync(join(handler, 'index.js'), join(handler, 'index.mjs'));
  rmSync(join(handler, 'package.json'), { force: true });
  const unexpected = readdirSync(handler).filter((name) => !['index.mjs', 'licenses.txt'].includes(name));
  if (unexpected.length > 0 || !existsSync(join(dist, 'package.json')))
    throw new Error(`The build of the handler must be one file, but ncc also wrote ${unexpected.join(', ')}`);
}

if (import.meta.main) build(join(root, 'dist'));
