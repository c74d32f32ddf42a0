// npm run simulate [-- --seed=7 --slices=2000]: how long the driver of the action takes over many slices, some of them hot, with throttling
// and failures, beside the time that no schedule can be shorter than. The same seed gives the same figures.
import { parseArgs } from 'node:util';
import { simulate } from './simulation.ts';

const { values } = parseArgs({ options: { seed: { type: 'string', default: '7' }, slices: { type: 'string', default: '2000' } } });
const [seed, slices] = [Number(values.seed), Number(values.slices)];
if (!Number.isSafeInteger(seed) || !Number.isSafeInteger(slices) || slices < 1) throw new Error('--seed and --slices are whole numbers');

console.log(`${slices} slices, seed ${seed}\n`);
const rows = [['concurrency', 'units/s', 'failing', 'ideal, s', 'schedule, s', 'factor', 'invocations', 'failed', 'throttled', 'parked']];
for (const concurrency of [1, 4, 16, 64])
  for (const [capacity, failing] of [
    [2_000, 0],
    [2_000, 0.02],
    [10_000, 0.02],
  ] as const) {
    const { ideal, seconds, result, ...counts } = await simulate({ seed, slices, concurrency, capacity, failing });
    const figures = [concurrency, capacity, failing, Math.round(ideal), Math.round(seconds), (seconds / ideal).toFixed(2)];
    rows.push([...figures, counts.invocations, counts.failures, counts.throttled, result.parked.length].map(String));
  }
const widths = rows[0]?.map((_, at) => Math.max(...rows.map((row) => row[at]?.length ?? 0))) ?? [];
for (const row of rows) console.log(row.map((cell, at) => cell.padStart(widths[at] ?? 0)).join('  '));
