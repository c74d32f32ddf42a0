// A world in which the function's own code runs: its slices and its stream batches, between a simulated table, stream, index and bucket.
// Whenever one of them is waited for, time passes and other things happen: commits, deliveries, tombstones that are forgotten, crashes,
// requests that arrive long after their client has closed the connection. All of it follows from one seed.
import type { SliceCheckpoint, SliceResponse, SurveyResponse, WorkSlice, SurveySlice } from '../../../../../formats/slice.ts';
import type { Aws } from '../../../../../handler/aws/client.ts';
import { DynamoDb } from '../../../../../handler/aws/dynamodb.ts';
import type { ClusterRequest, ClusterResponse } from '../../../../../handler/cluster/client.ts';
import { runSlice } from '../../../../../handler/events/slice/run-slice.ts';
import { collapse } from '../../../../../handler/events/collapse.ts';
import { operationOf } from '../../../../../handler/indexing/bulk-operation.ts';
import { joined } from '../../../../../handler/documents/json-writer.ts';
import { isSameDocument } from '../../../../../handler/documents/comparison.ts';
import { NoResponse } from '../../../../../handler/http/connection.ts';
import type { Runtime } from '../../../../../handler/runtime.ts';
import { documentText } from '../../../../../handler/documents/document.ts';
import { randomFrom } from '../../../../stack/random.ts';
import { memoryStore, testFunction } from '../../../function.ts';
import { operationsOf, SimulatedIndex, type BulkOperation } from './simulated-index.ts';
import { SimulatedTable, TABLE, type Item } from './simulated-table.ts';

/** What an invocation's machine dies of. */
class Crash extends Error {}

const START = 1_800_000_000_000;
const MARGIN_MS = 300_000;
const invocation = { functionName: 'fn', remaining: 60_000 };
/** The parts that do not matter here, once: reading options and mappings takes longer than a world. */
const { runtime: base } = testFunction({ endpoint: 'http://127.0.0.1:9', mapping: [{ TableName: TABLE.name }] });

/** A wrong rule: changes what a slice sends, or what it gets. */
export interface Mistake {
  readonly bulk?: (operations: BulkOperation[], seen: ReadonlyMap<string, number>) => void;
  /** Items are read before their documents. */
  readonly readsItemsFirst?: boolean;
  /** What was written is believed to be there still. */
  readonly neverReadsAgain?: boolean;
}

export interface WorldOptions {
  /** Records that are lost before the run: at any time, or so long ago that a blind write is above them. */
  readonly lost: 'recent' | 'old' | 'none';
  /** Crashes, duplicates, late requests, forgotten tombstones, deliveries of the past. */
  readonly faults: boolean;
  /** `calm`: live changes arrive within seconds; `lagging`: they are far behind, and many are stamped with one second. */
  readonly stream?: 'calm' | 'lagging';
  /** All records of a second have one version, as those of an emulator: a later one is not above the state that was read. */
  readonly ties?: boolean;
  /** Faults that do not happen. */
  readonly without?: readonly ('crashes' | 'copies' | 'late requests')[];
  readonly mistake?: Mistake;
}

/** Where Lambda puts what it discards, and where the function puts dead letters. */
export const FAILURES = { bucket: 'failures', prefix: 'aws/lambda/uuid/' };
export const DEAD_LETTERS = { bucket: 'code', prefix: 'dead-letters/fn/orders/' };

export class World {
  readonly seed: number;
  readonly random: () => number;
  readonly table = new SimulatedTable(3);
  readonly index = new SimulatedIndex();
  readonly objects = new Map<string, { text: string; etag: string }>();
  /** The function's log, for a failure's message. */
  readonly events: string[] = [];
  /** Writes of slices that the index accepted. */
  written = 0;
  now = START;
  /** Requests whose clients have closed the connection. */
  readonly #late: (() => void)[] = [];
  readonly #options: WorldOptions;
  /** ms by which the function's clock is ahead, and records are stamped too early: together less than the margin. */
  readonly #skew: number;
  readonly #early: number;
  readonly #counts: boolean;
  #counter = 1;

  constructor(seed: number, options: WorldOptions) {
    this.seed = seed;
    this.random = randomFrom(seed);
    this.#options = options;
    this.#skew = (this.random() - 0.5) * 200_000;
    this.#early = options.stream === 'lagging' ? 150_000 : this.random() < 0.5 ? 0 : this.random() * 150_000;
    this.#counts = options.ties !== true;
    this.#past();
  }

  get hasCopies(): boolean {
    return this.#has('copies');
  }

  #has(fault: NonNullable<WorldOptions['without']>[number]): boolean {
    return this.#options.faults && this.#options.without?.includes(fault) !== true;
  }

  chance(share: number): boolean {
    return this.random() < share;
  }

  /** Changes of before the run; some of them never reached the index. */
  #past(): void {
    for (const item of this.table.items) {
      item.activity = this.chance(0.5) ? 0.01 : this.random();
      for (let left = Math.floor(this.random() * 4); left > 0; left--) {
        this.now += this.random() * MARGIN_MS;
        this.commit(item);
        if (this.chance(0.7)) this.#deliver(item);
      }
    }
    const { lost } = this.#options;
    if (lost === 'old') this.now += 2 * MARGIN_MS;
    for (const item of this.table.items) {
      if (lost === 'none' || this.chance(0.4)) continue;
      item.first = item.next = item.changes.length;
    }
    this.now += this.random() * 2000;
  }

  /** Puts the records that are lost into the objects of an on-failure destination, and into dead letters. @param form which of them */
  discard(form: 'failed-batches' | 'dead-letters'): void {
    const lost = this.table.items.flatMap(({ id, changes, first }) => changes.slice(0, first).map(({ record }) => ({ id, record })));
    for (let n = 0; lost.length > 0; n++) {
      const batch = lost.splice(0, 1 + Math.floor(this.random() * 4));
      const { bucket, prefix } = FAILURES;
      const text = JSON.stringify({ DDBStreamBatchInfo: {}, payload: JSON.stringify({ Records: batch.map(({ record }) => record) }) });
      if (form === 'failed-batches') this.objects.set(`${bucket}/${prefix}shard/${n}`, { text, etag: `"${n}"` });
      else for (const [i, { id, record }] of batch.entries()) this.#deadLetter(`${id}-${n}-${i}`, id, record);
    }
  }

  #deadLetter(name: string, id: string, record: Record<string, unknown>): void {
    const { Keys, ApproximateCreationDateTime, SequenceNumber } = record.dynamodb as Record<string, unknown>;
    const about = { approximateCreationDateTime: ApproximateCreationDateTime, sequenceNumber: SequenceNumber };
    const text = JSON.stringify({
      ...{ version: 1, table: TABLE.name, index: TABLE.name, id, keys: Keys, ...about },
      ...{ failedAt: new Date(START - MARGIN_MS).toISOString(), type: 'mapper_parsing_exception', record },
    });
    const { bucket, prefix } = DEAD_LETTERS;
    this.objects.set(`${bucket}/${prefix}2027/01/15/${name}.json`, { text, etag: `"${name}"` });
  }

  commit(item: Item, removes = this.chance(0.45)): void {
    const isRemoved = item.stateAt(this.now) !== undefined && removes;
    const number = this.#counter++;
    const image = isRemoved ? undefined : { pk: { S: item.id }, n: { N: String(number) }, set: { SS: ['a', 'b'] } };
    // Often all changes of an item that follow each other are stamped with one second.
    const early = item.changes.length > 0 && this.chance(0.8) ? this.#early : this.random() * this.#early;
    item.commit(this.now, image, (this.now - early) / 1000, this.#counts ? BigInt(number) : 2n ** 29n);
    this.#log(`${item.id} ${isRemoved ? 'is removed' : `is ${number}`}`);
  }

  /** Delivers the next record of an item, with the version and the rules of the function. */
  #deliver(item: Item): void {
    const change = item.changes[item.next];
    if (change === undefined) return;
    item.next++;
    for (const { state } of collapse([change.record], base.tables, base.log).writes) {
      if (state === undefined) throw new Error('no malformed records here');
      const operation = operationOf(state, 0);
      if (operation instanceof Promise) throw new Error('no transform here');
      const [parsed] = operationsOf({ method: 'POST', path: '/orders/_bulk', body: joined([operation.lines]) }) ?? [];
      if (parsed !== undefined) this.#log(`record of ${item.id}, ${parsed.action} ${parsed.version}: ${this.index.apply(parsed)}`);
    }
  }

  #log(line: string): void {
    this.events.push(`${Math.round(this.now - START)} ${line}`);
  }

  /** Time passes, and something may happen. */
  #passes(): void {
    this.now += this.chance(0.85) ? this.random() * 300 : this.random() * 4000;
    const item = this.table.items[Math.floor(this.random() * this.table.items.length)];
    if (item === undefined) return;
    const { faults, stream } = this.#options;
    if (stream === 'calm') {
      if (this.chance(0.5 * item.activity)) this.commit(item);
      // The trigger is a few seconds behind at most.
      for (const one of this.table.items) while ((one.changes[one.next]?.at ?? Infinity) < this.now - 3000) this.#deliver(one);
      return;
    }
    if (this.chance(0.4 * item.activity)) this.commit(item);
    else if (this.chance(stream === 'lagging' ? 0.03 : 0.35)) this.#deliver(item);
    else if (faults && this.chance(0.1)) item.next = item.first + Math.floor(this.random() * (item.next - item.first + 1));
    else if (faults && this.chance(0.25)) {
      this.#log('tombstones are forgotten');
      this.index.forgetTombstones();
    } else if (this.chance(0.2)) this.#late.shift()?.();
  }

  /** Waits until no request is on its way any more; what is late then meets an engine that forgets nothing. */
  settle(ms: number): void {
    for (let late = this.#late.shift(); late !== undefined; late = this.#late.shift()) {
      this.#passes();
      late();
    }
    for (const until = this.now + ms; this.now < until;) this.#passes();
  }

  /** The stream is read to its end. */
  drain(): void {
    this.settle(0);
    this.now += 1000;
    for (const item of this.table.items) while (item.next < item.changes.length) this.#deliver(item);
  }

  /** Ids whose documents are not what their items give. */
  differences(): string[] {
    return this.table.items
      .filter(({ id, changes }) => {
        const image = changes.at(-1)?.image;
        const source = this.index.entries.get(id)?.source;
        return image === undefined ? source !== undefined : source === undefined || !isSameDocument(documentText(image), source, image);
      })
      .map(({ id }) => id);
  }

  /** One invocation, which may die. @returns undefined where it did */
  async invoke(slice: WorkSlice | SurveySlice): Promise<SliceResponse | SurveyResponse | undefined> {
    const dies = this.#has('crashes') && slice.kind !== 'survey' && this.chance(0.25) ? Math.floor(this.random() * 12) : Infinity;
    let left = dies;
    const wait = (): void => {
      this.#passes();
      if (left-- <= 0) throw new Crash();
    };
    const seen = new Map<string, number>();
    const runtime = this.#runtime(wait, slice, seen);
    try {
      return (await runSlice(runtime, slice, invocation)) as SliceResponse | SurveyResponse | undefined;
    } catch (error) {
      if (!(error instanceof Crash)) throw error;
      this.#log(`${slice.kind} dies`);
      return undefined;
    }
  }

  /** The function's parts; all of them wait, and so let other things happen. */
  #runtime(wait: () => void, slice: WorkSlice | SurveySlice, seen: Map<string, number>): Runtime {
    const clock = (): number => this.now + this.#skew;
    const store = memoryStore(this.objects);
    /** Items as they were when their documents were read, for a rule that is wrong. */
    let early: number | undefined;
    let readAt = this.now;
    let hasWritten = false;
    const call = async ({ headers, body }: { headers: Record<string, string>; body: Buffer }): Promise<object> => {
      wait();
      const at = early ?? (hasWritten && this.#options.mistake?.neverReadsAgain === true ? readAt : this.now);
      [readAt, hasWritten] = [this.now, false];
      const found = this.table.respond(
        headers['x-amz-target'] ?? '',
        JSON.parse(body.toString()) as Record<string, unknown>,
        at,
        this.random,
      );
      wait();
      return Promise.resolve({ status: 200, text: JSON.stringify(found), headers: { date: new Date(this.now).toUTCString() } });
    };
    const send = async (request: ClusterRequest): Promise<ClusterResponse> => {
      const operations = operationsOf(request);
      if (this.#options.mistake?.readsItemsFirst === true && slice.kind === 'look' && operations === undefined) {
        early = this.now;
        for (let i = 0; i < 3; i++) wait();
        // The worst that can happen between the two.
        for (const item of this.table.items) {
          if (!this.chance(0.2)) continue;
          this.commit(item);
          while (item.next < item.changes.length) this.#deliver(item);
        }
      }
      wait();
      hasWritten ||= operations !== undefined;
      if (operations !== undefined && (slice.kind === 'look' || slice.kind === 'redrive')) this.#removesBefore(operations);
      if (operations !== undefined) return Promise.resolve(this.#write(request, operations, wait, seen));
      if (request.path.endsWith('/_mget')) for (const [id, { sequenceNumber }] of this.index.entries) seen.set(id, sequenceNumber);
      const response = this.index.respond(request, undefined);
      wait();
      return Promise.resolve(response);
    };
    return {
      ...base,
      cluster: { send, serverless: false, host: 'cluster' } as unknown as Runtime['cluster'],
      indexes: { ensure: () => Promise.resolve({}) } as unknown as Runtime['indexes'],
      gate: { isOpen: () => true, ready: () => Promise.resolve(undefined), forget: () => undefined } as unknown as Runtime['gate'],
      dynamodb: new DynamoDb({ call } as unknown as Aws, { AWS_REGION: 'eu-west-1' }, clock),
      objects: {
        ...store,
        get: async (...args) => {
          wait();
          return store.get(...args);
        },
        put: async (...args) => {
          wait();
          const etag = await store.put(...args);
          wait();
          return etag;
        },
        delete: async (...args) => {
          wait();
          const isDeleted = await store.delete(...args);
          wait();
          return isDeleted;
        },
        list: async (...args) => {
          wait();
          return store.list(...args);
        },
      },
      now: clock,
      random: this.random,
      emit: () => undefined,
      sleep: (ms) => {
        this.now += ms;
        wait();
        return Promise.resolve();
      },
    };
  }

  /** The worst between the read of an item and its write: it is removed, the record arrives, and the index forgets the delete. */
  #removesBefore(operations: readonly BulkOperation[]): void {
    for (const { action, id } of operations) {
      const item = this.table.items.find((one) => one.id === id);
      if (item === undefined || action === 'delete' || !this.#options.faults || !this.chance(0.2)) continue;
      this.commit(item, true);
      while (item.next < item.changes.length) this.#deliver(item);
      this.index.forgetTombstones();
    }
  }

  /** A bulk request of a slice: carried out at once, or late while its client believes it lost. */
  #write(request: ClusterRequest, operations: BulkOperation[], wait: () => void, seen: ReadonlyMap<string, number>): ClusterResponse {
    const { mistake } = this.#options;
    mistake?.bulk?.(operations, seen);
    const apply = (): ClusterResponse => {
      const before = this.index.highest;
      const response = this.index.respond(request, operations);
      this.written += this.index.highest - before;
      for (const { action, id, version } of operations) this.#log(`slice, ${action} ${id} ${version}`);
      return response;
    };
    if (this.#has('late requests') && this.chance(0.15)) {
      this.#late.push(apply);
      this.now += 1000;
      throw new NoResponse('ETIMEDOUT', 'no response', false);
    }
    const response = apply();
    wait();
    return response;
  }
}

/** The state of a slice. */
export const checkpointOf = (world: World, { bucket, prefix, id }: WorkSlice): SliceCheckpoint | undefined => {
  const stored = world.objects.get(`${bucket}/${prefix}/slices/${id}.json`);
  return stored === undefined ? undefined : (JSON.parse(stored.text) as SliceCheckpoint);
};
