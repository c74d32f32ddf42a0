import { describe, expect, test } from '@jest/globals';
import { compareSequenceNumbers, parseRecord, reportableSequenceNumber, tableOf } from '../../../handler/records/stream-record.ts';
import { sequenceNumber, streamRecord } from '../records.ts';

type Loose = Record<string, unknown> & { dynamodb: Record<string, unknown> };

test('a record is parsed', () => {
  const record = parseRecord(
    streamRecord({
      event: 'MODIFY',
      keys: { pk: { S: 'k' } },
      image: { pk: { S: 'k' }, n: { N: '1' } },
      old: { pk: { S: 'k' } },
      counter: 7,
    }),
  );
  expect(record).toEqual({
    table: 'Orders',
    eventName: 'MODIFY',
    keys: { pk: { S: 'k' } },
    newImage: { pk: { S: 'k' }, n: { N: '1' } },
    oldImage: { pk: { S: 'k' } },
    sequenceNumber: sequenceNumber(7),
    seconds: 1_763_800_000,
    expired: false,
  });
});

test('the table is read from stream ARNs of all partitions, with every legal name', () => {
  for (const partition of ['aws', 'aws-cn', 'aws-us-gov', 'aws-iso-b']) {
    const eventSourceARN = `arn:${partition}:dynamodb:eu-west-1:123456789012:table/proj-9.My_Table-x/stream/2026-01-02T03:04:05.678`;
    expect(tableOf({ eventSourceARN })).toBe('proj-9.My_Table-x');
  }
  expect(tableOf({ eventSourceARN: 'arn:aws:kinesis:eu-west-1:123456789012:stream/x' })).toBeUndefined();
});

test('a time to live delete is distinguished from others', () => {
  expect(parseRecord(streamRecord({ event: 'REMOVE', expired: true })).expired).toBe(true);
  expect(parseRecord(streamRecord({ event: 'REMOVE' })).expired).toBe(false);
});

test('a REMOVE needs nothing but its keys', () => {
  const record = streamRecord({ event: 'REMOVE', seconds: undefined }) as Loose;
  expect(parseRecord(record)).toMatchObject({ eventName: 'REMOVE', newImage: undefined, seconds: undefined });
});

describe('an unusable record is malformed with a reason', () => {
  const broken = (change: (record: Loose) => void): unknown => {
    const record = structuredClone(streamRecord({ event: 'MODIFY' })) as Loose;
    change(record);
    return record;
  };
  test.each<[string, unknown, RegExp]>([
    ['a record of another service', broken((r) => (r.eventSource = 'aws:kinesis')), /aws:kinesis/],
    ['no object', 'record', /unknown source/],
    ['another ARN', broken((r) => (r.eventSourceARN = 'arn:aws:sqs:eu-west-1:1:q')), /eventSourceARN/],
    ['an unknown event', broken((r) => (r.eventName = 'UPSERT')), /eventName/],
    ['no change', broken((r) => delete (r as Partial<Loose>).dynamodb), /no dynamodb part/],
    ['no keys', broken((r) => delete r.dynamodb.Keys), /Keys/],
    ['no image', broken((r) => delete r.dynamodb.NewImage), /NEW_AND_OLD_IMAGES/],
    ['no sequence number', broken((r) => delete r.dynamodb.SequenceNumber), /SequenceNumber/],
    ['a sequence number of letters', broken((r) => (r.dynamodb.SequenceNumber = 'abc')), /SequenceNumber/],
    ['a time of letters', broken((r) => (r.dynamodb.ApproximateCreationDateTime = 'now')), /ApproximateCreationDateTime/],
    ['a time in milliseconds', broken((r) => (r.dynamodb.ApproximateCreationDateTime = 1.7638e12)), /seconds/],
    ['a negative time', broken((r) => (r.dynamodb.ApproximateCreationDateTime = -1)), /seconds/],
  ])('%s', (_, record, reason) => {
    expect(() => parseRecord(record)).toThrow(reason);
  });
});

test('a record is reported by whatever sequence number it has', () => {
  expect(reportableSequenceNumber({ dynamodb: { SequenceNumber: 'abc' } })).toBe('abc');
  for (const none of [undefined, null, 5, {}, { dynamodb: {} }, { dynamodb: { SequenceNumber: '' } }])
    expect(reportableSequenceNumber(none)).toBeUndefined();
});

test('sequence numbers are compared as numbers, of any length', () => {
  const sorted = ['100', '0099', '20', '3', '12345678901234567890123', '12345678901234567890124'].sort(compareSequenceNumbers);
  expect(sorted).toEqual(['3', '20', '0099', '100', '12345678901234567890123', '12345678901234567890124']);
});
