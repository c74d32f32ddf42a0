// Pass 2, index → table: the ids of a range of one shard; what no table has an item for is listed.
import { addIgnored } from '../../../formats/counts.ts';
import type { Finding, SliceTable, WalkSlice } from '../../../formats/slice.ts';
import { KEYS_PER_BATCH, type Page } from '../../aws/dynamodb.ts';
import { walkShard, type WalkedDocument } from '../../cluster/walk.ts';
import { parseWithDigits } from '../../documents/exact-json.ts';
import type { AttributeMap } from '../../records/attribute.ts';
import { idOf, keyOfId, keyOfItem } from '../../records/item-key.ts';
import { MalformedRecord } from '../../records/malformed-record.ts';
import { ITEMS_IN_MEMORY, merged, type SliceContext, type Step, type StepResult, type Work } from './context.ts';
import { documentDigest } from './digest.ts';

/** Documents per request of the walk. */
const PAGE = 1000;

export const walk: Work<WalkSlice> = async function* (context, slice, cursor) {
  const { index, shard, from, to } = slice;
  let after = typeof cursor === 'number' ? cursor : from;
  for (;;) {
    const position = after;
    const documents = await context.read(() => walkShard(context.reader, index, { shard, after: position, to, size: PAGE }));
    after = documents.at(-1)?.sequenceNumber ?? to;
    let result = NOTHING;
    let first = 0;
    for (let at = 0; at < documents.length;) {
      const part = documents.slice(at, at + context.pace.atOnce(KEYS_PER_BATCH));
      result = merged(result, await missingItems(context, slice, part));
      at += part.length;
      if (at === documents.length || !context.pace.isOverdrawn) continue;
      yield { ...withIgnored(result, documents.slice(first, at)), cursor: part.at(-1)?.sequenceNumber, done: false };
      [result, first] = [NOTHING, at];
    }
    const done = documents.length < PAGE;
    yield { ...withIgnored(result, documents.slice(first)), cursor: after, done };
    if (done) return;
  }
};

/** What a step has found before its first documents. */
const NOTHING: StepResult = { counts: { pages: 1 }, findings: [] };

/** The result of a step, with the fields whose values the engine ignores in its documents. */
function withIgnored(result: StepResult, documents: readonly WalkedDocument[]): Pick<Step, 'counts' | 'findings' | 'ignored'> {
  const ignoring = documents.filter(({ ignored }) => ignored.length > 0);
  if (ignoring.length === 0) return result;
  const counted = merged(result, { counts: { ignored: ignoring.length }, findings: [] });
  return { ...counted, ignored: addIgnored(ignoring.map(({ ignored }) => Object.fromEntries(ignored.map((field) => [field, 1])))) };
}

/** The documents that no table has an item for. Tables that share the index are read one after the other: an id is absent only if none has it. */
async function missingItems(
  context: SliceContext,
  { index, tables }: WalkSlice,
  documents: readonly WalkedDocument[],
): Promise<StepResult> {
  let open = documents.map((document) => ({
    document,
    keys: undefined as AttributeMap | undefined,
    table: undefined as string | undefined,
  }));
  const unchecked = new Set<WalkedDocument>();
  let capacity = 0;
  for (const table of tables) {
    const keys = await keysOf(
      context,
      index,
      open.map(({ document }) => document),
      table,
    );
    const found = await present(context, table, keys);
    capacity += found.capacity;
    const byId = new Map(keys.map(({ id, key }) => [id, key]));
    for (const entry of open) {
      const key = byId.get(entry.document.id);
      if (key !== undefined) [entry.keys, entry.table] = [entry.keys ?? key, entry.table ?? table.name];
    }
    open = open.filter(({ document }) => !found.ids.has(document.id));
  }
  const findings: Finding[] = [];
  let kept = 0;
  for (const { document, keys, table } of open) {
    if (keys === undefined || table === undefined) {
      unchecked.add(document);
      continue;
    }
    if (context.runtime.tables.get(table).keepExpired) {
      kept++;
      continue;
    }
    const digest = documentDigest({ version: document.version, sequenceNumber: String(document.sequenceNumber) });
    findings.push({ table, id: document.id, keys, kind: 'stale', document: digest, item: null });
  }
  const counts = { unchecked: unchecked.size, kept, candidates: findings.length, 'read-capacity': capacity };
  return { counts, findings };
}

interface Keyed {
  readonly id: string;
  readonly key: AttributeMap;
}

/** The keys of ids: from the id itself, of a shortened one from its document. Those that no key of the table has are left out. */
async function keysOf(context: SliceContext, index: string, documents: readonly WalkedDocument[], table: SliceTable): Promise<Keyed[]> {
  const keyed: Keyed[] = [];
  const shortened: string[] = [];
  for (const { id } of documents) {
    if (/~[0-9a-f]{64}$/.test(id)) shortened.push(id);
    else {
      const key = keyOfId(id, table.keys);
      if (key !== undefined) keyed.push({ id, key });
    }
  }
  if (shortened.length === 0) return keyed;
  for (let at = 0; at < shortened.length; at += ITEMS_IN_MEMORY) {
    for (const [id, { source }] of await context.documents(index, shortened.slice(at, at + ITEMS_IN_MEMORY))) {
      const key = source === undefined ? undefined : keyOfSource(source, id, table);
      if (key !== undefined) keyed.push({ id, key });
    }
  }
  return keyed;
}

/** The key that a document holds, where that is the key of its id. */
function keyOfSource(source: string, id: string, { keys }: SliceTable): AttributeMap | undefined {
  const document = parseWithDigits(source) as Record<string, unknown>;
  const key: Record<string, Record<string, string>> = {};
  for (const { name, type } of keys) {
    const value = Object.hasOwn(document, name) ? document[name] : undefined;
    if (typeof value !== 'string') return undefined;
    key[name] = { [type]: value };
  }
  try {
    return idOf(key, keys) === id ? key : undefined;
  } catch (error) {
    if (error instanceof MalformedRecord) return undefined;
    throw error;
  }
}

/** Ids of documents that have an item, and the read capacity units that it took to know. */
interface Present {
  readonly ids: ReadonlySet<string>;
  readonly capacity: number;
}

/**
 * The ids of keys that the table has an item with a document for. What an eventually consistent read does not find is read again
 * consistently. A table with a transform is read whole: an item whose transform gives no document is absent too.
 */
async function present(context: SliceContext, table: SliceTable, keys: readonly Keyed[]): Promise<Present> {
  const shapedBy = context.table(table);
  const whole = shapedBy.transform !== undefined;
  const together = whole ? ITEMS_IN_MEMORY : KEYS_PER_BATCH;
  const ids = new Set<string>();
  let capacity = 0;
  for (const consistent of [false, true]) {
    const open = keys.filter(({ id }) => !ids.has(id));
    for (let at = 0; at < open.length; at += together) {
      const read = await readKeys(context, table, open.slice(at, at + together), { consistent, whole });
      capacity += read.capacity;
      for (const item of read.items) {
        const key = keyOfItem(item, table.keys);
        const id = idOf(key, table.keys);
        if (!whole || (await context.hasDocument(context.state(shapedBy, id, item, key, read.sentAt, { digits: '0', type: 'external' }))))
          ids.add(id);
      }
    }
  }
  return { ids, capacity };
}

/** @param whole all attributes, not only those of the key */
function readKeys(
  { pace, runtime, signal }: SliceContext,
  { name, keys }: SliceTable,
  wanted: readonly Keyed[],
  { consistent, whole }: { readonly consistent: boolean; readonly whole: boolean },
): Promise<Page> {
  const attributes = whole ? {} : { attributes: keys.map((key) => key.name) };
  const read = (): Promise<Page> =>
    runtime.dynamodb.batchGet(
      name,
      wanted.map(({ key }) => key),
      { consistent, ...attributes },
      signal,
    );
  return pace.read(read, signal);
}
