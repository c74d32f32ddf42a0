// Makes stream events for the tests: factories with overrides.
import type { AttributeMap } from '../../handler/records/attribute.ts';

export interface RecordOptions {
  readonly table?: string;
  readonly event?: 'INSERT' | 'MODIFY' | 'REMOVE';
  readonly keys?: AttributeMap;
  readonly image?: AttributeMap;
  readonly old?: AttributeMap;
  /** Upper part of the sequence number: what orders states within a second. */
  readonly counter?: number | bigint;
  /** s since the epoch */
  readonly seconds?: number | undefined;
  readonly expired?: boolean;
}

let counter = 0;

/** A record as Lambda delivers it. Each one is later than those made before. */
export function streamRecord(options: RecordOptions = {}): Record<string, unknown> {
  const { table = 'Orders', event = 'INSERT', keys = { pk: { S: 'a' } }, expired = false } = options;
  const number = options.counter ?? ++counter;
  const seconds = 'seconds' in options ? options.seconds : 1_763_800_000;
  const image = event === 'REMOVE' ? undefined : (options.image ?? keys);
  return {
    eventID: `event-${number}`,
    eventName: event,
    eventVersion: '1.1',
    eventSource: 'aws:dynamodb',
    awsRegion: 'eu-west-1',
    eventSourceARN: `arn:aws:dynamodb:eu-west-1:123456789012:table/${table}/stream/2026-01-02T03:04:05.678`,
    ...(expired ? { userIdentity: { type: 'Service', principalId: 'dynamodb.amazonaws.com' } } : {}),
    dynamodb: {
      ...(seconds === undefined ? {} : { ApproximateCreationDateTime: seconds }),
      Keys: keys,
      ...(image === undefined ? {} : { NewImage: image }),
      ...(options.old === undefined ? {} : { OldImage: options.old }),
      SequenceNumber: sequenceNumber(number),
      SizeBytes: 100,
      StreamViewType: 'NEW_AND_OLD_IMAGES',
    },
  };
}

/** `<counter><20 digits>`, as DynamoDB gives them; the low digits do not grow with the counter. */
export const sequenceNumber = (number: number | bigint): string =>
  `${number}${String((BigInt(number) * 7_919_000_027n) % 10n ** 20n).padStart(20, '0')}`;
