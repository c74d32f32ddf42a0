// Batches that Lambda discarded, a page of them: each of their items is read again and written, and the object deleted.
import { addCounts } from '../../../formats/counts.ts';
import type { Finding } from '../../../formats/slice.ts';
import { parseFailedBatch, type RedriveItem } from '../../dead-letters/stored-dead-letter.ts';
import { merged, type StepResult } from './context.ts';
import { ITEMS_PER_STEP, READS_PER_ITEM, nameOf, type Begun, type PageSteps, type Redrive } from './redrive-part.ts';
import { nameOfItem, rewrite, worst } from './rewrite.ts';

/** Works off batches, each in as many steps as it needs: one can have ten thousand items. @param begun the batch that an earlier step has begun */
export async function* failedBatches(redrive: Redrive, keys: readonly string[], begun: Begun | undefined): PageSteps {
  const { context, slice, objects } = redrive;
  for (const key of keys) {
    const stored = await objects.get(slice.from.bucket, key, context.signal);
    if (stored === undefined) continue;
    const name = nameOf(key);
    const items = parseFailedBatch(stored.text, slice.tables, slice.functionArn);
    if (items === undefined) yield { result: { counts: { foreign: 1 }, findings: [] }, name };
    else if (slice.mode === 'count') yield { result: counted(items), name };
    else yield* settle(redrive, { key, name, etag: stored.etag, items }, begun);
  }
}

function counted(items: readonly RedriveItem[]): StepResult {
  const findings = items.map<Finding>(({ table, id, keys }) => ({ table, id, keys, kind: 'dead-letter', type: 'failed_batch' }));
  return { counts: { 'failed-batches': 1 }, findings };
}

interface Batch {
  readonly key: string;
  readonly name: string;
  readonly etag: string;
  readonly items: readonly RedriveItem[];
}

/** Writes the items of a batch, as many in a step as the read capacity allows, and deletes its object unless one is left to a later run. */
async function* settle(redrive: Redrive, { key, name, etag, items }: Batch, begun: Begun | undefined): PageSteps {
  const { context, slice, objects } = redrive;
  let { items: at, kept } = begun?.name === name && begun.etag === etag ? begun : { items: 0, kept: false };
  for (;;) {
    const part = items.slice(at, at + context.pace.atOnce(ITEMS_PER_STEP, READS_PER_ITEM));
    const result = await written(redrive, part);
    at += part.length;
    kept ||= result.findings.length > 0;
    if (at >= items.length) {
      if (!kept) await objects.delete(slice.from.bucket, key, context.signal, etag);
      yield { result: merged(result, { counts: { 'failed-batches': 1, ...(kept ? {} : { redriven: 1 }) }, findings: [] }), name };
      return;
    }
    yield { result, begun: { name, etag, items: at, kept } };
  }
}

/** Reads items again and writes them; those that are left to a later run are findings. */
async function written({ context, slice }: Redrive, items: readonly RedriveItem[]): Promise<StepResult> {
  const { outcomes, counts } = await rewrite(context, slice, items, 'dead-letter');
  const findings = items.flatMap<Finding>((item) => {
    const kind = worst(outcomes.get(nameOfItem(item)) ?? []);
    return kind === 'moving' || kind === 'frozen' ? [{ table: item.table, id: item.id, keys: item.keys, kind }] : [];
  });
  return { counts: addCounts([counts, ...findings.map(({ kind }) => ({ [kind]: 1 }))]), findings };
}
