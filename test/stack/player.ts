// Plays Lambda's event source mapping for DynamoDB streams: reads the shards of a real stream and calls the function with batches.
// Not played: filters, tumbling windows, and more than one batch of a shard at a time.
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  DescribeStreamCommand,
  type DynamoDBStreamsClient,
  ExpiredIteratorException,
  GetRecordsCommand,
  type GetRecordsOutput,
  GetShardIteratorCommand,
  TrimmedDataAccessException,
} from '@aws-sdk/client-dynamodb-streams';
import { pushBounded } from './bounded.ts';
import { type FunctionResponse, type Attempt, deliver, type Delivery, type MappingRules } from './delivery.ts';
import { type DynamoDBRecord, sequenceOf, Stamps } from './stream-records.ts';

/** An event source mapping in the form of `ListEventSourceMappings`. */
export interface Mapping extends MappingRules {
  readonly EventSourceArn?: string | undefined;
  readonly FunctionArn?: string | undefined;
  readonly BatchSize?: number | undefined;
  readonly StartingPosition?: string | undefined;
}

/** Lambda's message to an on-failure destination: the position of the records; the records themselves only in S3. */
export interface FailureMessage {
  readonly requestContext: {
    readonly requestId: string;
    readonly functionArn: string;
    readonly condition: string;
    readonly approximateInvokeCount: number;
  };
  readonly responseContext: { readonly statusCode: number; readonly executedVersion: string; readonly functionError: string | null };
  readonly version: '1.0';
  readonly timestamp: string;
  readonly DDBStreamBatchInfo: {
    readonly shardId: string;
    readonly startSequenceNumber: string;
    readonly endSequenceNumber: string;
    readonly batchSize: number;
    readonly streamArn: string;
  };
}

export interface PlayerOptions {
  readonly streams: DynamoDBStreamsClient;
  readonly mapping: Mapping;
  readonly invoke: (event: { Records: readonly DynamoDBRecord[] }) => Promise<FunctionResponse>;
  /** @param event the one of the last invocation */
  readonly onFailure?: (message: FailureMessage, event: { Records: readonly DynamoDBRecord[] }) => Promise<void>;
  readonly region?: string;
  /** Milliseconds since the epoch. */
  readonly now?: () => number;
  /** Milliseconds between two looks at a shard that had nothing; default 50. */
  readonly pollMs?: number;
  /** Milliseconds before a batch is retried; default 50. */
  readonly retryMs?: number;
  /** How many calls and records are kept, for long runs; by default all. */
  readonly keep?: number;
}

/** Milliseconds for which a list of shards is good, as long as none has ended. */
const LIST_MS = 1000;

/** Lambda's limit of an event. */
const EVENT_BYTES = 6 * 1024 * 1024;

export class Player {
  /** Every call of the function so far, in order; of a long run the last ones. */
  readonly history: Attempt[] = [];
  /** Every record seen so far, in order, each once; of a long run the last ones. */
  readonly records: DynamoDBRecord[] = [];
  /** The messages to the on-failure destination. */
  readonly failures: FailureMessage[] = [];
  readonly #options: PlayerOptions;
  readonly #stamps = new Map<string, Stamps>();
  readonly #iterators = new Map<string, string | undefined>();
  /** The stream's own number of the last record that is done, by shard. */
  readonly #delivered = new Map<string, string>();
  readonly #seen = new Set<string>();
  #shards: readonly string[] = [];
  #listedAt = -Infinity;
  #rounds = 0;
  #stopping = false;
  #running: Promise<void> | undefined;
  #failure: unknown;

  constructor(options: PlayerOptions) {
    this.#options = options;
  }

  /** Begins to read and to deliver. */
  start(): this {
    this.#stopping = false;
    this.#running ??= this.#run().catch((error: unknown) => {
      this.#failure = error;
    });
    return this;
  }

  /** Resolves when every record that was in the stream at the time of the call is done or expired. */
  async drained(): Promise<void> {
    // The round that is under way may have looked before the call.
    const enough = this.#rounds + 2;
    while (this.#rounds < enough) {
      if (this.#failure) throw new Error('The player failed.', { cause: this.#failure });
      if (!this.#running) throw new Error('The player is not running.');
      await sleep(5);
    }
  }

  /** Stops reading and waits for the open invocation; a batch that is being retried is left as it is. */
  async stop(): Promise<void> {
    this.#stopping = true;
    await this.#running;
    this.#running = undefined;
  }

  /** Calls the function again with unchanged records of the past: same numbers, same times. The response has no consequence. */
  replay(records: readonly DynamoDBRecord[]): Promise<FunctionResponse> {
    return this.#options.invoke({ Records: records });
  }

  async #run(): Promise<void> {
    while (!this.#stopping) {
      if (!(await this.#round())) await sleep(this.#options.pollMs ?? 50);
    }
  }

  /** Looks at every shard until it has nothing more. Returns whether there was anything. */
  async #round(): Promise<boolean> {
    if (performance.now() - this.#listedAt >= LIST_MS || [...this.#iterators.values()].includes(undefined)) {
      this.#shards = await this.#listShards();
      this.#listedAt = performance.now();
    }
    let any = false;
    for (const shard of this.#shards) {
      while (await this.#shard(shard)) {
        any = true;
        if (this.#stopping) return any;
      }
    }
    this.#rounds += 1;
    return any;
  }

  async #listShards(): Promise<string[]> {
    const { streams, mapping } = this.#options;
    const shards: string[] = [];
    for (let last: string | undefined, more = true; more;) {
      const { StreamDescription: stream } = await streams.send(
        new DescribeStreamCommand({ StreamArn: mapping.EventSourceArn, ...(last ? { ExclusiveStartShardId: last } : {}) }),
      );
      // Parents come first: a child begins where its parent ends.
      shards.push(...(stream?.Shards ?? []).map((shard) => shard.ShardId ?? ''));
      last = stream?.LastEvaluatedShardId;
      more = last !== undefined;
    }
    return shards;
  }

  /** Reads and delivers one batch of a shard. Returns whether there was one. */
  async #shard(shardId: string): Promise<boolean> {
    const { streams, mapping, region = 'eu-west-1', now = Date.now } = this.#options;
    const stream = mapping.EventSourceArn ?? '';
    const stamps = this.#stamps.get(shardId) ?? new Stamps(stream, now);
    this.#stamps.set(shardId, stamps);
    if (!this.#iterators.has(shardId)) this.#iterators.set(shardId, await this.#iterator(shardId));
    const iterator = this.#iterators.get(shardId);
    if (!iterator) return false;
    let response: GetRecordsOutput;
    try {
      response = await streams.send(new GetRecordsCommand({ ShardIterator: iterator, Limit: Math.min(mapping.BatchSize ?? 100, 1000) }));
    } catch (error) {
      if (!(error instanceof ExpiredIteratorException || error instanceof TrimmedDataAccessException)) throw error;
      // DynamoDB Local says so too of an iterator at the horizon of an empty shard, once another table has records.
      this.#iterators.delete(shardId);
      return true;
    }
    const records = (response.Records ?? []).map((record) => stamps.record(record, region));
    for (const record of records) {
      // A batch that was left undone by a stop is read again.
      if (this.#seen.has(sequenceOf(record))) continue;
      this.#seen.add(sequenceOf(record));
      pushBounded(this.records, record, this.#options.keep ?? Infinity);
    }
    for (const batch of withinEventSize(records)) {
      if (!(await deliver(this.#delivery(shardId), batch))) return false;
    }
    this.#iterators.set(shardId, response.NextShardIterator);
    const last = response.Records?.at(-1)?.dynamodb?.SequenceNumber;
    if (last) this.#delivered.set(shardId, last);
    return records.length > 0;
  }

  /** Where to go on reading: after what was delivered, or where the mapping begins. */
  async #iterator(shardId: string): Promise<string | undefined> {
    const { streams, mapping } = this.#options;
    const last = this.#delivered.get(shardId);
    const response = await streams.send(
      new GetShardIteratorCommand({
        StreamArn: mapping.EventSourceArn,
        ShardId: shardId,
        ...(last
          ? { ShardIteratorType: 'AFTER_SEQUENCE_NUMBER', SequenceNumber: last }
          : { ShardIteratorType: mapping.StartingPosition === 'LATEST' ? 'LATEST' : 'TRIM_HORIZON' }),
      }),
    );
    return response.ShardIterator;
  }

  #delivery(shardId: string): Delivery {
    const { mapping, invoke, onFailure, now = Date.now, retryMs = 50 } = this.#options;
    return {
      rules: mapping,
      invoke,
      now,
      pause: () => sleep(retryMs),
      stopped: () => this.#stopping,
      observe: (attempt) => {
        pushBounded(this.history, attempt, this.#options.keep ?? Infinity);
      },
      expire: async (records, condition, invocations) => {
        const message: FailureMessage = {
          requestContext: {
            requestId: randomUUID(),
            functionArn: mapping.FunctionArn ?? '',
            condition,
            approximateInvokeCount: invocations,
          },
          responseContext: { statusCode: 200, executedVersion: '$LATEST', functionError: null },
          version: '1.0',
          timestamp: new Date(now()).toISOString(),
          DDBStreamBatchInfo: {
            shardId,
            startSequenceNumber: records[0] ? sequenceOf(records[0]) : '',
            endSequenceNumber: sequenceOf(records.at(-1) ?? {}),
            batchSize: records.length,
            streamArn: mapping.EventSourceArn ?? '',
          },
        };
        this.failures.push(message);
        await onFailure?.(message, { Records: records });
      },
    };
  }
}

/** Cuts a batch so that no event is over Lambda's limit. */
function withinEventSize(records: readonly DynamoDBRecord[]): DynamoDBRecord[][] {
  const batches: DynamoDBRecord[][] = [];
  let room = 0;
  for (const record of records) {
    const bytes = Buffer.byteLength(JSON.stringify(record)) + 1;
    if (bytes > room) {
      batches.push([]);
      room = EVENT_BYTES - 16;
    }
    batches.at(-1)?.push(record);
    room -= bytes;
  }
  return batches;
}
