// The stack's addresses, and clients and variables that lead there.
import { CloudWatchClient } from '@aws-sdk/client-cloudwatch';
import { CloudWatchLogsClient } from '@aws-sdk/client-cloudwatch-logs';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { DynamoDBStreamsClient } from '@aws-sdk/client-dynamodb-streams';
import { IAMClient } from '@aws-sdk/client-iam';
import { LambdaClient } from '@aws-sdk/client-lambda';
import { S3Client } from '@aws-sdk/client-s3';
import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { SFNClient } from '@aws-sdk/client-sfn';
import { SQSClient } from '@aws-sdk/client-sqs';
import { STSClient } from '@aws-sdk/client-sts';

export const REGION = 'eu-west-1';

/** moto's account. */
export const ACCOUNT = '123456789012';

/** DynamoDB with its streams, and all other AWS services. */
export interface AwsAddresses {
  readonly dynamodb: string;
  readonly aws: string;
}

/** Variables that lead an SDK, the action or a function to the stack. */
export function awsEnvironment({ dynamodb, aws }: AwsAddresses): Record<string, string> {
  return {
    AWS_REGION: REGION,
    AWS_DEFAULT_REGION: REGION,
    AWS_ACCESS_KEY_ID: 'local',
    AWS_SECRET_ACCESS_KEY: 'local',
    AWS_EC2_METADATA_DISABLED: 'true',
    AWS_ENDPOINT_URL: aws,
    AWS_ENDPOINT_URL_DYNAMODB: dynamodb,
    AWS_ENDPOINT_URL_DYNAMODB_STREAMS: dynamodb,
  };
}

export interface Clients {
  readonly dynamodb: DynamoDBClient;
  readonly streams: DynamoDBStreamsClient;
  readonly iam: IAMClient;
  readonly lambda: LambdaClient;
  readonly logs: CloudWatchLogsClient;
  readonly metrics: CloudWatchClient;
  readonly s3: S3Client;
  readonly secrets: SecretsManagerClient;
  readonly sfn: SFNClient;
  readonly sqs: SQSClient;
  readonly sts: STSClient;
}

export function connect({ dynamodb, aws }: AwsAddresses): Clients {
  const common = { region: REGION, credentials: { accessKeyId: 'local', secretAccessKey: 'local' } };
  const tables = { ...common, endpoint: dynamodb };
  const services = { ...common, endpoint: aws };
  return {
    dynamodb: new DynamoDBClient(tables),
    streams: new DynamoDBStreamsClient(tables),
    iam: new IAMClient(services),
    lambda: new LambdaClient(services),
    logs: new CloudWatchLogsClient(services),
    metrics: new CloudWatchClient(services),
    s3: new S3Client({ ...services, forcePathStyle: true }),
    secrets: new SecretsManagerClient(services),
    sfn: new SFNClient(services),
    sqs: new SQSClient(services),
    sts: new STSClient(services),
  };
}
