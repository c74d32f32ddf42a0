import { describe, expect, test } from '@jest/globals';
import type { FunctionConfig, TableOptions } from '../../../formats/function-config.ts';
import { buildPackage, type Package } from '../../../action/package/package.ts';
import { indexWarnings, lostTables } from '../../../action/plan/index-changes.ts';

const entry = (name: string): object => ({ TableName: name, PrimaryKey: 'id', Index: name.toLowerCase(), ReportBatchItemFailures: true });

interface Content {
  readonly defaults?: TableOptions;
  readonly tables?: Record<string, TableOptions>;
  readonly auth?: FunctionConfig['auth'];
  readonly transform?: string;
  readonly names?: readonly string[];
}

function packageWith({ defaults = {}, tables = {}, auth = { type: 'none' }, transform, names = ['Orders', 'Users'] }: Content): Package {
  return buildPackage({
    handler: new Uint8Array([1]),
    config: { format: 1, release: '1', environment: 'STAGE', endpoint: 'https://search.example.com', auth, options: { defaults, tables } },
    mapping: Object.fromEntries(names.map((name) => [name.toLowerCase(), entry(name)])) as never,
    transforms: transform === undefined ? {} : { 'transforms/shape.mjs': transform },
  });
}

const messages = (before: Content | undefined, after: Content): string[] =>
  indexWarnings(before === undefined ? undefined : packageWith(before), packageWith(after)).map(({ message }) => message);

const MAPPINGS = { properties: { total: { type: 'double' } } };

describe('options that an index does not follow', () => {
  test('name the reindex where mappings or settings of an index change', () => {
    expect(messages({}, { tables: { Orders: { mappings: MAPPINGS, 'index-settings': { number_of_shards: 2 } } } })).toEqual([
      'The mappings and index-settings of table Orders changed. They apply when an index is created, and an index orders that exists stays as it is. To build it anew, run operation reindex with tables: Orders afterwards',
    ]);
  });

  test('name another index and a backfill on OpenSearch Serverless, which has no reindex', () => {
    const auth = { type: 'sigv4', service: 'aoss' } as const;
    expect(messages({ auth }, { auth, tables: { Orders: { mappings: MAPPINGS } } })).toEqual([
      expect.stringContaining('give the table another index in the options file, deploy, and run operation backfill with tables: Orders'),
    ]);
  });

  test('apply to every table where they are defaults', () => {
    expect(messages({}, { defaults: { mappings: MAPPINGS } })).toHaveLength(2);
    expect(messages({}, { defaults: { mappings: MAPPINGS }, tables: { Users: { mappings: {} } } })).toHaveLength(2);
    const own = { tables: { Users: { mappings: MAPPINGS } } };
    expect(messages(own, { ...own, defaults: { mappings: {} } })).toEqual([expect.stringContaining('of table Orders changed')]);
  });

  test('name the backfill where another index is written, and what to do with the former', () => {
    expect(messages({}, { tables: { Orders: { index: 'orders-2', mappings: MAPPINGS } } })).toEqual([
      'From this run on the changes of table Orders go to orders-2, and orders gets no more. orders-2 begins without the items that the table holds: run operation backfill with tables: Orders afterwards, lead searches to orders-2, and delete orders',
    ]);
  });

  test('name the backfill where documents get another form, by a changed transform too', () => {
    const exclude = ['secret'];
    expect(messages({}, { tables: { Users: { exclude } } })).toEqual([
      'The option exclude of table Users changed. It applies when a document is written, and documents that exist keep what they have until their items change. To write them anew, run operation verify with tables: Users and repair: true afterwards',
    ]);
    const transform = { tables: { Users: { transform: 'transforms/shape.mjs' } } };
    expect(messages({ ...transform, transform: 'a' }, { ...transform, transform: 'b' })).toEqual([
      expect.stringContaining('The option transform of table Users changed'),
    ]);
    expect(messages({ ...transform, transform: 'a' }, { ...transform, transform: 'a' })).toEqual([]);
  });

  test('compare the projection that applies: a table that includes something has no exclude of the defaults', () => {
    const own = { tables: { Users: { include: ['name'] } } };
    expect(messages(own, { ...own, defaults: { exclude: ['secret'] } })).toEqual([expect.stringContaining('of table Orders changed')]);
  });

  test('say nothing of new tables, of a first deploy, and where nothing changed', () => {
    expect(messages({ names: ['Orders'] }, { tables: { Users: { mappings: MAPPINGS } } })).toEqual([]);
    expect(messages(undefined, { defaults: { mappings: MAPPINGS } })).toEqual([]);
    expect(messages({ defaults: { mappings: MAPPINGS } }, { defaults: { mappings: MAPPINGS, refresh: true } })).toEqual([]);
  });
});

test('a package to go back to that does not know a table says so, and how the table comes back', () => {
  const found = packageWith({ names: ['Orders', 'Fresh'] });
  expect(lostTables(found, packageWith({ names: ['Orders'] })).map(({ message }) => message)).toEqual([
    'The package to go back to was built before table Fresh was a source of the function, and the trigger of Fresh stays. Run operation refresh-mapping afterwards',
  ]);
  expect(lostTables(found, found)).toEqual([]);
  expect(lostTables(undefined, found)).toEqual([]);
});
