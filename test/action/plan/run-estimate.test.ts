import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { runChanges, type RunPlanContext } from '../../../action/plan/run-plan.ts';
import { costText, durationText, estimateRun } from '../../../action/plan/run-estimate.ts';
import { PROJECT } from '../../stack/cache.ts';

const LIMITS = { capacity: 2_000, concurrency: 4, memorySize: 128 };

test('the estimate of ten million items of 1 KB is the one that the documents calculate', () => {
  const estimate = estimateRun({ items: 10_000_000, bytes: 10_000_000_000 }, LIMITS);
  expect(estimate.units).toBe(2_441_407 + 5_000_000);
  expect(Math.round(estimate.seconds)).toBe(7_500);
  const page = readFileSync(join(PROJECT, 'docs/cost.md'), 'utf8');
  expect(page).toContain(`**${estimate.usd.toFixed(2)} USD**`);
  expect(page).toContain(`${(estimate.seconds / 3_600).toFixed(1)} hours`);
});

test('pass 2 reads at least half a unit per document, and large items by their size', () => {
  const units = (items: number, bytes: number): number => estimateRun({ items, bytes }, LIMITS).units;
  expect(units(1_000, 10_000)).toBe(3 + 500);
  expect(units(1_000, 9_000 * 1_000)).toBe(2_198 + 1_500);
  expect(units(0, 0)).toBe(0);
});

test('the time is that of the slower one of reads and cluster', () => {
  const seconds = (capacity: number): number => estimateRun({ items: 10_000, bytes: 10_240_000 }, { ...LIMITS, capacity }).seconds;
  expect(seconds(1_000_000)).toBeCloseTo(5, 1);
  expect(seconds(10)).toBe(250 + 500);
});

test('a reindex fills an index and compares it: its plan has the time, the cost and the reads of both', () => {
  const context: RunPlanContext = {
    ...LIMITS,
    operation: 'backfill',
    repair: true,
    prune: true,
    deleteLimit: '1%',
    index: 'orders-2',
    serverless: false,
    versioned: true,
    place: 's3://bucket/runs/',
    region: 'eu-west-1',
    now: 0,
  };
  const rows = (isReindex: boolean): string[] =>
    runChanges({ name: 'Orders', items: 10_000_000, bytes: 10_000_000_000 }, context, isReindex)
      .filter(({ path }) => path === 'time' || path === 'cost')
      .map(({ after, reason }) => `${JSON.stringify(after)} (${reason})`);
  expect(rows(false)).toEqual([
    expect.stringMatching(/^"about 2\.1 h at .* \(both passes; /),
    expect.stringMatching(/^"about 1\.08 USD, including 7,441,407 .* \(both passes; /),
  ]);
  expect(rows(true)).toEqual([
    expect.stringMatching(/^"about 4\.2 h at .* \(both passes of backfill and of verify; /),
    expect.stringMatching(/^"about 2\.16 USD, including 14,882,814 .* \(both passes of backfill and of verify; /),
  ]);
});

test('time and cost are shown in units that are read at a glance', () => {
  expect([0.2, 89, 600, 7_500].map((seconds) => durationText({ seconds }))).toEqual([
    'about 1 s',
    'about 89 s',
    'about 10 min',
    'about 2.1 h',
  ]);
  expect([0, 0.004, 0.014, 1.1].map((usd) => costText({ usd }))).toEqual([
    'under 0.01 USD',
    'under 0.01 USD',
    'about 0.01 USD',
    'about 1.10 USD',
  ]);
});
