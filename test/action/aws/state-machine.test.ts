// Which state machines a run can use, and how executions are started and found.
import { expect, test } from '@jest/globals';
import { describeExecution, mapCounts, readStateMachine, startExecution } from '../../../action/aws/state-machine.ts';
import { stateMachine } from '../../workflows/cloudformation.ts';
import { failure, fake } from '../fake-aws.ts';

const ARN = 'arn:aws:states:eu-west-1:1:stateMachine:slices';
const USE = { functionName: 'DynamoToES', alias: undefined, bucket: 'code' };
/** As the template makes it, in the account of the fake AWS. */
const definition = (values: Readonly<Record<string, string>> = {}): string =>
  stateMachine({ FunctionName: 'DynamoToES', CodeBucketName: 'code', ...values }).definition.replaceAll('123456789012', '1');
const read = (found: object | Error, use: Partial<{ functionName: string; alias: string; bucket: string }> = {}): Promise<object> =>
  readStateMachine(fake({ DescribeStateMachine: [found] }), ARN, { ...USE, ...use });
const MACHINE = { type: 'STANDARD', status: 'ACTIVE' };

test('the state machine of the template is right for its function, with or without an alias', async () => {
  expect(await read({ ...MACHINE, definition: definition() })).toEqual({ arn: ARN, name: 'slices' });
  expect(await read({ ...MACHINE, definition: definition({ AliasName: 'live' }) }, { alias: 'live' })).toMatchObject({ name: 'slices' });
});

test.each<[string, object | Error, object, RegExp]>([
  ['that does not exist', failure('StateMachineDoesNotExist'), {}, /there is no state machine slices in account 1/],
  ['that is being deleted', { ...MACHINE, status: 'DELETING', definition: definition() }, {}, /there is no state machine slices/],
  ['of another purpose', { ...MACHINE, definition: '{"States":{}}' }, {}, /is not a state machine for slices of this release/],
  ['whose definition is not JSON', { ...MACHINE, definition: 'x' }, {}, /is not a state machine for slices of this release/],
  ['of the other type', { ...MACHINE, type: 'EXPRESS', definition: definition() }, {}, /is not a state machine for slices/],
  [
    'of another function',
    { ...MACHINE, definition: definition({ FunctionName: 'Other' }) },
    {},
    /invokes \S+:function:Other, and this run/,
  ],
  ['without the alias', { ...MACHINE, definition: definition() }, { alias: 'live' }, /this run needs \S+:function:DynamoToES:live/],
  [
    'of another bucket',
    { ...MACHINE, definition: definition() },
    { bucket: 'other' },
    /reads the bucket code, and this run is in the bucket other/,
  ],
])('a state machine %s is refused with the remedy', async (_, found, use, sentence) => {
  await expect(read(found, use)).rejects.toThrow(sentence);
});

test('a state machine of another account or region is refused before AWS is called', async () => {
  const aws = fake({});
  for (const arn of [ARN.replace(':1:', ':2:'), ARN.replace('eu-west-1', 'us-east-1')])
    await expect(readStateMachine(aws, arn, USE)).rejects.toThrow(
      /slices is in account .*, and this job works in account 1, region eu-west-1/,
    );
  expect(aws.calls).toEqual([]);
});

test('an execution that exists already is the one that was to be started', async () => {
  const aws = fake({ StartExecution: [failure('ExecutionAlreadyExists')] });
  expect(await startExecution(aws, { arn: ARN, name: 'slices' }, 'run-1', {})).toBe('arn:aws:states:eu-west-1:1:execution:slices:run-1');
});

test('an execution that was never started is none, and a map that has not begun has no counts', async () => {
  const aws = fake({ DescribeExecution: [failure('ExecutionDoesNotExist')], ListMapRuns: [{ mapRuns: [] }] });
  expect(await describeExecution(aws, 'arn:x')).toBeUndefined();
  expect(await mapCounts(aws, 'arn:x')).toBeUndefined();
});
