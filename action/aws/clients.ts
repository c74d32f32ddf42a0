import { CloudWatchClient } from '@aws-sdk/client-cloudwatch';
import { CloudWatchLogsClient } from '@aws-sdk/client-cloudwatch-logs';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { LambdaClient } from '@aws-sdk/client-lambda';
import { S3Client } from '@aws-sdk/client-s3';
import { SFNClient } from '@aws-sdk/client-sfn';
import type { NodeHttpHandler } from '@smithy/node-http-handler';
import type { SessionCredentials } from './renewal.ts';

/** The services the action talks to; in tests, plain objects with `send`. */
export interface Clients {
  readonly lambda: Pick<LambdaClient, 'send'>;
  readonly s3: Pick<S3Client, 'send'>;
  readonly dynamodb: Pick<DynamoDBClient, 'send'>;
  readonly logs: Pick<CloudWatchLogsClient, 'send'>;
  readonly metrics: Pick<CloudWatchClient, 'send'>;
  /** Step Functions. */
  readonly states: Pick<SFNClient, 'send'>;
}

/** Options of all clients. */
export interface ClientOptions {
  readonly maxAttempts: number;
  readonly customUserAgent: string;
  readonly region?: string;
  readonly profile?: string;
  /** In place of those that the SDK finds. */
  readonly credentials?: SessionCredentials;
  readonly requestHandler: NodeHttpHandler;
}

/** @param pathStyle the bucket is in the path, not in the host */
export function connect(options: ClientOptions, { pathStyle }: { readonly pathStyle: boolean }): Clients {
  return {
    lambda: new LambdaClient(options),
    s3: new S3Client({ ...options, forcePathStyle: pathStyle, followRegionRedirects: true }),
    dynamodb: new DynamoDBClient(options),
    logs: new CloudWatchLogsClient(options),
    metrics: new CloudWatchClient(options),
    states: new SFNClient(options),
  };
}
