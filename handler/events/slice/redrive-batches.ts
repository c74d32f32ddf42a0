// Batches that Lambda discarded, a page of them: each of their items is read again and written, and the object deleted.
import type { Finding } from '../../../formats/slice.ts';
import { parseFailedBatch, type RedriveItem } from '../../dead-letters/stored-dead-letter.ts';
import { merged, type StepResult } from './context.ts';
import { ITEMS_PER_STEP, nameOf, type PageSteps, type Redrive } from './redrive-part.ts';
import { nameOfItem, rewrite, worst } from './rewrite.ts';

export async function* failedBatches(redrive: Redrive, keys: readonly string[]): PageSteps {
  const { context, slice, objects } = redrive;
  for (const key of keys) {
    const stored = await objects.get(slice.from.bucket, key, context.signal);
    if (stored === undefined) continue;
    const items = parseFailedBatch(stored.text, slice.tables, slice.functionArn);
    const result: StepResult =
      items === undefined ? { counts: { foreign: 1 }, findings: [] } : await settle(redrive, key, stored.etag, items);
    yield { result, name: nameOf(key) };
  }
}

async function settle({ context, slice, objects }: Redrive, key: string, etag: string, items: readonly RedriveItem[]): Promise<StepResult> {
  let result: StepResult = { counts: { 'failed-batches': 1 }, findings: [] };
  if (slice.mode === 'count') {
    const findings = items.map<Finding>(({ table, id, keys }) => ({ table, id, keys, kind: 'dead-letter', type: 'failed_batch' }));
    return { ...result, findings };
  }
  for (let at = 0; at < items.length; at += ITEMS_PER_STEP) {
    const part = items.slice(at, at + ITEMS_PER_STEP);
    const { outcomes, counts } = await rewrite(context, slice, part, 'dead-letter');
    const findings = part
      .filter((item) => worst(outcomes.get(nameOfItem(item)) ?? []) === 'moving')
      .map<Finding>(({ table, id, keys }) => ({ table, id, keys, kind: 'moving' }));
    result = merged(result, { counts: { ...counts, ...(findings.length === 0 ? {} : { moving: findings.length }) }, findings });
  }
  if (result.findings.length > 0) return result;
  await objects.delete(slice.from.bucket, key, context.signal, etag);
  return merged(result, { counts: { redriven: 1 }, findings: [] });
}
