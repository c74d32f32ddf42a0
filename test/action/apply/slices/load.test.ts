import { expect, test } from '@jest/globals';
import { Load, shareOf } from '../../../../action/apply/slices/load.ts';

const CLUSTER = { table: 0, cluster: 3 };
const TABLE = { table: 3, cluster: 0 };

test('slices that meet the same peak of the cluster halve their number once, and a later one halves it again, down to one', () => {
  const load = new Load(8, 1000);
  for (const end of [10, 11, 12]) load.note(CLUSTER, 5, end);
  expect([load.slices(12), load.capacity(12)]).toEqual([4, 1000]);
  for (const begunAt of [13, 15, 17, 19]) load.note(CLUSTER, begunAt, begunAt + 1);
  expect(load.slices(20)).toBe(1);
});

test('both soon come back to nine tenths of what was throttled, slices one by one and the capacity by a quarter, and slowly rise above', () => {
  const load = new Load(10, 1000);
  load.note({ table: 1, cluster: 1 }, 1, 2);
  const at = (seconds: number): unknown => [load.slices(2 + seconds * 1000), Math.round(load.capacity(2 + seconds * 1000))];
  expect([0, 4, 5, 10, 15, 20].map(at)).toEqual([
    [5, 500],
    [5, 500],
    [6, 625],
    [7, 781],
    [8, 900],
    [9, 900],
  ]);
  // From here on it is slow, up to what is allowed.
  expect([44, 45, 49, 50, 120].map(at)).toEqual([
    [9, 900],
    [9, 1000],
    [9, 1000],
    [10, 1000],
    [10, 1000],
  ]);
});

test('work that began before the last halving, and not what was raised since, says nothing new', () => {
  const load = new Load(8, 1000);
  load.note(CLUSTER, 0, 10_000);
  expect(load.slices(15_000)).toBe(5);
  load.note(CLUSTER, 9_000, 16_000);
  expect(load.slices(16_000)).toBe(5);
  load.note(CLUSTER, 11_000, 17_000);
  expect(load.slices(17_000)).toBe(2);
  // Nine tenths of five.
  expect([22_000, 27_000, 32_000].map((now) => load.slices(now))).toEqual([3, 4, 4]);
});

test('a table with one unit per second keeps it', () => {
  const load = new Load(4, 1);
  load.note(TABLE, 1, 2);
  expect(load.capacity(2)).toBe(1);
});

test.each([
  ['the same for each', 100, [], 4, 25],
  ['no more than is left', 100, [50, 40], 3, 10],
  ['nothing where almost nothing is left', 100, [50, 49], 3, undefined],
  ['all for one that is alone', 100, [], 1, 100],
])('the share of the next slice is %s', (_, capacity, running, workers, expected) => {
  expect(shareOf(capacity, running, workers)).toBe(expected);
});
