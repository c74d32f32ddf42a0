// The on-failure destination of an event source mapping: a queue or a bucket.
import { randomUUID } from 'node:crypto';
import { PutObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import { GetQueueUrlCommand, SendMessageCommand, type SQSClient } from '@aws-sdk/client-sqs';
import type { PlayerOptions } from './player.ts';

/**
 * The `onFailure` of `Player` for a destination's ARN, of SQS or S3. In a bucket there is also the whole event, as text:
 * https://docs.aws.amazon.com/lambda/latest/dg/services-dynamodb-errors.html
 * @param uuid of the event source mapping
 * @throws Error for any other
 */
export function failureDestination(
  arn: string,
  uuid: string,
  { sqs, s3 }: { sqs: SQSClient; s3: S3Client },
): NonNullable<PlayerOptions['onFailure']> {
  const service = arn.split(':')[2];
  const name = arn.split(':').at(-1) ?? '';
  if (service === 'sqs') {
    return async (message) => {
      const { QueueUrl } = await sqs.send(new GetQueueUrlCommand({ QueueName: name }));
      await sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: JSON.stringify(message) }));
    };
  }
  if (service === 's3') {
    return async (message, event) => {
      const { shardId } = message.DDBStreamBatchInfo;
      const [date = '', time = ''] = message.timestamp.split(/[T.]/);
      const object = `${date}T${time.replaceAll(':', '.')}-${randomUUID()}`;
      await s3.send(
        new PutObjectCommand({
          Bucket: name,
          Key: `aws/lambda/${uuid}/${shardId}/${date.replaceAll('-', '/')}/${object}`,
          Body: JSON.stringify({ ...message, payload: JSON.stringify(event) }),
        }),
      );
    };
  }
  throw new Error(`A destination of ${service ?? 'no service'} is not played: ${arn}`);
}
