// The main job from end to end, as the demo shows it and the end-to-end test asserts it: tables, the built action, the deployed function
// fed from the real streams, and search.
import { BatchWriteItemCommand, DeleteItemCommand, PutItemCommand, UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import { setTimeout as sleep } from 'node:timers/promises';
import { CreateRoleCommand } from '@aws-sdk/client-iam';
import { type EventSourceMappingConfiguration, InvokeCommand, paginateListEventSourceMappings } from '@aws-sdk/client-lambda';
import { CreateBucketCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { Client } from '@opensearch-project/opensearch';
import { type ActionOptions, type ActionRun, runAction } from './action-run.ts';
import { ACCOUNT, REGION } from './clients.ts';
import { runDeployed } from './deployed-package.ts';
import type { Item } from './items.ts';
import type { LambdaHost } from './lambda-host.ts';
import { Player, type PlayerOptions } from './player.ts';
import type { Stack } from './stack.ts';
import { createTable } from './tables.ts';

/** ms between two looks for new triggers. */
const FOLLOW_MS = 1_000;

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
  /** The cluster's address as the endpoint file has it. */
  readonly endpoint: string;
  #host: LambdaHost | undefined;
  #players: Player[] = [];
  #following: Promise<void> | undefined;
  #stopping = false;

  /**
   * @param suffix keeps the names of scenarios in one stack apart @param stock items of the table of products; 0: there is no such table
   * @param endpoint of a proxy in front of the cluster
   */
  constructor(stack: Stack, suffix = '', stock = 0, endpoint = stack.search.url) {
    this.stack = stack;
    this.endpoint = endpoint;
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
      createTable(dynamodb, this.orders, [
        ['customer', 'S'],
        ['order', 'N'],
      ]),
      createTable(dynamodb, this.customers, [['id', 'S']]),
      iam.send(new CreateRoleCommand({ RoleName: this.functionName, AssumeRolePolicyDocument: JSON.stringify(trust) })),
      s3.send(new CreateBucketCommand({ Bucket: this.bucket, CreateBucketConfiguration: { LocationConstraint: REGION } })),
    ]);
    await s3.send(new PutObjectCommand({ Bucket: this.bucket, Key: 'STAGE_es_creds', Body: this.endpointFile }));
    if (this.#stock > 0) await this.#prepareProducts();
  }

  async #prepareProducts(): Promise<void> {
    const { dynamodb } = this.stack.clients;
    await createTable(dynamodb, this.products, [['sku', 'S']]);
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
    const { auth, ca } = this.stack.search;
    const lines = [`ES_ENDPOINT='${this.endpoint}'`];
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

  /** Runs the built action with these inputs, and others over them. @param options of the runner */
  deploy(inputs: Readonly<Record<string, string>> = {}, options: Pick<ActionOptions, 'onLog' | 'workspace'> = {}): Promise<ActionRun> {
    return runAction({ ...this.inputs, ...inputs }, { env: this.stack.env, ...options });
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

  /** Called after each batch that `follow` delivers, with the number of its records and the end of the function's log. */
  onBatch: (records: number, logs: string) => void = () => undefined;

  /** Delivers the streams to whatever is deployed, as Lambda does: a deploy, another trigger and another table take effect by themselves. */
  async follow(): Promise<void> {
    const { streams, lambda } = this.stack.clients;
    const invoke: PlayerOptions['invoke'] = async (event) => {
      const request = { FunctionName: this.functionName, Payload: JSON.stringify(event), LogType: 'Tail' } as const;
      const { Payload: payload, FunctionError: functionError, LogResult: logs = '' } = await lambda.send(new InvokeCommand(request));
      this.onBatch(event.Records.length, Buffer.from(logs, 'base64').toString('utf8'));
      return { payload: Buffer.from(payload ?? []).toString('utf8'), ...(functionError ? { functionError } : {}) };
    };
    const known = new Set<string>();
    const look = async (): Promise<void> => {
      for (const mapping of await this.mappings()) {
        const id = mapping.UUID ?? '';
        if (known.has(id)) continue;
        known.add(id);
        this.#players.push(new Player({ streams, mapping, invoke, region: REGION }).start());
      }
    };
    await look();
    this.#following = (async () => {
      while (!this.#stopping) {
        await sleep(FOLLOW_MS, undefined, { ref: false });
        await look().catch(() => undefined);
      }
    })();
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
    this.#stopping = true;
    await this.#following;
    await Promise.all(this.#players.map((player) => player.stop()));
    await this.#host?.stop();
    await this.search.close();
  }
}
