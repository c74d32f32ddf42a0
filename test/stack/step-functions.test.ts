// moto plays distributed maps as AWS documents them, with the corrections of moto/step_functions.py.
import { setTimeout as sleep } from 'node:timers/promises';
import { CreateBucketCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import {
  CreateStateMachineCommand,
  DescribeExecutionCommand,
  DescribeMapRunCommand,
  ListMapRunsCommand,
  StartExecutionCommand,
  type DescribeExecutionOutput,
  type DescribeMapRunOutput,
} from '@aws-sdk/client-sfn';
import { expect, test } from '@jest/globals';
import { ACCOUNT, REGION } from './clients.ts';
import { uniqueName, useStack } from './use-stack.ts';

const { clients } = await useStack();

/** Runs a map over ten items, of which `failing` fail. */
async function mapOf(failing: number, tolerance: object): Promise<{ execution: DescribeExecutionOutput; run: DescribeMapRunOutput }> {
  const [bucket, name] = [uniqueName('items'), uniqueName('map')];
  await clients.s3.send(new CreateBucketCommand({ Bucket: bucket, CreateBucketConfiguration: { LocationConstraint: REGION } }));
  const items = Array.from({ length: 10 }, (_, n) => ({ fails: n < failing }));
  await clients.s3.send(new PutObjectCommand({ Bucket: bucket, Key: 'items.json', Body: JSON.stringify(items) }));
  const definition = {
    StartAt: 'Map',
    States: {
      Map: {
        Type: 'Map',
        Label: 'Items',
        MaxConcurrency: 3,
        ...tolerance,
        ItemReader: {
          Resource: 'arn:aws:states:::s3:getObject',
          ReaderConfig: { InputType: 'JSON' },
          Parameters: { Bucket: bucket, Key: 'items.json' },
        },
        ItemProcessor: {
          ProcessorConfig: { Mode: 'DISTRIBUTED', ExecutionType: 'STANDARD' },
          StartAt: 'Fails?',
          States: {
            'Fails?': {
              Type: 'Choice',
              Choices: [{ Variable: '$.fails', BooleanEquals: true, Next: 'Fail' }],
              Default: 'Succeed',
            },
            Fail: { Type: 'Fail', Error: 'Failed' },
            Succeed: { Type: 'Succeed' },
          },
        },
        End: true,
      },
    },
  };
  const { stateMachineArn } = await clients.sfn.send(
    new CreateStateMachineCommand({
      name,
      definition: JSON.stringify(definition),
      roleArn: `arn:aws:iam::${ACCOUNT}:role/states`,
      type: 'STANDARD',
    }),
  );
  const { executionArn } = await clients.sfn.send(new StartExecutionCommand({ stateMachineArn, name: 'run', input: '{}' }));
  for (;;) {
    const execution = await clients.sfn.send(new DescribeExecutionCommand({ executionArn }));
    if (execution.status !== 'RUNNING') {
      const { mapRuns } = await clients.sfn.send(new ListMapRunsCommand({ executionArn }));
      const run = await clients.sfn.send(new DescribeMapRunCommand({ mapRunArn: mapRuns?.[0]?.mapRunArn }));
      return { execution, run };
    }
    await sleep(50);
  }
}

test('a map run succeeds with all its items, and counts them', async () => {
  const { execution, run } = await mapOf(0, {});
  expect(execution.status).toBe('SUCCEEDED');
  expect(run).toMatchObject({ status: 'SUCCEEDED', itemCounts: { total: 10, pending: 0, running: 0, succeeded: 10, failed: 0 } });
});

test.each([
  ['nothing is tolerated', 1, {}, 'FAILED'],
  ['a share is', 2, { ToleratedFailurePercentage: 20 }, 'SUCCEEDED'],
  ['a smaller share is', 3, { ToleratedFailurePercentage: 20 }, 'FAILED'],
  ['a number is', 2, { ToleratedFailureCount: 2 }, 'SUCCEEDED'],
  ['a smaller number is', 3, { ToleratedFailureCount: 2 }, 'FAILED'],
  ['everything is', 10, { ToleratedFailurePercentage: 100 }, 'SUCCEEDED'],
])('where %s, a map run with %i failed items of ten ends accordingly', async (_, failing, tolerance, status) => {
  const { execution, run } = await mapOf(failing, tolerance);
  expect([execution.status, run.status]).toEqual([status, status]);
  expect(run.itemCounts).toMatchObject({ total: 10, failed: failing, succeeded: 10 - failing });
  if (status === 'FAILED') expect(execution.error).toBe('States.ExceedToleratedFailureThreshold');
});
