import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, win32 } from 'node:path';
import { afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { strToU8, zipSync } from 'fflate';
import { UserError } from '../../../action/errors.ts';
import { loadOptions } from '../../../action/options/load.ts';
import { entryNames } from '../../../action/options/transforms.ts';
import {
  type PackageContent,
  buildPackage,
  entryText,
  mappingText,
  readHandler,
  readPackage,
  withEntry,
} from '../../../action/package/package.ts';
import { RELEASE } from '../../../action/release.ts';
import { type FunctionConfig, parseConfig } from '../../../formats/function-config.ts';
import { type TableMapping, parseKeyMapping } from '../../../formats/key-mapping.ts';
import manifest from '../../../package.json' with { type: 'json' };

const config: FunctionConfig = {
  format: 1,
  release: RELEASE,
  environment: 'STAGE',
  endpoint: 'https://search.example.com',
  auth: { type: 'none' },
  options: { defaults: { refresh: true }, tables: { Orders: { index: 'orders-v2', mappings: { properties: { b: {}, a: {} } } } } },
};
const orders: TableMapping = { TableName: 'Orders', PrimaryKey: 'id', Index: 'orders', ReportBatchItemFailures: true };
const users: TableMapping = { TableName: 'Users', PrimaryKey: 'pk', SortKey: 'sk', Index: 'users', ReportBatchItemFailures: false };

const content = (overrides: Partial<PackageContent> = {}): PackageContent => ({
  handler: strToU8('export const handler = async () => {};\n'.repeat(1000)),
  config,
  mapping: { orders, users },
  transforms: { 'transforms/orders.mjs': 'export default (d) => d;\n' },
  ...overrides,
});

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});
const folder = (): string => {
  const path = mkdtempSync(join(tmpdir(), 'package-'));
  folders.push(path);
  return path;
};

describe('the package', () => {
  test('contains the bundle, the configuration, the key mapping and the transforms, sorted by name', () => {
    const built = buildPackage(content());
    expect([...built.entries.keys()]).toEqual(['config.json', 'index.mjs', 'table_mapping.json', 'transforms/orders.mjs']);
    expect(parseConfig(entryText(built, 'config.json') ?? '')).toEqual(config);
    expect(parseKeyMapping(entryText(built, 'table_mapping.json') ?? '')).toEqual({ orders, users });
    expect([...readPackage(built.bytes).entries]).toEqual([...built.entries].map(([name, bytes]) => [name, new Uint8Array(bytes)]));
  });

  test('names its SHA-256 in hex and in base64, as AWS gives it', () => {
    const built = buildPackage(content());
    expect(built.sha256Hex).toBe(createHash('sha256').update(built.bytes).digest('hex'));
    expect(Buffer.from(built.sha256Base64, 'base64').toString('hex')).toBe(built.sha256Hex);
  });

  test('has the same bytes whatever the order of its parts', () => {
    const reordered = content({
      config: {
        options: { tables: { Orders: { mappings: { properties: { a: {}, b: {} } }, index: 'orders-v2' } }, defaults: { refresh: true } },
        auth: { type: 'none' },
        endpoint: 'https://search.example.com',
        environment: 'STAGE',
        release: RELEASE,
        format: 1,
      },
      mapping: { users: { ReportBatchItemFailures: false, Index: 'users', SortKey: 'sk', PrimaryKey: 'pk', TableName: 'Users' }, orders },
    });
    expect(buildPackage(reordered).sha256Hex).toBe(buildPackage(content()).sha256Hex);
  });

  test('keeps the order of lists, which can mean something', () => {
    const listed = (fields: string[]): string => {
      const tables = { Orders: { include: fields } };
      return buildPackage(content({ config: { ...config, options: { defaults: {}, tables } } })).sha256Hex;
    };
    expect(listed(['a', 'b'])).not.toBe(listed(['b', 'a']));
  });

  test('has the same bytes in every time zone and at every time', () => {
    const script = `
      import { buildPackage } from ${JSON.stringify(new URL('../../../action/package/package.ts', import.meta.url).href)};
      const mapping = ${JSON.stringify({ orders, users })}, config = ${JSON.stringify(config)};
      console.log(buildPackage({ handler: Buffer.from('x'), config, mapping, transforms: {} }).sha256Hex);`;
    const file = join(folder(), 'build.mjs');
    writeFileSync(file, script);
    const hashes = ['UTC', 'Pacific/Kiritimati', 'America/Los_Angeles', 'Africa/Monrovia'].map((TZ) =>
      execFileSync(process.execPath, [file], { env: { ...process.env, TZ, NODE_OPTIONS: '' }, encoding: 'utf8' }).trim(),
    );
    expect(new Set(hashes).size).toBe(1);
    expect(hashes[0]).toBe(buildPackage({ handler: Buffer.from('x'), config, mapping: { orders, users }, transforms: {} }).sha256Hex);
  });

  describe('of a workspace', () => {
    // A process of its own, because a umask belongs to the whole process. It writes the files as a checkout does, then builds.
    const script = `
      import { chmodSync, mkdirSync, utimesSync, writeFileSync } from 'node:fs';
      import { join } from 'node:path';
      import { loadOptions } from ${JSON.stringify(new URL('../../../action/options/load.ts', import.meta.url).href)};
      import { buildPackage, readHandler } from ${JSON.stringify(new URL('../../../action/package/package.ts', import.meta.url).href)};
      const { workspace, umask, mode, time } = JSON.parse(process.argv[2]);
      process.umask(umask);
      const write = (name, text) => {
        const file = join(workspace, name);
        mkdirSync(join(file, '..'), { recursive: true });
        writeFileSync(file, text);
        if (mode !== undefined) chmodSync(file, mode);
        if (time !== undefined) utimesSync(file, time, time);
      };
      write('handler/index.mjs', 'export const handler = async () => {};\\n');
      write('search/options.yml', 'tables: { Orders: { transform: transforms/orders.ts } }\\n');
      write('search/transforms/orders.ts', 'export default (document: object): object => document;\\n');
      const { defaults, tables, transforms } = await loadOptions('search/options.yml', { workspace, environment: 'STAGE' });
      const config = { ...${JSON.stringify(config)}, options: { defaults, tables } };
      const built = buildPackage({ handler: await readHandler(workspace), config, mapping: ${JSON.stringify({ orders, users })}, transforms });
      console.log(Buffer.from(built.bytes).toString('base64'));`;

    interface Checkout {
      readonly name?: string;
      readonly umask?: number;
      readonly mode?: number;
      /** seconds since 1970 */
      readonly time?: number;
    }
    const bytesOf = ({ name = 'workspace', umask = 0o022, ...rest }: Checkout): Buffer => {
      const parent = folder();
      writeFileSync(join(parent, 'build.mjs'), script);
      const input = JSON.stringify({ workspace: join(parent, name), umask, ...rest });
      const env = { ...process.env, NODE_OPTIONS: '' };
      return Buffer.from(execFileSync(process.execPath, [join(parent, 'build.mjs'), input], { env, encoding: 'utf8' }), 'base64');
    };
    let usual: Buffer;
    beforeAll(() => {
      usual = bytesOf({});
    });

    test.each<[string, Checkout]>([
      ['under a umask that lets nobody else read', { umask: 0o077 }],
      ['under no umask', { umask: 0 }],
      ['with files that may be executed', { mode: 0o777 }],
      ['with files that only their owner may read', { mode: 0o400 }],
      ['with files older than a zip can say', { time: 0 }],
      ['with files of a time to come', { time: 4_102_444_800 }],
      ['in a path with spaces', { name: 'my  repository (copy)/work space' }],
      ['in a path with letters of every kind', { name: 'dépôt-индекс-索引-🔎' }],
      ['in a path with signs that mean something in an address, a pattern or a shell', { name: "a#b%20?c[d]{e}'f&$HOME" }],
    ])('has the same bytes %s', (_name, checkout) => {
      expect([...readPackage(usual).entries.keys()]).toContain('transforms/orders.mjs');
      expect(bytesOf(checkout).equals(usual)).toBe(true);
    });
  });

  test.each([
    win32.join('transforms', 'orders.ts'),
    win32.join('C:\\', 'work', 'transforms', 'orders.ts'),
    win32.join('..', 'orders.ts'),
    '\\\\server\\share\\orders.ts',
  ])('has slashes alone between the parts of a name: %j is no transform, and would not enter as such', async (file) => {
    const workspace = folder();
    writeFileSync(join(workspace, 'options.yml'), JSON.stringify({ tables: { Orders: { transform: file } } }));
    await expect(loadOptions('options.yml', { workspace, environment: 'STAGE' })).rejects.toThrow(
      /expected the path of a \.ts, \.mts, \.js or \.mjs file beside the options file or below, found/,
    );
    const [name = ''] = entryNames([file]).values();
    const built = buildPackage(content({ transforms: { [name]: 'export default (d) => d;\n' } }));
    expect([...readPackage(built.bytes).entries.keys()].filter((entry) => entry.startsWith('transforms'))).toEqual([
      expect.stringMatching(/^transforms\/[\w.-]+\.mjs$/),
    ]);
  });

  test('is readable by everyone once Lambda unpacks it: -rw-r--r--, made by Unix, at the start of 1980', () => {
    const { bytes } = buildPackage(content());
    const view = Buffer.from(bytes);
    let entries = 0;
    for (let at = view.indexOf('PK\u0001\u0002', 0, 'latin1'); at >= 0; at = view.indexOf('PK\u0001\u0002', at + 4, 'latin1')) {
      entries++;
      expect(view[at + 5]).toBe(3);
      expect(view.readUInt32LE(at + 12)).toBe(0x00210000);
      expect(view.readUInt32LE(at + 38) >>> 16).toBe(0o100644);
    }
    expect(entries).toBe(4);
  });

  test('carries the release of package.json', () => {
    expect(RELEASE).toBe(manifest.version);
  });

  test('reads the bundle of the function from beside the action, and says so where it is missing', async () => {
    await expect(readHandler(folder())).rejects.toThrow(/^The bundle of the function is not at .*index\.mjs\. Use a release/);
  });
});

describe('a package found deployed', () => {
  test('gets a new key mapping and keeps everything else, so that nothing to change means the same bytes', () => {
    const built = buildPackage(content());
    const found = readPackage(built.bytes);
    expect(withEntry(found, 'table_mapping.json', mappingText({ users, orders })).sha256Hex).toBe(built.sha256Hex);
    const refreshed = withEntry(found, 'table_mapping.json', mappingText({ orders }));
    expect(refreshed.sha256Hex).toBe(buildPackage(content({ mapping: { orders } })).sha256Hex);
  });

  test('of the predecessor is read and refreshed too, folders or not', () => {
    const python = { 'lambda_function.py': strToU8('pass'), 'certifi/': new Uint8Array(), 'certifi/cacert.pem': strToU8('pem') };
    const refreshed = withEntry(readPackage(zipSync(python)), 'table_mapping.json', '{}\n');
    expect([...refreshed.entries.keys()]).toEqual(['certifi/cacert.pem', 'lambda_function.py', 'table_mapping.json']);
    expect(entryText(readPackage(refreshed.bytes), 'certifi/cacert.pem')).toBe('pem');
  });

  test.each(['../x', '/etc/passwd', 'a/../../x', 'C:\\x', 'a\\..\\b', 'a//b', './x', 'a/./b'])(
    'with an entry named %j is refused',
    (name) => {
      expect(() => readPackage(zipSync({ [name]: strToU8('x') }))).toThrow(/^The deployed package contains an entry that leads out of it/);
    },
  );

  test('that is no zip file is refused with one sentence', () => {
    expect(() => readPackage(strToU8('not a zip'))).toThrow('The deployed package is not a readable zip file');
    const { bytes } = buildPackage(content());
    expect(() => readPackage(bytes.subarray(0, bytes.length - 30))).toThrow(UserError);
  });

  test('that claims to unpack to more than Lambda accepts is refused before it is unpacked', () => {
    const bytes = Buffer.from(zipSync({ a: strToU8('x') }));
    bytes.writeUInt32LE(0xfffffff0, bytes.indexOf('PK\u0001\u0002', 0, 'latin1') + 24);
    expect(() => readPackage(bytes)).toThrow(/unpacks to more than 262144000 bytes/);
  });

  test('of whatever bytes ends in entries or in an error for a person', () => {
    const { bytes } = buildPackage(content({ handler: strToU8('x') }));
    fc.assert(
      fc.property(fc.nat(bytes.length - 1), fc.integer({ min: 1, max: 255 }), (at, by) => {
        const damaged = Uint8Array.from(bytes);
        damaged[at] = (damaged[at] ?? 0) ^ by;
        try {
          readPackage(damaged);
        } catch (error) {
          expect(error).toBeInstanceOf(UserError);
        }
      }),
      { numRuns: 300 },
    );
  });
});
