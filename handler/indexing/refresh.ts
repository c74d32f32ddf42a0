// Refreshes the indexes that a batch has written to.
import { abortAt, type Budget } from '../budget.ts';
import type { Runtime } from '../runtime.ts';
import { withoutValues } from '../telemetry/redaction.ts';
import type { Write } from './write.ts';

/**
 * Sends one refresh for all indexes that were written to and whose tables have `refresh: true`, unless the request has refreshed them.
 * Documents are safe without it, so it never fails a write.
 */
export async function refreshWritten(runtime: Runtime, { respondBy }: Budget, writes: readonly Write[]): Promise<void> {
  if (runtime.cluster.serverless) return;
  const indexes = new Set<string>();
  for (const { written, refreshed, table } of writes) {
    if (written && !refreshed && table.refresh === true && table.index !== undefined) indexes.add(table.index);
  }
  if (indexes.size === 0) return;
  const { signal, release } = abortAt(respondBy, runtime.now());
  const problem = signal.aborted ? 'no time was left' : await runtime.indexes.refresh([...indexes], signal);
  release();
  if (problem !== undefined)
    runtime.log.warn('refresh failed; the documents are written and become searchable with the next one', {
      indexes: [...indexes],
      reason: withoutValues(problem),
    });
}
