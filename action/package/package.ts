import { sortedJson } from '../../formats/json.ts';
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { strFromU8, strToU8, unzipSync, zipSync } from 'fflate';
import type { FunctionConfig } from '../../formats/function-config.ts';
import type { KeyMapping } from '../../formats/key-mapping.ts';
import { UserError } from '../errors.ts';

/** Names of the entries that the handler reads. */
export const CONFIG_ENTRY = 'config.json';
export const MAPPING_ENTRY = 'table_mapping.json';
export const HANDLER_ENTRY = 'index.mjs';

/** A package of the function, as bytes and as its content. */
export interface Package {
  readonly bytes: Uint8Array;
  readonly sha256Hex: string;
  /** As AWS's `CodeSha256`. */
  readonly sha256Base64: string;
  readonly entries: ReadonlyMap<string, Uint8Array>;
}

export interface PackageContent {
  /** The bundle `index.mjs`. */
  readonly handler: Uint8Array;
  readonly config: FunctionConfig;
  readonly mapping: KeyMapping;
  /** Entry (`transforms/orders.mjs`) → its text. */
  readonly transforms: Readonly<Record<string, string>>;
}

/** Bytes of all entries together that Lambda accepts in one package (Lambda quotas: 250 MB unzipped). */
export const MAX_UNZIPPED_BYTES = 250 * 1024 * 1024;

/** The bundle of the function: the build puts it beside the action's own bundle. @throws {UserError} where it is not there */
export async function readHandler(folder = dirname(fileURLToPath(import.meta.url))): Promise<Uint8Array> {
  const path = join(folder, 'handler', 'index.mjs');
  try {
    return await readFile(path);
  } catch (cause) {
    throw new UserError(`The bundle of the function is not at ${path}`, 'Use a release of this action, which contains its dist folder', {
      cause,
    });
  }
}

/** Same content, same bytes, on every machine. */
export function buildPackage({ handler, config, mapping, transforms }: PackageContent): Package {
  return pack(
    new Map([
      [HANDLER_ENTRY, handler],
      [CONFIG_ENTRY, strToU8(configText(config))],
      [MAPPING_ENTRY, strToU8(mappingText(mapping))],
      ...Object.entries(transforms).map(([name, text]) => [name, strToU8(text)] as const),
    ]),
  );
}

/**
 * Unpacks a deployed package, the predecessor's too. Folders are left out.
 * @throws {UserError} where it is not a zip, unpacks to more than Lambda's limit, or a name leads out of it
 */
export function readPackage(bytes: Uint8Array): Package {
  const hint = 'Deploy the function again with operation: deploy';
  const names = new Set<string>();
  let size = 0;
  let entries: Record<string, Uint8Array>;
  try {
    entries = unzipSync(bytes, {
      filter: ({ name, originalSize }) => {
        size += originalSize;
        if (size > MAX_UNZIPPED_BYTES) throw new UserError(`The deployed package unpacks to more than ${MAX_UNZIPPED_BYTES} bytes`, hint);
        if (!isSafeName(name))
          throw new UserError(`The deployed package contains an entry that leads out of it, ${JSON.stringify(name)}`, hint);
        if (names.has(name)) throw new UserError(`The deployed package contains ${JSON.stringify(name)} twice`, hint);
        names.add(name);
        return !name.endsWith('/');
      },
    });
  } catch (cause) {
    if (cause instanceof UserError) throw cause;
    throw new UserError('The deployed package is not a readable zip file', hint, { cause });
  }
  return { bytes, ...hashes(bytes), entries: new Map(Object.entries(entries)) };
}

/** As `readPackage`; of a package not deployed by this action that cannot be unpacked, only the bytes are known. */
export function openPackage(bytes: Uint8Array): Package {
  try {
    return readPackage(bytes);
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return { bytes, ...hashes(bytes), entries: new Map() };
  }
}

/**
 * A package that runs both as `from` and as `to`: the configuration decides which of the two, so that a function can be taken over
 * without a moment in which its handler is not there. Where both have a file of one name, that of `from` is used. Undefined where they
 * cannot be put together.
 */
export function bridgePackage(from: Package, to: Package): Package | undefined {
  const entries = new Map([...to.entries, ...from.entries]);
  const size = [...entries.values()].reduce((sum, { length }) => sum + length, 0);
  return from.entries.size === 0 || size > MAX_UNZIPPED_BYTES ? undefined : pack(entries);
}

/** The package with one entry replaced or added; the content of every other entry stays as it was. */
export function withEntry(from: Package, name: string, content: Uint8Array | string): Package {
  return pack(new Map([...from.entries, [name, typeof content === 'string' ? strToU8(content) : content]]));
}

/** The text of an entry, undefined where the package has none of that name. */
export function entryText(from: Package, name: string): string | undefined {
  const content = from.entries.get(name);
  return content === undefined ? undefined : strFromU8(content);
}

/** The text of config.json, sorted. */
export function configText(config: FunctionConfig): string {
  return jsonText(config);
}

/** The text of table_mapping.json, sorted. */
export function mappingText(mapping: KeyMapping): string {
  return jsonText(mapping);
}

/**
 * The zip of these entries. Everything that would differ between machines is fixed: order by code unit, the time (read from its local parts,
 * so that no time zone enters), `-rw-r--r--` made by Unix (else Lambda could not read the files), and the level of compression.
 */
function pack(entries: ReadonlyMap<string, Uint8Array>): Package {
  const sorted = [...entries].sort(([a], [b]) => (a < b ? -1 : 1));
  const bytes = zipSync(Object.fromEntries(sorted), { mtime: new Date(1980, 0, 1), os: 3, attrs: (0o100644 << 16) >>> 0, level: 9 });
  return { bytes, ...hashes(bytes), entries: new Map(sorted) };
}

function hashes(bytes: Uint8Array): Pick<Package, 'sha256Hex' | 'sha256Base64'> {
  const digest = createHash('sha256').update(bytes).digest();
  return { sha256Hex: digest.toString('hex'), sha256Base64: digest.toString('base64') };
}

/** A relative path of plain segments: no absolute path, no drive, no backslash, no `..`. */
function isSafeName(name: string): boolean {
  const segments = name.replace(/\/$/, '').split('/');
  return !/[\\:\0]/.test(name) && segments.every((segment) => segment !== '' && segment !== '.' && segment !== '..');
}

/** JSON whose bytes do not depend on the order of reading, so that it makes no new package. */
const jsonText = (value: unknown): string => `${sortedJson(value, 2)}\n`;
