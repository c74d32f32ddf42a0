// Keeps the processors of the engine and of everything else apart: a function never takes its cluster's, which a measurement on one machine
// would otherwise count against it.
import { spawnSync } from 'node:child_process';
import { cpus } from 'node:os';

const pin = (pid: number, processors: string): boolean =>
  spawnSync('taskset', ['--all-tasks', '--cpu-list', '--pid', processors, String(pid)], { stdio: 'ignore' }).status === 0;

/**
 * Gives the engine the first processor, and the other processes the rest.
 * @returns gives all of them all processors again; undefined where there is one processor, or no Linux
 */
export async function keptApart(engineUrl: string, others: readonly number[]): Promise<(() => void) | undefined> {
  const last = cpus().length - 1;
  if (last < 1) return undefined;
  const { nodes } = (await (await fetch(`${engineUrl}/_nodes/_local/process`)).json()) as {
    nodes: Record<string, { process: { id: number } }>;
  };
  const engine = Object.values(nodes)[0]?.process.id ?? NaN;
  const all = `0-${last}`;
  const release = (): void => {
    for (const pid of [engine, ...others]) pin(pid, all);
  };
  if (pin(engine, '0') && others.every((pid) => pin(pid, `1-${last}`))) return release;
  release();
  return undefined;
}
