// Works off dead letters, and the batches that Lambda discarded: the item of each is read again, its present state written, and the object
// deleted if it is still the one that was read.
import { addCounts } from '../../../formats/counts.ts';
import type { Counts, Finding, RedriveSlice, SliceTable } from '../../../formats/slice.ts';
import {
  parseDeadLetter,
  parseFailedBatch,
  withAttempt,
  type RedriveItem,
  type StoredDeadLetter,
} from '../../dead-letters/stored-dead-letter.ts';
import type { Write } from '../../indexing/write.ts';
import { backfillVersion, greaterVersion } from '../../records/backfill-version.ts';
import { idOf, keyOfItem } from '../../records/item-key.ts';
import type { MalformedRecord } from '../../records/malformed-record.ts';
import { type ReadState, type SliceContext, type Step, type Work } from './context.ts';
import { placeObjects } from './place.ts';

/** Items that are read and written together. */
const MAX_ITEMS_PER_STEP = 25;
/** Objects that are read at the same time: a dead letter can have a megabyte. */
const MAX_CONCURRENT_READS = 4;

/**
 * A place in the listing. Objects are deleted meanwhile, so a page is known by its ends, not by its length; the part of it that is done,
 * by the greatest name.
 */
interface Cursor {
  readonly after?: string;
  /** Undefined between two pages. */
  readonly page?: { readonly last: string; readonly name: string };
}

export const redrive: Work<RedriveSlice> = async function* (context, slice, cursor) {
  const { runtime, signal } = context;
  const { bucket, prefix } = slice.from;
  const objects = placeObjects(runtime.objects, slice.from);
  let { after, page } = (cursor ?? {}) as Cursor;
  for (;;) {
    const listed = await objects.list(bucket, prefix, signal, after);
    const last = page?.last ?? listed.at(-1);
    if (last === undefined) {
      yield { ...ONE_STEP, cursor: { after }, done: true };
      return;
    }
    const done = page?.name ?? '';
    // Dead letters of one item have names that begin alike, whatever their days: together they are read and written once.
    const names = listed.filter((key) => key <= last && nameOf(key) > done).sort((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1));
    const step = slice.form === 'dead-letters' ? deadLetters : failedBatches;
    for await (const { result, name } of step(context, slice, names))
      yield { ...merged(result, ONE_STEP), cursor: { after, page: { last, name } }, done: false };
    [after, page] = [last, undefined];
    yield { ...ONE_STEP, cursor: { after }, done: false };
  }
};

/** The name of an object in its folder, and the folder so that no two are equal. */
function nameOf(key: string): string {
  const end = key.lastIndexOf('/') + 1;
  return `${key.slice(end)}/${key.slice(0, end)}`;
}

type Result = Pick<Step, 'counts' | 'findings'>;
/** Lists are named after the number of steps before. */
const ONE_STEP: Result = { counts: { pages: 1 }, findings: [] };
type Part = AsyncGenerator<{ readonly result: Result; readonly name: string }>;

/** A stored dead letter and its object. */
interface Opened {
  readonly key: string;
  readonly etag: string;
  readonly deadLetter: StoredDeadLetter;
}

async function* deadLetters(context: SliceContext, slice: RedriveSlice, names: readonly string[]): Part {
  let result: Result = { counts: {}, findings: [] };
  let opened: Opened[] = [];
  let name = '';
  for (let at = 0; at < names.length; at += MAX_CONCURRENT_READS) {
    const keys = names.slice(at, at + MAX_CONCURRENT_READS);
    for (const [i, found] of (await Promise.all(keys.map((key) => open(context, slice, key)))).entries()) {
      const key = keys[i] ?? '';
      const isNew = typeof found === 'object' && opened.at(-1)?.deadLetter.id !== found.deadLetter.id;
      if (isNew && new Set(opened.map(({ deadLetter }) => deadLetter.id)).size >= MAX_ITEMS_PER_STEP) {
        yield { result: merged(result, await settle(context, slice, opened)), name };
        [result, opened] = [{ counts: {}, findings: [] }, []];
      }
      name = nameOf(key);
      if (typeof found === 'object') opened.push(found);
      else if (found !== 'gone') result = merged(result, { counts: { [found]: 1 }, findings: [] });
    }
  }
  if (name !== '') yield { result: merged(result, await settle(context, slice, opened)), name };
}

/** Opens a dead letter; one that was written since the run began is left to the next run. */
async function open(
  { runtime, signal }: SliceContext,
  { from, tables, until }: RedriveSlice,
  key: string,
): Promise<Opened | 'foreign' | 'gone'> {
  const stored = await placeObjects(runtime.objects, from).get(from.bucket, key, signal);
  if (stored === undefined) return 'gone';
  const deadLetter = key.endsWith('.json') ? parseDeadLetter(stored.text, tables) : undefined;
  if (deadLetter === undefined) return 'foreign';
  return deadLetter.failedAt >= until ? 'gone' : { key, etag: stored.etag, deadLetter };
}

async function settle(context: SliceContext, slice: RedriveSlice, opened: readonly Opened[]): Promise<Result> {
  const counts: Counts = { 'dead-letters': opened.length };
  if (slice.mode === 'count') {
    const findings = opened.map<Finding>(({ deadLetter: { table, id, keys, type } }) => ({ table, id, keys, kind: 'dead-letter', type }));
    return { counts, findings };
  }
  const items = new Map<string, RedriveItem>();
  for (const { deadLetter } of opened) {
    const former = items.get(nameOfItem(deadLetter));
    items.set(
      nameOfItem(deadLetter),
      former === undefined ? deadLetter : { ...deadLetter, version: greaterVersion(former.version, deadLetter.version) },
    );
  }
  const { outcomes, counts: more } = await rewrite(context, slice, [...items.values()], 'keep');
  let result: Result = { counts: addCounts([counts, more]), findings: [] };
  for (const one of opened) result = merged(result, await close(context, slice, one, outcomeFor(one.deadLetter, outcomes)));
  return result;
}

/** Deletes the object of a dead letter whose item was written, or notes the attempt in it. */
async function close(
  { runtime, signal }: SliceContext,
  { from }: RedriveSlice,
  { key, etag, deadLetter }: Opened,
  outcome: Outcome,
): Promise<Result> {
  const { table, id, keys } = deadLetter;
  const objects = placeObjects(runtime.objects, from);
  if (outcome === 'done') {
    await objects.delete(from.bucket, key, signal, etag);
    return { counts: { redriven: 1 }, findings: [] };
  }
  if (outcome === undefined || outcome === 'moving') return { counts: { moving: 1 }, findings: [{ table, id, keys, kind: 'moving' }] };
  const stored = await objects.get(from.bucket, key, signal);
  if (stored?.etag === etag) {
    const { message, detail, status, type } = outcome;
    const attempt = {
      attempts: deadLetter.attempts + 1,
      failedAt: new Date(runtime.now()).toISOString(),
      status: status ?? null,
      type,
      reason: detail === undefined ? message : `${message}: ${detail}`,
    };
    await objects.put(from.bucket, key, withAttempt(stored.text, attempt), signal, etag);
  }
  return { counts: { 'failed-again': 1 }, findings: [{ table, id, keys, kind: 'failed-again', type: outcome.type }] };
}

async function* failedBatches(context: SliceContext, slice: RedriveSlice, names: readonly string[]): Part {
  const { runtime, signal } = context;
  const objects = placeObjects(runtime.objects, slice.from);
  for (const key of names) {
    const stored = await objects.get(slice.from.bucket, key, signal);
    if (stored === undefined) continue;
    const items = parseFailedBatch(stored.text, slice.tables);
    yield {
      result: items === undefined ? { counts: { foreign: 1 }, findings: [] } : await failedBatch(context, slice, key, stored.etag, items),
      name: nameOf(key),
    };
  }
}

async function failedBatch(
  context: SliceContext,
  slice: RedriveSlice,
  key: string,
  etag: string,
  items: readonly RedriveItem[],
): Promise<Result> {
  const findings = items.map<Finding>(({ table, id, keys }) => ({ table, id, keys, kind: 'dead-letter', type: 'failed_batch' }));
  if (slice.mode === 'count') return { counts: { 'failed-batches': 1 }, findings };
  let counts: Counts = { 'failed-batches': 1 };
  const moving: Finding[] = [];
  for (let at = 0; at < items.length; at += MAX_ITEMS_PER_STEP) {
    const part = items.slice(at, at + MAX_ITEMS_PER_STEP);
    const { outcomes, counts: more } = await rewrite(context, slice, part, 'dead-letter');
    counts = addCounts([counts, more]);
    for (const item of part) {
      if (worst(outcomes.get(nameOfItem(item)) ?? []) !== 'moving') continue;
      counts = addCounts([counts, { moving: 1 }]);
      moving.push({ table: item.table, id: item.id, keys: item.keys, kind: 'moving' });
    }
  }
  if (moving.length > 0) return { counts, findings: moving };
  await placeObjects(context.runtime.objects, slice.from).delete(slice.from.bucket, key, context.signal, etag);
  return { counts: addCounts([counts, { redriven: 1 }]), findings: [] };
}

/** What became of an item; an error: it failed again. */
type Outcome = 'done' | 'moving' | MalformedRecord | undefined;
/** By index, in each of which an item of a table that is reindexed has an outcome of its own. */
type Outcomes = ReadonlyMap<string, readonly { readonly index: string | undefined; readonly outcome: Outcome }[]>;

const nameOfItem = ({ table, id }: Pick<RedriveItem, 'table' | 'id'>): string => JSON.stringify([table, id]);

/** A dead letter is about the index that it names; where that is written to no more, about all that are. */
function outcomeFor(deadLetter: StoredDeadLetter, outcomes: Outcomes): Outcome {
  const all = outcomes.get(nameOfItem(deadLetter)) ?? [];
  const own = all.filter(({ index }) => index === deadLetter.index);
  return worst(own.length > 0 ? own : all);
}

function worst(outcomes: readonly { readonly outcome: Outcome }[]): Outcome {
  const all = outcomes.map(({ outcome }) => outcome);
  return all.find((outcome) => typeof outcome === 'object') ?? all.find((outcome) => outcome !== 'done') ?? all[0];
}

/** Reads items and writes their present state, to both indexes of a table that is reindexed. @param malformed whether items that fail again become dead letters of their own */
async function rewrite(
  context: SliceContext,
  slice: RedriveSlice,
  items: readonly RedriveItem[],
  malformed: 'keep' | 'dead-letter',
): Promise<{ readonly outcomes: Outcomes; readonly counts: Counts }> {
  const outcomes = new Map<string, { index: string | undefined; outcome: Outcome }[]>();
  let counts: Counts = {};
  for (const table of slice.tables) {
    const own = items.filter((item) => item.table === table.name);
    if (own.length === 0) continue;
    const { states, capacity } = await statesOf(context, table, own);
    const writable = states.filter(({ image, table: { keepExpired } }) => image !== undefined || !keepExpired);
    const kept = states.length - writable.length;
    const targets = context.targets(table);
    const toWrite = writable.flatMap((state) => targets.map((target) => ({ ...state, table: target })));
    const writes = await (malformed === 'keep' ? context.tryToWrite(toWrite) : context.write(toWrite));
    counts = addCounts([counts, { 'read-capacity': capacity, read: own.length, kept, ...countsOf(writes) }]);
    for (const state of states.filter((one) => !writable.includes(one)))
      outcomes.set(nameOfItem({ table: table.name, id: state.id }), [{ index: undefined, outcome: 'done' }]);
    for (const { id, index, outcome } of await outcomesOf(context, writes)) {
      const name = nameOfItem({ table: table.name, id });
      outcomes.set(name, [...(outcomes.get(name) ?? []), { index, outcome }]);
    }
  }
  return { outcomes, counts };
}

async function statesOf(
  context: SliceContext,
  sliceTable: SliceTable,
  items: readonly RedriveItem[],
): Promise<{ states: ReadState[]; capacity: number }> {
  const { pace, runtime, signal } = context;
  const table = context.table(sliceTable);
  const read = await pace.read(
    () =>
      runtime.dynamodb.batchGet(
        table.name,
        items.map(({ keys }) => keys),
        { consistent: true },
        signal,
      ),
    signal,
  );
  const found = new Map(read.items.map((item) => [idOf(keyOfItem(item, sliceTable.keys), sliceTable.keys), item]));
  const safe = backfillVersion(read.sentAt);
  const states = items.map(({ id, keys, version }) =>
    context.state(table, id, found.get(id), keys, read.sentAt, { digits: greaterVersion(safe, version), type: 'external_gte' }),
  );
  return { states, capacity: read.capacity };
}

function countsOf(writes: readonly Write[]): Counts {
  const malformed = writes.filter(({ outcome }) => outcome?.kind === 'malformed').length;
  const written = writes.filter((write) => write.written);
  return {
    written: written.length,
    deleted: written.filter(({ state }) => state?.image === undefined).length,
    malformed,
    newer: writes.length - written.length - malformed,
  };
}

/** The outcome of each write: failed again, forbidden by a delete that is younger than the margin, or done. */
async function outcomesOf(
  context: SliceContext,
  writes: readonly Write[],
): Promise<{ readonly id: string; readonly index: string | undefined; readonly outcome: Outcome }[]> {
  const refused = writes.filter(({ outcome, written, state }) => outcome?.kind === 'done' && !written && state?.image !== undefined);
  const absent = new Set<Write>();
  for (const index of new Set(refused.flatMap(({ table }) => table.index ?? []))) {
    const own = refused.filter(({ table }) => table.index === index);
    const documents = await context.documents(
      index,
      own.map(({ id = '' }) => id),
    );
    for (const write of own) if (!documents.has(write.id ?? '')) absent.add(write);
  }
  return writes.map((write) => {
    const { id = '', outcome, table } = write;
    return { id, index: table.index, outcome: outcome?.kind === 'malformed' ? outcome.error : absent.has(write) ? 'moving' : 'done' };
  });
}

const merged = (a: Result, b: Result): Result => ({ counts: addCounts([a.counts, b.counts]), findings: [...a.findings, ...b.findings] });
