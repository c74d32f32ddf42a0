import { expect, test } from '@jest/globals';
import type { FunctionConfig, TableOptions } from '../../../formats/function-config.ts';
import type { KeyMapping } from '../../../formats/key-mapping.ts';
import { buildPackage, type Package } from '../../../action/package/package.ts';
import { packageChanges } from '../../../action/plan/package-plan.ts';
import { keptReindex, reindexWarnings, rollbackReindexWarnings, indexOf } from '../../../action/plan/reindexed-tables.ts';

const SINCE = '2026-01-02T03:04:05.000Z';
const DAY = 24 * 60 * 60_000;
const now = Date.parse(SINCE) + DAY;
const reindex = { Orders: { indexes: ['orders-1', 'orders-2'], since: SINCE } } as const;
const mapping: KeyMapping = { orders: { TableName: 'Orders', PrimaryKey: 'pk', Index: 'orders', ReportBatchItemFailures: true } };
const config = (tables: Readonly<Record<string, TableOptions>> = {}): FunctionConfig => ({
  format: 1,
  release: '1.0.0',
  environment: 'STAGE',
  endpoint: 'https://search.example.com',
  auth: { type: 'none' },
  options: { defaults: {}, tables },
});
const packed = (content: FunctionConfig): Package => buildPackage({ handler: new Uint8Array(), config: content, mapping, transforms: {} });

test('a deploy keeps a table that is reindexed, and says nothing about it', () => {
  const found = packed({ ...config(), reindex });
  expect(keptReindex(found, { config: config({ Orders: { refresh: false } }), mapping }, now)).toEqual({ part: { reindex }, warnings: [] });
  expect(keptReindex(packed(config()), { config: config(), mapping }, now)).toEqual({ part: {}, warnings: [] });
  expect(keptReindex(undefined, { config: config(), mapping }, now)).toEqual({ part: {}, warnings: [] });
});

test('a deploy that gives the table another index, or no longer has it, ends its reindex with a warning', () => {
  const found = packed({ ...config(), reindex });
  const other = keptReindex(found, { config: config({ Orders: { index: 'sales' } }), mapping }, now);
  expect(other).toMatchObject({ part: {}, warnings: [{ message: expect.stringMatching(/its index is sales from now on\. Delete/) }] });
  const gone = keptReindex(found, { config: config(), mapping: {} }, now);
  expect(gone).toMatchObject({ part: {}, warnings: [{ message: expect.stringMatching(/orders-1 and orders-2, since it is no table/) }] });
});

test('two indexes that are written for 14 days draw a warning that says what ends it', () => {
  expect(reindexWarnings(reindex, Date.parse(SINCE) + 14 * DAY - 1)).toEqual([]);
  expect(reindexWarnings(undefined, now)).toEqual([]);
  expect(reindexWarnings(reindex, Date.parse(SINCE) + 14 * DAY)).toEqual([
    {
      title: 'Two indexes are written',
      message: expect.stringMatching(/^Since 2026-01-02 every change of table Orders .*orders-1 and orders-2.*delete-old-index: true/),
    },
  ]);
});

test('a rollback to a package that writes one index, or two others, says so', () => {
  expect(rollbackReindexWarnings(reindex, reindex)).toEqual([]);
  expect(rollbackReindexWarnings(undefined, undefined)).toEqual([]);
  const [ended, ...none] = rollbackReindexWarnings(reindex, undefined);
  expect(none).toEqual([]);
  expect(ended?.message).toMatch(/does not write table Orders to both orders-1 and orders-2/);
  expect(rollbackReindexWarnings(undefined, reindex).map(({ message }) => message)).toEqual([
    expect.stringMatching(/^The package to go back to writes table Orders to both/),
  ]);
  const others = { Orders: { indexes: ['orders-2', 'orders-3'], since: SINCE } } as const;
  expect(rollbackReindexWarnings(others, reindex)).toHaveLength(2);
});

test('the plan of a deploy shows which tables begin or end to be written to two indexes', () => {
  const rows = (from: FunctionConfig, to: FunctionConfig): unknown[] =>
    packageChanges(packed(from), packed(to), undefined).map(({ path, before, after }) => [path, before, after]);
  expect(rows(config(), { ...config(), reindex })).toEqual([['reindex.Orders', null, 'orders-1 and orders-2']]);
  expect(rows({ ...config(), reindex }, config())).toEqual([['reindex.Orders', 'orders-1 and orders-2', null]]);
});

test('the name that searches use is that of the options, else of the key mapping', () => {
  expect(indexOf({ config: config(), mapping }, 'Orders')).toBe('orders');
  expect(indexOf({ config: config({ Orders: { index: 'sales' } }), mapping }, 'Orders')).toBe('sales');
  expect(indexOf({ config: config(), mapping }, 'constructor')).toBeUndefined();
});
