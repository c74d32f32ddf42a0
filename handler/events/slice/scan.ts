// Pass 1, table → index: a segment of the table, page by page, written or compared.
import type { Counts, Finding, ScanSlice } from '../../../formats/slice.ts';
import type { ScanPage } from '../../aws/dynamodb.ts';
import { isSameDocument } from '../../documents/comparison.ts';
import { isAttributeMap, type AttributeMap } from '../../records/attribute.ts';
import { backfillVersion } from '../../records/backfill-version.ts';
import { idOf, keyOfItem } from '../../records/item-key.ts';
import { MalformedRecord } from '../../records/malformed-record.ts';
import { type SliceContext, type StepResult, type Work } from './context.ts';
import { itemDigest, documentDigest } from './digest.ts';

/** ms that a page takes to be read and written, with a pause for its read capacity. */
const READ_AHEAD_MS = 5_000;

export const scan: Work<ScanSlice> = async function* (context, slice, cursor) {
  const { runtime, pace, signal } = context;
  const { table, segment, totalSegments } = slice;
  const read = (after: AttributeMap | undefined): Promise<ScanPage> =>
    pace.read(() => runtime.dynamodb.scan({ table: table.name, segment, totalSegments, after, limit: pace.limit }, signal), signal);
  let coming = read(isAttributeMap(cursor) ? cursor : undefined);
  for (;;) {
    const page = await coming;
    // The next page is read while this one is written, unless the time may end before it is used: it would be read twice.
    const isAhead = runtime.now() + READ_AHEAD_MS < context.budget.writeUntil;
    const ahead = isAhead && page.next !== undefined ? read(page.next) : undefined;
    // Met where it is awaited; until then it must not end the process.
    ahead?.catch(() => undefined);
    yield {
      ...(await (slice.mode === 'write' ? writePage : comparePage)(context, slice, page)),
      cursor: page.next ?? null,
      done: page.next === undefined,
    };
    if (page.next === undefined) return;
    coming = ahead ?? read(page.next);
  }
};

const base = ({ items, capacity }: ScanPage): Counts => ({ read: items.length, pages: 1, 'read-capacity': capacity });

/**
 * Blind writes: the version lets every later change win, and what the index already has as new. Of what it has refused, the versions are read:
 * a frozen document is no newer one.
 */
async function writePage(context: SliceContext, { table: { name, keys }, index }: ScanSlice, page: ScanPage): Promise<StepResult> {
  const table = context.table({ name, keys }, index);
  const version = { digits: backfillVersion(page.sentAt), type: 'external' } as const;
  const writes = await context.write(
    page.items.map((item) => {
      const key = keyOfItem(item, keys);
      return context.state(table, idOf(key, keys), item, key, page.sentAt, version);
    }),
  );
  const malformed = writes.filter(({ outcome }) => outcome?.kind === 'malformed').length;
  const refused = writes.filter(({ written, outcome }) => !written && outcome?.kind !== 'malformed');
  const findings = (await context.frozen(table.index, refused)).map<Finding>(({ write: { id = '', keys: key }, document }) => ({
    table: name,
    id,
    keys: key,
    kind: 'frozen',
    document: documentDigest(document),
  }));
  const counts = { written: writes.length - refused.length - malformed, malformed, newer: refused.length - findings.length };
  return { counts: { ...base(page), ...counts, ...(findings.length === 0 ? {} : { frozen: findings.length }) }, findings };
}

/** Compares each item with its document. What differs is looked at again later: it may be a change on its way. */
async function comparePage(context: SliceContext, { table: { name, keys }, index }: ScanSlice, page: ScanPage): Promise<StepResult> {
  const table = context.table({ name, keys }, index);
  const entries = page.items.map((item) => {
    const key = keyOfItem(item, keys);
    return { item, key, id: idOf(key, keys) };
  });
  const documents = await context.documents(
    table.index,
    entries.map(({ id }) => id),
  );
  const findings: Finding[] = [];
  const counts = { ...base(page), equal: 0, malformed: 0 };
  for (const { item, key, id } of entries) {
    const found = documents.get(id);
    try {
      const state = context.state(table, id, item, key, page.sentAt, { digits: '0', type: 'external' });
      const shaped = await context.shaped(state);
      // A document without an item is found by pass 2, which reads tables with a transform whole: listed here too, it would count twice.
      if (shaped === null) {
        if (found === undefined) counts.equal++;
        continue;
      }
      if (found?.source !== undefined && isSameDocument(shaped.text, found.source, shaped.image)) counts.equal++;
      else {
        const kind = found === undefined ? 'missing' : 'different';
        findings.push({ table: name, id, keys: key, kind, document: documentDigest(found), item: itemDigest(shaped.text) });
      }
    } catch (error) {
      if (!(error instanceof MalformedRecord)) throw error;
      counts.malformed++;
    }
  }
  return { counts: { ...counts, candidates: findings.length }, findings };
}
