// Opens the session: region, credentials and account, and the one function through which every call to AWS goes.
import { Agent as HttpAgent, get as httpGet } from 'node:http';
import { Agent as HttpsAgent, get as httpsGet } from 'node:https';
import { isIP } from 'node:net';
import { GetCallerIdentityCommand, STSClient, type GetCallerIdentityCommandOutput } from '@aws-sdk/client-sts';
import { NodeHttpHandler } from '@smithy/node-http-handler';
import { UserError } from '../errors.ts';
import type { Inputs } from '../inputs/inputs.ts';
import { RELEASE } from '../release.ts';
import { PERMISSIONS, type Action } from './permissions.ts';
import type { ClientOptions, Clients, connect as Connect } from './clients.ts';
import { AwsError, hasSessionEnded, isAwsError, isThrottled, isTransient } from './errors.ts';
import { assumedRole, canRenew, Renewable, renewed } from './renewal.ts';
import { THROTTLED, TRANSIENT, withRetry, type Clock, type Retry } from './retry.ts';

/** ms until a response begins: a server that is silent for longer will not respond, but packages need their time, and so may the function itself. */
export const RESPONSE_TIMEOUT_MS = { usual: 30_000, upload: 300_000, invocation: 910_000 } as const;

/** Account, region and the way to call AWS in them. */
export interface Aws extends Clients {
  readonly region: string;
  readonly account: string;
  /** `aws`, `aws-cn`, `aws-us-gov`, … */
  readonly partition: string;
  readonly clock: Clock;
  /** Aborted when the job is cancelled. */
  readonly signal: AbortSignal;
  /**
   * Makes one call, again where AWS throttles or the connection breaks.
   * @param action the permission the call needs; a mutating one is refused in a dry run
   * @param resource how the error names it: `function DynamoToES`
   * @param retry other attempts than those for throttled and broken calls @throws {AwsError}
   */
  readonly call: <T>(action: Action, resource: string, send: () => Promise<T>, retry?: (error: unknown) => Retry | undefined) => Promise<T>;
  /** Gets a presigned link. @throws {Error} */
  readonly download: (url: string) => Promise<Uint8Array>;
}

/** Everything that the session receives from outside. */
export interface SessionDependencies {
  readonly env: NodeJS.ProcessEnv;
  readonly clock: Clock;
  /** Aborted when the job is cancelled: no mutating call begins after that. */
  readonly signal: AbortSignal;
  /** Called with every mutating call that AWS accepted. */
  readonly onChange: (action: Action) => void;
  /** Called while the first response is on its way: loads the code that comes after it. */
  readonly meanwhile: () => Promise<unknown>;
}

/** ms: until then the first request is on its way, which loading would delay. */
const FIRST_REQUEST_MS = 20;

/**
 * Finds region, credentials and account. @throws {UserError} without a region, without credentials, where AWS cannot be reached, in an
 * account that is not allowed, or with another role than the one that is named
 */
export async function openSession(
  {
    awsProfile: profile,
    allowedAccountIds,
    dryRun,
    roleToAssume,
  }: Pick<Inputs, 'awsProfile' | 'allowedAccountIds' | 'dryRun' | 'roleToAssume'>,
  { env, clock, signal, onChange, meanwhile }: SessionDependencies,
): Promise<Aws> {
  const region = env.AWS_REGION ?? env.AWS_DEFAULT_REGION;
  const agents = agentsFor(env);
  const options = clientOptions(region, profile, agents);
  const sts = new STSClient(options);
  const found = await sts.config.region().catch((cause: unknown) => {
    throw noRegion(region, profile, cause);
  });
  const session = new Renewable();
  const call = caller({ dryRun, signal, clock, onChange, session });
  const [identity, connect] = await Promise.all([identityOf(sts, profile, call), loadClients(meanwhile)]);
  const account = identity.Account ?? '';
  if (allowedAccountIds.length > 0 && !allowedAccountIds.includes(account)) {
    throw new UserError(
      `The credentials belong to account ${account}, which is not among allowed-account-ids (${allowedAccountIds.join(', ')})`,
      'Sign in to the right account, or add this one to allowed-account-ids',
    );
  }
  let clients = connect(options, { pathStyle: pathStyle(env) });
  const role = assumedRole(identity.Arn, roleToAssume);
  if (role !== undefined && canRenew(env))
    session.renewal = {
      role,
      renew: async () => {
        const credentials = await renewed(role, { ...options, region: found });
        clients = connect({ ...options, credentials }, { pathStyle: pathStyle(env) });
      },
    };
  return {
    region: found,
    account,
    partition: identity.Arn?.split(':')[1] ?? 'aws',
    clock,
    signal,
    call,
    download: (url) => download(url, url.startsWith('https:') ? agents.httpsAgent : agents.httpAgent),
    // Those of the session that is open now.
    get lambda() {
      return clients.lambda;
    },
    get s3() {
      return clients.s3;
    },
    get dynamodb() {
      return clients.dynamodb;
    },
    get logs() {
      return clients.logs;
    },
    get metrics() {
      return clients.metrics;
    },
    get states() {
      return clients.states;
    },
  };
}

/** The SDK's own agents know nothing of HTTPS_PROXY; these do (Node 24.5 and later). */
function agentsFor(env: NodeJS.ProcessEnv): { readonly httpAgent: HttpAgent; readonly httpsAgent: HttpsAgent } {
  const options = { keepAlive: true, maxSockets: 50, proxyEnv: env };
  // With `rejectUnauthorized` set here, no variable of the environment turns the checks of certificates off.
  return { httpAgent: new HttpAgent(options), httpsAgent: new HttpsAgent({ ...options, rejectUnauthorized: true }) };
}

/** The options of all clients. @param region as the environment sets it, if it does @param profile likewise, of the input */
function clientOptions(region: string | undefined, profile: string | undefined, agents: ReturnType<typeof agentsFor>): ClientOptions {
  return {
    // Attempts are made by `call`, so that one place knows clock, randomness and limits.
    maxAttempts: 1,
    customUserAgent: `dynamodb-to-opensearch/${RELEASE}`,
    ...(region === undefined || region === '' ? {} : { region }),
    ...(profile === undefined ? {} : { profile }),
    requestHandler: new NodeHttpHandler({
      connectionTimeout: 10_000,
      requestTimeout: RESPONSE_TIMEOUT_MS.usual,
      throwOnRequestTimeout: true,
      socketTimeout: RESPONSE_TIMEOUT_MS.invocation,
      ...agents,
    }),
  };
}

/** The error of a session without a region. @param region that the SDK has refused; undefined or empty: none is set */
function noRegion(region: string | undefined, profile: string | undefined, cause: unknown): UserError {
  if (region !== undefined && region !== '')
    return new UserError(`AWS_REGION: expected the code of a region, such as eu-west-1, found ${JSON.stringify(region)}`, undefined, {
      cause,
    });
  return new UserError(
    'No AWS region is set',
    `Set AWS_REGION, as aws-actions/configure-aws-credentials does with aws-region${profile === undefined ? '' : `, or give the profile ${profile} a region`}`,
    { cause },
  );
}

/** The identity of the credentials. @throws {UserError} where the profile has none @throws {AwsError} */
async function identityOf(sts: STSClient, profile: string | undefined, call: Aws['call']): Promise<GetCallerIdentityCommandOutput> {
  try {
    return await call('sts:GetCallerIdentity', 'these credentials', () => sts.send(new GetCallerIdentityCommand({})));
  } catch (error) {
    if (profile === undefined || !isAwsError(error, 'CredentialsProviderError')) throw error;
    throw new UserError(
      `aws-profile: the profile ${profile} provides no credentials: ${error.words}`,
      'Check its name and the files ~/.aws/config and ~/.aws/credentials',
      { cause: error },
    );
  }
}

/** Loads the clients, and the code that comes after them, while the first request is on its way. */
async function loadClients(meanwhile: SessionDependencies['meanwhile']): Promise<typeof Connect> {
  await new Promise((resolve) => setTimeout(resolve, FIRST_REQUEST_MS));
  const clients = await import(/* webpackMode: "eager" */ './clients.ts');
  await meanwhile();
  return clients.connect;
}

/** The one way out: retries, dry run, cancelling and errors. */
export function caller({
  dryRun,
  signal,
  clock,
  onChange,
  session = new Renewable(),
}: { readonly dryRun: boolean; readonly session?: Renewable } & Pick<SessionDependencies, 'signal' | 'clock' | 'onChange'>): Aws['call'] {
  return (action, resource, send, retry = usualRetry) =>
    withRetry(
      clock,
      async () => {
        if (PERMISSIONS[action].mutates) {
          if (dryRun) throw new Error(`A dry run was about to call ${action} of ${resource}: this is a defect`);
          if (!('keepsState' in PERMISSIONS[action])) signal.throwIfAborted();
        }
        for (let attempt = 0; ; attempt += 1) {
          const { generation } = session;
          try {
            const response = await send();
            if (PERMISSIONS[action].mutates) onChange(action);
            return response;
          } catch (cause) {
            // The request was aborted with the job.
            if (signal.aborted && (cause as Error).name === 'AbortError') signal.throwIfAborted();
            const error = cause instanceof UserError ? cause : new AwsError(action, resource, cause);
            if (session.renewal === undefined || attempt > 0 || !hasSessionEnded(error)) throw error;
            await session.after(generation);
          }
        }
      },
      retry,
    );
}

const usualRetry = (error: unknown): Retry | undefined => (isThrottled(error) ? THROTTLED : isTransient(error) ? TRANSIENT : undefined);

/** An IP address or loopback name cannot have the bucket in front of it, as `bucket.127.0.0.1`. */
export function pathStyle(env: NodeJS.ProcessEnv): boolean {
  const url = URL.parse(env.AWS_ENDPOINT_URL_S3 ?? env.AWS_ENDPOINT_URL ?? '');
  if (url === null) return false;
  const host = url.hostname.replace(/^\[|\]$/g, '');
  return isIP(host) !== 0 || host === 'localhost' || host.endsWith('.localhost');
}

/** bytes: more than Lambda allows an unzipped package to be */
const MAX_DOWNLOAD_BYTES = 260 * 1024 * 1024;

function download(url: string, agent: HttpAgent): Promise<Uint8Array> {
  const get = url.startsWith('https:') ? httpsGet : httpGet;
  return new Promise((resolve, reject) => {
    const request = get(url, { agent, timeout: 60_000 }, (response) => {
      const chunks: Buffer[] = [];
      let size = 0;
      response.on('data', (chunk: Buffer) => {
        size += chunk.length;
        if (size > MAX_DOWNLOAD_BYTES) request.destroy(new Error(`it is larger than ${MAX_DOWNLOAD_BYTES} bytes`));
        else chunks.push(chunk);
      });
      response.on('end', () => {
        if (response.statusCode === 200) resolve(Buffer.concat(chunks));
        else reject(new Error(`S3 responded with ${response.statusCode ?? 'nothing'}`));
      });
      response.on('error', reject);
    });
    request.on('timeout', () => request.destroy(Object.assign(new Error('no response within a minute'), { code: 'ETIMEDOUT' })));
    request.on('error', reject);
  });
}
