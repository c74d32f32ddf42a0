// The main job from end to end, as the demo shows it and the end-to-end test asserts it: tables, the built action, the deployed function
// fed from the real streams, and search.
import { BatchWriteItemCommand, CreateTableCommand, DeleteItemCommand, PutItemCommand, UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import { CreateRoleCommand } from '@aws-sdk/client-iam';
import { type EventSourceMappingConfiguration, paginateListEventSourceMappings } from '@aws-sdk/client-lambda';
import { CreateBucketCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { Client } from '@opensearch-project/opensearch';
import { type ActionRun, runAction } from './action-run.ts';
import { ACCOUNT, REGION } from './clients.ts';
import { runDeployed } from './deployed-package.ts';
import type { Item } from './items.ts';
import type { LambdaHost } from './lambda-host.ts';
import { Player } from './player.ts';
import type { Stack } from './stack.ts';

/** An item of the table of products. */
export const product = (n: number): Item => ({ sku: { S: `sku-${n}` }, name: { S: `Product ${n}` }, price: { N: String(n % 100) } });

export class Scenario {
  readonly stack: Stack;
  /** Has a sort key. */
  readonly orders: string;
  /** Has digits, dots and dashes in its name. */
  readonly customers: string;
  /** Holds items before the first deploy. */
  readonly products: string;
  readonly #stock: number;
  readonly bucket: string;
  readonly functionName: string;
  readonly search: Client;
  #host: LambdaHost | undefined;
  #players: Player[] = [];

  /** @param suffix keeps the names of scenarios in one stack apart @param stock items of the table of products; 0: there is no such table */
  constructor(stack: Stack, suffix = '', stock = 0) {
    this.stack = stack;
    this.#stock = stock;
    this.products = `Products${suffix}`;
    this.orders = `Orders${suffix}`;
    this.customers = `stage-2.Customers.v1${suffix}`;
    this.bucket = `code-of-the-company${suffix}`;
    this.functionName = `DynamoToES${suffix}`;
    const { url, auth, ca } = stack.search;
    this.search = new Client({ node: url, ...(auth ? { auth } : {}), ...(ca ? { ssl: { ca } } : {}) });
  }

  /** The ARN of the function's role. */
  get role(): string {
    return `arn:aws:iam::${ACCOUNT}:role/${this.functionName}`;
  }

  get tables(): readonly string[] {
    return [this.orders, this.customers, ...(this.#stock > 0 ? [this.products] : [])];
  }

  /** The index of a table. */
  index(table: string): string {
    return table.toLowerCase();
  }

  /** Makes what a company has before it uses the action: tables (their streams off), a role, a bucket with the endpoint file. */
  async prepare(): Promise<void> {
    const { dynamodb, iam, s3 } = this.stack.clients;
    const trust = {
      Version: '2012-10-17',
      Statement: [{ Effect: 'Allow', Principal: { Service: 'lambda.amazonaws.com' }, Action: 'sts:AssumeRole' }],
    };
    await Promise.all([
      dynamodb.send(
        new CreateTableCommand({
          TableName: this.orders,
          BillingMode: 'PAY_PER_REQUEST',
          AttributeDefinitions: [
            { AttributeName: 'customer', AttributeType: 'S' },
            { AttributeName: 'order', AttributeType: 'N' },
          ],
          KeySchema: [
            { AttributeName: 'customer', KeyType: 'HASH' },
            { AttributeName: 'order', KeyType: 'RANGE' },
          ],
        }),
      ),
      dynamodb.send(
        new CreateTableCommand({
          TableName: this.customers,
          BillingMode: 'PAY_PER_REQUEST',
          AttributeDefinitions: [{ AttributeName: 'id', AttributeType: 'S' }],
          KeySchema: [{ AttributeName: 'id', KeyType: 'HASH' }],
        }),
      ),
      iam.send(new CreateRoleCommand({ RoleName: this.functionName, AssumeRolePolicyDocument: JSON.stringify(trust) })),
      s3.send(new CreateBucketCommand({ Bucket: this.bucket, CreateBucketConfiguration: { LocationConstraint: REGION } })),
    ]);
    await s3.send(new PutObjectCommand({ Bucket: this.bucket, Key: 'STAGE_es_creds', Body: this.endpointFile }));
    if (this.#stock > 0) await this.#prepareProducts();
  }

  async #prepareProducts(): Promise<void> {
    const { dynamodb } = this.stack.clients;
    await dynamodb.send(
      new CreateTableCommand({
        TableName: this.products,
        BillingMode: 'PAY_PER_REQUEST',
        AttributeDefinitions: [{ AttributeName: 'sku', AttributeType: 'S' }],
        KeySchema: [{ AttributeName: 'sku', KeyType: 'HASH' }],
      }),
    );
    const items = Array.from({ length: this.#stock }, (_, n) => product(n));
    const batches = Array.from({ length: Math.ceil(items.length / 25) }, (_, at) => items.slice(at * 25, at * 25 + 25));
    await Promise.all(
      Array.from({ length: 4 }, async () => {
        for (let batch = batches.pop(); batch !== undefined; batch = batches.pop()) {
          const requests = batch.map((Item) => ({ PutRequest: { Item } }));
          await dynamodb.send(new BatchWriteItemCommand({ RequestItems: { [this.products]: requests } }));
        }
      }),
    );
  }

  /** As the predecessor had it. */
  get endpointFile(): string {
    const { url, auth, ca } = this.stack.search;
    const lines = [`ES_ENDPOINT='${url}'`];
    if (auth) lines.push(`ES_USERNAME='${auth.username}'`, `ES_PASSWORD='${auth.password}'`);
    if (ca) lines.push(`ES_CA='${ca.replaceAll('\n', '\\n')}'`);
    return `${lines.join('\n')}\n`;
  }

  /** The inputs of a workflow that deploys this scenario to STAGE. */
  get inputs(): Readonly<Record<string, string>> {
    return {
      environment: 'STAGE',
      'function-name': this.functionName,
      'code-bucket': this.bucket,
      role: this.role,
      tables: this.tables.join('\n'),
    };
  }

  /** Runs the built action with these inputs, and others over them. */
  deploy(inputs: Readonly<Record<string, string>> = {}, onLog?: (text: string) => void): Promise<ActionRun> {
    return runAction({ ...this.inputs, ...inputs }, { env: this.stack.env, ...(onLog ? { onLog } : {}) });
  }

  /** The function's triggers, all pages. */
  async mappings(): Promise<EventSourceMappingConfiguration[]> {
    const pages = paginateListEventSourceMappings({ client: this.stack.clients.lambda }, { FunctionName: this.functionName });
    const mappings: EventSourceMappingConfiguration[] = [];
    for await (const page of pages) mappings.push(...(page.EventSourceMappings ?? []));
    return mappings;
  }

  /** Downloads the deployed package and runs it, fed by its triggers. */
  async run(): Promise<{ host: LambdaHost; players: readonly Player[] }> {
    const host = await runDeployed(this.stack.clients.lambda, this.functionName, this.stack.env);
    this.#host = host;
    this.#players = (await this.mappings()).map((mapping) =>
      new Player({ streams: this.stack.clients.streams, mapping, invoke: host.invoke, region: REGION }).start(),
    );
    return { host, players: this.#players };
  }

  /** Resolves when all that was written so far has been delivered. */
  async caughtUp(): Promise<void> {
    await Promise.all(this.#players.map((player) => player.drained()));
  }

  async put(table: string, item: Item): Promise<void> {
    await this.stack.clients.dynamodb.send(new PutItemCommand({ TableName: table, Item: item }));
  }

  async update(table: string, key: Item, expression: string, values: Item): Promise<void> {
    await this.stack.clients.dynamodb.send(
      new UpdateItemCommand({ TableName: table, Key: key, UpdateExpression: expression, ExpressionAttributeValues: values }),
    );
  }

  async remove(table: string, key: Item): Promise<void> {
    await this.stack.clients.dynamodb.send(new DeleteItemCommand({ TableName: table, Key: key }));
  }

  /** Ids of the documents that a query string finds, sorted; a missing index has none. */
  async find(table: string, query = '*'): Promise<string[]> {
    const response = await this.search.search({ index: this.index(table), q: query, size: 100, ignore_unavailable: true });
    return response.body.hits.hits.map((hit) => hit._id ?? '').sort();
  }

  /** How many documents a query string finds, of those that searches see by now. */
  async count(table: string, query = '*'): Promise<number> {
    await this.search.indices.refresh({ index: this.index(table) });
    return (await this.search.count({ index: this.index(table), q: query })).body.count;
  }

  /** Breaks the index of products on purpose: one document deleted, one changed, one added by hand. */
  async damage(): Promise<void> {
    const index = this.index(this.products);
    await this.search.delete({ index, id: 'sku-7' });
    await this.search.update({ index, id: 'sku-8', body: { doc: { name: 'Changed by hand' } } });
    await this.search.index({ index, id: 'sku-none', body: { sku: 'sku-none', name: 'Added by hand' } });
  }

  /** A document's source as the text that the server gives, every digit kept. */
  async source(table: string, id: string): Promise<string> {
    const { url, auth } = this.stack.search;
    const headers = auth ? { authorization: `Basic ${Buffer.from(`${auth.username}:${auth.password}`).toString('base64')}` } : {};
    const response = await fetch(`${url}/${this.index(table)}/_source/${encodeURIComponent(id)}`, { headers });
    return response.text();
  }

  /** Stops the players and the function. */
  async stop(): Promise<void> {
    await Promise.all(this.#players.map((player) => player.stop()));
    await this.#host?.stop();
    await this.search.close();
  }
}
