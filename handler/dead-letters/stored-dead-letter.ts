// Reads dead letters, and the batches that Lambda discarded, back from S3: which item each is about, and the version of its record.
import { isObject, type Json } from '../../formats/json.ts';
import type { SliceTable } from '../../formats/slice.ts';
import { isAttributeMap, type AttributeMap } from '../records/attribute.ts';
import { externalVersion } from '../records/external-version.ts';
import { idOf, isKeyOf, keyOfItem } from '../records/item-key.ts';
import { isDynamoDbRecord, tableOf } from '../records/stream-record.ts';

/** An item that something stored in S3 is about. */
export interface RedriveItem {
  readonly table: string;
  /** Of its document. */
  readonly id: string;
  readonly keys: AttributeMap;
  /** Of the record, which was committed before anything that is read from now on; '0' if the record does not tell. */
  readonly version: string;
}

/** A dead letter, without its record. */
export interface StoredDeadLetter extends RedriveItem {
  /** ms since the epoch. */
  readonly failedAt: number;
  /** The index that it could not be written to; null: not known. */
  readonly index: string | null;
  /** The engine's type of error, or one of the product's own. */
  readonly type: string;
  /** How often the item could not be written. */
  readonly attempts: number;
}

/** Later times leave no room in a version (as for stream records). */
const MAX_SECONDS = 2 ** 34;

/** @returns undefined for text that is not a dead letter, or one of another table or without a key */
export function parseDeadLetter(text: string, tables: readonly SliceTable[]): StoredDeadLetter | undefined {
  const found = objectOf(text);
  if (found?.version !== 1 || typeof found.failedAt !== 'string' || typeof found.type !== 'string') return undefined;
  const item = itemOf(found.table, found.keys, found.approximateCreationDateTime, found.sequenceNumber, tables);
  const failedAt = Date.parse(found.failedAt);
  if (item === undefined || item.id !== found.id || Number.isNaN(failedAt)) return undefined;
  const { attempts, index } = found;
  return {
    ...item,
    failedAt,
    index: typeof index === 'string' ? index : null,
    type: found.type,
    attempts: typeof attempts === 'number' && attempts >= 1 ? attempts : 1,
  };
}

/** The same dead letter after another attempt. @throws {SyntaxError} for text that is not JSON */
export function withAttempt(
  text: string,
  attempt: {
    readonly attempts: number;
    readonly failedAt: string;
    readonly status: number | null;
    readonly type: string;
    readonly reason: string;
  },
): string {
  return JSON.stringify({ ...(JSON.parse(text) as Json), ...attempt });
}

/**
 * The items of a batch that Lambda discarded, each once with the version of its latest record, from the object of an S3 on-failure
 * destination (https://docs.aws.amazon.com/lambda/latest/dg/with-ddb-create.html#services-dynamodb-errors).
 * @param functionArn without version or alias: batches of other functions are none; undefined: all are of it
 * @returns undefined if it is not such an object, or names no record that could be read
 */
export function parseFailedBatch(text: string, tables: readonly SliceTable[], functionArn?: string): readonly RedriveItem[] | undefined {
  const found = objectOf(text);
  if (!isObject(found?.DDBStreamBatchInfo) || !isOf(found.requestContext, functionArn)) return undefined;
  const payload = typeof found.payload === 'string' ? objectOf(found.payload) : found.payload;
  const records = isObject(payload) ? payload.Records : undefined;
  if (!Array.isArray(records)) return undefined;
  const items = new Map<string, RedriveItem>();
  for (const record of records as unknown[]) {
    const change = isDynamoDbRecord(record) && isObject(record.dynamodb) ? record.dynamodb : undefined;
    const item =
      change === undefined
        ? undefined
        : itemOf(tableOf(record), change.Keys, change.ApproximateCreationDateTime, change.SequenceNumber, tables);
    // The object is deleted once its items are written, so none may be skipped.
    if (item === undefined) return undefined;
    const name = JSON.stringify([item.table, item.id]);
    const former = items.get(name);
    if (former === undefined || BigInt(item.version) > BigInt(former.version)) items.set(name, item);
  }
  return items.size === 0 ? undefined : [...items.values()];
}

/** Lambda names the function as its trigger does, with a version or an alias. */
function isOf(context: unknown, functionArn: string | undefined): boolean {
  if (functionArn === undefined) return true;
  const found = isObject(context) ? context.functionArn : undefined;
  return typeof found === 'string' && (found === functionArn || found.startsWith(`${functionArn}:`));
}

function objectOf(text: string): Json | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function itemOf(name: unknown, keys: unknown, seconds: unknown, number: unknown, tables: readonly SliceTable[]): RedriveItem | undefined {
  const table = tables.find((one) => one.name === name);
  if (table === undefined || !isAttributeMap(keys) || !isKeyOf(keys, table.keys)) return undefined;
  const isTimed = typeof seconds === 'number' && seconds >= 0 && seconds < MAX_SECONDS;
  const counter = typeof number === 'string' && /^\d{1,64}$/.test(number) ? number : '0';
  return {
    table: table.name,
    id: idOf(keys, table.keys),
    keys: keyOfItem(keys, table.keys),
    version: isTimed ? externalVersion(seconds, counter) : '0',
  };
}
