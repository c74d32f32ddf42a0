import { TagResourceCommand, UntagResourceCommand } from '@aws-sdk/client-lambda';
import type { Aws } from './session.ts';

/** Sets and removes tags of a function; nothing is sent where nothing is to be done. @throws {AwsError} */
export async function changeTags(aws: Aws, arn: string, set: Readonly<Record<string, string>>, remove: readonly string[]): Promise<void> {
  if (Object.keys(set).length > 0) {
    await aws.call('lambda:TagResource', arn, () => aws.lambda.send(new TagResourceCommand({ Resource: arn, Tags: set })));
  }
  if (remove.length > 0) {
    await aws.call('lambda:UntagResource', arn, () => aws.lambda.send(new UntagResourceCommand({ Resource: arn, TagKeys: [...remove] })));
  }
}
