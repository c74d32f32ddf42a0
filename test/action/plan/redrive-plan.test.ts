import { expect, test } from '@jest/globals';
import type { RunTable } from '../../../action/aws/tables.ts';
import { toTrigger, type Trigger } from '../../../action/aws/triggers.ts';
import { countedChanges, planRedrive, type RedriveContext } from '../../../action/plan/redrive-plan.ts';
import { planContext } from './run-plan-context.ts';

const TABLE: RunTable = { name: 'Orders', id: 't', keys: [], items: 0, bytes: 0, provisionedRead: undefined, stream: undefined };
const FUNCTION = 'arn:aws:lambda:eu-west-1:123456789012:function:Fn';
const CONTEXT: RedriveContext = { ...planContext('redrive'), capacity: 1, concurrency: 1, functionArn: FUNCTION };
const trigger = (destination?: string): Trigger =>
  toTrigger({
    UUID: 'uuid',
    State: 'Enabled',
    ...(destination === undefined ? {} : { DestinationConfig: { OnFailure: { Destination: destination } } }),
  });

test.each([
  ['s3://code/dead-letters/Fn', 'code', 'dead-letters/Fn/Orders/'],
  ['s3://code/dead-letters/Fn/', 'code', 'dead-letters/Fn/Orders/'],
  ['s3://letters', 'letters', 'Orders/'],
])('the dead letters of a table in %s are below its name', (place, bucket, prefix) => {
  expect(planRedrive(TABLE, place, [], CONTEXT).sources).toEqual([{ form: 'dead-letters', from: { bucket, prefix } }]);
});

test.each([
  ['s3://failed/aws/lambda', 'aws/lambda/'],
  ['s3://failed/aws/lambda/', 'aws/lambda/'],
  ['s3://failed/aws/lambda/gone', 'aws/lambda/gone/'],
])('%s has batches, of which those of the function are worked off, whether their triggers exist or not', (place, prefix) => {
  const { sources, changes } = planRedrive(TABLE, place, [trigger()], CONTEXT);
  expect(sources).toEqual([{ form: 'failed-batches', from: { bucket: 'failed', prefix }, functionArn: FUNCTION }]);
  expect(changes[0]).toMatchObject({ path: 'expired batches', after: `s3://failed/${prefix}` });
});

test('a bucket as on-failure destination has the batches of a trigger below its id', () => {
  const { sources, problems } = planRedrive(TABLE, undefined, [trigger('arn:aws-cn:s3:::failed')], CONTEXT);
  expect(sources).toEqual([{ form: 'failed-batches', from: { bucket: 'failed', prefix: 'aws/lambda/uuid/' } }]);
  expect(problems).toEqual([]);
});

test.each(['arn:aws:sqs:eu-west-1:123456789012:failed', 'arn:aws:sns:eu-west-1:123456789012:failed'])(
  'the destination %s has nothing to work off, and the plan names verify',
  (arn) => {
    const { sources, changes } = planRedrive(TABLE, 's3://code/d', [trigger(arn)], CONTEXT);
    expect(sources).toHaveLength(1);
    expect(changes.find(({ after }) => after === arn)?.reason).toMatch(/positions, not records.*operation verify with repair: true/);
  },
);

test('a table with nothing to work off is a problem, and so is one without versions', () => {
  const { problems } = planRedrive(TABLE, undefined, [trigger()], { ...CONTEXT, versioned: false });
  expect(problems.map(({ message }) => message)).toEqual([
    expect.stringMatching(/table Orders has versioning: none/),
    expect.stringMatching(/table Orders has no place for dead letters/),
  ]);
});

test('the counts of a plan are by type of error, in the order of their names', () => {
  const counts = { 'dead-letters': 3, 'failed-batches': 1, foreign: 2 };
  const rows = countedChanges('Orders', counts, { transform_failed: 1, mapper_parsing_exception: 2, failed_batch: 40 });
  expect(rows.map(({ path, after }) => [path, after])).toEqual([
    ['dead letters', 3],
    ['expired batches', 1],
    ['items of expired batches', 40],
    ['type mapper_parsing_exception', 2],
    ['type transform_failed', 1],
    ['other objects', 2],
  ]);
});
