// The function as a value: put together as its start does, with its effects kept for the test to look at.
import { setTimeout as sleep } from 'node:timers/promises';
import { processBatch, type BatchResponse } from '../../handler/events/stream-batch.ts';
import { check } from '../../handler/events/check.ts';
import type { CheckResponse } from '../../formats/events.ts';
import { parseConfig, type Auth, type FunctionConfig, type TableOptions } from '../../formats/function-config.ts';
import { parseKeyMapping, type TableMapping } from '../../formats/key-mapping.ts';
import { Aws } from '../../handler/aws/client.ts';
import { DynamoDb } from '../../handler/aws/dynamodb.ts';
import type { ObjectStore } from '../../handler/aws/s3.ts';
import { awsCredentials } from '../../handler/aws/credentials.ts';
import type { ReadSecret } from '../../handler/aws/secrets-manager.ts';
import type { DeadLetter } from '../../handler/dead-letters/dead-letter.ts';
import { ClusterClient } from '../../handler/cluster/client.ts';
import { IndexGate } from '../../handler/cluster/index-gate.ts';
import { Indexes } from '../../handler/cluster/indexes.ts';
import type { Runtime } from '../../handler/runtime.ts';
import { Tables } from '../../handler/tables.ts';
import type { Transform } from '../../handler/documents/transform.ts';
import type { SearchAddress } from '../stack/search.ts';

export interface FunctionOptions {
  readonly endpoint: string;
  readonly auth?: Auth;
  readonly ca?: string | undefined;
  /** Of the tables that have a mapping. */
  readonly mapping?: readonly Partial<TableMapping>[];
  readonly defaults?: TableOptions;
  readonly tables?: Record<string, TableOptions>;
  readonly onlyKnownTables?: boolean;
  readonly reindex?: FunctionConfig['reindex'];
  readonly transforms?: Record<string, Transform>;
  readonly readSecret?: ReadSecret;
  /** Fails the writing of dead letters. */
  readonly deadLettersFail?: boolean;
  readonly env?: NodeJS.ProcessEnv;
  readonly objects?: ObjectStore;
}

export interface TestFunction {
  readonly runtime: Runtime;
  /** @param remaining ms until the deadline */
  invoke(records: readonly unknown[], remaining?: number): Promise<BatchResponse>;
  /** @param remaining ms until the deadline */
  check(remaining?: number): Promise<CheckResponse>;
  /** Dead letters by the key of their object. */
  readonly deadLetters: Map<string, DeadLetter>;
  readonly logs: Record<string, unknown>[];
  /** The values of the last invocation's metrics. */
  metrics(): Record<string, unknown>;
}

/** Objects that are kept here, with conditional writes as S3 has them. */
export function memoryStore(objects = new Map<string, { text: string; etag: string }>()): ObjectStore {
  let writes = 0;
  return {
    get: (bucket, key) => Promise.resolve(objects.get(`${bucket}/${key}`)),
    put: (bucket, key, text, _signal, over) => {
      const name = `${bucket}/${key}`;
      const found = objects.get(name)?.etag;
      if (over !== undefined && (found ?? null) !== over) return Promise.resolve(undefined);
      const etag = `"${++writes}"`;
      objects.set(name, { text, etag });
      return Promise.resolve(etag);
    },
    delete: (bucket, key, _signal, over) => {
      const name = `${bucket}/${key}`;
      return Promise.resolve(objects.get(name)?.etag === over && objects.delete(name));
    },
    list: (bucket, prefix, _signal, after) =>
      Promise.resolve(
        [...objects.keys()]
          .filter((name) => name.startsWith(`${bucket}/${prefix}`))
          .map((name) => name.slice(bucket.length + 1))
          .filter((key) => after === undefined || key > after)
          .sort()
          .slice(0, 1000),
      ),
  };
}

export const PLACE = 's3://code-bucket/dead-letters/DynamoToES';

export function testFunction(options: FunctionOptions): TestFunction {
  const config = parseConfig(
    JSON.stringify({
      format: 1,
      release: '9.9.9',
      environment: 'TEST',
      endpoint: options.endpoint,
      auth: options.auth ?? { type: 'none' },
      ...(options.ca === undefined ? {} : { certificateAuthority: options.ca }),
      options: {
        defaults: { 'dead-letters': PLACE, ...options.defaults },
        tables: options.tables ?? {},
        'only-known-tables': options.onlyKnownTables,
      },
      reindex: options.reindex,
    }),
  );
  const entries = (options.mapping ?? []).map((entry) => [
    entry.TableName?.toLowerCase(),
    { PrimaryKey: 'pk', Index: entry.TableName?.toLowerCase(), ReportBatchItemFailures: true, ...entry },
  ]);
  const mapping = parseKeyMapping(JSON.stringify(Object.fromEntries(entries)));
  const env = options.env ?? { AWS_REGION: 'eu-west-1', AWS_ACCESS_KEY_ID: 'key', AWS_SECRET_ACCESS_KEY: 'secret' };
  const now = (): number => Date.now();
  const noSecret: ReadSecret = () => Promise.reject(new Error('no secret in this test'));
  const cluster = new ClusterClient(config, env, awsCredentials(env, now), options.readSecret ?? noSecret);
  const deadLetters = new Map<string, DeadLetter>();
  const logs: Record<string, unknown>[] = [];
  const lines: Record<string, unknown>[] = [];
  const log = (level: string) => (message: string, fields?: object) => void logs.push({ level, message, ...fields });
  const logger = { info: log('info'), warn: log('warn'), error: log('error') };
  const indexes = new Indexes(cluster, now);
  const runtime: Runtime = {
    cluster,
    indexes,
    gate: new IndexGate(indexes, () => runtime.now(), logger),
    tables: new Tables(config, mapping, new Map(Object.entries(options.transforms ?? {})), logger),
    release: config.release,
    environment: config.environment,
    log: logger,
    putObject: (bucket, key, body) => {
      if (options.deadLettersFail === true) return Promise.reject(new Error('AccessDenied'));
      deadLetters.set(`s3://${bucket}/${key}`, JSON.parse(body) as DeadLetter);
      return Promise.resolve();
    },
    objects: options.objects ?? memoryStore(),
    dynamodb: new DynamoDb(new Aws(awsCredentials(env, now), Math.random), env, () => runtime.now()),
    emit: (line) => void lines.push(JSON.parse(line) as Record<string, unknown>),
    now,
    random: Math.random,
    sleep: async (ms, signal) => {
      await sleep(ms, undefined, { signal }).catch(() => undefined);
    },
  };
  return {
    runtime,
    deadLetters,
    logs,
    invoke: (records, remaining = 30_000) => processBatch(runtime, records, { functionName: 'DynamoToES', remaining }),
    check: (remaining = 30_000) => check(runtime, { functionName: 'DynamoToES', remaining }),
    metrics: () => lines.at(-1) ?? {},
  };
}

/** Sends a test's own request to the cluster. */
export interface SearchResponse {
  readonly status: number;
  readonly body: Record<string, unknown>;
  readonly text: string;
}

/** Asks a cluster directly, past the function. */
export async function ask(search: SearchAddress, method: string, path: string, body?: unknown): Promise<SearchResponse> {
  const { Agent, request } = await import('node:https');
  const http = await import('node:http');
  const url = new URL(search.url + path);
  const payload = body === undefined ? undefined : JSON.stringify(body);
  const headers: Record<string, string> = payload === undefined ? {} : { 'content-type': 'application/json' };
  if (search.auth !== undefined)
    headers.authorization = `Basic ${Buffer.from(`${search.auth.username}:${search.auth.password}`).toString('base64')}`;
  const { promise, resolve, reject } = Promise.withResolvers<SearchResponse>();
  const send = url.protocol === 'https:' ? request : http.request;
  const agent = url.protocol === 'https:' ? new Agent({ ca: search.ca }) : undefined;
  send(url, { method, headers, agent }, (response) => {
    response.setEncoding('utf8');
    let text = '';
    response.on('data', (part: string) => (text += part));
    response.on('end', () => {
      agent?.destroy();
      resolve({ status: response.statusCode ?? 0, text, body: text.startsWith('{') ? (JSON.parse(text) as Record<string, unknown>) : {} });
    });
  })
    .on('error', reject)
    .end(payload);
  return promise;
}

/** All documents of an index, found by search, by id. */
export async function documents(search: SearchAddress, index: string): Promise<Record<string, unknown>> {
  const { body, text } = await ask(search, 'POST', `/${index}/_search`, { size: 1000, version: true });
  const hits = (body.hits as { hits: { _id: string; _source: unknown }[] } | undefined)?.hits;
  if (hits === undefined) throw new Error(text);
  return Object.fromEntries(hits.map(({ _id, _source }) => [_id, _source]));
}
