// The two services of AWS that the function itself calls: S3 for dead letters, Secrets Manager for the cluster's credentials.
//
// Plain signed requests instead of the SDK's clients: their 700 KB are read at every start, whether they are used or not (measured:
// half of it), and the first dead letter had to wait for a client that takes a second to load at 128 MB.
import { setTimeout as sleep } from 'node:timers/promises';
import { Connection, NoAnswer, type HttpAnswer, type HttpRequest } from './connection.ts';
import type { ReadCredentials } from './aws-credentials.ts';
import { signedHeaders } from './signature.ts';

export type Service = 's3' | 'secretsmanager';

/** What AWS answered instead of doing what it was asked for. The message quotes no secret. */
export class AwsError extends Error {
  /** AWS's word for it: `AccessDenied`. */
  override readonly name: string;
  /** It may pass by itself. */
  readonly passing: boolean;
  /** Where S3 says that the bucket is. */
  readonly bucketRegion: string | undefined;

  constructor(code: string, status: number, message: string, bucketRegion?: string) {
    super(message);
    this.name = code;
    this.bucketRegion = bucketRegion;
    this.passing = status >= 500 || status === 429 || /Throttl|TooManyRequests|SlowDown|RequestTimeout|RequestLimitExceeded/.test(code);
  }
}

/**
 * The DNS suffixes of AWS's partitions but the public one, by how the names of their regions begin; and, where Secrets Manager has its
 * dual stack addresses under another, that one.
 */
const SUFFIXES: readonly (readonly [region: RegExp, suffix: string, dualStack?: string])[] = [
  [/^cn-/, 'amazonaws.com.cn'],
  [/^eusc-/, 'amazonaws.eu', 'api.amazonwebservices.eu'],
  [/^us-iso-/, 'c2s.ic.gov', 'api.aws.ic.gov'],
  [/^us-isob-/, 'sc2s.sgov.gov', 'api.aws.scloud'],
  [/^eu-isoe-/, 'cloud.adc-e.uk', 'api.cloud-aws.adc-e.uk'],
  [/^us-isof-/, 'csp.hci.ic.gov', 'api.aws.hci.ic.gov'],
];

const OWN_ENDPOINT = { s3: 'AWS_ENDPOINT_URL_S3', secretsmanager: 'AWS_ENDPOINT_URL_SECRETS_MANAGER' } as const;
const isTrue = (value: string | undefined): boolean => value?.toLowerCase() === 'true';

/** A variable that is empty counts as not set, as for the AWS SDKs. */
const set = (value: string | undefined): string | undefined => (value === '' ? undefined : value);

/** The region of the function. */
export const ownRegion = (env: NodeJS.ProcessEnv): string => set(env.AWS_REGION) ?? set(env.AWS_DEFAULT_REGION) ?? 'us-east-1';

/** The address that the environment gives a service, as the AWS SDKs read it ("Service-specific endpoints"). */
export function givenEndpoint(service: Service, env: NodeJS.ProcessEnv): URL | undefined {
  if (isTrue(env.AWS_IGNORE_CONFIGURED_ENDPOINT_URLS)) return undefined;
  const own = set(env[OWN_ENDPOINT[service]]);
  const given = own ?? set(env.AWS_ENDPOINT_URL);
  if (given === undefined) return undefined;
  const url = URL.parse(given);
  if (url === null) throw new Error(`${own === undefined ? 'AWS_ENDPOINT_URL' : OWN_ENDPOINT[service]} is no URL`);
  return url;
}

/** The address of a service in a region, with FIPS and dual stack where the environment asks for them as it asks the AWS SDKs. */
export function regionalEndpoint(service: Service, region: string, env: NodeJS.ProcessEnv): URL {
  const [, suffix = 'amazonaws.com', dualStackSuffix = suffix] = SUFFIXES.find(([pattern]) => pattern.test(region)) ?? [];
  const name = isTrue(env.AWS_USE_FIPS_ENDPOINT) ? `${service}-fips` : service;
  if (!isTrue(env.AWS_USE_DUALSTACK_ENDPOINT)) return new URL(`https://${name}.${region}.${suffix}`);
  return new URL(service === 's3' ? `https://${name}.dualstack.${region}.${suffix}` : `https://${name}.${region}.${dualStackSuffix}`);
}

export interface AwsRequest {
  readonly service: Service;
  readonly region: string;
  readonly method: 'POST' | 'PUT';
  /** Protocol, host and port. */
  readonly endpoint: URL;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

const ATTEMPTS = 3;
/** ms: an attempt that has no answer by then is given up. */
const ATTEMPT_LIMIT = 10_000;
/** At the same time, for as many dead letters. */
const SOCKETS = 8;
/** ms: the first pause is up to this long, each further one up to twice the former. */
const FIRST_PAUSE = 200;

/** Calls AWS with the function's credentials. */
export class Aws {
  readonly #credentials: ReadCredentials;
  readonly #random: () => number;
  readonly #connections = new Map<string, Connection>();

  constructor(credentials: ReadCredentials, random: () => number) {
    this.#credentials = credentials;
    this.#random = random;
  }

  /**
   * Sends a request, three times at most where the failure may pass by itself.
   * @returns the answer of 2xx
   * @throws {AwsError} what else AWS answered; {NoAnswer} without an answer; whatever `signal` was aborted with
   */
  async call(request: AwsRequest, signal: AbortSignal): Promise<HttpAnswer> {
    for (let attempt = 1; ; attempt++) {
      signal.throwIfAborted();
      try {
        const answer = await this.#once(request, signal);
        if (answer.status >= 200 && answer.status < 300) return answer;
        throw errorOf(answer);
      } catch (error) {
        const passing = error instanceof NoAnswer || (error instanceof AwsError && error.passing);
        if (!passing || attempt === ATTEMPTS) throw error;
        await sleep(this.#random() * FIRST_PAUSE * 2 ** (attempt - 1), undefined, { signal }).catch(() => undefined);
      }
    }
  }

  async #once({ service, region, method, endpoint, path, headers, body }: AwsRequest, signal: AbortSignal): Promise<HttpAnswer> {
    const connection = this.#connections.get(endpoint.origin) ?? new Connection(endpoint, { limit: ATTEMPT_LIMIT, sockets: SOCKETS });
    this.#connections.set(endpoint.origin, connection);
    const whole = endpoint.pathname.replace(/\/$/, '') + path;
    const request: HttpRequest = { method, path: whole, headers: { host: endpoint.host, ...headers }, body: [body] };
    const signed = signedHeaders(request, { service, region }, await this.#credentials(signal));
    return connection.exchange({ ...request, headers: { ...signed, 'content-length': String(body.length) } }, signal);
  }
}

function errorOf({ status, headers, text }: HttpAnswer): AwsError {
  const [code, message] = text.trimStart().startsWith('{') ? inJson(text) : inXml(text);
  const region = headers['x-amz-bucket-region'] ?? /<Region>([^<]+)</.exec(text)?.[1];
  return new AwsError(code ?? `HTTP ${status}`, status, message ?? '', typeof region === 'string' ? region : undefined);
}

type CodeAndMessage = readonly [code: string | undefined, message: string | undefined];

/** S3's form of an error. */
const inXml = (text: string): CodeAndMessage => [/<Code>([^<]+)</.exec(text)?.[1], /<Message>([^<]+)</.exec(text)?.[1]];

/** The form of all services whose protocol is JSON: `{"__type":"namespace#Code","message":"…"}`. */
function inJson(text: string): CodeAndMessage {
  try {
    const { __type: type, message, Message } = JSON.parse(text) as Record<string, unknown>;
    const words = message ?? Message;
    return [typeof type === 'string' ? type.replace(/^.*#/, '') : undefined, typeof words === 'string' ? words : undefined];
  } catch {
    return [undefined, undefined];
  }
}
