// Writes the packages bundled in dist/ as a list in CycloneDX's form: the packages whose modules the bundler put in, and no others. The packages
// installed beside them differ from that: `npm sbom` names what only types need, and leaves out what tests need too.
// usage: node scripts/sbom.ts sbom.cdx.json
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from './build.ts';

const root = join(import.meta.dirname, '..');

/** A module, as far as the bundler's statistics are read: an orphan was looked at and not put in. */
interface Module {
  readonly identifier?: string;
  readonly nameForCondition?: string | null;
  readonly orphan?: boolean;
  readonly chunks?: readonly unknown[];
  /** Modules that were joined into this one. */
  readonly modules?: readonly Module[];
}

export interface Statistics {
  readonly modules: readonly Module[];
}

export interface Component {
  readonly type: 'library';
  readonly 'bom-ref': string;
  readonly name: string;
  readonly version: string;
  readonly purl: string;
  readonly licenses: readonly { readonly license: { readonly id: string } }[];
  readonly hashes: readonly { readonly alg: 'SHA-512'; readonly content: string }[];
}

export interface Sbom {
  readonly bomFormat: 'CycloneDX';
  readonly specVersion: '1.5';
  readonly version: 1;
  readonly metadata: { readonly component: Readonly<Record<string, string>> };
  readonly components: readonly Component[];
}

/** Folders of the packages below node_modules whose modules are in a bundle. */
export function bundledPackages({ modules }: Statistics): Set<string> {
  const isIn = (module: Module): boolean => module.orphan !== true && (module.chunks ?? []).length > 0;
  const withJoined = (module: Module): Module[] => [module, ...(module.modules ?? []).flatMap(withJoined)];
  const folders = modules
    .filter(isIn)
    .flatMap(withJoined)
    .map(({ nameForCondition, identifier }) => (nameForCondition ?? identifier ?? '').replaceAll('\\', '/'))
    .map((path) => /\/(node_modules\/(?:.*\/node_modules\/)?(?:@[^/]+\/)?[^/]+)\//.exec(path)?.[1]);
  return new Set(folders.filter((folder) => folder !== undefined));
}

interface Lock {
  readonly packages: Readonly<Record<string, { readonly integrity?: string } | undefined>>;
}

function componentOf(folder: string, lock: Lock): Component {
  const { name, version, license } = JSON.parse(readFileSync(join(root, folder, 'package.json'), 'utf8')) as Record<string, string>;
  if (name === undefined || version === undefined) throw new Error(`${folder}/package.json has no name or no version`);
  const integrity = lock.packages[folder]?.integrity;
  return {
    type: 'library',
    'bom-ref': `${name}@${version}`,
    name,
    version,
    purl: `pkg:npm/${name.replace('@', '%40')}@${version}`,
    licenses: license === undefined ? [] : [{ license: { id: license } }],
    hashes:
      integrity?.startsWith('sha512-') === true
        ? [{ alg: 'SHA-512', content: Buffer.from(integrity.slice('sha512-'.length), 'base64').toString('hex') }]
        : [],
  };
}

/** Builds anew, in a folder of its own, and lists what went in. */
export function sbom(): Sbom {
  const folder = mkdtempSync(join(tmpdir(), 'sbom-'));
  try {
    const statistics = join(folder, 'statistics');
    build(join(folder, 'dist'), undefined, statistics);
    const bundled = readdirSync(statistics).flatMap((file) => [
      ...bundledPackages(JSON.parse(readFileSync(join(statistics, file), 'utf8')) as Statistics),
    ]);
    const read = (path: string): unknown => JSON.parse(readFileSync(join(root, path), 'utf8'));
    const { name = '', version = '' } = read('package.json') as Record<string, string>;
    const lock = read('package-lock.json') as Lock;
    const components = new Map(bundled.map((one) => componentOf(one, lock)).map((one) => [one['bom-ref'], one]));
    return {
      bomFormat: 'CycloneDX',
      specVersion: '1.5',
      version: 1,
      metadata: { component: { type: 'application', 'bom-ref': `${name}@${version}`, name, version } },
      components: [...components.values()].sort((one, other) => (one['bom-ref'] < other['bom-ref'] ? -1 : 1)),
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

if (import.meta.main) {
  const [, , to] = process.argv;
  if (to === undefined) throw new Error('usage: node scripts/sbom.ts <file to write>');
  writeFileSync(to, `${JSON.stringify(sbom(), null, 2)}\n`);
}
