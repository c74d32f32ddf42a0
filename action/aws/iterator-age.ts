// How far the triggers of a function are behind their streams: the metric IteratorAge in CloudWatch.
import { GetMetricDataCommand } from '@aws-sdk/client-cloudwatch';
import type { Aws } from './session.ts';

/** s: the period of a value, and how old the newest may be, which CloudWatch has only after some minutes. */
const PERIOD_S = 60;
const BACK_S = 10 * 60;

/**
 * The age of the records that the triggers of a function read last, ms; undefined where they have read none for a while.
 * https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html, IteratorAge
 * @throws {AwsError}
 */
export async function readIteratorAge(aws: Aws, functionName: string): Promise<number | undefined> {
  const now = aws.clock.now();
  const found = await aws.call('cloudwatch:GetMetricData', `the metric IteratorAge of function ${functionName}`, () =>
    aws.metrics.send(
      new GetMetricDataCommand({
        StartTime: new Date(now - BACK_S * 1000),
        EndTime: new Date(now),
        ScanBy: 'TimestampDescending',
        MetricDataQueries: [
          {
            Id: 'age',
            MetricStat: {
              Metric: { Namespace: 'AWS/Lambda', MetricName: 'IteratorAge', Dimensions: [{ Name: 'FunctionName', Value: functionName }] },
              Period: PERIOD_S,
              Stat: 'Maximum',
            },
          },
        ],
      }),
    ),
  );
  return found.MetricDataResults?.[0]?.Values?.[0];
}
