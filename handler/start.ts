// Builds the function from its package and its environment, once per start.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Aws } from './aws/client.ts';
import { awsCredentials } from './aws/credentials.ts';
import { warnOfEnvironment } from './aws/insecure-environment.ts';
import { ConfigError } from '../formats/fields.ts';
import { parseConfig } from '../formats/function-config.ts';
import { parseKeyMapping } from '../formats/key-mapping.ts';
import { secretsManager } from './aws/secrets-manager.ts';
import { objectStore, s3Writer } from './aws/s3.ts';
import { DynamoDb } from './aws/dynamodb.ts';
import { ClusterClient } from './cluster/client.ts';
import { IndexGate } from './cluster/index-gate.ts';
import { Indexes } from './cluster/indexes.ts';
import { consoleLog } from './telemetry/log.ts';
import type { Runtime } from './runtime.ts';
import { Tables } from './tables.ts';
import { loadTransforms } from './documents/transform.ts';

/** @param folder where the package was unpacked @throws {ConfigError} naming the file, the key and the remedy */
export async function start(folder: string, env: NodeJS.ProcessEnv): Promise<Runtime> {
  const config = parseConfig(read(folder, 'config.json'));
  const mapping = parseKeyMapping(read(folder, 'table_mapping.json'));
  const log = consoleLog(console, env.AWS_LAMBDA_LOG_FORMAT);
  warnOfEnvironment(env, log);
  const now = (): number => Date.now();
  const credentials = awsCredentials(env, now);
  const aws = new Aws(credentials, Math.random);
  const cluster = new ClusterClient(config, env, credentials, secretsManager(env, aws));
  const indexes = new Indexes(cluster, now);
  return {
    cluster,
    indexes,
    gate: new IndexGate(indexes, now, log),
    tables: new Tables(config, mapping, await loadTransforms(config, folder), log),
    release: config.release,
    environment: config.environment,
    log,
    putObject: s3Writer(env, aws),
    objects: objectStore(env, aws),
    dynamodb: new DynamoDb(aws, env, now),
    emit: (line) => {
      process.stdout.write(`${line}\n`);
    },
    now,
    random: Math.random,
    sleep: async (ms, signal) => {
      // Ends early, without an error, when the time is up.
      await sleep(ms, undefined, { signal }).catch(() => undefined);
    },
  };
}

function read(folder: string, name: string): string {
  try {
    return readFileSync(join(folder, name), 'utf8');
  } catch (error) {
    throw new ConfigError(
      name,
      '',
      `it cannot be read (${(error as NodeJS.ErrnoException).code ?? 'unknown'})`,
      'Deploy the function again with the action',
    );
  }
}
