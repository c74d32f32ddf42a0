import { expect, test } from '@jest/globals';
import { TriggerLag } from '../../../../action/apply/slices/trigger-lag.ts';
import { failure, fake } from '../../fake-aws.ts';

const values = (...found: number[]): object => ({ MetricDataResults: [{ Id: 'age', Values: found }] });

function lagOf(...responses: (object | Error)[]): { lag: TriggerLag; aws: ReturnType<typeof fake>; warnings: string[] } {
  const aws = fake({ GetMetricData: responses });
  const warnings: string[] = [];
  return { lag: new TriggerLag(aws, 'Fn', (message) => warnings.push(message)), aws, warnings };
}

test.each([
  ['over five minutes behind', values(601_000, 1_000), /the triggers of the function are 10 minutes behind/],
  ['five minutes behind, or less', values(300_000), undefined],
  ['without data, which read nothing', values(), undefined],
])('triggers that are %s', async (_, response, expected) => {
  const reason = await lagOf(response).lag.reason();
  if (expected === undefined) expect(reason).toBeUndefined();
  else expect(reason).toMatch(expected);
});

test('the newest value of the function is read, once a minute', async () => {
  const { lag, aws } = lagOf(values(400_000), values(2_000));
  expect([await lag.age(), await lag.age()]).toEqual([400_000, 400_000]);
  await aws.clock.sleep(60_000);
  expect(await lag.age()).toBe(2_000);
  expect(aws.inputs).toHaveLength(2);
  expect(aws.inputs[0]).toMatchObject({
    ScanBy: 'TimestampDescending',
    MetricDataQueries: [
      {
        MetricStat: { Metric: { Namespace: 'AWS/Lambda', MetricName: 'IteratorAge', Dimensions: [{ Name: 'FunctionName', Value: 'Fn' }] } },
      },
    ],
  });
});

test('without the permission the run goes on without waiting, with one warning that names it', async () => {
  const { lag, aws, warnings } = lagOf(failure('AccessDeniedException', 'not authorized to perform: cloudwatch:GetMetricData', 403));
  for (let minute = 0; minute < 3; minute++) {
    expect(await lag.reason()).toBeUndefined();
    await aws.clock.sleep(60_000);
  }
  expect(aws.calls).toHaveLength(1);
  expect(warnings).toEqual([expect.stringMatching(/^The run does not wait for triggers .* needs the permission cloudwatch:GetMetricData/)]);
});

test('a failure of CloudWatch is one warning too, and the age is read again later', async () => {
  const { lag, aws, warnings } = lagOf(failure('ValidationError', 'No.'), failure('ValidationError', 'No.'), values(900_000));
  for (let minute = 0; minute < 2; minute++) {
    expect(await lag.reason()).toBeUndefined();
    await aws.clock.sleep(60_000);
  }
  expect(await lag.reason()).toMatch(/15 minutes behind/);
  expect(warnings).toHaveLength(1);
});
