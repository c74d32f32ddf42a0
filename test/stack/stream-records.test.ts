import { describe, expect, test } from '@jest/globals';
import { sequenceNumber, sequenceOf, Stamps } from './stream-records.ts';

const STREAM = 'arn:aws:dynamodb:eu-west-1:123456789012:table/orders/stream/2026-01-01T00:00:00.000';

function local(counter: number) {
  return {
    eventName: 'INSERT' as const,
    dynamodb: { SequenceNumber: String(counter).padStart(21, '0'), Keys: { id: { B: new Uint8Array([0, 255]) } } },
  };
}

describe('sequence numbers', () => {
  const numbers = Array.from({ length: 200 }, (_, position) => BigInt(sequenceNumber(BigInt(position), STREAM)));

  test('have 21 to 40 digits, as those of AWS', () => {
    for (const number of numbers) expect(String(number)).toMatch(/^[1-9]\d{20,39}$/);
  });

  test('grow with the place in the stream, in the counter and as a whole', () => {
    for (const [place, number] of numbers.entries()) {
      const before = numbers[place - 1];
      if (before === undefined) continue;
      expect(number).toBeGreaterThan(before);
      expect(number / 10n ** 20n).toBe(before / 10n ** 20n + 1n);
    }
  });

  test('have last digits that do not grow', () => {
    const digits = numbers.map((number) => number % 10n ** 20n);
    expect(digits).not.toEqual(digits.toSorted((a, b) => (a < b ? -1 : 1)));
  });
});

describe('records', () => {
  test('keep the number and the time that they were first seen with', () => {
    let now = 1_700_000_000_900;
    const stamps = new Stamps(STREAM, () => now);
    const first = stamps.record(local(7), 'eu-west-1');
    now += 5000;
    stamps.record(local(8), 'eu-west-1');
    expect(stamps.record(local(7), 'eu-west-1')).toEqual(first);
    expect(first.dynamodb?.ApproximateCreationDateTime).toBe(1_700_000_000);
    expect(sequenceOf(first)).toBe(sequenceNumber(7n, STREAM));
  });

  test('have times that never go back, though the clock does', () => {
    let now = 1_700_000_010_000;
    const stamps = new Stamps(STREAM, () => now);
    stamps.record(local(1), 'eu-west-1');
    now -= 5000;
    expect(stamps.record(local(2), 'eu-west-1').dynamodb?.ApproximateCreationDateTime).toBe(1_700_000_010);
  });

  test('are events as Lambda sends them: base64, no empty fields, the stream they are from', () => {
    const record = new Stamps(STREAM, () => 0).record(
      { ...local(1), userIdentity: { PrincipalId: 'dynamodb.amazonaws.com', Type: 'Service' } },
      'us-east-1',
    );
    expect(record).toMatchObject({
      eventName: 'INSERT',
      eventSource: 'aws:dynamodb',
      awsRegion: 'us-east-1',
      eventSourceARN: STREAM,
      dynamodb: { Keys: { id: { B: 'AP8=' } } },
      userIdentity: { principalId: 'dynamodb.amazonaws.com', type: 'Service' },
    });
    expect(record).not.toHaveProperty('eventID');
  });
});
