// The files of the real parts (jars, classes, a Python environment) are prepared once and kept in a folder of their own per content.
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { hasCode } from './system-error.ts';

/** The project's folder. */
export const PROJECT = resolve(import.meta.dirname, '../..');

/** Where prepared parts are kept: `.cache` in the project, or the folder that `DYNAMODB_TO_OPENSEARCH_CACHE` names. */
export function cacheFolder(): string {
  return resolve(process.env.DYNAMODB_TO_OPENSEARCH_CACHE ?? join(PROJECT, '.cache'));
}

/**
 * The folder of a prepared part, built when it is not there yet. Several processes may need it at the same time: one builds, the others wait.
 * @param name readable beginning of the folder's name
 * @param content all that the part is made from: other content is another folder, so that a stale one is never used
 * @param build fills the folder
 */
export async function prepared(name: string, content: readonly string[], build: (folder: string) => Promise<void>): Promise<string> {
  const key = createHash('sha256').update(JSON.stringify(content)).digest('hex').slice(0, 16);
  const folder = join(cacheFolder(), `${name}-${key}`);
  if (existsSync(folder)) return folder;
  await mkdir(cacheFolder(), { recursive: true });
  const unlock = await lock(`${folder}.lock`);
  try {
    if (existsSync(folder)) return folder;
    const unfinished = `${folder}.unfinished`;
    await rm(unfinished, { recursive: true, force: true });
    await mkdir(unfinished);
    await build(unfinished);
    await rename(unfinished, folder);
    return folder;
  } finally {
    await unlock();
  }
}

/** A folder can be made by one process only. It contains the owner's id, so that a lock left behind by a killed process is taken over. */
async function lock(path: string): Promise<() => Promise<void>> {
  const owner = join(path, 'owner');
  for (let ownerless = 0; ;) {
    try {
      await mkdir(path);
      await writeFile(owner, `${process.pid} ${hostname()}`);
      return () => rm(path, { recursive: true, force: true });
    } catch (error) {
      if (!hasCode(error, 'EEXIST')) throw error;
    }
    const [pid, host] = (await readFile(owner, 'utf8').catch(() => '')).split(' ');
    ownerless = pid ? 0 : ownerless + 1;
    if (ownerless > 20 || (pid && host === hostname() && !isAlive(Number(pid)))) await rm(path, { recursive: true, force: true });
    await sleep(250);
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return hasCode(error, 'EPERM');
  }
}
