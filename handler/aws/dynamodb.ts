// The table itself, read by plain signed requests: the work beside the stream alone uses it, and a stream invocation pays nothing for it.
import { isAttributeMap, type AttributeMap } from '../records/attribute.ts';
import type { Aws } from './client.ts';
import { configuredEndpoint, ownRegion, regionalEndpoint } from './endpoints.ts';
import { AwsError } from './error.ts';

/** What one request read. */
export interface Page {
  readonly items: readonly AttributeMap[];
  /** Read capacity units. */
  readonly capacity: number;
  /**
   * s since the epoch, floored: when the request was sent, by the earlier of two clocks, so that a local clock that is fast cannot make
   * what was read look newer than it is.
   */
  readonly sentAt: number;
}

export interface ScanPage extends Page {
  /** Where to go on; undefined at the end of the segment. */
  readonly next: AttributeMap | undefined;
}

export interface ScanRequest {
  readonly table: string;
  readonly segment: number;
  readonly totalSegments: number;
  readonly after: AttributeMap | undefined;
  /** Items; undefined: as many as a page of 1 MiB holds. */
  readonly limit: number | undefined;
}

/** Whether DynamoDB throttles. */
export function isTableThrottled(error: unknown): boolean {
  return error instanceof AwsError && /ProvisionedThroughputExceeded|Throttl|RequestLimitExceeded|LimitExceeded/.test(error.name);
}

/** Keys of one BatchGetItem (service quota). */
export const KEYS_PER_BATCH = 100;

export class DynamoDb {
  readonly #aws: Aws;
  readonly #env: NodeJS.ProcessEnv;
  readonly #now: () => number;
  /** ms since the epoch: the latest `Date` header of DynamoDB. */
  #serverTime: number | undefined;

  constructor(aws: Aws, env: NodeJS.ProcessEnv, now: () => number) {
    this.#aws = aws;
    this.#env = env;
    this.#now = now;
  }

  /** A page of a segment, read consistently. @throws {AwsError} also where DynamoDB throttles; {NoAnswer} */
  async scan({ table, segment, totalSegments, after, limit }: ScanRequest, signal: AbortSignal): Promise<ScanPage> {
    const sentAt = await this.#sentAt(table, signal);
    const found = await this.#call(
      'Scan',
      {
        TableName: table,
        ConsistentRead: true,
        Segment: segment,
        TotalSegments: totalSegments,
        ReturnConsumedCapacity: 'TOTAL',
        ...(after === undefined ? {} : { ExclusiveStartKey: after }),
        ...(limit === undefined ? {} : { Limit: limit }),
      },
      signal,
    );
    const { LastEvaluatedKey: next } = found;
    return {
      items: mapsOf(found.Items),
      capacity: capacityOf(found.ConsumedCapacity),
      sentAt,
      next: isAttributeMap(next) ? next : undefined,
    };
  }

  /** The items of keys, absent ones left out, in no order. @param attributes undefined: all @throws {AwsError} {NoAnswer} */
  async batchGet(
    table: string,
    keys: readonly AttributeMap[],
    { consistent, attributes }: { readonly consistent: boolean; readonly attributes?: readonly string[] },
    signal: AbortSignal,
  ): Promise<Page> {
    const sentAt = await this.#sentAt(table, signal);
    const projection =
      attributes === undefined
        ? {}
        : {
            ProjectionExpression: attributes.map((_, i) => `#k${i}`).join(','),
            ExpressionAttributeNames: Object.fromEntries(attributes.map((name, i) => [`#k${i}`, name])),
          };
    const items: AttributeMap[] = [];
    let capacity = 0;
    for (let left: unknown = keys; ;) {
      const found = await this.#call(
        'BatchGetItem',
        { RequestItems: { [table]: { Keys: left, ConsistentRead: consistent, ...projection } }, ReturnConsumedCapacity: 'TOTAL' },
        signal,
      );
      items.push(...mapsOf((found.Responses as Record<string, unknown> | undefined)?.[table]));
      capacity += capacityOf(found.ConsumedCapacity);
      const unprocessed = (found.UnprocessedKeys as Record<string, { Keys?: unknown }> | undefined)?.[table]?.Keys;
      if (!Array.isArray(unprocessed) || unprocessed.length === 0) return { items, capacity, sentAt };
      // Nothing was read: DynamoDB throttles, and says so like this.
      if (Array.isArray(left) && unprocessed.length === left.length) {
        throw new AwsError('ProvisionedThroughputExceededException', 400, 'no key of the request was processed');
      }
      left = unprocessed;
    }
  }

  /** The time of the next request, s. The first one of a process has no earlier response to go by, so a cheap one is made before it. */
  async #sentAt(table: string, signal: AbortSignal): Promise<number> {
    if (this.#serverTime === undefined) await this.#call('Scan', { TableName: table, Limit: 1, Select: 'COUNT' }, signal);
    return Math.floor(Math.min(this.#now(), (this.#serverTime ?? 0) + 1000) / 1000);
  }

  async #call(operation: string, input: object, signal: AbortSignal): Promise<Record<string, unknown>> {
    const region = ownRegion(this.#env);
    const { text, headers } = await this.#aws.call(
      {
        service: 'dynamodb',
        region,
        method: 'POST',
        endpoint: configuredEndpoint('dynamodb', this.#env) ?? regionalEndpoint('dynamodb', region, this.#env),
        path: '/',
        headers: { 'content-type': 'application/x-amz-json-1.0', 'x-amz-target': `DynamoDB_20120810.${operation}` },
        body: Buffer.from(JSON.stringify(input)),
        attempts: 1,
      },
      signal,
    );
    const time = Date.parse(headers.date ?? '');
    // A response of an emulator may lack the header: then the local clock has to do.
    this.#serverTime = Number.isNaN(time) ? this.#now() : Math.max(this.#serverTime ?? 0, time);
    return JSON.parse(text) as Record<string, unknown>;
  }
}

const mapsOf = (value: unknown): AttributeMap[] => (Array.isArray(value) ? value.filter(isAttributeMap) : []);

function capacityOf(consumed: unknown): number {
  const all = (Array.isArray(consumed) ? consumed : [consumed]) as ({ CapacityUnits?: unknown } | undefined)[];
  return all.reduce((sum, one) => sum + (typeof one?.CapacityUnits === 'number' ? one.CapacityUnits : 0), 0);
}
