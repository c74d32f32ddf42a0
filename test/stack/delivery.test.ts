import { describe, expect, test } from '@jest/globals';
import { type Answer, deliver, firstFailure, type GivenUp, type MappingRules } from './delivery.ts';
import { type DynamoDBRecord, sequenceOf } from './stream-records.ts';

const NOW = 1_000_000_000;
const PARTIAL: MappingRules = { FunctionResponseTypes: ['ReportBatchItemFailures'] };

function records(...sequences: string[]): DynamoDBRecord[] {
  return sequences.map((SequenceNumber) => ({
    dynamodb: { SequenceNumber, ApproximateCreationDateTime: NOW / 1000 - Number(SequenceNumber) },
  }));
}

function failures(...identifiers: unknown[]): Answer {
  return { payload: JSON.stringify({ batchItemFailures: identifiers.map((itemIdentifier) => ({ itemIdentifier })) }) };
}

const ERROR: Answer = { functionError: 'Unhandled', payload: '{"errorMessage":"no"}' };
const DONE = failures();

/** Delivers 1 to 4 to a function that answers as told, and shows its calls and what was given up. */
async function play(rules: MappingRules, answer: (sequences: string, call: number) => Answer) {
  const calls: string[] = [];
  const givenUp: { what: string; why: GivenUp; invocations: number }[] = [];
  await deliver(
    {
      rules,
      invoke: (event) => {
        const sequences = event.Records.map(sequenceOf).join(' ');
        calls.push(sequences);
        return Promise.resolve(answer(sequences, calls.length));
      },
      giveUp: (given, why, invocations) => {
        givenUp.push({ what: given.map(sequenceOf).join(' '), why, invocations });
        return Promise.resolve();
      },
      pause: () => Promise.resolve(),
      now: () => NOW,
      stopped: () => calls.length > 50,
    },
    records('1', '2', '3', '4'),
  );
  return { calls, givenUp };
}

describe('an answer', () => {
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
  ])('%s', (_name, answer: Answer, from) => {
    expect(firstFailure(batch, answer, PARTIAL)).toBe(from);
  });

  test('of a trigger without ReportBatchItemFailures is not read', () => {
    expect(firstFailure(batch, failures('2'), {})).toBeUndefined();
    expect(firstFailure(batch, ERROR, {})).toBe(0);
  });
});

describe('a delivery', () => {
  test('comes again from the lowest failure on', async () => {
    const { calls, givenUp } = await play(PARTIAL, (_sequences, call) => (call === 1 ? failures('4', '3') : DONE));
    expect(calls).toEqual(['1 2 3 4', '3 4']);
    expect(givenUp).toEqual([]);
  });

  test('halves a batch that throws, in order, until the culprit is alone', async () => {
    const rules = { ...PARTIAL, BisectBatchOnFunctionError: true, MaximumRetryAttempts: 1 };
    const { calls, givenUp } = await play(rules, (sequences) => (sequences.includes('3') ? ERROR : DONE));
    expect(calls).toEqual(['1 2 3 4', '1 2', '3 4', '3', '3', '4']);
    expect(givenUp).toEqual([{ what: '3', why: 'RetryAttemptsExhausted', invocations: 2 }]);
  });

  test('gives up after so many retries, and the rest of the batch with it', async () => {
    const { calls, givenUp } = await play({ ...PARTIAL, MaximumRetryAttempts: 2 }, () => failures('2'));
    expect(calls).toEqual(['1 2 3 4', '2 3 4', '2 3 4']);
    expect(givenUp).toEqual([{ what: '2 3 4', why: 'RetryAttemptsExhausted', invocations: 3 }]);
  });

  test('goes on without end where no limit is set, until it is stopped', async () => {
    const { calls, givenUp } = await play({}, () => ERROR);
    expect(calls).toHaveLength(51);
    expect(givenUp).toEqual([]);
  });

  test('gives up records that are too old without calling the function', async () => {
    const { calls, givenUp } = await play({ ...PARTIAL, MaximumRecordAgeInSeconds: 3 }, () => DONE);
    expect(calls).toEqual(['1 2 3']);
    expect(givenUp).toEqual([{ what: '4', why: 'RecordAgeExceeded', invocations: 0 }]);
  });
});
