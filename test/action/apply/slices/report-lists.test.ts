// The list of an earlier run, in a bucket that is in memory.
import { expect, test } from '@jest/globals';
import { cutReport, type ReportLists } from '../../../../action/apply/slices/report-lists.ts';
import { RunStore } from '../../../../action/apply/slices/run-store.ts';
import { bucketOf, type Bucket } from './bucket.ts';

const TABLE = { name: 'Orders', keys: [{ name: 'id', type: 'N' }] } as const;
const line = (n: number, more: object = {}): string =>
  `${JSON.stringify({ table: 'Orders', id: `${n}`, keys: { id: { N: `${n}` } }, kind: 'missing', ...more })}\n`;
const cut = (bucket: Bucket, text: string): Promise<ReportLists> => {
  bucket.put('old/differences.jsonl', text);
  return cutReport(bucket.aws, 's3://code/old/differences.jsonl', TABLE, new RunStore(bucket.aws, 'code', 'runs/v/1'));
};

test('a long list is cut into lists of a thousand lines, without those about other tables', async () => {
  const bucket = bucketOf();
  const lines = Array.from({ length: 2_500 }, (_, n) => line(n, { document: 'of that time' }));
  const { lists, others } = await cut(bucket, [line(0, { table: 'Others' }), ...lines].join(''));
  expect(others).toBe(1);
  expect(lists).toEqual([0, 1, 2].map((n) => `runs/v/1/lists/report-${n}.jsonl`));
  const found = lists.map((key) => (bucket.objects.get(key)?.text ?? '').trim().split('\n'));
  expect(found.map(({ length }) => length)).toEqual([1_000, 1_000, 500]);
  expect(`${found.flat()[2_499] ?? ''}\n`).toBe(line(2_499));
});

test('an empty list is no list to look at', async () => {
  expect(await cut(bucketOf(), '')).toEqual({ lists: [], others: 0 });
});

test.each([
  ['JSON over several lines', '{\n  "format": 1\n}\n', 'line 1 of s3://code/old/differences.jsonl is not a difference'],
  ['a number', `${line(1)}2\n`, 'line 2 of'],
  ['another kind', line(1, { kind: 'failed-again' }), 'line 1 of'],
  ['no id', line(1, { id: 1 }), 'line 1 of'],
  ['a key of another type', line(1, { keys: { id: { S: '1' } } }), 'has no key of the table Orders'],
  ['a key with one attribute more', line(1, { keys: { id: { N: '1' }, line: { N: '1' } } }), 'has no key of the table Orders'],
  ['a line of no end', 'x'.repeat(200_000), 'line 1 of'],
])('another format is named with its line: %s', async (_, text, expected) => {
  await expect(cut(bucketOf(), text)).rejects.toThrow(expected);
});

test('an object that is not there is named', async () => {
  const { aws } = bucketOf();
  await expect(cutReport(aws, 's3://code/x.jsonl', TABLE, new RunStore(aws, 'code', 'runs/v/1'))).rejects.toThrow(
    'report: there is no object s3://code/x.jsonl. Name the differences.jsonl of an earlier run of verify',
  );
});
