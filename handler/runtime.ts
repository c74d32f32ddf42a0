import type { DynamoDb } from './aws/dynamodb.ts';
import type { ObjectStore } from './aws/s3.ts';
import type { PutObject } from './aws/s3.ts';
import type { ClusterClient } from './cluster/client.ts';
import type { IndexGate } from './cluster/index-gate.ts';
import type { Indexes } from './cluster/indexes.ts';
import type { Log } from './telemetry/log.ts';
import type { Tables } from './tables.ts';

/** The parts of the function; effects are parameters. */
export interface Runtime {
  readonly cluster: ClusterClient;
  readonly indexes: Indexes;
  readonly gate: IndexGate;
  readonly tables: Tables;
  readonly release: string;
  readonly environment: string;
  readonly log: Log;
  readonly putObject: PutObject;
  /** For the work beside the stream. */
  readonly objects: ObjectStore;
  readonly dynamodb: DynamoDb;
  /** Writes one line to standard output as it is. */
  readonly emit: (line: string) => void;
  readonly now: () => number;
  readonly random: () => number;
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>;
}

/** The part of Lambda's context that is used. */
export interface Invocation {
  readonly functionName: string;
  /** ms until Lambda ends the invocation. */
  readonly remaining: number;
}
