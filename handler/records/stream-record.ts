// Parses a record of a DynamoDB stream: from here on it is typed.
import { type Json, isObject } from '../../formats/json.ts';
import { isAttributeMap, type AttributeMap } from './attribute.ts';
import { MalformedRecord } from './malformed-record.ts';

/** A stream record: this item now has this state. */
export interface StreamRecord {
  readonly table: string;
  readonly eventName: 'INSERT' | 'MODIFY' | 'REMOVE';
  readonly keys: AttributeMap;
  /** Present unless the item was removed. */
  readonly newImage: AttributeMap | undefined;
  readonly oldImage: AttributeMap | undefined;
  readonly sequenceNumber: string;
  /** ApproximateCreationDateTime, s since the epoch; absent in old events. */
  readonly seconds: number | undefined;
  /** Removed by DynamoDB's time to live, not by a person or program. */
  readonly expired: boolean;
}

/** Whether a foreign value is a record of a DynamoDB stream at all. */
export function isDynamoDbRecord(value: unknown): value is Json {
  return isObject(value) && value.eventSource === 'aws:dynamodb';
}

/** The sequence number by which a record can be reported to Lambda, of whatever form it is; undefined where it has none. */
export function reportableSequenceNumber(value: unknown): string | undefined {
  const change = isObject(value) ? value.dynamodb : undefined;
  const number = isObject(change) ? change.SequenceNumber : undefined;
  return typeof number === 'string' && number !== '' ? number : undefined;
}

const TABLE_ARN = /^arn:[\w-]+:dynamodb:[^:]*:[^:]*:table\/([A-Za-z0-9_.-]{1,255})(?:\/|$)/;
/** The last stream ARN read and its table: a batch mostly has one in all its records. */
let last: { readonly arn: string; readonly table: string } | undefined;

/** The table of a record, or undefined if its source is not the stream of a table. */
export function tableOf(value: unknown): string | undefined {
  const arn = isObject(value) ? value.eventSourceARN : undefined;
  if (typeof arn !== 'string') return undefined;
  if (arn === last?.arn) return last.table;
  const table = TABLE_ARN.exec(arn)?.[1];
  if (table !== undefined) last = { arn, table };
  return table;
}

const DIGITS = /^\d+$/;
/** Later times (the year 2514 on, or milliseconds instead of seconds) leave no room in a version of 63 bits. */
const MAX_SECONDS = 2 ** 34;

/** @throws {MalformedRecord} saying which part is missing or wrong, and how to fix it */
export function parseRecord(value: unknown): StreamRecord {
  if (!isDynamoDbRecord(value)) {
    const source = isObject(value) && typeof value.eventSource === 'string' ? value.eventSource : 'an unknown source';
    throw new MalformedRecord(
      'foreign_record',
      `the record is from ${source.slice(0, 60)}, not from aws:dynamodb; remove that trigger from the function`,
    );
  }
  const table = tableOf(value);
  if (table === undefined) throw new MalformedRecord('source_unreadable', 'the eventSourceARN is not a DynamoDB stream');
  const { eventName, dynamodb: change, userIdentity } = value;
  if (eventName !== 'INSERT' && eventName !== 'MODIFY' && eventName !== 'REMOVE') {
    throw new MalformedRecord('event_name_unknown', 'the eventName is not INSERT, MODIFY or REMOVE');
  }
  if (!isObject(change)) throw new MalformedRecord('record_empty', 'the record has no dynamodb part');
  const { Keys: keys, NewImage, OldImage, SequenceNumber, ApproximateCreationDateTime: seconds } = change;
  if (!isAttributeMap(keys)) throw new MalformedRecord('keys_missing', 'the record has no Keys');
  if (typeof SequenceNumber !== 'string' || !DIGITS.test(SequenceNumber)) {
    throw new MalformedRecord('sequence_number_unreadable', 'the record has no SequenceNumber of decimal digits');
  }
  if (seconds !== undefined && seconds !== null && !(typeof seconds === 'number' && seconds >= 0 && seconds < MAX_SECONDS)) {
    throw new MalformedRecord('time_unreadable', 'the ApproximateCreationDateTime is not a number of seconds since 1970');
  }
  if (eventName !== 'REMOVE' && !isAttributeMap(NewImage)) {
    throw new MalformedRecord(
      'new_image_missing',
      `the ${eventName} has no NewImage: the table's stream must have the view type NEW_AND_OLD_IMAGES or NEW_IMAGE; disable the stream and enable it with NEW_AND_OLD_IMAGES, then deploy again`,
    );
  }
  return {
    table,
    eventName,
    keys,
    newImage: eventName === 'REMOVE' || !isAttributeMap(NewImage) ? undefined : NewImage,
    oldImage: isAttributeMap(OldImage) ? OldImage : undefined,
    sequenceNumber: SequenceNumber,
    seconds: typeof seconds === 'number' ? seconds : undefined,
    expired:
      eventName === 'REMOVE' &&
      isObject(userIdentity) &&
      userIdentity.type === 'Service' &&
      userIdentity.principalId === 'dynamodb.amazonaws.com',
  };
}

/** Order of sequence numbers, which have 21 to 40 digits and no leading zeros that would count. */
export function compareSequenceNumbers(a: string, b: string): number {
  const [x, y] = [a.replace(/^0+/, ''), b.replace(/^0+/, '')];
  return x.length - y.length || (x < y ? -1 : x > y ? 1 : 0);
}
