// A trigger that depends on a stream or a policy that was made seconds ago.
import { describe, expect, test } from '@jest/globals';
import { createTrigger, updateTrigger } from '../../../action/aws/triggers.ts';
import { failure, fake } from '../fake-aws.ts';

const ARN = 'arn:aws:dynamodb:eu-west-1:123456789012:table/Orders/stream/2026-01-02T03:04:05.678';
const REQUEST = { FunctionName: 'Fn', EventSourceArn: ARN };
const refused = (words: string, name = 'InvalidParameterValueException'): Error => failure(name, words);

describe('a fresh stream or policy', () => {
  test.each([
    [
      `Cannot access stream ${ARN}. Please ensure the role can perform the GetRecords, GetShardIterator, DescribeStream, and ListStreams Actions on your stream in IAM.`,
    ],
    [`Stream not found: ${ARN}`],
    [`Stream ${ARN} was not found`],
    [`Requested resource not found: Stream: ${ARN} not found`],
    ['The provided execution role does not have permissions to call SendMessage on SQS'],
    ['The function execution role does not have permissions to call Publish on SNS'],
    ['The role defined for the function cannot be assumed by Lambda.'],
    ['The role defined for the function does not have permission to perform: dynamodb:DescribeStream.'],
  ])('is waited for: %s', async (words) => {
    const waits: string[] = [];
    const onWait = (why: string): void => {
      waits.push(why);
    };
    const aws = fake({ CreateEventSourceMapping: [refused(words), refused(words), refused(words), { UUID: 'u' }] });
    expect(await createTrigger(aws, REQUEST, onWait)).toBe('u');
    expect(waits).toEqual([words.replace(/\.$/, '')]);
    const changed = fake({
      GetEventSourceMapping: [{ State: 'Enabled' }],
      UpdateEventSourceMapping: [refused(words), refused(words), { UUID: 'u' }],
    });
    await updateTrigger(changed, 'u', { BatchSize: 7 }, onWait);
    expect(changed.calls.filter((name) => name.startsWith('Update'))).toHaveLength(3);
    const never = fake({ CreateEventSourceMapping: [refused(words)] });
    await expect(createTrigger(never, REQUEST, onWait)).rejects.toThrow(words.replace(/\.$/, ''));
    expect(never.clock.now()).toBeGreaterThanOrEqual(120_000);
    expect(never.clock.now()).toBeLessThan(130_000);
  });

  test('that stays unknown ends in a sentence that names the permissions', async () => {
    const ofStream = createTrigger(fake({ CreateEventSourceMapping: [refused(`Cannot access stream ${ARN}.`)] }), REQUEST, () => undefined);
    await expect(ofStream).rejects.toThrow(
      /dynamodb:GetRecords.*kms:Decrypt on the key of a table that is encrypted with a key of your own/,
    );
    const words = 'The provided execution role does not have permissions to call SendMessage on SQS';
    const ofQueue = createTrigger(fake({ CreateEventSourceMapping: [refused(words)] }), REQUEST, () => undefined);
    await expect(ofQueue).rejects.toThrow(/The function's role needs sqs:SendMessage/);
  });
});

describe('an ordinary refusal', () => {
  test.each([
    ['Unsupported starting position for the event source', 'InvalidParameterValueException'],
    ['Invalid filter pattern definition. (Service: Lambda)', 'InvalidParameterValueException'],
    ['The destination arn:aws:sqs:eu-west-1:1:q is invalid', 'InvalidParameterValueException'],
    ['Function not found: arn:aws:lambda:eu-west-1:1:function:my-stream', 'ResourceNotFoundException'],
    ['User: arn:x is not authorized to perform: lambda:CreateEventSourceMapping', 'AccessDeniedException'],
  ])('ends at once: %s', async (words, name) => {
    const aws = fake({ CreateEventSourceMapping: [refused(words, name)] });
    await expect(createTrigger(aws, REQUEST, () => undefined)).rejects.toThrow(name);
    expect(aws.calls).toEqual(['CreateEventSourceMapping']);
    expect(aws.slept).toEqual([]);
  });
});
