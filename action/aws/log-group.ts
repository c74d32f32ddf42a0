import { CreateLogGroupCommand, DescribeLogGroupsCommand, PutRetentionPolicyCommand } from '@aws-sdk/client-cloudwatch-logs';
import { isAwsError } from './errors.ts';
import type { Aws } from './session.ts';

/** The function's log group, as CloudWatch shows it. */
export interface LogGroup {
  readonly name: string;
  readonly exists: boolean;
  /** Undefined: kept forever. */
  readonly retentionDays: number | undefined;
}

/** @throws {AwsError} */
export async function describeLogGroup(aws: Aws, name: string): Promise<LogGroup> {
  let token: string | undefined;
  do {
    const page = await aws.call('logs:DescribeLogGroups', `log group ${name}`, () =>
      aws.logs.send(new DescribeLogGroupsCommand({ logGroupNamePrefix: name, ...(token === undefined ? {} : { nextToken: token }) })),
    );
    const found = page.logGroups?.find(({ logGroupName }) => logGroupName === name);
    if (found !== undefined) return { name, exists: true, retentionDays: found.retentionInDays };
    token = page.nextToken;
  } while (token !== undefined && token !== '');
  return { name, exists: false, retentionDays: undefined };
}

/** Creates the group where it does not exist yet, and sets how long it keeps logs. @throws {AwsError} */
export async function keepLogs(aws: Aws, group: LogGroup, days: number): Promise<void> {
  const resource = `log group ${group.name}`;
  if (!group.exists) {
    try {
      await aws.call('logs:CreateLogGroup', resource, () => aws.logs.send(new CreateLogGroupCommand({ logGroupName: group.name })));
    } catch (error) {
      // The function's first invocation creates it too.
      if (!isAwsError(error, 'ResourceAlreadyExistsException')) throw error;
    }
  }
  await aws.call('logs:PutRetentionPolicy', resource, () =>
    aws.logs.send(new PutRetentionPolicyCommand({ logGroupName: group.name, retentionInDays: days })),
  );
}
