export const OPERATIONS = ['deploy', 'refresh-mapping', 'rollback', 'backfill', 'verify', 'redrive'] as const;
export type Operation = (typeof OPERATIONS)[number];

/** `none` in an input that can be cleared (contract 2.1). */
export const CLEAR = Symbol('none');
export type Clearable<T> = T | typeof CLEAR;

/** All inputs as one value, read once at the edge. Undefined means: not set by the user, never sent to AWS on update. */
export interface Inputs {
  readonly operation: Operation;
  readonly dryRun: boolean;
  readonly environment: string;
  readonly functionName: string;
  readonly codeBucket: string | undefined;
  readonly role: string | undefined;
  readonly description: Clearable<string> | undefined;
  /** URL or text of an endpoint file; a secret. */
  readonly endpoint: string | undefined;
  /** As given, or `${environment}_es_creds`. */
  readonly endpointFile: string;
  /** Table names (an ARN is reduced to its table's name), in the order given, without doubles. */
  readonly tables: readonly string[];
  /** Path of the options file in the workspace. */
  readonly config: string | undefined;
  /** MiB */
  readonly memorySize: number | undefined;
  /** s */
  readonly timeout: number | undefined;
  readonly runtime: string | undefined;
  readonly architecture: 'arm64' | 'x86_64' | undefined;
  readonly subnetIds: Clearable<readonly string[]> | undefined;
  readonly securityGroupIds: Clearable<readonly string[]> | undefined;
  readonly environmentVariables: Clearable<Readonly<Record<string, string>>> | undefined;
  readonly envStrategy: 'merge' | 'overwrite';
  readonly tags: Clearable<Readonly<Record<string, string>>> | undefined;
  readonly logRetentionDays: number | undefined;
  readonly layers: Clearable<readonly string[]> | undefined;
  readonly kmsKeyArn: Clearable<string> | undefined;
  readonly tracing: 'Active' | 'PassThrough' | undefined;
  readonly alias: string | undefined;
  readonly check: boolean;
  readonly rollbackTo: string | undefined;
  readonly repair: boolean;
  readonly allowedAccountIds: readonly string[];
  readonly awsProfile: string | undefined;
  readonly githubToken: string | undefined;
}

/**
 * Reads and checks all inputs. @param env `process.env`: `INPUT_*` first, else the predecessor's variable
 * @throws {InputError} with every problem of every input
 */
export function readInputs(_env: NodeJS.ProcessEnv): Inputs {
  throw new Error('in work');
}
