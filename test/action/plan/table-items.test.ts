import { expect, test } from '@jest/globals';
import type { SourceTable } from '../../../action/plan/key-mapping.ts';
import type { NewTablePlan } from '../../../action/plan/new-tables.ts';
import { tableItems } from '../../../action/plan/table-items.ts';

const source = (name: string, triggers: readonly unknown[], size?: SourceTable['table']['size']): SourceTable =>
  ({
    table: { name, hashKey: 'id', rangeKey: undefined, stream: undefined, ...(size ? { size } : {}) },
    triggers,
    listed: true,
  }) as SourceTable;

const plan = (table: string, isBackfilled: boolean): NewTablePlan =>
  ({ table, backfill: isBackfilled ? {} : undefined, changes: [], warnings: [] }) as unknown as NewTablePlan;

const SIZE = { items: 2_000, bytes: 300_000 };

test('of each table a deploy says how many items it holds, and what becomes of them', () => {
  const sources = [
    source('Backfilled', [], SIZE),
    source('Left', [], SIZE),
    source('Known', [{}], { items: 0, bytes: 0 }),
    source('Moved', [], SIZE),
    source('Alone', [], SIZE),
    source('Gone', [{}]),
  ];
  const steps = [{ do: 'create', table: 'Moved', stream: undefined, request: {} }] as never;
  expect(tableItems(sources, [plan('Backfilled', true), plan('Left', false)], steps)).toEqual({
    Backfilled: 'about 2,000 items, 0.3 MB: indexed by this deploy',
    Left: 'about 2,000 items, 0.3 MB: not indexed by this deploy',
    Known: 'about 0 items, 0.0 MB: not read, since its trigger keeps the index equal',
    Moved: 'about 2,000 items, 0.3 MB: not read, since its trigger keeps the index equal',
    Alone: 'about 2,000 items, 0.3 MB: not indexed, since it has no trigger',
  });
});
