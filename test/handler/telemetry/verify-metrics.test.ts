import { expect, test } from '@jest/globals';
import { verifyMetrics } from '../../../handler/telemetry/verify-metrics.ts';

const lines = (tables: Parameters<typeof verifyMetrics>[0]['tables']): Record<string, unknown>[] =>
  verifyMetrics({ tables }, 7, { FunctionName: 'f', Environment: 'STAGE' }).map((line) => JSON.parse(line) as Record<string, unknown>);

test('the result of a comparison is written for all tables together and for each', () => {
  const [all, orders, lines2] = lines({
    Orders: { missing: 1, different: 2, stale: 3 },
    Lines: { missing: 10, different: 0, stale: 0 },
  });
  expect(all).toMatchObject({ FunctionName: 'f', Environment: 'STAGE', MissingDocuments: 11, DifferentDocuments: 2, StaleDocuments: 3 });
  expect(all).not.toHaveProperty('Table');
  expect(orders).toMatchObject({ Table: 'Orders', MissingDocuments: 1, DifferentDocuments: 2, StaleDocuments: 3 });
  expect(lines2).toMatchObject({ Table: 'Lines', MissingDocuments: 10 });
  expect(orders?._aws).toMatchObject({
    Timestamp: 7,
    CloudWatchMetrics: [{ Namespace: 'DynamoDBToOpenSearch', Dimensions: [['FunctionName', 'Environment', 'Table']] }],
  });
});

test('a comparison that finds nothing writes zeros, which end an alarm', () => {
  expect(lines({ Orders: { missing: 0, different: 0, stale: 0 } })[0]).toMatchObject({
    MissingDocuments: 0,
    DifferentDocuments: 0,
    StaleDocuments: 0,
  });
});
