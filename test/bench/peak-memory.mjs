// The most memory that this process has had. Plain JavaScript, as its callers are.
import { readFileSync } from 'node:fs';

/**
 * MB. Linux counts the memory of the parent, which a new process shares until it starts its program, into the `maxRSS` of the child;
 * `VmHWM` begins with the program (https://man7.org/linux/man-pages/man5/proc_pid_status.5.html).
 */
export function peakMemory() {
  if (process.platform !== 'linux') return process.resourceUsage().maxRSS / 1024;
  const [, kilobytes] = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8')) ?? [];
  if (kilobytes === undefined) throw new Error('/proc/self/status has no VmHWM');
  return Number(kilobytes) / 1024;
}
