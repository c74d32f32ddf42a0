// A trigger whose stream, or whose role's policy, was made seconds ago.
import { afterAll, describe, expect, test } from '@jest/globals';
import type { Behaviour } from '../stack/proxy.ts';
import { useStack } from '../stack/use-stack.ts';
import { prepareDeployment, type Deployment } from './deployment.ts';

const stack = await useStack();
const all: Deployment[] = [];
afterAll(() => Promise.all(all.map((it) => it.stop())));

describe('a trigger that AWS refuses for a moment', () => {
  const stream = 'arn:aws:dynamodb:eu-west-1:123456789012:table/Orders/stream/2026-01-02T03:04:05.678';
  const parameter = (message: string): Behaviour => ({
    response: { status: 400, headers: { 'x-amzn-errortype': 'InvalidParameterValueException' }, body: { Type: 'User', message } },
  });

  test.each([
    [
      'for a stream that it cannot access yet',
      `Cannot access stream ${stream}. Please ensure the role can perform the GetRecords, GetShardIterator, DescribeStream, and ListStreams Actions on your stream in IAM.`,
    ],
    ['for a stream that it does not know yet', `Stream not found: ${stream}`],
    [
      'for a destination that the role may not write to yet',
      'The provided execution role does not have permissions to call SendMessage on SQS',
    ],
  ])('%s is created all the same', async (_, message) => {
    const it = await prepareDeployment(stack);
    all.push(it);
    it.aws.on('lambda:CreateEventSourceMapping', parameter(message), 2);
    const run = await it.run({ tables: it.tables.join('\n') });
    expect(run.code).toBe(0);
    expect(JSON.parse(run.outputs.tables ?? '')).toMatchObject({ [it.tables[0] ?? '']: { trigger: 'Enabled' } });
    expect(it.mutations().filter((operation) => operation === 'lambda:CreateEventSourceMapping')).toHaveLength(3);
  });

  test('for another reason ends the run at once', async () => {
    const it = await prepareDeployment(stack);
    all.push(it);
    it.aws.on('lambda:CreateEventSourceMapping', parameter('Invalid filter pattern definition.'), Infinity);
    const run = await it.run({ tables: it.tables.join('\n') });
    expect(run.code).toBe(1);
    expect(run.log).toContain('Invalid filter pattern definition');
    expect(it.mutations().filter((operation) => operation === 'lambda:CreateEventSourceMapping')).toHaveLength(1);
  });
});
