// A slice of the largest items that a table can have, in the smallest function that Lambda has: the built function in a process of its own.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from '@jest/globals';
import type { Counts } from '../../../../formats/slice.ts';
import { idOf } from '../../../../handler/records/item-key.ts';
import { startInstantAws } from '../../../bench/instant-aws.ts';
import { PROJECT } from '../../../stack/cache.ts';
import { writeFunction } from '../../../stack/function-folder.ts';
import { uniqueName, useSearch } from '../../../stack/use-stack.ts';

const search = await useSearch();
const COUNT = 60;
const text = 'x'.repeat(399_000);
const item = (n: number): { pk: { S: string }; sk: { N: string }; text: { S: string } } => ({
  pk: { S: 'large' },
  sk: { N: String(n) },
  text: { S: `${n} ${text}` },
});
// A page ends once it is over a mebibyte.
const aws = await startInstantAws({ count: COUNT, item, pageItems: 3, unitsPerItem: 100 });
const folder = await mkdtemp(join(tmpdir(), 'slice-memory-'));
afterAll(async () => {
  await aws.stop();
  await rm(folder, { recursive: true, force: true });
});

const name = uniqueName('large');
const KEYS = [
  { name: 'pk', type: 'S' },
  { name: 'sk', type: 'N' },
] as const;

/** Runs a slice to its end. @returns its counts, and the MB that the process had at its peak */
async function run(slice: object): Promise<{ counts: Counts; peak: number }> {
  const env = {
    PATH: process.env.PATH,
    AWS_REGION: 'eu-west-1',
    AWS_ACCESS_KEY_ID: 'key',
    AWS_SECRET_ACCESS_KEY: 'secret',
    AWS_ENDPOINT_URL_DYNAMODB: aws.url,
    AWS_ENDPOINT_URL_S3: aws.url,
  };
  // The heap that Lambda's runtime gives a function of 128 MB.
  const execArgv = ['--max-old-space-size=115', '--max-semi-space-size=6'];
  const child = fork(join(PROJECT, 'test/bench/slice.mjs'), [folder], { env, execArgv, stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
  const died = once(child, 'exit').then(() => Promise.reject(new Error('the function ended')));
  await Promise.race([once(child, 'message'), died]);
  const table = { name, keys: KEYS };
  const rest = {
    operation: 'verify',
    release: 'bench',
    bucket: 'bucket',
    prefix: uniqueName('runs'),
    id: 'one',
    capacity: 1e9,
    seconds: 60,
  };
  child.send({ slice: { ...rest, table, tables: [table], ...slice }, remaining: 60_000 });
  const [done] = (await Promise.race([once(child, 'message'), died])) as [{ counts: Counts; peak: number; error?: string }];
  died.catch(() => undefined);
  child.kill();
  expect(done.error).toBeUndefined();
  return done;
}

test('items of 400 KB are written, compared, walked through a transform, looked at again and redriven within 128 MB', async () => {
  const mapping = { [name]: { TableName: name, PrimaryKey: 'pk', SortKey: 'sk', Index: name, ReportBatchItemFailures: true } };
  writeFunction(folder, mapping, { endpoint: search.url, release: 'bench' });
  const findings = Array.from({ length: COUNT }, (_, n) => {
    const { pk, sk } = item(n);
    return JSON.stringify({ table: name, id: idOf({ pk, sk }, KEYS), keys: { pk, sk }, kind: 'different' });
  });
  await fetch(`${aws.url}/bucket/list`, { method: 'PUT', body: findings.join('\n') });
  for (let n = 0; n < COUNT; n++) {
    const { pk, sk } = item(n);
    const keys = { pk, sk };
    const id = idOf(keys, KEYS);
    const times = { failedAt: '2026-01-02T03:04:05.678Z', approximateCreationDateTime: 1_763_800_000, sequenceNumber: null };
    const deadLetter = { version: 1, table: name, index: name, id, keys, type: 'x', ...times };
    await fetch(`${aws.url}/letters/${name}/${n}.json`, { method: 'PUT', body: JSON.stringify(deadLetter) });
  }
  const scan = { kind: 'scan', segment: 0, totalSegments: 1 };
  const look = { kind: 'look', list: 'list', isLast: true };
  const from = { bucket: 'letters', prefix: `${name}/` };
  const redrive = { kind: 'redrive', mode: 'apply', form: 'dead-letters', from, until: Date.now() };
  for (const [slice, counts] of [
    [{ ...look, mode: 'apply' }, { repaired: COUNT }],
    [{ ...scan, mode: 'write' }, { read: COUNT }],
    [{ ...scan, mode: 'compare' }, { equal: COUNT }],
    [{ ...look, mode: 'decide' }, { equal: COUNT }],
    [redrive, { redriven: COUNT }],
  ] as const) {
    const done = await run(slice);
    expect(done.counts).toMatchObject(counts);
    expect(done.peak).toBeLessThan(128);
  }
  // The walk of a table with a transform reads its items whole.
  const options = { defaults: { transform: 'transforms/same.mjs' }, tables: {} };
  writeFunction(folder, mapping, { endpoint: search.url, release: 'bench', options });
  await mkdir(join(folder, 'transforms'));
  await writeFile(join(folder, 'transforms/same.mjs'), 'export default (document) => document;\n');
  await fetch(`${search.url}/${name}/_refresh`, { method: 'POST' });
  const done = await run({ kind: 'walk', index: name, shard: 0, from: -1, to: 1e9 });
  expect(done.counts).toMatchObject({ candidates: 0, unchecked: 0 });
  expect(done.peak).toBeLessThan(128);
});
