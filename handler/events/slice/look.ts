// A second look at what a list names: the document first, the item second. What differs still, and has not moved, is a difference.
import { addCounts } from '../../../formats/counts.ts';
import type { Finding, LookSlice, SliceTable } from '../../../formats/slice.ts';
import type { IndexedDocument } from '../../cluster/documents.ts';
import { isSameDocument } from '../../documents/comparison.ts';
import type { ItemState } from '../../indexing/item-state.ts';
import { isAttributeMap, type AttributeMap } from '../../records/attribute.ts';
import { backfillVersion, greaterVersion, isFrozen } from '../../records/backfill-version.ts';
import { idOf, isKeyOf, keyOfItem } from '../../records/item-key.ts';
import { MalformedRecord } from '../../records/malformed-record.ts';
import type { IndexedTable } from '../../tables.ts';
import { SliceProblem, type SliceContext, type Step, type Work } from './context.ts';
import { documentDigest, itemDigest } from './digest.ts';

/** Findings of a step. */
const FINDINGS_PER_STEP = 24;
/** Findings that are in memory together, for a function of 128 MB: items have up to 400 KB, and their documents more. */
const MAX_IN_MEMORY = 4;

export const look: Work<LookSlice> = async function* (context, slice, cursor) {
  const { runtime, signal } = context;
  const stored = await runtime.objects.get(slice.bucket, slice.list, signal);
  if (stored === undefined) throw new SliceProblem(`there is no list s3://${slice.bucket}/${slice.list}`);
  const findings = stored.text.split('\n').flatMap((line) => (line === '' ? [] : [JSON.parse(line) as Finding]));
  for (let at = typeof cursor === 'number' ? cursor : 0; ; at += FINDINGS_PER_STEP) {
    const next = at + FINDINGS_PER_STEP;
    const done = next >= findings.length;
    yield { ...(await lookAt(context, slice, findings.slice(at, next))), cursor: next, done };
    if (done) return;
  }
};

type Result = Pick<Step, 'counts' | 'findings'>;

async function lookAt(context: SliceContext, slice: LookSlice, findings: readonly Finding[]): Promise<Result> {
  let result: Result = { counts: { pages: 1 }, findings: [] };
  for (const table of slice.tables) {
    const own = findings.filter((finding) => finding.table === table.name);
    for (let at = 0; at < own.length; at += MAX_IN_MEMORY) {
      const { counts, findings: further } = await ofTable(context, slice, table, own.slice(at, at + MAX_IN_MEMORY));
      result = { counts: addCounts([result.counts, counts]), findings: [...result.findings, ...further] };
    }
  }
  return result;
}

/** A key as it is now. */
interface Look {
  readonly finding: Finding;
  readonly document: IndexedDocument | undefined;
  readonly state: ItemState & { readonly sentAt: number };
  /** Undefined: the item can have no document. */
  readonly shaped: Awaited<ReturnType<SliceContext['shaped']>> | undefined;
}

async function ofTable(
  context: SliceContext,
  { mode, isLast, index }: LookSlice,
  table: SliceTable,
  findings: readonly Finding[],
): Promise<Result> {
  // A list of an earlier run comes by way of people.
  const checkable = findings.filter(({ id, keys }) => isAttributeMap(keys) && isKeyOf(keys, table.keys) && idOf(keys, table.keys) === id);
  const { looks, capacity } = await looksAt(context, context.table(table, index), table, checkable);
  const open = looks.filter(({ shaped, document }) => !isEqual(shaped, document));
  const unchecked = findings.length - checkable.length;
  const counts = { 'read-capacity': capacity, equal: looks.length - open.length, ...(unchecked === 0 ? {} : { unchecked }) };
  const { counts: more, findings: further } = mode === 'decide' ? decided(context, open, isLast) : await applied(context, open);
  return { counts: addCounts([counts, more]), findings: further };
}

/** Reads documents, then items: a document's version is then that of a state that the item's contains. */
async function looksAt(
  context: SliceContext,
  table: IndexedTable,
  sliceTable: SliceTable,
  findings: readonly Finding[],
): Promise<{ readonly looks: readonly Look[]; readonly capacity: number }> {
  const { pace, runtime, signal } = context;
  const documents = await context.documents(
    table.index,
    findings.map(({ id }) => id),
  );
  const keys = findings.flatMap(({ keys: key }) => (isAttributeMap(key) ? [key] : []));
  const read = await pace.read(() => runtime.dynamodb.batchGet(table.name, keys, { consistent: true }, signal), signal);
  const items = new Map<string, AttributeMap>(read.items.map((item) => [idOf(keyOfItem(item, sliceTable.keys), sliceTable.keys), item]));
  const looks: Look[] = [];
  for (const finding of findings) {
    if (!isAttributeMap(finding.keys)) continue;
    const document = documents.get(finding.id);
    const safe = backfillVersion(read.sentAt);
    const digits = document === undefined ? safe : greaterVersion(safe, document.version);
    const state = context.state(table, finding.id, items.get(finding.id), finding.keys, read.sentAt, { digits, type: 'external_gte' });
    let shaped: Look['shaped'];
    try {
      shaped = await context.shaped(state);
    } catch (error) {
      if (!(error instanceof MalformedRecord)) throw error;
    }
    looks.push({ finding, document, state, shaped });
  }
  return { looks, capacity: read.capacity };
}

function isEqual(shaped: Look['shaped'], document: IndexedDocument | undefined): boolean {
  // What can have no document is a dead letter's business.
  if (shaped === undefined) return true;
  if (shaped === null) return document === undefined;
  return document?.source !== undefined && isSameDocument(shaped.text, document.source, shaped.image);
}

/** What it is now, whatever it was found as. */
function kindOf({ shaped, document }: Look): 'missing' | 'different' | 'stale' {
  if (shaped === null || shaped === undefined) return 'stale';
  return document === undefined ? 'missing' : 'different';
}

/** A difference is what has not moved between two looks; what has is looked at again. */
function decided({ runtime }: SliceContext, open: readonly Look[], isLast: boolean): Result {
  const counts = { missing: 0, different: 0, stale: 0, frozen: 0, moving: 0, kept: 0 };
  const findings: Finding[] = [];
  for (const one of open) {
    const { finding, document, shaped, state } = one;
    const [now, item] = [documentDigest(document), itemDigest(shaped?.text)];
    const stays = now === (finding.document ?? null) && item === (finding.item ?? null);
    const kind = kindOf(one);
    if (kind === 'stale' && state.table.keepExpired) {
      counts.kept++;
    } else if (document !== undefined && isFrozen(document.version, runtime.now())) {
      counts.frozen++;
      findings.push({ ...finding, kind: 'frozen', document: now, item });
    } else if (stays) {
      counts[kind]++;
      findings.push({ ...finding, kind, document: now, item });
    } else {
      if (isLast) counts.moving++;
      findings.push({ ...finding, kind: 'moving', document: now, item });
    }
  }
  return { counts, findings };
}

/** Writes the present state of each key, with the greatest version that is safe. */
async function applied(context: SliceContext, open: readonly Look[]): Promise<Result> {
  const todo = open.filter(({ finding, state, shaped }) => {
    if (finding.kind === 'frozen') return false;
    return !((shaped === null || shaped === undefined) && state.table.keepExpired);
  });
  const frozen = open.filter(({ finding }) => finding.kind === 'frozen').length;
  const counts = { repaired: 0, deleted: 0, newer: 0, moving: 0, malformed: 0, kept: open.length - todo.length - frozen };
  const findings: Finding[] = [];
  const writes = await context.write(todo.map(({ state }) => state));
  for (const [i, write] of writes.entries()) {
    const one = todo[i];
    if (one === undefined) continue;
    if (write.outcome?.kind === 'malformed') counts.malformed++;
    else if (write.written) {
      counts.repaired++;
      if (one.shaped === null) counts.deleted++;
    } else if (one.shaped !== null && one.document === undefined) {
      // A delete that is younger than the margin forbids it: a run after the margin writes it.
      counts.moving++;
      findings.push({ ...one.finding, kind: 'moving' });
    } else counts.newer++;
  }
  return { counts, findings };
}
