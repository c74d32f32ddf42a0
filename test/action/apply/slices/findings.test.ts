// The object of findings, from lists in a bucket that is in memory.
import { expect, test } from '@jest/globals';
import { writeFindings } from '../../../../action/apply/slices/findings.ts';
import { RunStore } from '../../../../action/apply/slices/run-store.ts';
import type { Finding } from '../../../../formats/slice.ts';
import { failure } from '../../fake-aws.ts';
import { bucketOf, type Bucket } from './bucket.ts';

const finding = (n: number, kind: Finding['kind'] = 'missing'): Finding => ({
  ...{ table: 'Orders', id: `item ${n} ${'x'.repeat(900)}`, keys: { id: { S: `${n}` } }, kind, document: null, item: 'digest' },
});
const stores = ({ aws }: Bucket): [RunStore, RunStore] => [new RunStore(aws, 'code', 'runs/v/1'), new RunStore(aws, 'code', 'runs/v')];

function listsOf(bucket: Bucket, count: number, each: number): string[] {
  return Array.from({ length: count }, (_, list) => {
    const key = `runs/v/1/lists/${list}.jsonl`;
    bucket.put(
      key,
      Array.from({ length: each }, (__, i) => `${JSON.stringify(finding(list * each + i, i % 2 ? 'stale' : 'missing'))}\n`).join(''),
    );
    return key;
  });
}

test('differences of all lists are in one object, one per line, with the first of each kind for people', async () => {
  const bucket = bucketOf();
  const lists = listsOf(bucket, 3, 50);
  const [slices, table] = stores(bucket);
  const { findings: shown } = await writeFindings(slices, lists, table, 'differences.jsonl');
  const lines = bucket.objects.get('runs/v/differences.jsonl')?.text.trim().split('\n') ?? [];
  expect(lines).toHaveLength(150);
  const { id, keys } = finding(0);
  expect(JSON.parse(lines[0] ?? '')).toEqual({ table: 'Orders', id, keys, kind: 'missing' });
  for (const kind of ['missing', 'stale']) expect(shown.filter((one) => one.kind === kind)).toHaveLength(20);
  expect(bucket.parts).toEqual([]);
});

test('an object without differences is empty, and replaces the one of an earlier run', async () => {
  const bucket = bucketOf();
  bucket.put('runs/v/differences.jsonl', 'of an earlier run');
  const [slices, table] = stores(bucket);
  expect(await writeFindings(slices, [], table, 'differences.jsonl')).toEqual({ findings: [], reasons: {} });
  expect(bucket.objects.get('runs/v/differences.jsonl')?.text).toBe('');
});

test('a long list is uploaded in parts of at least 5 MiB that end with a line, and no more than one of them is kept', async () => {
  const bucket = bucketOf();
  const [slices, table] = stores(bucket);
  await writeFindings(slices, listsOf(bucket, 20, 1000), table, 'differences.jsonl');
  expect(bucket.parts).toHaveLength(3);
  for (const part of bucket.parts.slice(0, -1)) expect(Buffer.byteLength(part)).toBeGreaterThanOrEqual(5 * 1024 * 1024);
  for (const part of bucket.parts) expect(part.endsWith('}\n')).toBe(true);
  expect(bucket.objects.get('runs/v/differences.jsonl')?.text.trim().split('\n')).toHaveLength(20_000);
});

test('an upload that fails leaves no parts behind', async () => {
  const bucket = bucketOf({ UploadPart: [failure('AccessDenied', 'No.', 403)] });
  const [slices, table] = stores(bucket);
  await expect(writeFindings(slices, listsOf(bucket, 20, 1000), table, 'differences.jsonl')).rejects.toThrow(
    /s3:PutObject of s3:\/\/code\/runs\/v\/differences\.jsonl failed/,
  );
  expect(bucket.aws.calls.at(-1)).toBe('AbortMultipartUpload');
});
