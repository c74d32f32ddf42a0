import { describe, expect, test } from '@jest/globals';
import { type FunctionResponse, deliver, firstFailure, type Expired, type MappingRules } from './delivery.ts';
import { type DynamoDBRecord, sequenceOf } from './stream-records.ts';

const NOW = 1_000_000_000;
const PARTIAL: MappingRules = { FunctionResponseTypes: ['ReportBatchItemFailures'] };

function records(...sequences: string[]): DynamoDBRecord[] {
  return sequences.map((SequenceNumber) => ({
    dynamodb: { SequenceNumber, ApproximateCreationDateTime: NOW / 1000 - Number(SequenceNumber) },
  }));
}

function failures(...identifiers: unknown[]): FunctionResponse {
  return { payload: JSON.stringify({ batchItemFailures: identifiers.map((itemIdentifier) => ({ itemIdentifier })) }) };
}

const ERROR: FunctionResponse = { functionError: 'Unhandled', payload: '{"errorMessage":"no"}' };
const DONE = failures();

/** Delivers 1 to 4 to a function with fixed responses, and returns its calls and the expired records. */
async function play(rules: MappingRules, response: (sequences: string, call: number) => FunctionResponse) {
  const calls: string[] = [];
  const expired: { what: string; why: Expired; invocations: number }[] = [];
  await deliver(
    {
      rules,
      invoke: (event) => {
        const sequences = event.Records.map(sequenceOf).join(' ');
        calls.push(sequences);
        return Promise.resolve(response(sequences, calls.length));
      },
      expire: (dropped, why, invocations) => {
        expired.push({ what: dropped.map(sequenceOf).join(' '), why, invocations });
        return Promise.resolve();
      },
      pause: () => Promise.resolve(),
      now: () => NOW,
      stopped: () => calls.length > 50,
    },
    records('1', '2', '3', '4'),
  );
  return { calls, expired };
}

describe('a response', () => {
  const batch = records('1', '2', '3');

  test.each([
    ['nothing named is success', DONE, undefined],
    ['null is success', { payload: 'null' }, undefined],
    ['no text is success', { payload: '' }, undefined],
    ['the lowest sequence number counts', failures('3', '2'), 1],
    ['an empty identifier fails the whole batch', failures('3', ''), 0],
    ['an absent identifier fails the whole batch', failures(null), 0],
    ['an identifier of no record fails the whole batch', failures('9'), 0],
    ['an error fails the whole batch', ERROR, 0],
  ])('%s', (_name, response: FunctionResponse, from) => {
    expect(firstFailure(batch, response, PARTIAL)).toBe(from);
  });

  test('of a trigger without ReportBatchItemFailures is not read', () => {
    expect(firstFailure(batch, failures('2'), {})).toBeUndefined();
    expect(firstFailure(batch, ERROR, {})).toBe(0);
  });
});

describe('a delivery', () => {
  test('is retried from the lowest failure on', async () => {
    const { calls, expired } = await play(PARTIAL, (_sequences, call) => (call === 1 ? failures('4', '3') : DONE));
    expect(calls).toEqual(['1 2 3 4', '3 4']);
    expect(expired).toEqual([]);
  });

  test('halves a batch that throws, in order, until the culprit is alone', async () => {
    const rules = { ...PARTIAL, BisectBatchOnFunctionError: true, MaximumRetryAttempts: 1 };
    const { calls, expired } = await play(rules, (sequences) => (sequences.includes('3') ? ERROR : DONE));
    expect(calls).toEqual(['1 2 3 4', '1 2', '3 4', '3', '3', '4']);
    expect(expired).toEqual([{ what: '3', why: 'RetryAttemptsExhausted', invocations: 2 }]);
  });

  test('expires after so many retries, and the rest of the batch with it', async () => {
    const { calls, expired } = await play({ ...PARTIAL, MaximumRetryAttempts: 2 }, () => failures('2'));
    expect(calls).toEqual(['1 2 3 4', '2 3 4', '2 3 4']);
    expect(expired).toEqual([{ what: '2 3 4', why: 'RetryAttemptsExhausted', invocations: 3 }]);
  });

  test('goes on without end where no limit is set, until it is stopped', async () => {
    const { calls, expired } = await play({}, () => ERROR);
    expect(calls).toHaveLength(51);
    expect(expired).toEqual([]);
  });

  test('lets records that are too old expire without calling the function', async () => {
    const { calls, expired } = await play({ ...PARTIAL, MaximumRecordAgeInSeconds: 3 }, () => DONE);
    expect(calls).toEqual(['1 2 3']);
    expect(expired).toEqual([{ what: '4', why: 'RecordAgeExceeded', invocations: 0 }]);
  });
});
