// Records of a stream in the form in which Lambda hands them to a function.
//
// DynamoDB Local numbers its records with zero-padded counters and gives times in whole minutes. AWS's sequence numbers are a growing
// counter followed by twenty digits that grow with nothing, 21 to 40 digits in all, and its times are whole seconds. Versions are made
// of both, so records get what AWS would give them: once, when they are first seen, and the same ever after.
import { createHash } from 'node:crypto';
import type { _Record as SdkRecord } from '@aws-sdk/client-dynamodb-streams';
import type { DynamoDBRecord } from 'aws-lambda';

export type { DynamoDBRecord };

/** A value that JSON can hold as it is. */
type Wire = string | number | boolean | null | Wire[] | { [name: string]: Wire };

/** Where AWS's counters are about now; only that they are large matters. */
const COUNTER_START = 44_215_845_000_000n;
const LOG_POSITION_DIGITS = 20;

/**
 * A sequence number in AWS's form. The counter decides the order; the digits after it are the same for the same record and else random.
 * @param position the record's place in its stream, growing
 * @param stream what the digits are made from, beside the position
 */
export function sequenceNumber(position: bigint, stream: string): string {
  const hash = createHash('sha256').update(`${stream} ${position}`).digest('hex');
  const digits = BigInt(`0x${hash}`).toString().slice(-LOG_POSITION_DIGITS);
  return `${COUNTER_START + position}${digits.padStart(LOG_POSITION_DIGITS, '0')}`;
}

/** Gives the records of one shard their numbers and times. */
export class Stamps {
  readonly #stream: string;
  readonly #now: () => number;
  readonly #seconds = new Map<string, number>();
  #latest = 0;

  /** @param now milliseconds since the epoch */
  constructor(stream: string, now: () => number) {
    this.#stream = stream;
    this.#now = now;
  }

  /** The record as in a Lambda event; a record that was seen before keeps its number and its time. */
  record(record: SdkRecord, region: string): DynamoDBRecord {
    const local = record.dynamodb?.SequenceNumber ?? '';
    const known = this.#seconds.get(local);
    // A shard's times do not go back, whatever the clock does.
    const seconds = known ?? Math.max(this.#latest, Math.floor(this.#now() / 1000));
    this.#latest = Math.max(this.#latest, seconds);
    this.#seconds.set(local, seconds);
    const { userIdentity } = record;
    return {
      ...(toWire({ eventID: record.eventID, eventName: record.eventName, eventVersion: record.eventVersion }) as object),
      eventSource: 'aws:dynamodb',
      awsRegion: region,
      dynamodb: {
        ...(toWire(record.dynamodb) as object),
        ApproximateCreationDateTime: seconds,
        SequenceNumber: sequenceNumber(BigInt(local), this.#stream),
      },
      // The API's response has capitals, the event has none.
      ...(userIdentity ? { userIdentity: { principalId: userIdentity.PrincipalId, type: userIdentity.Type } } : {}),
      eventSourceARN: this.#stream,
    };
  }
}

/** The SDK gives binaries as bytes; an event has base64. */
function toWire(value: unknown): Wire {
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64');
  if (value instanceof Date) return Math.floor(value.getTime() / 1000);
  if (Array.isArray(value)) return value.map(toWire);
  if (typeof value === 'object' && value !== null) {
    return Object.fromEntries(
      Object.entries(value)
        .filter(([, inner]) => inner !== undefined)
        .map(([name, inner]) => [name, toWire(inner)]),
    );
  }
  return value as Wire;
}

/** The record's sequence number. */
export function sequenceOf(record: DynamoDBRecord): string {
  return record.dynamodb?.SequenceNumber ?? '';
}
