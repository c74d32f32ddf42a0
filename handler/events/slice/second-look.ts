// A second look at what a list names: the document first, the item second. What differs still, and has not moved, is a difference.
import type { Finding, LookSlice, SliceTable } from '../../../formats/slice.ts';
import type { IndexedDocument } from '../../cluster/documents.ts';
import { isSameDocument } from '../../documents/comparison.ts';
import { isAttributeMap } from '../../records/attribute.ts';
import { idOf, isKeyOf } from '../../records/item-key.ts';
import { MalformedRecord } from '../../records/malformed-record.ts';
import type { IndexedTable } from '../../tables.ts';
import { ITEMS_IN_MEMORY, merged, SliceProblem, type ReadState, type SliceContext, type StepResult, type Work } from './context.ts';
import { documentDigest, itemDigest } from './digest.ts';

/** Findings of a step. */
const FINDINGS_PER_STEP = 24;

export const look: Work<LookSlice> = async function* (context, slice, cursor) {
  const { runtime, signal } = context;
  const stored = await runtime.objects.get(slice.bucket, slice.list, signal);
  if (stored === undefined) throw new SliceProblem(`there is no list s3://${slice.bucket}/${slice.list}`);
  const findings = stored.text.split('\n').flatMap((line) => (line === '' ? [] : [JSON.parse(line) as Finding]));
  for (let at = typeof cursor === 'number' ? cursor : 0, done = false; !done;) {
    const end = Math.min(findings.length, at + FINDINGS_PER_STEP);
    let result: StepResult = { counts: { pages: 1 }, findings: [] };
    do {
      result = merged(result, await lookAt(context, slice, findings.slice(at, Math.min(end, at + ITEMS_IN_MEMORY))));
      at += ITEMS_IN_MEMORY;
    } while (at < end && !context.pace.isOverdrawn);
    done = at >= findings.length;
    yield { ...result, cursor: at, done };
  }
};

async function lookAt(context: SliceContext, slice: LookSlice, findings: readonly Finding[]): Promise<StepResult> {
  let result: StepResult = { counts: {}, findings: [] };
  for (const table of slice.tables) {
    const own = findings.filter((finding) => finding.table === table.name);
    // DynamoDB refuses to read a key twice in a request: the list of an earlier run can name one in both directions.
    const once = [...new Map(own.map((finding) => [finding.id, finding])).values()];
    if (once.length > 0) result = merged(result, await ofTable(context, slice, table, once));
  }
  return result;
}

/** A key as it is now. */
interface Look {
  readonly finding: Finding;
  readonly document: IndexedDocument | undefined;
  readonly state: ReadState;
  /** Undefined: the item can have no document. */
  readonly shaped: Awaited<ReturnType<SliceContext['shaped']>> | undefined;
}

async function ofTable(
  context: SliceContext,
  { mode, isLast, index }: LookSlice,
  table: SliceTable,
  findings: readonly Finding[],
): Promise<StepResult> {
  // A list of an earlier run comes by way of people.
  const checkable = findings.filter(({ id, keys }) => isAttributeMap(keys) && isKeyOf(keys, table.keys) && idOf(keys, table.keys) === id);
  if (mode === 'confirm') return confirmed(context, table, checkable, index);
  const { looks, capacity } = await looksAt(context, context.table(table, index), table, checkable);
  const open = looks.filter(({ shaped, document }) => !isEqual(shaped, document));
  const unchecked = findings.length - checkable.length;
  const counts = { 'read-capacity': capacity, equal: looks.length - open.length, ...(unchecked === 0 ? {} : { unchecked }) };
  return merged({ counts, findings: [] }, mode === 'decide' ? decided(context, open, isLast) : await applied(context, open));
}

/**
 * Reads documents, then items: a document's version is then that of a state that the item's contains.
 * @param isPresent only of keys that have a document
 */
async function looksAt(
  context: SliceContext,
  table: IndexedTable,
  sliceTable: SliceTable,
  all: readonly Finding[],
  isPresent = false,
): Promise<{ readonly looks: readonly Look[]; readonly capacity: number }> {
  const documents = await context.documents(
    table.index,
    all.map(({ id }) => id),
  );
  const findings = isPresent ? all.filter(({ id }) => documents.has(id)) : all;
  if (findings.length === 0) return { looks: [], capacity: 0 };
  const read = await context.items(
    sliceTable,
    findings.flatMap(({ keys }) => (isAttributeMap(keys) ? [keys] : [])),
  );
  const looks: Look[] = [];
  for (const finding of findings) {
    if (!isAttributeMap(finding.keys)) continue;
    const document = documents.get(finding.id);
    const state = context.presentState(table, finding.id, finding.keys, read, document?.version);
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
function decided(context: SliceContext, open: readonly Look[], isLast: boolean): StepResult {
  const counts = { missing: 0, different: 0, stale: 0, frozen: 0, moving: 0, kept: 0 };
  const findings: Finding[] = [];
  for (const one of open) {
    const { finding, document, shaped, state } = one;
    const [now, item] = [documentDigest(document), itemDigest(shaped?.text)];
    const stays = now === (finding.document ?? null) && item === (finding.item ?? null);
    const kind = kindOf(one);
    if (kind === 'stale' && state.table.keepExpired) {
      counts.kept++;
    } else if (context.isFrozen(document)) {
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
async function applied(context: SliceContext, open: readonly Look[]): Promise<StepResult> {
  const isKept = ({ state, shaped }: Look): boolean => (shaped === null || shaped === undefined) && state.table.keepExpired;
  const changeable = open.filter((one) => !isKept(one));
  // A delete, too, would have the version of the document, and so keep off what is created after it.
  const frozen = changeable.filter(({ document }) => context.isFrozen(document));
  const todo = changeable.filter((one) => !frozen.includes(one));
  // Those that a look has found are counted.
  const findings = frozen.flatMap<Finding>(({ finding }) => (finding.kind === 'frozen' ? [] : [{ ...finding, kind: 'frozen' }]));
  const kept = open.length - changeable.length;
  const counts = { repaired: 0, deleted: 0, newer: 0, moving: 0, malformed: 0, frozen: findings.length, kept };
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

/**
 * Deletes the documents of keys whose items are gone: an item that was removed between its read and its write has left one if the index no
 * longer knew of the delete.
 * @param index instead of the table's own @throws {SliceProblem}
 */
async function confirmed(
  context: SliceContext,
  table: SliceTable,
  findings: readonly Finding[],
  index: string | undefined,
): Promise<StepResult> {
  const { looks, capacity } = await looksAt(context, context.table(table, index), table, findings, true);
  const gone = looks.filter(({ shaped }) => shaped === null);
  const { counts } = await applied(context, gone);
  return { counts: { 'read-capacity': capacity, deleted: counts.deleted ?? 0 }, findings: [] };
}
