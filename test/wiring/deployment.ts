// The resources of a deploy, created in the shared stack under names of its own, and the built action run against it through recording proxies.
import { CreateRoleCommand } from '@aws-sdk/client-iam';
import {
  CreateBucketCommand,
  GetObjectCommand,
  ListObjectsV2Command,
  PutBucketVersioningCommand,
  PutObjectCommand,
} from '@aws-sdk/client-s3';
import { PERMISSIONS } from '../../action/aws/permissions.ts';
import { runAction, type ActionOptions, type ActionRun } from '../stack/action-run.ts';
import { startProxy, type Proxy, type RecordedRequest } from '../stack/proxy.ts';
import type { Stack } from '../stack/stack.ts';
import { createTable as createOn } from '../stack/tables.ts';
import { uniqueName } from '../stack/use-stack.ts';

export interface Deployment {
  readonly name: string;
  readonly bucket: string;
  readonly role: string;
  readonly tables: readonly string[];
  /** In front of moto. */
  readonly aws: Proxy;
  /** In front of DynamoDB Local. */
  readonly dynamodb: Proxy;
  /** Runs the action with these inputs over those that every run has. Records begin anew. */
  readonly run: (inputs?: Readonly<Record<string, string>>, options?: ActionOptions) => Promise<ActionRun>;
  /** The mutating calls of the last run, in their order. Invoke changes nothing. */
  readonly mutations: () => string[];
  readonly requests: () => RecordedRequest[];
  readonly object: (key: string) => Promise<string | undefined>;
  readonly keys: () => Promise<string[]>;
  readonly put: (key: string, body: string | Uint8Array) => Promise<void>;
  readonly stop: () => Promise<void>;
}

const MUTATING = new Set(Object.entries(PERMISSIONS).flatMap(([action, { mutates }]) => (mutates ? [action] : [])));

export const isMutation = ({ operation }: RecordedRequest): boolean => MUTATING.has(operation) && operation !== 'lambda:Invoke';

/** Bucket, role, endpoint file and `count` tables. @param options.versions whether the bucket keeps versions */
export async function prepareDeployment(
  stack: Stack,
  { count = 1, bucket: wantsBucket = true, versions = false } = {},
): Promise<Deployment> {
  const { clients } = stack;
  const name = uniqueName('fn');
  const bucket = uniqueName('code');
  const tables = Array.from({ length: count }, (_, at) => uniqueName(`Orders_${at}.x`));
  const [aws, dynamodb] = await Promise.all([startProxy(stack.aws.url), startProxy(stack.dynamodb.url)]);
  const [{ Role: role }] = await Promise.all([
    clients.iam.send(
      new CreateRoleCommand({
        RoleName: name,
        AssumeRolePolicyDocument: JSON.stringify({
          Version: '2012-10-17',
          Statement: [{ Effect: 'Allow', Principal: { Service: 'lambda.amazonaws.com' }, Action: 'sts:AssumeRole' }],
        }),
      }),
    ),
    ...tables.map((table) => createTable(stack, table)),
    clients.s3.send(new CreateBucketCommand({ Bucket: bucket, CreateBucketConfiguration: { LocationConstraint: 'eu-west-1' } })),
  ]);
  if (versions) await clients.s3.send(new PutBucketVersioningCommand({ Bucket: bucket, VersioningConfiguration: { Status: 'Enabled' } }));
  const put = async (key: string, body: string | Uint8Array): Promise<void> => {
    await clients.s3.send(new PutObjectCommand({ Bucket: bucket, Key: key, Body: body }));
  };
  await put('STAGE_es_creds', `ES_ENDPOINT='${stack.search.url}'\n`);
  let seen: [number, number] = [0, 0];
  const requests = (): RecordedRequest[] => [...aws.requests.slice(seen[0]), ...dynamodb.requests.slice(seen[1])];
  const arn = role?.Arn ?? '';
  const base = {
    environment: 'STAGE',
    'function-name': name,
    role: arn,
    // Tables are loaded where a test is about it.
    'backfill-new-tables': 'never',
    ...(wantsBucket ? { 'code-bucket': bucket } : { endpoint: stack.search.url }),
  };
  return {
    name,
    bucket,
    role: arn,
    tables,
    aws,
    dynamodb,
    run: (inputs = {}, options = {}) => {
      seen = [aws.requests.length, dynamodb.requests.length];
      const settings = Object.fromEntries(Object.entries({ ...base, ...inputs }).filter(([, value]) => value !== ''));
      return runAction(settings, {
        ...options,
        env: { ...stack.env, AWS_ENDPOINT_URL: aws.url, AWS_ENDPOINT_URL_DYNAMODB: dynamodb.url, ...options.env },
      });
    },
    requests,
    mutations: () =>
      requests()
        .filter((request) => isMutation(request))
        .map(({ operation }) => operation),
    object: async (key) => {
      try {
        return await (await clients.s3.send(new GetObjectCommand({ Bucket: bucket, Key: key }))).Body?.transformToString();
      } catch {
        return undefined;
      }
    },
    keys: async () =>
      ((await clients.s3.send(new ListObjectsV2Command({ Bucket: bucket }))).Contents ?? []).flatMap(({ Key }) => Key ?? []),
    put,
    stop: async () => {
      await Promise.all([aws.stop(), dynamodb.stop()]);
    },
  };
}

/** A table with two keys. @returns the stream's ARN */
export const createTable = (stack: Stack, table: string, streamed = false): Promise<string | undefined> =>
  createOn(
    stack.clients.dynamodb,
    table,
    [
      ['id', 'S'],
      ['line', 'N'],
    ],
    streamed,
  );
