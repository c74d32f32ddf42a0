import { expect, test } from '@jest/globals';
import { Load, shareOf } from '../../../../action/apply/slices/load.ts';

const CLUSTER = { table: 0, cluster: 3 };
const TABLE = { table: 3, cluster: 0 };

test('slices that meet the same peak of the cluster halve their number once, and a later one halves it again, down to one', () => {
  const load = new Load(8, 1000, 0);
  for (const end of [10, 11, 12]) load.note(CLUSTER, 5, end);
  expect([load.slices(12), load.capacity(12)]).toEqual([4, 1000]);
  for (const begunAt of [13, 15, 17, 19]) load.note(CLUSTER, begunAt, begunAt + 1);
  expect(load.slices(20)).toBe(1);
});

test('the number of slices is raised one by one, and the capacity by a quarter, up to what is allowed', () => {
  const load = new Load(4, 1000, 0);
  load.note({ table: 1, cluster: 1 }, 1, 2);
  const seen = Array.from({ length: 6 }, (_, i) => [load.slices(2 + i * 30_000), load.capacity(2 + i * 30_000)]);
  expect(seen).toEqual([
    [2, 500],
    [3, 625],
    [4, 781.25],
    [4, 976.5625],
    [4, 1000],
    [4, 1000],
  ]);
});

test('a table with one unit per second keeps it', () => {
  const load = new Load(4, 1, 0);
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
