// Runs Node with a share of a processor, as Lambda gives one by a function's memory: by a control group of Linux.
import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** MB for which Lambda gives a function one processor. https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html */
const MB_PER_PROCESSOR = 1769;
/** µs in which the share is used and then waited for. */
const PERIOD_US = 20_000;
const ROOT = '/sys/fs/cgroup';

/** The share of a processor that a function of so many MB has. */
export const shareOf = (memoryMb: number): number => memoryMb / MB_PER_PROCESSOR;

export interface SharedNode {
  /** A program that takes Node's arguments. */
  readonly node: string;
  /** Call it when the processes have ended. */
  readonly remove: () => Promise<void>;
}

/**
 * Makes a control group and a program that starts Node in it.
 * @param folder for the program @throws {Error} where control groups are not available: on Linux, as root, they are
 */
export function nodeWithShare(share: number, folder: string): SharedNode {
  const name = `bench-${process.pid}-${Math.round(share * 1000)}`;
  const quota = Math.round(share * PERIOD_US);
  const isUnified = existsSync(join(ROOT, 'cgroup.controllers'));
  const group = isUnified ? join(ROOT, name) : join(ROOT, 'cpu', name);
  try {
    if (isUnified) {
      const controllers = join(ROOT, 'cgroup.subtree_control');
      if (!readFileSync(controllers, 'utf8').includes('cpu ')) writeFileSync(controllers, '+cpu');
    }
    mkdirSync(group);
    if (isUnified) writeFileSync(join(group, 'cpu.max'), `${quota} ${PERIOD_US}`);
    else {
      writeFileSync(join(group, 'cpu.cfs_period_us'), String(PERIOD_US));
      writeFileSync(join(group, 'cpu.cfs_quota_us'), String(quota));
    }
  } catch (cause) {
    throw new Error('A share of a processor needs the control groups of Linux, and root: run this in a virtual machine or a container', {
      cause,
    });
  }
  const node = join(folder, `${name}.sh`);
  writeFileSync(node, `#!/bin/sh\necho $$ > ${group}/cgroup.procs && exec ${process.execPath} "$@"\n`, { mode: 0o755 });
  return {
    node,
    // A process that was killed is in its group for a moment.
    remove: async () => {
      for (let attempt = 0; attempt < 50; attempt++) {
        try {
          rmdirSync(group);
          return;
        } catch {
          await sleep(100);
        }
      }
    },
  };
}
