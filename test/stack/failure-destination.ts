// The on-failure destination of an event source mapping: a queue or a bucket.
import { PutObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import { GetQueueUrlCommand, SendMessageCommand, type SQSClient } from '@aws-sdk/client-sqs';
import type { FailureMessage } from './player.ts';

/**
 * The `onFailure` of `Player` for a destination's ARN, of SQS or S3.
 * @throws Error for any other
 */
export function failureDestination(arn: string, { sqs, s3 }: { sqs: SQSClient; s3: S3Client }): (message: FailureMessage) => Promise<void> {
  const service = arn.split(':')[2];
  const name = arn.split(':').at(-1) ?? '';
  if (service === 'sqs') {
    return async (message) => {
      const { QueueUrl } = await sqs.send(new GetQueueUrlCommand({ QueueName: name }));
      await sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: JSON.stringify(message) }));
    };
  }
  if (service === 's3') {
    return async (message) => {
      const { startSequenceNumber, shardId } = message.DDBStreamBatchInfo;
      await s3.send(
        new PutObjectCommand({ Bucket: name, Key: `aws/lambda/${shardId}/${startSequenceNumber}`, Body: JSON.stringify(message) }),
      );
    };
  }
  throw new Error(`A destination of ${service ?? 'no service'} is not played: ${arn}`);
}
