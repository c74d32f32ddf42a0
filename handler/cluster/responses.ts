// Classifies responses of the cluster. Pure: responses in, classes out.
import { isCertificateProblem, isWrongHost, NoResponse } from '../http/connection.ts';
import { NoCredentials } from './authorization.ts';
import type { ClusterResponse } from './client.ts';
import { engineError, errorOf, type EngineError } from './engine-error.ts';
import { faultOf, PIPELINE, TRANSIENT_REMEDIES, type TransientCause } from './faults.ts';

/** The outcome of one operation, or of a whole request. `reason` is the engine's; it may quote values of the document. */
export type Outcome =
  | { readonly kind: 'done'; readonly result: 'indexed' | 'deleted' | 'stale' }
  | {
      readonly kind: 'transient';
      readonly cause: TransientCause;
      readonly type: string;
      readonly reason: string;
      readonly throttled: boolean;
      readonly retryAfter?: number;
    }
  | { readonly kind: 'malformed'; readonly status: number; readonly type: string; readonly reason: string }
  /** The field is new to the index and has values of two kinds in one document: it must be mapped before the item is retried. */
  | { readonly kind: 'mixed-field'; readonly field: string; readonly status: number; readonly type: string; readonly reason: string }
  | { readonly kind: 'too-large' }
  | { readonly kind: 'rejected'; readonly status: number; readonly type: string; readonly reason: string }
  | { readonly kind: 'configuration'; readonly type: string; readonly reason: string; readonly remedy: string };

export type Done = Extract<Outcome, { kind: 'done' }>;
export type Transient = Extract<Outcome, { kind: 'transient' }>;
export type Configuration = Extract<Outcome, { kind: 'configuration' }>;

/** Amazon's proxies respond with 403 and these words where others respond with 429. */
const THROTTLED = /throttl|too many requests|rate exceeded|permissible concurrent requests/i;
/** Not if the words are in a name: that of an index, a permission, a role. */
const saysThrottled = (reason: string): boolean => THROTTLED.test(withoutBrackets(reason).replace(/\barn:\S+/g, ''));

/** Removes bracketed parts from a text, each up to the first closing bracket: by hand, since a pattern would try each of a thousand `[` to the end. */
function withoutBrackets(text: string): string {
  let outside = '';
  let from = 0;
  for (let open = text.indexOf('['); open >= 0; open = text.indexOf('[', from)) {
    const close = text.indexOf(']', open);
    if (close < 0) break;
    outside += text.slice(from, open);
    from = close + 1;
  }
  return outside + text.slice(from);
}

const THROTTLE_TYPES = new Set([
  'es_rejected_execution_exception',
  'rejected_execution_exception',
  'circuit_breaking_exception',
  'opensearch_rejected_execution_exception',
]);

const REMEDIES = {
  401: 'Check the credentials in the endpoint file or in the secret that it names (ES_AUTH, ES_SECRET_ARN)',
  403: "Allow the function's role or user to read and write the index: the domain's access policy, the fine-grained access control role, or the collection's data access policy",
  host: 'Check ES_ENDPOINT: the address must be that of the cluster, with its protocol, its port and its path if it has them',
  credentials:
    "Check the secret that ES_SECRET_ARN names, and allow the function's role secretsmanager:GetSecretValue on it; with ES_AUTH=sigv4, check the function's role",
  certificate:
    'Give the certificate of the private authority as ES_CA in the endpoint file, and use the host name that the certificate is for',
} as const;

/**
 * The class of a whole request's response, or undefined if it is a success and has to be read.
 * @param response of `_bulk` or of an index request
 */
export function classifyRequest(response: ClusterResponse, now: number): Outcome | undefined {
  const { status } = response;
  if (status >= 200 && status < 300) return undefined;
  const error = errorOf(response);
  const { type, reason } = error;
  if (status === 413) return { kind: 'too-large' };
  const throttled = status === 429 || THROTTLE_TYPES.has(type) || saysThrottled(reason);
  if (status === 429 || status === 408 || status >= 500 || (status === 403 && throttled)) {
    const retryAfter = retryAfterMs(response.retryAfter, now);
    return {
      kind: 'transient',
      cause: causeOf(error, throttled),
      type,
      reason: `HTTP ${status} ${reason}`,
      throttled,
      ...(retryAfter === undefined ? {} : { retryAfter }),
    };
  }
  const fault = status === 400 || status === 403 ? ofFault(error) : undefined;
  if (fault !== undefined) return fault;
  if (status === 400) return { kind: 'rejected', status, type, reason };
  return {
    kind: 'configuration',
    type,
    reason: `HTTP ${status} ${reason}`,
    remedy: status === 401 || status === 403 ? REMEDIES[status] : REMEDIES.host,
  };
}

/**
 * The class of a request without a response.
 * @param error thrown by `ClusterClient.send`
 * @throws `error` if it is not a failed request: a defect
 */
export function classifyThrown(error: unknown, signal: AbortSignal): Transient | Configuration {
  if (error instanceof NoCredentials) {
    const { name, message } = error;
    return error.transient || signal.aborted
      ? { kind: 'transient', cause: 'credentials', type: name, reason: message, throttled: false }
      : { kind: 'configuration', type: name, reason: message, remedy: REMEDIES.credentials };
  }
  if (signal.aborted)
    return {
      kind: 'transient',
      cause: 'network',
      type: 'time_used_up',
      reason: 'no response before the deadline of the invocation',
      throttled: false,
    };
  if (!(error instanceof NoResponse)) throw error;
  if (isWrongHost(error)) return { kind: 'configuration', type: error.code, reason: error.message, remedy: REMEDIES.host };
  if (isCertificateProblem(error)) return { kind: 'configuration', type: error.code, reason: error.message, remedy: REMEDIES.certificate };
  return { kind: 'transient', cause: 'network', type: error.code, reason: error.message, throttled: false };
}

/** The outcome of an operation that the engine has carried out. */
export const DONE = { index: { kind: 'done', result: 'indexed' }, delete: { kind: 'done', result: 'deleted' } } as const;

/** The class of one item of a bulk response. */
export function classifyItem(action: 'index' | 'delete', item: unknown): Outcome {
  const { status, error } = (typeof item === 'object' && item !== null ? item : {}) as { status?: unknown; error?: unknown };
  if (typeof status !== 'number')
    return {
      kind: 'transient',
      cause: 'unreadable',
      type: 'unreadable_response',
      reason: 'an item of the bulk response has no status',
      throttled: false,
    };
  if (status >= 200 && status < 300) return DONE[action];
  if (status === 404 && action === 'delete' && error === undefined) return DONE.delete;
  const found = engineError(error);
  const { type, reason } = found;
  if (status === 409 && (type === 'version_conflict_engine_exception' || type === '')) return { kind: 'done', result: 'stale' };
  // By its cause, whatever the status: a pipeline that is missing inside another one is a 500.
  const isThrottled = status === 429 || (status === 403 && saysThrottled(reason));
  const fault = isThrottled || status === 401 ? undefined : ofFault(found);
  if (fault !== undefined && (status === 400 || status === 403 || fault.kind === 'configuration')) return fault;
  if (status === 401 || (status === 403 && !isThrottled)) return { kind: 'configuration', type, reason, remedy: REMEDIES[status] };
  if (status === 413) return { kind: 'malformed', status, type, reason };
  if (status === 400) {
    const field = mixedField(reason);
    return field === undefined ? { kind: 'malformed', status, type, reason } : { kind: 'mixed-field', field, status, type, reason };
  }
  // An index that vanished between its check and this request is created again; all remaining errors are transient.
  const throttled = isThrottled || THROTTLE_TYPES.has(type);
  return { kind: 'transient', cause: causeOf(found, throttled), type, reason: `${status} ${reason}`, throttled };
}

/** The outcome of an error that is not about a document, with type and reason of the part that names the fault. */
function ofFault({ levels }: EngineError): Transient | Configuration | undefined {
  const found = faultOf(levels);
  if (found === undefined) return undefined;
  const {
    fault,
    level: { type, reason },
  } = found;
  return fault.kind === 'configuration'
    ? { kind: 'configuration', type, reason, remedy: fault.remedy }
    : { kind: 'transient', cause: fault.cause, type, reason, throttled: fault.cause === 'busy' || fault.cause === 'memory' };
}

function causeOf({ levels }: EngineError, throttled: boolean): TransientCause {
  const fault = faultOf(levels)?.fault;
  if (fault?.kind === 'transient') return fault.cause;
  return throttled ? 'busy' : 'unavailable';
}

/** The outcome for an ingest pipeline that a lookup did not find. */
export const missingPipeline = (name: string): Configuration => ({
  kind: 'configuration',
  type: 'pipeline_missing',
  reason: `the settings name the ingest pipeline ${name}, which does not exist`,
  remedy: PIPELINE,
});

/** The remedy for an outcome that lasts; undefined if it is about one document. */
export function remedyOf(outcome: Outcome): string | undefined {
  if (outcome.kind === 'transient') return TRANSIENT_REMEDIES[outcome.cause];
  if (outcome.kind === 'configuration') return outcome.remedy;
  // No engine refuses a request without a type: a proxy in front of it does.
  return outcome.kind === 'rejected' && outcome.type === '' ? REMEDIES.host : undefined;
}

/**
 * The field for which one document has values of two kinds, if it is new to the index: both types are guesses. All engines use the same
 * words. An object beside another kind cannot be mapped.
 */
function mixedField(reason: string): string | undefined {
  // At the beginning: further on it may be a value that a reason of another kind quotes.
  const [, field, from = '', to = ''] = /^mapper \[(.+?)\] cannot be changed from type \[(\w+)\] to \[(\w+)\]/s.exec(reason) ?? [];
  return /object|nested/i.test(`${from} ${to}`) ? undefined : field;
}

/** `Retry-After`, seconds or a date, in ms. */
function retryAfterMs(value: string | undefined, now: number): number | undefined {
  if (value === undefined) return undefined;
  const ms = /^\d+$/.test(value.trim()) ? Number(value) * 1000 : Date.parse(value) - now;
  return Number.isFinite(ms) ? Math.max(0, ms) : undefined;
}
