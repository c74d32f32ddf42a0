// The tables of docs/cost.md are the results of the arithmetic that the page describes.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { estimateRun } from '../../action/plan/run-estimate.ts';
import { Metrics } from '../../handler/telemetry/metrics.ts';
import { PROJECT } from '../stack/cache.ts';

const page = readFileSync(join(PROJECT, 'docs/cost.md'), 'utf8');
/** USD in us-east-1, as the page has them. */
const USD = { request: 0.2e-6, gigabyteSecond: 0.0000133334, logGigabyte: 0.5, metricMonth: 0.3, unit: 0.125e-6, put: 5e-6 } as const;
const HOURS_OF_A_MONTH = 730;

/** A table of the page: its rows by their first cell, each with a cell per column. */
function tableAfter(heading: string): Map<string, string[]> {
  const [, text = ''] = page.split(`\n## ${heading}\n`);
  const [, table = ''] = /\n((?:\|.*\n)+)/.exec(text) ?? [];
  return new Map(
    table
      .trim()
      .split('\n')
      .map((line) => line.split('|').map((cell) => cell.replaceAll('*', '').trim()))
      .map(([, name = '', ...cells]) => [name, cells.slice(0, -1)]),
  );
}

const UNITS: Readonly<Record<string, number>> = { s: 1, min: 60, h: 3600, days: 86_400, USD: 1, M: 1e6, MB: 1e6, GB: 1e9, TB: 1e12 };

/** `2.2 h` as seconds, and half of what its last digit is worth. */
function amount(shown: string): { value: number; rounding: number } {
  const [, whole = '', fraction = '', unit = ''] = /^([\d,]+)(?:\.(\d+))?(?: (\w+))?$/.exec(shown) ?? [];
  expect({ shown, isAmount: whole !== '' }).toEqual({ shown, isAmount: true });
  const scale = unit === '' ? 1 : (UNITS[unit] ?? NaN);
  return { value: Number(`${whole.replaceAll(',', '')}.${fraction || '0'}`) * scale, rounding: (scale * 10 ** -fraction.length) / 2 };
}

/** Expects each cell of a row to be the amount, as far as it shows it. */
function agrees(table: Map<string, string[]>, row: string, amounts: readonly number[]): void {
  const cells = table.get(row) ?? [];
  expect({ row, columns: cells.length }).toEqual({ row, columns: amounts.length });
  for (const [at, cell] of cells.entries()) {
    const { value, rounding } = amount(cell);
    const [least, most] = [(amounts[at] ?? NaN) - rounding * 1.01, (amounts[at] ?? NaN) + rounding * 1.01];
    expect({ row, cell, agrees: value >= least && value <= most }).toEqual({ row, cell, agrees: true });
  }
}

const values = (table: Map<string, string[]>, row: string): number[] => (table.get(row) ?? []).map((cell) => amount(cell).value);

describe('a million writes', () => {
  const WRITES = 1_000_000;
  const table = tableAfter('A million writes');
  const rates = (table.get('') ?? []).map((head) => Number.parseInt(head.replaceAll(',', ''), 10));
  const perInvocation = rates.map((rate) => Math.max(1, rate / 4));
  const invocations = perInvocation.map((records) => WRITES / records);
  const usd = {
    'Lambda, requests': invocations.map((count) => count * USD.request),
    'Lambda, duration': values(table, 'Duration of one (assumed)').map(
      (seconds, at) => (invocations[at] ?? NaN) * seconds * 0.125 * USD.gigabyteSecond,
    ),
    'CloudWatch, logs': invocations.map((count) => ((count * 1500) / 1e9) * USD.logGigabyte),
    'CloudWatch, metrics': rates.map((rate) => (Math.max(1, WRITES / rate / 3600) / HOURS_OF_A_MONTH) * 13 * USD.metricMonth),
  };

  test('takes the time, the invocations and the cost of the table', () => {
    expect(rates).toEqual([1, 100, 1000]);
    agrees(
      table,
      'Time for a million writes',
      rates.map((rate) => WRITES / rate),
    );
    agrees(table, 'Records per invocation', perInvocation);
    agrees(table, 'Invocations', invocations);
    for (const [row, amounts] of Object.entries(usd)) agrees(table, row, amounts);
    const writing = ['Lambda, requests', 'Lambda, duration', 'CloudWatch, logs'] as const;
    agrees(
      table,
      'Without metrics',
      rates.map((_, at) => writing.reduce((sum, row) => sum + (usd[row][at] ?? NaN), 0)),
    );
    const together = rates.map((_, at) => Object.values(usd).reduce((sum, amounts) => sum + (amounts[at] ?? NaN), 0));
    agrees(table, 'Together', together);
    const readme = readFileSync(join(PROJECT, 'README.md'), 'utf8');
    // One invocation per write is the most that a write can cost; the metrics depend on the time alone.
    const most = (together[0] ?? NaN) - (usd['CloudWatch, metrics'][0] ?? NaN);
    const metrics = (13 * USD.metricMonth).toFixed(2);
    const [million] =
      tableAfter('Backfill and verify').get('**Cost of `backfill`**') ?? tableAfter('Backfill and verify').get('Cost of `backfill`') ?? [];
    expect(readme).toContain(
      `at most ${most.toFixed(2)} USD per million writes, and ${metrics} USD a month for metrics; ${million} to load a million items of 1 KB`,
    );
  });

  test('leaves a shard enough time, which has one invocation at once', () => {
    for (const [at, seconds] of values(table, 'Duration of one (assumed)').entries())
      expect((invocations[at] ?? NaN) * seconds).toBeLessThanOrEqual(WRITES / (rates[at] ?? NaN));
  });

  test('the function has as many metrics as the page counts', () => {
    const metrics = new Metrics();
    metrics.request(1, 1);
    metrics.recordAge = 1;
    const line = metrics.line(0, { FunctionName: 'DynamoToES', Environment: 'PROD' });
    const { _aws: aws } = JSON.parse(line) as { _aws: { CloudWatchMetrics: [{ Metrics: unknown[] }] } };
    expect(aws.CloudWatchMetrics[0].Metrics).toHaveLength(13);
    // Beside the line of metrics, 1.5 KB have room for the line `batch done` and three of Lambda's own.
    expect(line.length).toBeLessThan(950);
  });
});

describe('backfill and verify', () => {
  const table = tableAfter('Backfill and verify');
  const items = (table.get('') ?? []).map((head) => Number.parseInt(head.replaceAll(',', ''), 10) * 1e6);
  const bytes = items.map((count) => count * 1000);
  const [rates, capacities, slices, memories] = [
    'Documents per second (cluster)',
    '`max-read-capacity`',
    '`concurrency`',
    '`memory-size`',
  ].map((row) => values(table, row)) as [number[], number[], number[], number[]];
  const at = (list: readonly number[], column: number): number => list[column] ?? NaN;
  const each = (compute: (column: number) => number): number[] => items.map((_, column) => compute(column));
  const scanned = each((c) => at(bytes, c) / 4096);
  const cluster = each((c) => at(items, c) / at(rates, c));
  const reads = each((c) => at(scanned, c) / at(capacities, c));
  const second = each((c) => at(items, c) / 2 / at(capacities, c));
  const time = each((c) => Math.max(at(cluster, c), at(reads, c)) + at(second, c));
  const units = each((c) => at(scanned, c) + at(items, c) / 2);
  const lambda = each((c) => at(slices, c) * at(time, c) * (at(memories, c) / 1024) * USD.gigabyteSecond);
  const checkpoints = each((c) => (at(bytes, c) / 1024 ** 2 + at(items, c) / 1000) * USD.put);
  const functions = (table.get('Step Functions, CloudWatch') ?? []).map((cell) => (cell === '–' ? 0 : amount(cell).value));

  test('take the time and the cost of the table', () => {
    expect(items).toEqual([1e6, 40e6, 1e9, 1e11]);
    agrees(table, 'Size of the table', bytes);
    agrees(table, 'Pass 1: cluster', cluster);
    agrees(table, 'Pass 1: reads', reads);
    agrees(table, 'Pass 2: reads', second);
    agrees(table, 'Time of `backfill`', time);
    agrees(
      table,
      'Time of `verify`',
      each((c) => at(reads, c) + at(second, c)),
    );
    agrees(table, 'Read capacity units, both passes', units);
    agrees(
      table,
      'DynamoDB, on demand',
      each((c) => at(units, c) * USD.unit),
    );
    agrees(table, 'Lambda', lambda);
    agrees(table, 'S3, checkpoints', checkpoints);
    agrees(
      table,
      'Cost of `backfill`',
      each((c) => at(units, c) * USD.unit + at(lambda, c) + at(checkpoints, c) + at(functions, c)),
    );
  });

  test('verify costs what it reads, and so do thirty nights of it', () => {
    const duration = each((c) => at(slices, c) * (at(reads, c) + at(second, c)) * (at(memories, c) / 1024) * USD.gigabyteSecond);
    const once = each((c) => at(units, c) * USD.unit + at(duration, c) + at(checkpoints, c) + at(functions, c));
    agrees(table, 'Cost of `verify`', once);
    const nights = (c: number): number => 30 * at(once, c);
    expect(page).toContain(`it costs ${nights(0).toFixed(2)} USD for 1 million items and ${nights(1).toFixed(0)} USD for 40 million`);
  });

  test('of a million items are estimated alike by the plan', () => {
    const estimate = estimateRun({ items: 1e6, bytes: 1e9 }, { capacity: 2_000, concurrency: 4, memorySize: 128 });
    expect(estimate.usd.toFixed(2)).toBe(table.get('Cost of `backfill`')?.[0]?.replace(' USD', ''));
    expect(estimate.seconds).toBeCloseTo(at(time, 0), 0);
  });
});
