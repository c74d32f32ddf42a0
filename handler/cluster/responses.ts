// What a response of the cluster means for what was asked. Pure: responses in, classes out.
import { isCertificateProblem, isWrongHost, NoAnswer } from '../http/connection.ts';
import { NoCredentials } from './authorization.ts';
import type { EngineAnswer } from './client.ts';

/** What became of one operation, or of a whole request. `reason` is the engine's; it may quote values of the document. */
export type Outcome =
  | { readonly kind: 'done'; readonly result: 'indexed' | 'deleted' | 'stale' }
  | {
      readonly kind: 'transient';
      readonly type: string;
      readonly reason: string;
      readonly throttled: boolean;
      readonly retryAfter?: number;
    }
  | { readonly kind: 'malformed'; readonly status: number; readonly type: string; readonly reason: string }
  /** New to the index and met with values of two kinds at once: the field must be mapped before the item is sent again. */
  | { readonly kind: 'mixed-field'; readonly field: string; readonly status: number; readonly type: string; readonly reason: string }
  | { readonly kind: 'too-large' }
  | { readonly kind: 'rejected'; readonly status: number; readonly type: string; readonly reason: string }
  | { readonly kind: 'configuration'; readonly type: string; readonly reason: string; readonly remedy: string };

export type Done = Extract<Outcome, { kind: 'done' }>;
export type Transient = Extract<Outcome, { kind: 'transient' }>;
export type Configuration = Extract<Outcome, { kind: 'configuration' }>;

interface EngineError {
  readonly type: string;
  readonly reason: string;
}

/** Amazon's proxies answer 403 with such words where others answer 429. */
const THROTTLED = /throttl|too many requests|rate exceeded|permissible concurrent requests/i;
/** Not where a name has them: that of an index, a permission, a role. */
const saysThrottled = (reason: string): boolean => THROTTLED.test(withoutBrackets(reason).replace(/\barn:\S+/g, ''));

/** A text without what is in brackets, each up to the first that closes it: by hand, since a pattern would try each of a thousand `[` to the end. */
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
 * The class of a whole request's answer, or undefined where it is a good one and has to be read.
 * @param answer of `_bulk` or of an index request
 */
export function classifyRequest(answer: EngineAnswer, now: number): Outcome | undefined {
  const { status } = answer;
  if (status >= 200 && status < 300) return undefined;
  const { type, reason } = errorOf(answer);
  if (status === 413) return { kind: 'too-large' };
  if (status === 429 || status === 408 || status >= 500 || (status === 403 && saysThrottled(reason))) {
    const retryAfter = retryAfterMs(answer.retryAfter, now);
    return {
      kind: 'transient',
      type,
      reason: `HTTP ${status} ${reason}`,
      throttled: status === 429 || status === 403 || THROTTLE_TYPES.has(type) || saysThrottled(reason),
      ...(retryAfter === undefined ? {} : { retryAfter }),
    };
  }
  if (status === 403 && type === 'cluster_block_exception') return { kind: 'transient', type, reason, throttled: false };
  if (status === 400) return configurationOf(type, reason) ?? { kind: 'rejected', status, type, reason };
  return {
    kind: 'configuration',
    type,
    reason: `HTTP ${status} ${reason}`,
    remedy: status === 401 || status === 403 ? REMEDIES[status] : REMEDIES.host,
  };
}

/**
 * The class of a request that got no answer.
 * @param error what `Engine.send` threw
 * @throws `error` where it is none of a request: a defect
 */
export function classifyThrown(error: unknown, signal: AbortSignal): Transient | Configuration {
  if (error instanceof NoCredentials) {
    const { name, message } = error;
    return error.passing || signal.aborted
      ? { kind: 'transient', type: name, reason: message, throttled: false }
      : { kind: 'configuration', type: name, reason: message, remedy: REMEDIES.credentials };
  }
  if (signal.aborted)
    return { kind: 'transient', type: 'time_used_up', reason: 'no answer before the deadline of the invocation', throttled: false };
  if (!(error instanceof NoAnswer)) throw error;
  if (isWrongHost(error)) return { kind: 'configuration', type: error.code, reason: error.message, remedy: REMEDIES.host };
  if (isCertificateProblem(error)) return { kind: 'configuration', type: error.code, reason: error.message, remedy: REMEDIES.certificate };
  return { kind: 'transient', type: error.code, reason: error.message, throttled: false };
}

/** What became of an operation that the engine has carried out. */
export const DONE = { index: { kind: 'done', result: 'indexed' }, delete: { kind: 'done', result: 'deleted' } } as const;

/** The class of one item of a bulk answer. */
export function classifyItem(action: 'index' | 'delete', item: unknown): Outcome {
  const { status, error } = (typeof item === 'object' && item !== null ? item : {}) as { status?: unknown; error?: unknown };
  if (typeof status !== 'number')
    return { kind: 'transient', type: 'unreadable_answer', reason: 'an item of the bulk answer has no status', throttled: false };
  if (status >= 200 && status < 300) return DONE[action];
  if (status === 404 && action === 'delete' && error === undefined) return DONE.delete;
  const { type, reason } = engineError(error);
  if (status === 409 && (type === 'version_conflict_engine_exception' || type === '')) return { kind: 'done', result: 'stale' };
  if (status === 401 || (status === 403 && type !== 'cluster_block_exception' && !saysThrottled(reason))) {
    return { kind: 'configuration', type, reason, remedy: REMEDIES[status] };
  }
  if (status === 413) return { kind: 'malformed', status, type, reason };
  if (status === 400) {
    const configuration = configurationOf(type, reason);
    if (configuration !== undefined) return configuration;
    const field = mixedField(reason);
    return field === undefined ? { kind: 'malformed', status, type, reason } : { kind: 'mixed-field', field, status, type, reason };
  }
  // An index that vanished between its check and this request is made again; all else that is left passes by itself.
  return { kind: 'transient', type, reason: `${status} ${reason}`, throttled: status === 429 || THROTTLE_TYPES.has(type) };
}

/** What these say is about the document, also where a name in it has the words of another problem. */
const OF_THE_DOCUMENT = new Set([
  'mapper_parsing_exception',
  'document_parsing_exception',
  'strict_dynamic_mapping_exception',
  'routing_missing_exception',
]);

/** Answers of 400 that say nothing about the document: they would send a whole stream to the dead letters. Known by how they begin. */
const CONFIGURATIONS: readonly (readonly [problem: RegExp, remedy: string])[] = [
  [
    /^(?:no write index is defined|alias \[[^\]]*\] has more than one ind(?:ex|ices) associated)/i,
    'Give the alias a write index (is_write_index: true)',
  ],
  [
    /^only write ops with an op_type of create are allowed in data streams/i,
    'A data stream cannot hold the state of a table: give the table an index or alias in the options file',
  ],
  [/^document id is not supported/i, 'Use a collection of type search: time series and vector collections take no document ids'],
  [/^validation failed: 1: this action would add \[\d+\] (?:total |\w+ )?shards/i, 'Delete indexes or raise cluster.max_shards_per_node'],
];
const BY_TYPE: Readonly<Record<string, string>> = {
  index_closed_exception: 'Open the index, or give the table another one in the options file',
  invalid_index_name_exception: 'Give the table an index in the options file',
  invalid_alias_name_exception: 'Give the table an index in the options file',
};

function configurationOf(type: string, reason: string): Configuration | undefined {
  if (OF_THE_DOCUMENT.has(type)) return undefined;
  const remedy = Object.hasOwn(BY_TYPE, type) ? BY_TYPE[type] : CONFIGURATIONS.find(([problem]) => problem.test(reason))?.[1];
  return remedy === undefined ? undefined : { kind: 'configuration', type, reason, remedy };
}

/**
 * The field for which one document has values of two kinds, where it is new to the index: both types are guesses. The same words in all
 * engines. An object beside what is none cannot be mapped.
 */
function mixedField(reason: string): string | undefined {
  // At the beginning: further on it may be a value that a reason of another kind quotes.
  const [, field, from = '', to = ''] = /^mapper \[(.+?)\] cannot be changed from type \[(\w+)\] to \[(\w+)\]/s.exec(reason) ?? [];
  return /object|nested/i.test(`${from} ${to}`) ? undefined : field;
}

/** Characters of a type: it is a name, and goes to the log. */
const TYPE_LIMIT = 200;

/** Type and reason of an error answer: JSON of the engine, or text of whatever stands before it. */
function errorOf(answer: EngineAnswer): EngineError {
  try {
    const { error, Message, message } = JSON.parse(answer.text) as Record<string, unknown>;
    if (error !== undefined) return engineError(error);
    const words = Message ?? message;
    return { type: '', reason: typeof words === 'string' ? words.slice(0, 500) : '' };
  } catch {
    return {
      type: '',
      reason: answer.text
        .slice(0, 10_000)
        .replace(/<[^<>]*>|\s+/g, ' ')
        .trim()
        .slice(0, 500),
    };
  }
}

/** Characters of a reason, or of a cause: it may quote a whole document, and what it is about stands at its beginning or its end. */
const REASON_START = 9_000;
const REASON_END = 1_000;
/** Causes of causes that are read; engines have three or four. */
const CAUSES_LIMIT = 10;

const cut = (reason: string): string =>
  reason.length <= REASON_START + REASON_END ? reason : `${reason.slice(0, REASON_START)} … ${reason.slice(-REASON_END)}`;

/** Type and reason of an engine's error, with the reasons of what caused it where they say more. */
function engineError(error: unknown): EngineError {
  const reasons: string[] = [];
  let type: string | undefined;
  for (let level = error; level !== undefined && reasons.length <= CAUSES_LIMIT;) {
    const { type: own, reason, caused_by: cause } = (typeof level === 'object' && level !== null ? level : {}) as Record<string, unknown>;
    type ??= typeof own === 'string' ? own.slice(0, TYPE_LIMIT) : '';
    const words = typeof level === 'string' ? level : reason;
    reasons.push(typeof words === 'string' ? cut(words) : '');
    level = cause;
  }
  const reason = reasons.reduceRight((inner, outer) => {
    if (outer === '' || inner === '') return outer + inner;
    return outer.includes(inner) ? outer : `${outer}: ${inner}`;
  }, '');
  return { type: type ?? '', reason: cut(reason) };
}

/** `Retry-After`, seconds or a date, in ms. */
function retryAfterMs(value: string | undefined, now: number): number | undefined {
  if (value === undefined) return undefined;
  const ms = /^\d+$/.test(value.trim()) ? Number(value) * 1000 : Date.parse(value) - now;
  return Number.isFinite(ms) ? Math.max(0, ms) : undefined;
}
