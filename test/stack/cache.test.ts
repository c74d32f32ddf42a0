import { afterAll, expect, test } from '@jest/globals';
import { existsSync } from 'node:fs';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { prepared } from './cache.ts';

const made: string[] = [];
afterAll(async () => {
  for (const folder of made) await rm(folder, { recursive: true, force: true });
});

test('of several processes that need a part at the same time one builds it, and the others wait', async () => {
  const content = [`cache test ${process.pid} at once`];
  let built = 0;
  const build = async (folder: string): Promise<void> => {
    built++;
    await sleep(300);
    await writeFile(join(folder, 'whole'), '');
  };
  const folders = await Promise.all([1, 2, 3].map(() => prepared('cache-test', content, build)));
  made.push(...folders);
  expect(new Set(folders).size).toBe(1);
  expect(built).toBe(1);
  expect(existsSync(join(folders[0] ?? '', 'whole'))).toBe(true);
});

test('a lock that a killed process left behind is taken over', async () => {
  const content = [`cache test ${process.pid} killed`];
  const build = async (folder: string): Promise<void> => writeFile(join(folder, 'whole'), '');
  const folder = await prepared('cache-test', content, build);
  made.push(folder, `${folder}.lock`);
  await rm(folder, { recursive: true });
  await mkdir(`${folder}.lock`);
  // Ids end below 2^22 on Linux and below 100,000 on macOS.
  await writeFile(join(`${folder}.lock`, 'owner'), `99999999 ${hostname()}`);
  expect(await prepared('cache-test', content, build)).toBe(folder);
  expect(existsSync(join(folder, 'whole'))).toBe(true);
});
