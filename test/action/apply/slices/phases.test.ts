import { expect, test } from '@jest/globals';
import { phaseText, segmentsFor, walkPhase } from '../../../../action/apply/slices/phases.ts';

const MIB = 1024 * 1024;

test.each([
  ['an empty table is one segment', 0, 4, 1],
  ['a small table is one segment', 5 * MIB, 4, 1],
  ['a segment has some pages at least', 40 * MIB, 4, 10],
  ['many segments for each slice that runs at once', 1024 * MIB, 4, 64],
  ['segments of a large table have a size at most', 20 * 1024 * MIB, 4, 320],
  ['a very large table has no more than there can be', 1024 * 1024 * MIB, 4, 2000],
])('%s', (_, bytes, concurrency, segments) => {
  expect(segmentsFor(bytes, concurrency)).toBe(segments);
});

test('the walk of an index of any size has no more slices than a list of them may have', () => {
  const shards = Array.from({ length: 50 }, () => 2_000_000_000);
  const { slices } = walkPhase([], { name: 'o', index: 'o', uuid: 'u', documents: 1, shards, serverless: false }, 100);
  expect(slices.length).toBeGreaterThan(9_000);
  expect(slices.length).toBeLessThanOrEqual(10_050);
});

test.each([
  ['an empty one', [-1]],
  ['one of a few documents', [99]],
  ['one that is walked by many slices', [3_000_000, 2_999_999, 0]],
])('the walk of an index reads every sequence number of every shard once: %s', (_, shards) => {
  const { slices } = walkPhase([], { name: 'o', index: 'o', uuid: 'u', documents: 1, shards, serverless: false }, 4);
  for (const [shard, highest] of shards.entries()) {
    const own = slices.flatMap((slice) => (slice.kind === 'walk' && slice.shard === shard ? [slice] : []));
    let next = -1;
    for (const { from, to } of own) {
      expect(from).toBe(next);
      next = to;
    }
    expect(next).toBe(highest);
  }
  expect(new Set(slices.map(({ id }) => id)).size).toBe(slices.length);
  if (shards.length > 1) expect(slices.length).toBeGreaterThan(60);
});

test('the log names the phases as the documents do', () => {
  expect(['scan', 'walk', 'look-1', 'apply', 'confirm', 'redrive-0', 'count'].map(phaseText)).toEqual([
    'pass 1',
    'pass 2',
    'another look at what differs',
    'fixing what differs',
    'a last look at what was fixed',
    'dead letters',
    'counting dead letters',
  ]);
});
