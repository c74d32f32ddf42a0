// The permissions of the function's own role, for the docs: the action never touches that role.

const LOG_GROUP = 'arn:${partition}:logs:${region}:${account}:log-group:/aws/lambda/${function-name}';

/** The permissions of the function's own role, for the docs. */
export const FUNCTION_PERMISSIONS: readonly {
  readonly actions: readonly string[];
  readonly resource: string | readonly string[];
  readonly when?: string;
  readonly why: string;
}[] = [
  {
    actions: ['logs:CreateLogGroup'],
    resource: [LOG_GROUP, `${LOG_GROUP}:*`],
    why: 'creates its log group with the first invocation',
  },
  {
    actions: ['logs:CreateLogStream', 'logs:PutLogEvents'],
    resource: `${LOG_GROUP}:*`,
    why: 'writes its log and metrics',
  },
  {
    actions: ['dynamodb:DescribeStream', 'dynamodb:GetRecords', 'dynamodb:GetShardIterator'],
    resource: 'arn:${partition}:dynamodb:${region}:${account}:table/${tables}/stream/*',
    why: 'Lambda reads the streams in its name',
  },
  {
    actions: ['dynamodb:ListStreams'],
    resource: '*',
    why: 'Lambda requires it before it creates a trigger; AWS supports no resource for it',
  },
  {
    actions: ['es:ESHttpGet', 'es:ESHttpPost', 'es:ESHttpPut'],
    resource: 'arn:${partition}:es:${region}:${account}:domain/${domain}/*',
    when: '`ES_AUTH` is `sigv4` on Amazon OpenSearch Service',
    why: 'writes documents, creates missing indexes and checks them',
  },
  {
    actions: ['aoss:APIAccessAll'],
    resource: 'arn:${partition}:aoss:${region}:${account}:collection/${collection}',
    when: '`ES_AUTH` is `sigv4` on OpenSearch Serverless',
    why: 'the same, beside a data access policy of the collection',
  },
  {
    actions: ['s3:PutObject'],
    resource: 'arn:${partition}:s3:::${code-bucket}/dead-letters/${function-name}/*',
    when: 'dead letters are stored',
    why: 'writes dead letters',
  },
  {
    actions: ['s3:GetObject', 's3:DeleteObject'],
    resource: 'arn:${partition}:s3:::${code-bucket}/dead-letters/${function-name}/*',
    when: 'the operation `redrive` is used',
    why: 'reads dead letters, and deletes those whose items were written',
  },
  {
    actions: ['dynamodb:Scan', 'dynamodb:BatchGetItem'],
    resource: 'arn:${partition}:dynamodb:${region}:${account}:table/${tables}',
    when: 'the operations `backfill`, `verify`, `redrive` and `reindex` are used',
    why: 'reads the items of the tables',
  },
  {
    actions: ['s3:GetObject', 's3:PutObject'],
    resource: 'arn:${partition}:s3:::${code-bucket}/runs/${function-name}/*',
    when: 'the operations `backfill`, `verify`, `redrive` and `reindex` are used',
    why: 'keeps the progress of a part of a run, and the lists of differences',
  },
  {
    actions: ['s3:ListBucket'],
    resource: 'arn:${partition}:s3:::${code-bucket}',
    when: 'the operations `backfill`, `verify`, `redrive` and `reindex` are used',
    why: 'lets S3 distinguish progress that is not there yet from progress that is forbidden; lists dead letters',
  },
  {
    actions: ['secretsmanager:GetSecretValue'],
    resource: '${ES_SECRET_ARN}',
    when: '`ES_SECRET_ARN` is set',
    why: 'reads the credentials of the cluster',
  },
  {
    actions: [
      'ec2:CreateNetworkInterface',
      'ec2:DescribeNetworkInterfaces',
      'ec2:DescribeSubnets',
      'ec2:DeleteNetworkInterface',
      'ec2:AssignPrivateIpAddresses',
      'ec2:UnassignPrivateIpAddresses',
    ],
    resource: '*',
    when: '`subnet-ids` is set',
    why: 'Lambda attaches it to the VPC',
  },
  {
    actions: ['sqs:SendMessage'],
    resource: '${on-failure-queue}',
    when: 'the on-failure destination of a trigger is an SQS queue',
    why: 'Lambda reports batches that expired',
  },
  {
    actions: ['sns:Publish'],
    resource: '${on-failure-topic}',
    when: 'the on-failure destination of a trigger is an SNS topic',
    why: 'Lambda reports batches that expired',
  },
  {
    actions: ['s3:PutObject'],
    resource: 'arn:${partition}:s3:::${on-failure-bucket}/aws/lambda/*',
    when: 'the on-failure destination of a trigger is an S3 bucket',
    why: 'Lambda writes batches that expired',
  },
  {
    actions: ['s3:ListBucket'],
    resource: 'arn:${partition}:s3:::${on-failure-bucket}',
    when: 'the on-failure destination of a trigger is an S3 bucket',
    why: 'Lambda requires it before it creates the trigger; `redrive` lists the batches',
  },
  {
    actions: ['s3:GetObject', 's3:DeleteObject'],
    resource: 'arn:${partition}:s3:::${on-failure-bucket}/aws/lambda/*',
    when: 'the operation `redrive` is used, and the on-failure destination of a trigger is an S3 bucket',
    why: 'reads batches that expired, and deletes those whose items were written',
  },
  {
    actions: ['xray:PutTraceSegments', 'xray:PutTelemetryRecords'],
    resource: '*',
    when: '`tracing` is `Active`',
    why: 'writes traces',
  },
  {
    actions: ['kms:Decrypt'],
    resource: '${kms-key-arn}',
    when: '`kms-key-arn` is set',
    why: 'reads its environment variables',
  },
  {
    actions: ['kms:Decrypt'],
    resource: '${table-key-arn}',
    when: 'a table is encrypted with a key of your own',
    why: 'Lambda reads the stream, which is encrypted as the table is',
  },
  {
    actions: ['kms:Decrypt', 'kms:GenerateDataKey'],
    resource: '${other-key-arn}',
    when: 'the secret or the on-failure destination is encrypted with a key of your own',
    why: 'reads the secret; Lambda writes batches that expired, and `redrive` reads them',
  },
];
