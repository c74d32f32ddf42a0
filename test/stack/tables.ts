import { CreateTableCommand, type DynamoDBClient } from '@aws-sdk/client-dynamodb';

/** A key attribute: `['customer', 'S']`. */
export type Key = readonly [name: string, type: 'S' | 'N' | 'B'];

/** Creates a table on demand. @param keys hash key, and range key if it has one @param streamed with a stream of both images @returns the stream's ARN */
export async function createTable(
  dynamodb: DynamoDBClient,
  name: string,
  keys: readonly [hash: Key, range?: Key],
  streamed = false,
): Promise<string | undefined> {
  const known = keys.filter((key) => key !== undefined);
  const made = await dynamodb.send(
    new CreateTableCommand({
      TableName: name,
      BillingMode: 'PAY_PER_REQUEST',
      AttributeDefinitions: known.map(([AttributeName, AttributeType]) => ({ AttributeName, AttributeType })),
      KeySchema: known.map(([AttributeName], at) => ({ AttributeName, KeyType: at === 0 ? 'HASH' : 'RANGE' })),
      ...(streamed ? { StreamSpecification: { StreamEnabled: true, StreamViewType: 'NEW_AND_OLD_IMAGES' } } : {}),
    }),
  );
  return made.TableDescription?.LatestStreamArn;
}
