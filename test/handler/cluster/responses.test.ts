import { describe, expect, test } from '@jest/globals';
import { AwsError } from '../../../handler/aws/error.ts';
import { NoResponse } from '../../../handler/http/connection.ts';
import { NoCredentials } from '../../../handler/cluster/authorization.ts';
import { SecretError } from '../../../handler/aws/secrets-manager.ts';
import type { ClusterResponse } from '../../../handler/cluster/client.ts';
import { classifyItem, classifyRequest, classifyThrown } from '../../../handler/cluster/responses.ts';
import { MalformedRecord } from '../../../handler/records/malformed-record.ts';
import { withoutValues } from '../../../handler/telemetry/redaction.ts';

const NOW = Date.parse('2026-11-22T12:00:00Z');
const response = (status: number, body: unknown = {}, retryAfter?: string): ClusterResponse => ({
  status,
  text: typeof body === 'string' ? body : JSON.stringify(body),
  retryAfter,
});
const error = (type: string, reason = ''): { error: { type: string; reason: string } } => ({ error: { type, reason } });

describe('an item of a bulk response', () => {
  test.each<[string, 'index' | 'delete', unknown, object]>([
    ['created', 'index', { status: 201 }, { kind: 'done', result: 'indexed' }],
    ['deleted', 'delete', { status: 200 }, { kind: 'done', result: 'deleted' }],
    ['a delete of what is not there', 'delete', { status: 404 }, { kind: 'done', result: 'deleted' }],
    ['a newer version there', 'index', { status: 409, ...error('version_conflict_engine_exception') }, { kind: 'done', result: 'stale' }],
    ['another conflict', 'index', { status: 409, ...error('resource_already_exists_exception') }, { kind: 'transient' }],
    [
      'an index that vanished',
      'index',
      { status: 404, ...error('index_not_found_exception') },
      { kind: 'transient', type: 'index_not_found_exception' },
    ],
    ['a delete from an index that vanished', 'delete', { status: 404, ...error('index_not_found_exception') }, { kind: 'transient' }],
    ['a full queue', 'index', { status: 429, ...error('es_rejected_execution_exception') }, { kind: 'transient', throttled: true }],
    [
      'a full disk',
      'index',
      { status: 429, ...error('cluster_block_exception', 'TOO_MANY_REQUESTS/12/disk usage exceeded flood-stage') },
      { kind: 'transient' },
    ],
    [
      'a write block',
      'index',
      { status: 403, ...error('cluster_block_exception', 'FORBIDDEN/8/index write (api)') },
      { kind: 'transient' },
    ],
    ['a shard that is not there', 'index', { status: 503, ...error('unavailable_shards_exception') }, { kind: 'transient' }],
    [
      'a throttle in other words',
      'index',
      { status: 403, ...error('', 'Request throttled due to too many requests') },
      { kind: 'transient' },
    ],
    ['no permission', 'index', { status: 403, ...error('security_exception', 'no permissions') }, { kind: 'configuration' }],
    [
      'a mapping that refuses it',
      'index',
      { status: 400, ...error('mapper_parsing_exception', 'failed to parse') },
      { kind: 'malformed', status: 400 },
    ],
    ['a strict mapping', 'index', { status: 400, ...error('strict_dynamic_mapping_exception') }, { kind: 'malformed' }],
    [
      'an immense term',
      'index',
      { status: 400, ...error('illegal_argument_exception', 'Document contains at least one immense term') },
      { kind: 'malformed' },
    ],
    [
      'two kinds in one new field',
      'index',
      { status: 400, ...error('illegal_argument_exception', 'mapper [a.b] cannot be changed from type [text] to [double]') },
      { kind: 'mixed-field', field: 'a.b' },
    ],
    [
      'an object where a number is',
      'index',
      { status: 400, ...error('illegal_argument_exception', 'mapper [a] cannot be changed from type [double] to [ObjectMapper]') },
      { kind: 'malformed' },
    ],
    [
      'a value that speaks of two kinds',
      'index',
      {
        status: 400,
        ...error(
          'mapper_parsing_exception',
          "failed to parse field [n] of type [double] in document with id 'a'. Preview of field's value: 'mapper [n] cannot be changed from type [text] to [double]'",
        ),
      },
      { kind: 'malformed' },
    ],
    [
      'a value that speaks of a write index',
      'index',
      {
        status: 400,
        ...error(
          'mapper_parsing_exception',
          "failed to parse field [n] of type [double] in document with id 'a'. Preview of field's value: 'no write index is defined for alias [x]'",
        ),
      },
      { kind: 'malformed' },
    ],
    [
      'a name that speaks of a write index',
      'index',
      {
        status: 400,
        ...error(
          'mapper_parsing_exception',
          'object mapping for [no write index is defined] tried to parse field [no write index is defined] as object, but found a concrete value',
        ),
      },
      { kind: 'malformed' },
    ],
    [
      'a name that speaks of shards',
      'index',
      {
        status: 400,
        ...error('illegal_argument_exception', 'mapper [maximum shards open] cannot be changed from type [text] to [ObjectMapper]'),
      },
      { kind: 'malformed' },
    ],
    [
      'an id that speaks of ids',
      'index',
      { status: 400, ...error('routing_missing_exception', 'routing is required for [t]/[document id is not supported]') },
      { kind: 'configuration', remedy: expect.stringContaining('routing') },
    ],
    [
      'too many shards',
      'index',
      {
        status: 400,
        ...error(
          'validation_exception',
          'Validation Failed: 1: this action would add [2] shards, but this cluster currently has [1]/[1] maximum normal shards open;',
        ),
      },
      { kind: 'configuration' },
    ],
    [
      'an alias of several indexes',
      'index',
      {
        status: 400,
        ...error(
          'illegal_argument_exception',
          "Alias [x] has more than one indices associated with it [[a, b]], can't execute a single index op",
        ),
      },
      { kind: 'configuration' },
    ],
    [
      'no permission for what is named after throttling',
      'index',
      {
        status: 403,
        ...error('security_exception', 'action [indices:data/write/bulk] is unauthorized for user [a] on indices [throttle-rules]'),
      },
      { kind: 'configuration' },
    ],
    [
      'a value that speaks of ids',
      'index',
      {
        status: 400,
        ...error('mapper_parsing_exception', 'failed to parse: unknown join name [document ID is not supported] for field [kin]'),
      },
      { kind: 'malformed' },
    ],
    ['a closed index', 'index', { status: 400, ...error('index_closed_exception', 'closed') }, { kind: 'configuration' }],
    [
      'no write index',
      'index',
      { status: 400, ...error('illegal_argument_exception', 'no write index is defined for alias [x]') },
      { kind: 'configuration' },
    ],
    [
      'a data stream',
      'index',
      { status: 400, ...error('illegal_argument_exception', 'only write ops with an op_type of create are allowed in data streams') },
      { kind: 'configuration' },
    ],
    [
      'a collection without ids',
      'index',
      { status: 400, ...error('', 'Document ID is not supported in create/index operation request') },
      { kind: 'configuration' },
    ],
    ['no status', 'index', {}, { kind: 'transient', type: 'unreadable_response' }],
    ['nothing', 'index', undefined, { kind: 'transient' }],
  ])('%s', (_, action, item, outcome) => {
    expect(classifyItem(action, item)).toMatchObject(outcome);
  });
});

describe('a request', () => {
  test.each<[string, ClusterResponse, object]>([
    ['429 with seconds to wait', response(429, {}, '2'), { kind: 'transient', throttled: true, retryAfter: 2000 }],
    [
      '503 with a date to wait for',
      response(503, '', 'Sun, 22 Nov 2026 12:00:05 GMT'),
      { kind: 'transient', throttled: false, retryAfter: 5000 },
    ],
    [
      '403 with unique IAM identities',
      response(403, { message: 'exceeded the number of permissible concurrent requests with unique IAM Identities' }),
      { kind: 'transient', throttled: true },
    ],
    ['403 of a policy', response(403, { Message: 'not authorized' }), { kind: 'configuration' }],
    ['413', response(413), { kind: 'too-large' }],
    ['400', response(400, error('parse_exception', 'bad')), { kind: 'rejected', type: 'parse_exception' }],
    ['404', response(404), { kind: 'configuration' }],
    ['301', response(301), { kind: 'configuration' }],
  ])('%s', (_, input, outcome) => {
    expect(classifyRequest(input, NOW)).toMatchObject(outcome);
  });

  test('that succeeds has to be read', () => {
    expect(classifyRequest(response(200), NOW)).toBeUndefined();
  });
});

describe('no response', () => {
  const signal = new AbortController().signal;
  test.each<[string, Error, object]>([
    ['a reset', new NoResponse('ECONNRESET', 'socket hang up', false), { kind: 'transient' }],
    ['a name server that does not respond', new NoResponse('EAI_AGAIN', 'getaddrinfo', false), { kind: 'transient' }],
    [
      'a host that does not exist',
      new NoResponse('ENOTFOUND', 'getaddrinfo', false),
      { kind: 'configuration', remedy: expect.stringContaining('ES_ENDPOINT') },
    ],
    [
      'a certificate of an unknown authority',
      new NoResponse('DEPTH_ZERO_SELF_SIGNED_CERT', 'self-signed certificate', false),
      { kind: 'configuration' },
    ],
    ['a certificate for another name', new NoResponse('ERR_TLS_CERT_ALTNAME_INVALID', 'altnames', false), { kind: 'configuration' }],
    [
      'a secret that may not be read',
      new NoCredentials(new AwsError('AccessDeniedException', 400, 'not authorized')),
      { kind: 'configuration' },
    ],
    [
      'a secret that cannot be read just now',
      new NoCredentials(new AwsError('ThrottlingException', 400, 'slow down')),
      { kind: 'transient' },
    ],
    [
      'a secret that holds nothing usable, whatever its name',
      new NoCredentials(new SecretError('arn:aws:secretsmanager:eu-west-1:1:secret:NetworkTimeouts', 'it is not valid JSON')),
      { kind: 'configuration', remedy: expect.stringContaining('ES_SECRET_ARN') },
    ],
    [
      'a service of secrets that is out of reach',
      new NoCredentials(new NoResponse('ECONNREFUSED', 'connect', false)),
      { kind: 'transient' },
    ],
    ['a service of secrets in trouble', new NoCredentials(new AwsError('InternalServiceError', 500, 'oops')), { kind: 'transient' }],
    [
      'https to a port that speaks http',
      new NoResponse('EPROTO', 'write EPROTO error:0A00010B:SSL routines:tls_validate_record_header:wrong version number', false),
      { kind: 'configuration', remedy: expect.stringContaining('ES_ENDPOINT') },
    ],
  ])('%s', (_, thrown, outcome) => {
    expect(classifyThrown(thrown, signal)).toMatchObject(outcome);
  });

  test('a secret that could not be read in time is named', () => {
    const error = new NoCredentials(Object.assign(new Error('Request aborted'), { name: 'AbortError' }));
    expect(classifyThrown(error, AbortSignal.abort())).toMatchObject({
      kind: 'transient',
      reason: expect.stringContaining('no credentials'),
    });
  });

  test('a defect is not a failure of the cluster', () => {
    expect(() => classifyThrown(new TypeError('x is not a function'), signal)).toThrow(TypeError);
  });
});

test.each([
  [
    "failed to parse field [price] of type [double] in document with id 'secret'. Preview of field's value: 'secret'",
    'failed to parse field [price] of type [double]…',
  ],
  ['For input string: "secret"', 'For input string: "…'],
  [
    'failed to parse field [where] of type [geo_point]: unsupported symbol [s] in geohash [secret]',
    'failed to parse field [where] of type [geo_point]…',
  ],
  [
    "failed to parse field [when] of type [date] in document with id 'secret'. Could not parse field value preview,: failed to parse date field [secret] with format [yyyy]",
    'failed to parse field [when] of type [date]…',
  ],
  ['failed to parse date field [secret] with format [yyyy]', 'failed to parse date field […'],
  ['failed to parse: unknown join name [secret] for field [kin]', 'failed to parse: unknown join name […'],
  ['Value [9000000001] is out of range for an integer', 'Value […'],
  [
    '[orders][0] primary shard is not active Timeout: [1m], request: [BulkShardRequest [[orders][0]] containing [index {[orders][secret], source[{"pk":"secret","n":12.5}]}]]',
    '[orders][0] primary shard is not active Timeout: [1m]…',
  ],
  [
    'rejected execution of processing of [12][indices:data/write/bulk[s][p]]: request: BulkShardRequest [[orders][3]] containing [index {[orders][_doc][secret], source[{"n":12.5}]}], target allocation id: x',
    'rejected execution of processing of [12][indices:data/write/bulk[s][p]]…',
  ],
  [
    'Document contains at least one immense term in field="note" (whose UTF8 encoding is longer than the max length 32766). The prefix of the first immense term is: \'[115, 101]...\'',
    'Document contains at least one immense term in field="…',
  ],
])('a reason in a log quotes no value: %s', (reason, logged) => {
  expect(withoutValues(reason)).toBe(logged);
});

test.each([
  [
    "failed to parse field [price] of type [double] in document with id 'SECRET'. Preview of field's value: 'SECRET'",
    'failed to parse field [price] of type [double]…',
  ],
  [
    "[1:20] failed to parse field [price] of type [double] in document with id 'SECRET'",
    '[1:20] failed to parse field [price] of type [double]…',
  ],
  [
    '[3:7] mapping set to strict, dynamic introduction of [colour] within [_doc] is not allowed',
    '[3:7] mapping set to strict, dynamic introduction of [colour] within [_doc] is not allowed',
  ],
  [
    'object mapping for [m] tried to parse field [m] as object, but found a concrete value',
    'object mapping for [m] tried to parse field [m] as object, but found a concrete value',
  ],
  ['Limit of total fields [5000] has been exceeded', 'Limit of total fields [5000] has been exceeded'],
  [
    'mapper [a] cannot be changed from type [double] to [ObjectMapper]',
    'mapper [a] cannot be changed from type [double] to [ObjectMapper]',
  ],
  [
    'Document contains at least one immense term in field="note" (whose UTF8 encoding is longer than the max length 32766)',
    'Document contains at least one immense term in field="note" (whose UTF8 encoding is longer than the max length 32766)',
  ],
  ['routing is required for [t]/[SECRET]', 'the reason is left out here, because it may quote values'],
  ['failed to parse: weight must be an integer, but was [SECRET]', 'failed to parse: …'],
  [
    'The [cosine] similarity does not support vectors with zero magnitude. Preview of invalid vector: [777123.0]',
    'the reason is left out here, because it may quote values',
  ],
  ["vector length differs in doc [document with id 'O' SECRET 'x']", 'the reason is left out here, because it may quote values'],
  ['unable to convert [SECRET] to integer', 'the reason is left out here, because it may quote values'],
  ['Provided Grok expressions do not match field value: [SECRET]', 'the reason is left out here, because it may quote values'],
  ['failed to parse: unknown join name [x] SECRET] for field [kin]', 'failed to parse: …'],
  ['For input string: "x" SECRET "y"', 'the reason is left out here, because it may quote values'],
  ["can't merge 'SECRET' with 'SECRET'", 'the reason is left out here, because it may quote values'],
  ['For input string: "SECRET failed to parse field [a] of type [b]"', 'the reason is left out here, because it may quote values'],
])('a log line about a refused document contains only names: %s', (reason, logged) => {
  expect(new MalformedRecord('x', reason, 400).loggable).toBe(logged);
  expect(new MalformedRecord('x', `the cluster refuses the document: ${reason}`, 400).loggable).toBe(
    `the cluster refuses the document: ${logged}`,
  );
});

/** As long as an item can be, and as far as a search can go that begins anew at every place. */
const LONG = 10_000_000;

test.each([
  ['spaces', (value: string) => `failed to parse: unknown join name [${value}] for field [kin]`, ' '],
  ['the words for an id', (value: string) => `failed to parse: unknown join name [${value}`, "in document with id '"],
  ['the words for a value', (value: string) => `For input string: "${value}"`, 'value ['],
  ['apostrophes', (value: string) => `mapping set to strict, dynamic introduction of ['${value}] within [_doc] is not allowed`, "'"],
  ['the beginning of a mapper', (value: string) => `mapper [${value}`, 'mapper ['],
  ['letters', (value: string) => `failed to parse field [when] of type [date] in document with id '${value}'`, 'secret'],
  ['letters in brackets', (value: string) => `Value [${value}] is out of range for an integer`, 'secret'],
  ['letters in quotes', (value: string) => `For input string: "${value}"`, 'secret'],
  ['letters in apostrophes', (value: string) => `can't parse '${value}'`, 'secret'],
])('a reason that quotes a whole item, of %s, is read to its end at once and quotes nothing in a log', (_, reason, part) => {
  const text = reason(part.repeat(LONG / part.length));
  const logged = withoutValues(text);
  expect(logged.length).toBeLessThanOrEqual(300);
  expect(logged).not.toContain('secret');
  const line = new MalformedRecord('x', text, 400).loggable;
  expect(line.length).toBeLessThanOrEqual(300);
  expect(line).not.toContain('secret');
  expect(classifyItem('index', { status: 400, error: { type: 'illegal_argument_exception', reason: text } })).toMatchObject({
    kind: 'malformed',
  });
});

test('a page of a proxy that opens tags and closes none is read at once', () => {
  expect(classifyRequest({ status: 503, text: '<'.repeat(LONG), retryAfter: undefined }, 0)).toMatchObject({ kind: 'transient' });
});

/** ms; of several tries the best. */
function timed(work: () => void): number {
  let best = Infinity;
  for (let i = 0; i < 5; i++) {
    const before = performance.now();
    work();
    best = Math.min(best, performance.now() - before);
  }
  return best;
}

describe('a reason of any length costs as much as its beginning', () => {
  test.each([
    '[',
    '<',
    "'",
    '"',
    'arn:',
    ' ',
    'failed to parse field [',
    "in document with id '",
    'value [',
    'mapper [',
    '] to [',
    'x]',
    'term [',
  ])('of %s alone', (part) => {
    const judge = (length: number) => (): void => {
      const reason = part.repeat(length / part.length);
      classifyItem('index', { status: 400, error: { type: 'illegal_argument_exception', reason } });
      classifyItem('index', { status: 403, error: { type: 'security_exception', reason } });
      classifyRequest(response(403, error('', reason)), NOW);
      classifyRequest(response(502, reason), NOW);
      withoutValues(reason);
      expect(new MalformedRecord('illegal_argument_exception', reason, 400).loggable.length).toBeLessThanOrEqual(300);
    };
    // Seventy times as long: nothing but its making and its reading may grow, and these as it does.
    expect(timed(judge(300_000))).toBeLessThan(700 * timed(judge(4_200)));
  });

  test('and it is kept with its beginning and its end', () => {
    const reason = `mapper [a.b] cannot be changed from type [text] to [double] ${'['.repeat(300_000)} (for field [x])`;
    const outcome = classifyItem('index', { status: 400, error: { type: 'illegal_argument_exception', reason } });
    expect(outcome).toMatchObject({ kind: 'mixed-field', field: 'a.b' });
    const kept = 'reason' in outcome ? outcome.reason : '';
    expect(kept.length).toBeLessThan(10_100);
    expect(kept).toMatch(/^mapper \[a\.b\].*\(for field \[x\]\)$/);
  });
});

describe('causes of causes are read to some depth, however deep they are', () => {
  const nested = (levels: number, innermost: string): unknown =>
    JSON.parse(`${'{"type":"t","reason":"r","caused_by":'.repeat(levels)}"${innermost}"${'}'.repeat(levels)}`);

  test('of an item', () => {
    expect(classifyItem('index', { status: 400, error: nested(100_000, 'x') })).toEqual({
      kind: 'malformed',
      status: 400,
      type: 't',
      reason: 'r',
    });
    expect(classifyItem('index', { status: 400, error: nested(1, 'why') })).toMatchObject({ reason: 'r: why' });
  });

  test('of a request', () => {
    const text = JSON.stringify({ error: 'ERROR' }).replace('"ERROR"', `${'{"caused_by":'.repeat(100_000)}"x"${'}'.repeat(100_000)}`);
    expect(classifyRequest(response(503, text), NOW)).toMatchObject({ kind: 'transient', reason: 'HTTP 503 ' });
  });

  test('and a reason is not repeated where its cause has the same', () => {
    const cause = { type: 'c', reason: 'no room left' };
    expect(classifyItem('index', { status: 400, error: { type: 't', reason: 'failed: no room left', caused_by: cause } })).toMatchObject({
      type: 't',
      reason: 'failed: no room left',
    });
  });
});
