// Builds dist/ from a clean folder: the action (dist/index.js) and, beside it, the Lambda function (dist/handler/index.mjs) and the part
// of the action that the reusable workflows resolve an event with (dist/resolve/index.js).
// usage: node scripts/build.ts [folder instead of dist] [action|handler: this part alone]
import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
/** Inside the project, so that imports of packages resolve; a folder of its own per build, so that builds can run beside each other. */
const compiled = join(root, '.cache', 'build', String(process.pid));

function node(cwd: string, ...args: string[]): void {
  execFileSync(process.execPath, args, { cwd, stdio: ['ignore', 'inherit', 'inherit'] });
}

/**
 * Strips the types with the TypeScript compiler. Types are checked by `npm run check:types`; and the bundler, given TypeScript,
 * treats no file as an ES module, which the handler's top-level await needs.
 */
function compile(): void {
  rmSync(compiled, { recursive: true, force: true });
  const tsc = join(root, 'node_modules', 'typescript', 'lib', 'tsc.js');
  node(
    root,
    tsc,
    '--noCheck',
    '--outDir',
    compiled,
    '--sourceMap',
    'false',
    '--incremental',
    'false',
    '--project',
    join(root, 'tsconfig.json'),
  );
}

/** Bundles the compiled `entry` into `out`. No cache: a build depends on the sources alone. */
function bundle(entry: string, out: string, ...options: string[]): void {
  const ncc = join(root, 'node_modules', '@vercel', 'ncc', 'dist', 'ncc', 'cli.js');
  // From inside, since the numbers of the modules come from their paths below the current folder.
  node(
    compiled,
    ncc,
    'build',
    join(compiled, entry),
    '--out',
    out,
    '--no-cache',
    '--no-source-map-register',
    '--license',
    'licenses.txt',
    ...options,
  );
}

/**
 * Builds into `dist`.
 * @param statistics folder for the bundler's statistics of each bundle @throws where a bundle is not the one file that it must be
 */
export function build(dist: string, part?: string, statistics?: string): void {
  const account = (name: string): string[] => (statistics === undefined ? [] : ['--stats-out', join(statistics, `${name}.json`)]);
  if (statistics !== undefined) mkdirSync(statistics, { recursive: true });
  rmSync(dist, { recursive: true, force: true });
  mkdirSync(dist, { recursive: true });
  try {
    compile();
    if (part !== 'handler') bundle('action/index.js', dist, '--minify', ...account('action'));
    if (part === undefined) bundle('action/resolve/index.js', join(dist, 'resolve'), ...account('resolve'));
    if (part !== 'action') bundleHandler(join(dist, 'handler'), account('handler'));
  } finally {
    rmSync(compiled, { recursive: true, force: true });
  }
}

function bundleHandler(out: string, options: readonly string[]): void {
  bundle('handler/index.js', out, '--minify', ...options);
  // The package of the function has no package.json: the extension alone says that it is an ES module.
  renameSync(join(out, 'index.js'), join(out, 'index.mjs'));
  rmSync(join(out, 'package.json'));
  const more = readdirSync(out).filter((name) => name !== 'index.mjs' && name !== 'licenses.txt');
  if (more.length > 0) throw new Error(`The bundle of the handler must be one file, but ncc wrote ${more.join(', ')} beside it`);
}

if (import.meta.main) build(resolve(process.argv[2] ?? join(root, 'dist')), process.argv[3]);
