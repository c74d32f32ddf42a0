// A table and its stream: what each item was at each time, and the record of each change.
import type { AttributeMap } from '../../../../../handler/records/attribute.ts';
import { streamRecord } from '../../../records.ts';

export const TABLE = { name: 'orders', keys: [{ name: 'pk', type: 'S' }] } as const;

interface Change {
  /** ms since the epoch: when it was committed. */
  readonly at: number;
  /** Undefined: removed. */
  readonly image: AttributeMap | undefined;
  readonly record: Record<string, unknown>;
}

/** An item's changes, and how far the trigger has delivered them. */
export class Item {
  readonly id: string;
  readonly changes: Change[] = [];
  /** The next record to deliver. */
  next = 0;
  /** Records before this one are lost: of before the trigger, or discarded by it. */
  first = 0;
  /** How often it changes, from 0 to 1. */
  activity = 1;
  #stampedAt = 0;

  constructor(id: string) {
    this.id = id;
  }

  /** The state at a time. */
  stateAt(at: number): AttributeMap | undefined {
    return this.changes.findLast((change) => change.at <= at)?.image;
  }

  /**
   * @param stampedAt s: the time that the record carries; never before that of the former one
   * @param counter upper part of the sequence number
   */
  commit(at: number, image: AttributeMap | undefined, stampedAt: number, counter: bigint): void {
    this.#stampedAt = Math.max(this.#stampedAt, Math.floor(stampedAt));
    const before = this.changes.at(-1)?.image;
    const event = image === undefined ? 'REMOVE' : before === undefined ? 'INSERT' : 'MODIFY';
    const options = { table: TABLE.name, event, keys: { pk: { S: this.id } }, counter, seconds: this.#stampedAt } as const;
    this.changes.push({ at, image, record: streamRecord({ ...options, ...(image === undefined ? {} : { image }) }) });
  }
}

/** Responds to Scan and BatchGetItem. */
export class SimulatedTable {
  readonly items: readonly Item[];

  constructor(count: number) {
    this.items = Array.from({ length: count }, (_, i) => new Item(`item-${i}`));
  }

  /** @param random cuts pages @param now ms */
  respond(target: string, input: Record<string, unknown>, now: number, random: () => number): object {
    if (target.endsWith('BatchGetItem')) return this.#batchGet(input as unknown as BatchGet, now, random);
    const { Segment = 0, TotalSegments = 1, ExclusiveStartKey } = input as unknown as Scan;
    const present = this.items.filter(({ id }, i) => i % TotalSegments === Segment && id > (ExclusiveStartKey?.pk.S ?? ''));
    const page = present.slice(0, random() < 0.6 ? 1 : 2);
    const Items = page.flatMap((item) => item.stateAt(now) ?? []);
    const more = page.length < present.length ? { LastEvaluatedKey: { pk: { S: page.at(-1)?.id ?? '' } } } : {};
    return { Items, ...more, ConsumedCapacity: { CapacityUnits: 1 } };
  }

  #batchGet({ RequestItems }: BatchGet, now: number, random: () => number): object {
    const { Keys, ConsistentRead } = RequestItems[TABLE.name];
    // A replica lags by a second at most.
    const at = now - (ConsistentRead ? 0 : random() * 1000);
    const found = Keys.flatMap(({ pk }) => this.items.find(({ id }) => id === pk.S)?.stateAt(at) ?? []);
    return { Responses: { [TABLE.name]: found }, UnprocessedKeys: {}, ConsumedCapacity: [{ CapacityUnits: 1 }] };
  }
}

interface Key {
  readonly pk: { readonly S: string };
}
interface Scan {
  readonly Segment?: number;
  readonly TotalSegments?: number;
  readonly ExclusiveStartKey?: Key;
}
interface BatchGet {
  readonly RequestItems: Record<typeof TABLE.name, { readonly Keys: readonly Key[]; readonly ConsistentRead: boolean }>;
}
