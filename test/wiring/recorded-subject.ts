// A function of its own, deployed again and again by the built action, with what is needed to say what AWS asks IAM for each of its calls.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { GetFunctionConfigurationCommand, paginateListEventSourceMappings } from '@aws-sdk/client-lambda';
import type { Slice } from '../../formats/slice.ts';
import { ACCOUNT, REGION } from '../stack/clients.ts';
import type { IamRequest } from '../stack/policy.ts';
import type { Stack } from '../stack/stack.ts';
import { prepareDeployment, type Deployment } from './deployment.ts';
import { iamRequests } from './iam-requests.ts';

export type Operation = 'deploy' | 'refresh-mapping' | 'rollback' | 'backfill' | 'verify' | 'redrive' | 'reindex';
export type Inputs = Readonly<Record<string, string>>;

export interface RecordedRun {
  readonly title: string;
  readonly operation: Operation;
  readonly dryRun: boolean;
  readonly inputs: Inputs;
  /** Whether there was a function before. */
  readonly existed: boolean;
  readonly prunes: boolean;
  /** By a role that may not invoke the function; those refused invocations are not in `requests`. */
  readonly byPlanner: boolean;
  /** The values of the placeholders in the policies. */
  readonly values: Readonly<Record<string, readonly string[]>>;
  readonly requests: readonly IamRequest[];
}

interface Expected {
  /** Exit status, default 0. */
  readonly code?: number;
  /** The function's response to the check, default good. */
  readonly ok?: boolean;
  /** The options file. */
  readonly options?: string;
  /** The role may not invoke the function. */
  readonly byPlanner?: boolean;
}

export const KEY = `arn:aws:kms:${REGION}:${ACCOUNT}:key/11111111-2222-3333-4444-555555555555`;

/** The response to a part of a table, or a step with its indexes, as of a function that has nothing to do; undefined: another event. */
export function sliceResponse(body: string): object | undefined {
  const { slice } = JSON.parse(body) as { slice?: Slice };
  if (slice === undefined) return undefined;
  if (slice.kind === 'index') {
    const serving = { index: 'orders-1', uuid: 'u1', name: 'orders', isAlias: true, aliases: [], documents: 0, numbered: [] };
    return { serving, known: { index: 'orders-2', uuid: 'u2' } };
  }
  if (slice.kind !== 'survey') return { id: 'id' in slice ? slice.id : '', done: true, counts: {}, throttled: { table: 0, cluster: 0 } };
  const index = { name: 'orders', index: 'orders', uuid: 'u', documents: 0, shards: [0], serverless: false };
  return { tables: Object.fromEntries(slice.tables.map(({ name }) => [name, index])), problems: [] };
}

const REFUSED = { status: 403, body: { __type: 'AccessDeniedException', message: 'not authorized to perform: lambda:InvokeFunction' } };

/** A function of its own, deployed again and again. */
export class Subject {
  readonly runs: RecordedRun[] = [];
  readonly it: Deployment;
  readonly tables: string[];
  readonly layers: string[] = [];
  readonly roles: string[];
  readonly #stack: Stack;
  readonly #folder: string;
  #ok = true;
  #byPlanner = false;

  private constructor(stack: Stack, it: Deployment, folder: string) {
    this.#stack = stack;
    this.it = it;
    this.#folder = folder;
    this.tables = [...it.tables];
    this.roles = [it.role];
    // The check needs a function that runs, with a layer, a key and a network that are not there. Here only the call counts.
    it.aws.on(
      'lambda:Invoke',
      ({ body }) => ({
        response: this.#byPlanner
          ? REFUSED
          : {
              status: 200,
              body: sliceResponse(body) ?? { ok: this.#ok, problems: this.#ok ? [] : [{ what: 'the cluster is away' }] },
            },
      }),
      Infinity,
    );
  }

  static async of(
    stack: Stack,
    options: Parameters<typeof prepareDeployment>[1],
    use: (subject: Subject) => Promise<void>,
  ): Promise<RecordedRun[]> {
    const it = await prepareDeployment(stack, options);
    const folder = await mkdtemp(join(tmpdir(), 'workspace-'));
    const subject = new Subject(stack, it, folder);
    try {
      await use(subject);
      return subject.runs;
    } finally {
      await it.stop();
      await rm(folder, { recursive: true });
    }
  }

  async run(title: string, inputs: Inputs, { code = 0, ok = true, options, byPlanner = false }: Expected = {}): Promise<void> {
    [this.#ok, this.#byPlanner] = [ok, byPlanner];
    const before = await this.#state();
    if (options !== undefined) await writeFile(join(this.#folder, 'search.yml'), options);
    const settings = { ...inputs, ...(options === undefined ? {} : { config: 'search.yml' }) };
    const run = await this.it.run(settings, { workspace: this.#folder });
    if (run.code !== code) throw new Error(`${title}: exit status ${run.code}\n${run.log}`);
    const all: Inputs = { role: this.it.role, 'code-bucket': this.it.bucket, ...inputs };
    const { 'code-bucket': bucket, operation = 'deploy', 'dry-run': dryRun = 'false', tags = '' } = all;
    const after = await this.#state();
    const runContext = {
      triggers: new Map([...before.triggers, ...after.triggers]),
      key: before.key,
      reads: { variables: operation === 'deploy', tags: operation !== 'rollback' && (tags !== '' || bucket === '') },
    };
    this.runs.push({
      title,
      operation: operation as Operation,
      dryRun: dryRun === 'true',
      inputs: all,
      existed: before.exists,
      prunes: options?.includes('prune-triggers: true') === true,
      values: this.#values(),
      byPlanner,
      requests: this.it
        .requests()
        .filter(({ operation, status }) => !(byPlanner && operation === 'lambda:Invoke' && status === REFUSED.status))
        .flatMap((request) => iamRequests(request, runContext)),
    });
  }

  #values(): RecordedRun['values'] {
    return {
      partition: ['aws'],
      region: [REGION],
      account: [ACCOUNT],
      'function-name': [this.it.name],
      'code-bucket': [this.it.bucket],
      'endpoint-file': ['STAGE_es_creds'],
      tables: [...this.tables],
      role: [...this.roles],
      layers: [...this.layers],
      'kms-key-arn': [KEY],
      'state-machine': [`${this.it.name}-slices`],
    };
  }

  async #state(): Promise<{ exists: boolean; key: string | undefined; triggers: [string, string][] }> {
    const { lambda } = this.#stack.clients;
    const found = await lambda.send(new GetFunctionConfigurationCommand({ FunctionName: this.it.name })).catch(() => undefined);
    const triggers: [string, string][] = [];
    // Those of all functions, also of the tests beside this one: a mapping of an alias is not listed under its function.
    for await (const { EventSourceMappings: page = [] } of paginateListEventSourceMappings({ client: lambda }, {})) {
      triggers.push(...page.map(({ UUID: id = '', FunctionArn: arn = '' }): [string, string] => [id, arn]));
    }
    return {
      exists: found !== undefined,
      key: found?.KMSKeyArn === '' ? undefined : found?.KMSKeyArn,
      triggers,
    };
  }
}
