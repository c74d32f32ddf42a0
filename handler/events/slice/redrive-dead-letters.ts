// Dead letters, a page of them: the item of each is read again and written, and the object deleted, or given another attempt.
import type { Finding } from '../../../formats/slice.ts';
import { failureFields } from '../../dead-letters/dead-letter.ts';
import { parseDeadLetter, withAttempt, type RedriveItem, type StoredDeadLetter } from '../../dead-letters/stored-dead-letter.ts';
import { greaterVersion } from '../../records/backfill-version.ts';
import { merged, type StepResult } from './context.ts';
import { ITEMS_PER_STEP, READS_PER_ITEM, nameOf, type PageSteps, type Redrive } from './redrive-part.ts';
import { nameOfItem, rewrite, worst, type Outcome, type Outcomes } from './rewrite.ts';

/** Objects that are read at the same time: a dead letter can have a megabyte. */
const MAX_CONCURRENT_READS = 4;

/** A stored dead letter and its object. */
interface Opened {
  readonly key: string;
  readonly etag: string;
  readonly deadLetter: StoredDeadLetter;
}

/** @param keys so that dead letters of one item follow each other */
export async function* deadLetters(redrive: Redrive, keys: readonly string[]): PageSteps {
  let result: StepResult = { counts: {}, findings: [] };
  let opened: Opened[] = [];
  let name = '';
  for (let at = 0; at < keys.length; at += MAX_CONCURRENT_READS) {
    const together = keys.slice(at, at + MAX_CONCURRENT_READS);
    for (const [i, found] of (await Promise.all(together.map((key) => open(redrive, key)))).entries()) {
      const isOne = found !== undefined && 'deadLetter' in found;
      const isNew = isOne && opened.at(-1)?.deadLetter.id !== found.deadLetter.id;
      const items = new Set(opened.map(({ deadLetter }) => deadLetter.id)).size;
      if (isNew && items >= redrive.context.pace.atOnce(ITEMS_PER_STEP, READS_PER_ITEM)) {
        yield { result: merged(result, await settle(redrive, opened)), name };
        [result, opened] = [{ counts: {}, findings: [] }, []];
      }
      name = nameOf(together[i] ?? '');
      if (isOne) opened.push(found);
      else if (found !== undefined) result = merged(result, found);
    }
  }
  if (name !== '') yield { result: merged(result, await settle(redrive, opened)), name };
}

/**
 * Opens a dead letter. @returns what an object counts as that is none to work off; undefined: nothing, since it is gone, or was written since
 * the run began and is left to the next run
 */
async function open({ context: { signal }, slice, objects }: Redrive, key: string): Promise<Opened | StepResult | undefined> {
  const { from, tables, until, mode } = slice;
  const stored = await objects.get(from.bucket, key, signal);
  if (stored === undefined) return undefined;
  const deadLetter = key.endsWith('.json') ? parseDeadLetter(stored.text, tables) : undefined;
  if (deadLetter === undefined) return { counts: { foreign: 1 }, findings: [] };
  if (deadLetter.failedAt < until) return { key, etag: stored.etag, deadLetter };
  // Only redrive counts attempts: this one has failed again in a step that ended before its checkpoint was written.
  if (mode === 'count' || deadLetter.attempts === 1) return undefined;
  return merged({ counts: { 'dead-letters': 1 }, findings: [] }, failedAgain(deadLetter, deadLetter.type));
}

const failedAgain = ({ table, id, keys }: StoredDeadLetter, type: string): StepResult => ({
  counts: { 'failed-again': 1 },
  findings: [{ table, id, keys, kind: 'failed-again', type }],
});

async function settle(redrive: Redrive, opened: readonly Opened[]): Promise<StepResult> {
  const { context, slice } = redrive;
  const found: StepResult = { counts: { 'dead-letters': opened.length }, findings: [] };
  if (slice.mode === 'count') {
    const findings = opened.map<Finding>(({ deadLetter: { table, id, keys, type } }) => ({ table, id, keys, kind: 'dead-letter', type }));
    return { ...found, findings };
  }
  const { outcomes, counts } = await rewrite(context, slice, itemsOf(opened), 'keep');
  let result = merged(found, { counts, findings: [] });
  for (const one of opened) result = merged(result, await close(redrive, one, outcomeFor(one.deadLetter, outcomes)));
  return result;
}

/** Each item once, with the greatest version of its dead letters. */
function itemsOf(opened: readonly Opened[]): RedriveItem[] {
  const items = new Map<string, RedriveItem>();
  for (const { deadLetter } of opened) {
    const name = nameOfItem(deadLetter);
    items.set(name, { ...deadLetter, version: greaterVersion(items.get(name)?.version ?? '0', deadLetter.version) });
  }
  return [...items.values()];
}

/** A dead letter is about the index that it names; where that is written to no more, about all that are. */
function outcomeFor(deadLetter: StoredDeadLetter, outcomes: Outcomes): Outcome {
  const all = outcomes.get(nameOfItem(deadLetter)) ?? [];
  const own = all.filter(({ index }) => index === deadLetter.index);
  return worst(own.length > 0 ? own : all);
}

/** Deletes the object of a dead letter whose item was written, or notes the attempt in it. */
async function close({ context, slice, objects }: Redrive, { key, etag, deadLetter }: Opened, outcome: Outcome): Promise<StepResult> {
  const { table, id, keys } = deadLetter;
  const { bucket } = slice.from;
  const { runtime, signal } = context;
  if (outcome === 'done') {
    await objects.delete(bucket, key, signal, etag);
    return { counts: { redriven: 1 }, findings: [] };
  }
  if (outcome === undefined || typeof outcome === 'string') {
    const kind = outcome ?? 'moving';
    return { counts: { [kind]: 1 }, findings: [{ table, id, keys, kind }] };
  }
  const stored = await objects.get(bucket, key, signal);
  if (stored?.etag === etag) {
    const attempt = { attempts: deadLetter.attempts + 1, ...failureFields(outcome, runtime.now()) };
    await objects.put(bucket, key, withAttempt(stored.text, attempt), signal, etag);
  }
  return failedAgain(deadLetter, outcome.type);
}
