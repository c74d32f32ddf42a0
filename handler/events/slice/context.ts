// What every kind of slice works with.
import { addCounts } from '../../../formats/counts.ts';
import type { Counts, Finding, IgnoredFields, SliceTable, WorkSlice } from '../../../formats/slice.ts';
import { ReadPace } from '../../aws/read-pace.ts';
import { budgetFor, type Budget } from '../../budget.ts';
import { readDocuments, type IndexedDocument } from '../../cluster/documents.ts';
import { isNotRead, type NotRead, type Reader } from '../../cluster/reader.ts';
import { settleMalformed } from '../../dead-letters/settle-malformed.ts';
import { operationOf } from '../../indexing/bulk-operation.ts';
import type { ItemState, ItemVersion } from '../../indexing/item-state.ts';
import { newWrite, type Write } from '../../indexing/write.ts';
import { Writer } from '../../indexing/writer.ts';
import type { AttributeMap } from '../../records/attribute.ts';
import { backfillVersion, greaterVersion, isFrozen, MARGIN_SECONDS } from '../../records/backfill-version.ts';
import { idOf, keyOfItem } from '../../records/item-key.ts';
import { MalformedRecord } from '../../records/malformed-record.ts';
import type { Invocation, Runtime } from '../../runtime.ts';
import type { IndexedTable, Table } from '../../tables.ts';
import { Metrics } from '../../telemetry/metrics.ts';
import { withoutValues } from '../../telemetry/redaction.ts';

/** A step of a slice that could not be made; the next invocation makes it again. The message is fit for a log. */
export class SliceProblem extends Error {
  override name = 'SliceProblem';
}

/** What a step has done; it is done once its checkpoint is written. */
export interface Step {
  readonly cursor: unknown;
  readonly counts: Counts;
  readonly findings: readonly Finding[];
  readonly ignored?: IgnoredFields;
  readonly done: boolean;
}

/** The part of a step that is not about where it ends. */
export type StepResult = Pick<Step, 'counts' | 'findings'>;

/** Of two parts of a step. */
export const merged = (a: StepResult, b: StepResult): StepResult => ({
  counts: addCounts([a.counts, b.counts]),
  findings: [...a.findings, ...b.findings],
});

/** Items that are in memory together, for a function of 128 MB: they have up to 400 KB, and their documents more. */
export const ITEMS_IN_MEMORY = 4;

/** The steps of a slice from a cursor on; undefined: from its beginning. */
export type Work<Kind extends WorkSlice> = (context: SliceContext, slice: Kind, cursor: unknown) => AsyncGenerator<Step>;

type SliceableTable = IndexedTable & { readonly keyNames: readonly string[] };

/** A state that was read. */
export type ReadState = ItemState & { readonly sentAt: number };

/** A state that was read, on its way to the index, and where dead letters say that it comes from. */
export interface ReadWrite extends Write {
  readonly keys: AttributeMap;
  readonly image: AttributeMap | undefined;
  readonly sentAt: number;
}

/** Items that were read together. */
export interface ReadItems {
  /** By id. */
  readonly items: ReadonlyMap<string, AttributeMap>;
  /** s since the epoch, floored: when the request was sent. */
  readonly sentAt: number;
  /** Read capacity units. */
  readonly capacity: number;
}

export class SliceContext {
  readonly runtime: Runtime;
  readonly metrics = new Metrics();
  readonly budget: Budget;
  readonly pace: ReadPace;
  readonly signal: AbortSignal;
  readonly #remaining: number;
  /** One for all steps: it remembers that the cluster throttles. */
  readonly #writer: Writer;

  constructor(runtime: Runtime, slice: WorkSlice, invocation: Invocation, signal: AbortSignal) {
    this.runtime = runtime;
    this.#remaining = invocation.remaining;
    this.budget = budgetFor(runtime.now(), invocation.remaining);
    this.signal = signal;
    this.pace = new ReadPace(slice.capacity, runtime.now, runtime.sleep);
    this.#writer = new Writer(runtime, this.metrics, this.budget, invocation.remaining);
  }

  get reader(): Reader {
    return { cluster: this.runtime.cluster, now: this.runtime.now, signal: this.signal };
  }

  /**
   * A table as slices use it: pages are not refreshed one by one. @param target instead of the table's own index
   * @throws {SliceProblem} for one that no slice may work on
   */
  table({ name, keys }: SliceTable, target?: string): SliceableTable {
    const known = this.runtime.tables.get(name);
    const table = known.both?.find(({ index }) => index === target) ?? { ...known, index: target ?? known.index };
    const { index, keyNames = keys.map((key) => key.name) } = table;
    if (index === undefined) throw new SliceProblem(`the table ${name} has no index: give it one with the option index and deploy again`);
    if (table.refusal !== undefined)
      throw new SliceProblem(table.refusal.kind === 'failed' ? table.refusal.reason : table.refusal.error.loggable);
    if (!table.versioned)
      throw new SliceProblem(
        `the table ${name} has versioning: none, with which what is read from the table could not be told from newer changes: set versioning: external in the options file and deploy again`,
      );
    return { ...table, index, keyNames, refresh: false };
  }

  /** The table with each index that a change of it is written to: both while it is reindexed. @throws {SliceProblem} */
  targets(sliceTable: SliceTable): readonly SliceableTable[] {
    const { both } = this.runtime.tables.get(sliceTable.name);
    return both === undefined ? [this.table(sliceTable)] : both.map(({ index }) => this.table(sliceTable, index));
  }

  /** Writes states, with dead letters for malformed ones. @returns what became of each @throws {SliceProblem} where one could not be written */
  async write(states: readonly ReadState[]): Promise<readonly ReadWrite[]> {
    const writes = await this.#sent(states);
    const malformed = new Map(writes.flatMap((write) => (write.outcome?.kind === 'malformed' ? [[write, write.outcome] as const] : [])));
    await settleMalformed(this.runtime, this.metrics, this.budget, writes, ({ keys, image, sentAt }) => ({
      keys,
      eventName: 'BACKFILL',
      sequenceNumber: null,
      approximateCreationDateTime: sentAt - MARGIN_SECONDS,
      record: { keys, image: image ?? null },
    }));
    failWhereNotWritten(writes);
    return writes.map((write) => ({ ...write, outcome: malformed.get(write) ?? write.outcome }));
  }

  /** Writes states; what is malformed is left to the caller. @returns what became of each @throws {SliceProblem} where one could not be written */
  async tryToWrite(states: readonly ReadState[]): Promise<readonly ReadWrite[]> {
    const writes = await this.#sent(states);
    failWhereNotWritten(writes);
    return writes;
  }

  async #sent(states: readonly ReadState[]): Promise<readonly ReadWrite[]> {
    const writes = states.map<ReadWrite>((state) => ({
      ...newWrite(state.table, state.id, state),
      keys: state.keys,
      image: state.image,
      sentAt: state.sentAt,
    }));
    await this.#writer.write(writes);
    return writes;
  }

  /** The documents of ids. @param sources false: without them @throws {SliceProblem} */
  async documents(index: string, ids: readonly string[], sources = true): Promise<ReadonlyMap<string, IndexedDocument>> {
    return this.read(() => readDocuments(this.reader, index, ids, sources));
  }

  /** Those of refused writes to an index whose documents nothing can overwrite, not even a later change. @throws {SliceProblem} */
  async frozen<Refused extends { readonly id: string | undefined }>(
    index: string,
    refused: readonly Refused[],
  ): Promise<{ readonly write: Refused; readonly document: IndexedDocument }[]> {
    const documents = await this.documents(
      index,
      refused.map(({ id = '' }) => id),
      false,
    );
    return refused.flatMap((write) => {
      const document = documents.get(write.id ?? '');
      return document !== undefined && this.isFrozen(document) ? [{ write, document }] : [];
    });
  }

  /** Whether nothing can overwrite a document, since its version lies in the future. */
  isFrozen(document: Pick<IndexedDocument, 'version'> | undefined): boolean {
    return document !== undefined && isFrozen(document.version, this.runtime.now());
  }

  /** Reads from the cluster, again after what is transient. @throws {SliceProblem} */
  async read<Found extends object>(request: () => Promise<Found | NotRead>): Promise<Found> {
    for (let attempt = 0; ; attempt++) {
      const found = await request();
      if (!isNotRead(found)) return found;
      if (found.kind === 'transient' && found.throttled) this.metrics.add('Throttled');
      const pause = this.runtime.random() * 100 * 2 ** attempt;
      if (found.kind === 'configuration' || this.signal.aborted || this.runtime.now() + pause > this.budget.writeUntil) {
        throw new SliceProblem(`${withoutValues(found.reason)}${found.kind === 'configuration' ? `. ${found.remedy}` : ''}`);
      }
      await this.runtime.sleep(pause, this.signal);
    }
  }

  /**
   * The present items of keys. @param isAgain the second read of a step, which must not wait for its first: that can take longer than an invocation
   * @returns by id, without those that are absent @throws {AwsError}
   */
  async items({ name, keys }: SliceTable, wanted: readonly AttributeMap[], isAgain = false): Promise<ReadItems> {
    const { runtime, signal } = this;
    const { items, sentAt, capacity } = await this.pace.read(
      () => runtime.dynamodb.batchGet(name, wanted, { consistent: true }, signal),
      signal,
      !isAgain,
    );
    return { items: new Map(items.map((item) => [idOf(keyOfItem(item, keys), keys), item])), sentAt, capacity };
  }

  /** The present state of a key, fenced by the greatest version that is safe. @param version another safe one; undefined: none is known */
  presentState(table: Table, id: string, key: AttributeMap, { items, sentAt }: ReadItems, version: string | undefined): ReadState {
    const safe = backfillVersion(sentAt);
    const digits = version === undefined ? safe : greaterVersion(safe, version);
    return this.state(table, id, items.get(id), key, sentAt, { digits, type: 'external_gte' });
  }

  /** The state of an item that was read, or of its absence. @param version what fences it */
  state(table: Table, id: string, item: AttributeMap | undefined, key: AttributeMap, sentAt: number, version: ItemVersion): ReadState {
    return { table, id, keys: key, image: item, oldImage: undefined, event: 'INSERT', version, sentAt };
  }

  /**
   * The document that a state gives; null: none, since the item is absent or its transform says so.
   * @throws {MalformedRecord} for an item that can have no document
   */
  async shaped(state: ItemState): Promise<{ readonly text: string; readonly image: AttributeMap | undefined } | null> {
    const operation = await operationOf(state, this.#remaining / 4);
    if (operation.action === 'delete') return null;
    const { buffer, from, to } = operation.lines;
    const line = buffer.indexOf(0x0a, from) + 1;
    const { table, image } = state;
    const projected = image === undefined || table.project === undefined ? image : table.project(image);
    return { text: buffer.toString('utf8', line, to - 1), image: table.transform === undefined ? projected : undefined };
  }

  /** Whether an item has a document: none if it is absent, or if its transform says so. One that can have none is not absent. */
  async hasDocument(state: ItemState): Promise<boolean> {
    try {
      return (await this.shaped(state)) !== null;
    } catch (error) {
      if (error instanceof MalformedRecord) return true;
      throw error;
    }
  }
}

function failWhereNotWritten(writes: readonly Write[]): void {
  for (const { outcome } of writes) if (outcome?.kind === 'failed') throw new SliceProblem(outcome.reason);
}
