import { afterAll, describe, expect, test } from '@jest/globals';
import { CreateTableCommand, DeleteItemCommand, PutItemCommand } from '@aws-sdk/client-dynamodb';
import {
  CreateEventSourceMappingCommand,
  CreateFunctionCommand,
  InvokeCommand,
  ListEventSourceMappingsCommand,
  UpdateFunctionCodeCommand,
} from '@aws-sdk/client-lambda';
import { CreateRoleCommand } from '@aws-sdk/client-iam';
import { CreateQueueCommand, ReceiveMessageCommand } from '@aws-sdk/client-sqs';
import { strToU8, zipSync } from 'fflate';
import { ACCOUNT, REGION } from './clients.ts';
import { runDeployed } from './deployed-package.ts';
import { failureDestination } from './failure-destination.ts';
import { Player } from './player.ts';
import { uniqueName, useStack } from './use-stack.ts';

const stack = await useStack();
const { clients } = stack;
const stops: (() => Promise<void>)[] = [];

afterAll(async () => {
  for (const stop of stops) await stop();
});

/** Names every record whose key is `bad`, throws where one is `worse`. */
const SOURCE = `export const handler = async (event) => {
  if (!event.Records) { console.log('greeted'); return { hello: event.name, node: process.version, endpoint: process.env.AWS_ENDPOINT_URL_DYNAMODB }; }
  const key = (record) => record.dynamodb.Keys.id.S;
  if (event.Records.some((record) => key(record) === 'worse')) throw new Error('worse');
  return { batchItemFailures: event.Records.filter((record) => key(record) === 'bad').map((record) => ({ itemIdentifier: record.dynamodb.SequenceNumber })) };
};`;

async function createFunction(): Promise<string> {
  const name = uniqueName('fn');
  const role = await clients.iam.send(
    new CreateRoleCommand({
      RoleName: name,
      AssumeRolePolicyDocument: JSON.stringify({
        Version: '2012-10-17',
        Statement: [{ Effect: 'Allow', Principal: { Service: 'lambda.amazonaws.com' }, Action: 'sts:AssumeRole' }],
      }),
    }),
  );
  await clients.lambda.send(
    new CreateFunctionCommand({
      FunctionName: name,
      Role: role.Role?.Arn,
      Runtime: 'nodejs24.x',
      Handler: 'index.handler',
      Timeout: 10,
      Code: { ZipFile: zipSync({ 'index.mjs': strToU8(SOURCE) }) },
    }),
  );
  return name;
}

async function createTable(): Promise<{ table: string; stream: string }> {
  const table = uniqueName('dev.Orders-1');
  const response = await clients.dynamodb.send(
    new CreateTableCommand({
      TableName: table,
      BillingMode: 'PAY_PER_REQUEST',
      AttributeDefinitions: [{ AttributeName: 'id', AttributeType: 'S' }],
      KeySchema: [{ AttributeName: 'id', KeyType: 'HASH' }],
      StreamSpecification: { StreamEnabled: true, StreamViewType: 'NEW_AND_OLD_IMAGES' },
    }),
  );
  return { table, stream: response.TableDescription?.LatestStreamArn ?? '' };
}

describe('the player', () => {
  test('feeds the deployed function from the real stream, names expired records, and can replay the past', async () => {
    const [name, { table, stream }] = await Promise.all([createFunction(), createTable()]);
    const queue = uniqueName('failed');
    const { QueueUrl } = await clients.sqs.send(new CreateQueueCommand({ QueueName: queue }));
    const destination = `arn:aws:sqs:${REGION}:${ACCOUNT}:${queue}`;
    await clients.lambda.send(
      new CreateEventSourceMappingCommand({
        FunctionName: name,
        EventSourceArn: stream,
        StartingPosition: 'TRIM_HORIZON',
        BatchSize: 10,
        MaximumRetryAttempts: 1,
        BisectBatchOnFunctionError: true,
        FunctionResponseTypes: ['ReportBatchItemFailures'],
        DestinationConfig: { OnFailure: { Destination: destination } },
      }),
    );
    const { EventSourceMappings: [mapping] = [] } = await clients.lambda.send(new ListEventSourceMappingsCommand({ FunctionName: name }));
    if (!mapping) throw new Error('The mapping was not listed.');
    const host = await runDeployed(clients.lambda, name, stack.env);
    stops.push(() => host.stop());
    for (const id of ['a', 'b', 'worse', 'c', 'bad', 'd']) {
      await clients.dynamodb.send(new PutItemCommand({ TableName: table, Item: { id: { S: id }, bytes: { B: new Uint8Array([1, 2]) } } }));
    }
    const player = new Player({
      streams: clients.streams,
      mapping,
      invoke: host.invoke,
      onFailure: failureDestination(destination, mapping.UUID ?? '', clients),
      retryMs: 0,
    }).start();
    stops.push(() => player.stop());
    await player.drained();
    await clients.dynamodb.send(new DeleteItemCommand({ TableName: table, Key: { id: { S: 'a' } } }));
    await player.drained();

    expect(player.records.map((record) => `${record.eventName ?? ''} ${record.dynamodb?.Keys?.id?.S ?? ''}`)).toEqual(
      ['a', 'b', 'worse', 'c', 'bad', 'd'].map((id) => `INSERT ${id}`).concat('REMOVE a'),
    );
    expect(player.failures.map(({ requestContext, DDBStreamBatchInfo: { batchSize } }) => [requestContext.condition, batchSize])).toEqual([
      ['RetryAttemptsExhausted', 1],
      ['RetryAttemptsExhausted', 2],
    ]);
    const { Messages } = await clients.sqs.send(new ReceiveMessageCommand({ QueueUrl, MaxNumberOfMessages: 10 }));
    expect(Messages?.map(({ Body }) => JSON.parse(Body ?? '') as unknown)).toEqual(player.failures);

    const [first] = player.history;
    if (!first) throw new Error('The function was not called.');
    expect(JSON.parse((await player.replay(first.records.slice(0, 2))).payload)).toEqual({ batchItemFailures: [] });
  });
});

describe('Invoke', () => {
  test('runs the deployed package, and the new one after a change', async () => {
    const FunctionName = await createFunction();
    const response = await clients.lambda.send(new InvokeCommand({ FunctionName, Payload: '{"name":"you"}', LogType: 'Tail' }));
    expect(JSON.parse(response.Payload?.transformToString() ?? '')).toEqual({
      hello: 'you',
      node: process.version,
      endpoint: stack.dynamodb.url,
    });
    expect(response).toMatchObject({ StatusCode: 200, ExecutedVersion: '$LATEST' });
    expect(response.FunctionError).toBeUndefined();
    expect(Buffer.from(response.LogResult ?? '', 'base64').toString()).toContain('greeted');

    const code = zipSync({ 'index.mjs': strToU8(`export const handler = async () => { throw new Error('changed'); };`) });
    await clients.lambda.send(new UpdateFunctionCodeCommand({ FunctionName, ZipFile: code }));
    const failed = await clients.lambda.send(new InvokeCommand({ FunctionName }));
    expect(failed.FunctionError).toBe('Unhandled');
    expect(failed.LogResult).toBeUndefined();
    expect(JSON.parse(failed.Payload?.transformToString() ?? '')).toMatchObject({ errorMessage: 'changed' });
  });

  test('responds that there is no such function', async () => {
    await expect(clients.lambda.send(new InvokeCommand({ FunctionName: uniqueName('none') }))).rejects.toMatchObject({
      name: 'ResourceNotFoundException',
    });
  });
});
