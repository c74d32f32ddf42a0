// Which errors are about the document, and which about the cluster: a stream must never drain into dead letters for the latter, nor be
// held up by a document that uses their words.
import { describe, expect, test } from '@jest/globals';
import { classifyItem, classifyRequest, remedyOf } from '../../../handler/cluster/responses.ts';
import { withoutValues } from '../../../handler/telemetry/redaction.ts';

interface EngineError {
  readonly type: string;
  readonly reason: string;
  readonly caused_by?: EngineError;
}
const item = (error: EngineError, status = 400): unknown => ({ status, error });
const error = (type: string, reason: string, cause?: EngineError): EngineError => ({
  type,
  reason,
  ...(cause === undefined ? {} : { caused_by: cause }),
});
const argument = (reason: string): EngineError => error('illegal_argument_exception', reason);
const state = (reason: string): EngineError => error('illegal_state_exception', reason);
const vector = (cause: EngineError): EngineError =>
  error(
    'mapper_parsing_exception',
    "failed to parse field [vec] of type [knn_vector] in document with id 'a'. Preview of field's value: 'null'",
    cause,
  );

describe('a 400 of an item is transient where the cluster', () => {
  test.each<[string, EngineError]>([
    [
      'has no memory for vectors',
      vector(
        state(
          'Parsing the created knn vectors prior to indexing has failed as the circuit breaker triggered.  This indicates that the cluster is low on memory resources and cannot index more documents at the moment.',
        ),
      ),
    ],
    [
      'has no memory for vectors, in older words',
      vector(state('Indexing knn vector fields is rejected as circuit breaker triggered. Check _opendistro/_knn/stats for detailed state')),
    ],
    ['has no memory for models', argument('Memory Circuit Breaker is open, please check your resources!')],
    ['has no native memory for models', argument('Native Memory Circuit Breaker is open, please check your resources!')],
    ['has no disk for models', state('Disk Circuit Breaker is open, please check your resources!')],
    ['has no memory for parsing', vector(error('circuit_breaking_exception', '[parent] Data too large, data for [x] would be [1/1b]'))],
    [
      'compiles too many scripts',
      error(
        'general_script_exception',
        'Failed to compile inline script',
        error('circuit_breaking_exception', '[script] Too many dynamic script compilations'),
      ),
    ],
    ['has too much to do for a pipeline', error('exception', 'failed', error('es_rejected_execution_exception', 'queue full'))],
    ['lets no index be created', error('index_create_block_exception', 'blocked by: [FORBIDDEN/10/cluster create-index blocked (api)];')],
    ['has lost a node', error('exception', 'failed', error('node_not_connected_exception', '[node] disconnected'))],
  ])('%s', (_, input) => {
    expect(classifyItem('index', item(input))).toMatchObject({ kind: 'transient' });
  });
});

describe('a 400 of an item is configuration where', () => {
  test.each<[string, EngineError, RegExp]>([
    ['the pipeline is missing', argument('pipeline with id [not-there] does not exist'), /pipeline/],
    ['the model is not ready', argument('Model not ready yet. Please run this first: POST /_plugins/_ml/models/abc/_deploy'), /model/],
    ['the model is not deployed', argument('Model [elser] must be deployed to use. Please deploy it first'), /model/],
    ['the model is gone', error('status_exception', 'Failed to find model'), /model/],
    [
      'the model has no node',
      argument("No eligible node found to execute this request. It's best practice to provision ML nodes"),
      /model/,
    ],
    ['the model is set up wrongly', argument('Must provide pre_process_function for predict action to process text docs input.'), /model/],
    ['the model of a vector field is not there', vector(state('Model "m1" from vec\'s mapping is not found.')), /model/],
    ['vectors are turned off', vector(state('KNN plugin is disabled. To enable update knn.plugin.enabled setting to true')), /knn\.plugin/],
    ['a shard is full', argument('Number of documents in the shard cannot exceed [2147483519]'), /shards/],
    [
      'Lucene is full',
      argument('number of documents in the index cannot exceed 2147483519 (current document count is 2147483519)'),
      /shards/,
    ],
    ['routing is required', error('routing_missing_exception', 'routing is required for [t]/[a]'), /routing/],
    [
      'the index has an old mapping type',
      argument('Rejecting mapping update to [t] as the final mapping would have more than 1 type: [_doc, order]'),
      /index/,
    ],
    ['the index takes appends alone', argument('Operation [INDEX] is not allowed for append only indices t'), /index/],
    [
      'no more shards may be made',
      error(
        'validation_exception',
        'Validation Failed: 1: this action would add [2] shards, but this cluster currently has [1]/[1] maximum normal shards open;',
      ),
      /max_shards_per_node/,
    ],
  ])('%s', (_, input, remedy) => {
    const outcome = classifyItem('index', item(input));
    expect(outcome).toMatchObject({ kind: 'configuration', remedy: expect.stringMatching(remedy) as unknown });
  });

  test('a pipeline is missing inside another one, which is a 500', () => {
    const input = item(state('Pipeline processor configured for non-existent pipeline [gone]'), 500);
    expect(classifyItem('index', input)).toMatchObject({ kind: 'configuration', remedy: expect.stringContaining('pipeline') as unknown });
  });

  test('the index is closed, whatever the status', () => {
    const input = item(error('cluster_block_exception', 'index [t] blocked by: [FORBIDDEN/4/index closed];'), 403);
    expect(classifyItem('index', input)).toMatchObject({ kind: 'configuration', remedy: expect.stringContaining('Open') as unknown });
  });
});

const WORDS = [
  'circuit breaker is open',
  'Memory Circuit Breaker is open, please check your resources!',
  'Indexing knn vector fields is rejected as circuit breaker triggered',
  'pipeline with id [x] does not exist',
  'Model not ready yet. Please run this first',
  'Must provide pre_process_function',
  'Number of documents in the shard cannot exceed [2147483519]',
  'number of documents in the index cannot exceed 2147483519',
  'no write index is defined for alias [x]',
  'explicit index in bulk is not allowed',
  'circuit_breaking_exception',
  'routing_missing_exception',
  'Request throttled due to too many requests',
  'blocked by: [FORBIDDEN/10/cluster create-index blocked (api)];',
  '"},"caused_by":{"type":"circuit_breaking_exception","reason":"x"}',
];

/** Every place of an engine's error to which text of a document gets: values, ids, names of fields, messages of its pipelines. */
const PLACES: Readonly<Record<string, (words: string) => EngineError>> = {
  'the preview of a value': (words) =>
    error(
      'mapper_parsing_exception',
      `failed to parse field [n] of type [double] in document with id 'a'. Preview of field's value: '${words}'`,
    ),
  'a number that is none': (words) =>
    error(
      'mapper_parsing_exception',
      'failed to parse field [n] of type [long]',
      error('number_format_exception', `For input string: "${words}"`),
    ),
  'an argument in quotes': (words) =>
    error('document_parsing_exception', '[1:2] failed to parse', argument(`For input string: "${words}"`)),
  'an argument in apostrophes': (words) =>
    error('document_parsing_exception', '[1:2] failed to parse', argument(`'${words}' is not an IP string literal.`)),
  'an argument in brackets': (words) =>
    error('mapper_parsing_exception', 'failed to parse', argument(`unknown join name [${words}] for field [kin]`)),
  'an argument after a colon': (words) => error('mapper_parsing_exception', 'failed to parse', argument(`Unknown geometry type: ${words}`)),
  'the name of a type': (words) =>
    error('mapper_parsing_exception', 'failed to parse', argument(`No enum constant org.elasticsearch.geometry.ShapeType.${words}`)),
  'a date': (words) =>
    error(
      'mapper_parsing_exception',
      'failed to parse field [d] of type [date]',
      argument(`failed to parse date field [${words}] with format [yyyy]`),
    ),
  'the id': (words) => error('mapper_parsing_exception', `failed to parse field [n] of type [double] in document with id '${words}'`),
  'the name of a field': (words) => argument(`mapper [${words}] cannot be changed from type [text] to [ObjectMapper]`),
  'the name of a new field': (words) =>
    error('strict_dynamic_mapping_exception', `mapping set to strict, dynamic introduction of [${words}] within [_doc] is not allowed`),
  'an immense term': (words) => argument(`Document contains at least one immense term in field="${words}" (whose UTF8 encoding is longer`),
  'the message of a script': (words) => error('script_exception', 'runtime error', argument(words)),
  'the state that a script reports': (words) => error('script_exception', 'runtime error', state(words)),
  'the script of a query in the document': (words) =>
    error('mapper_parsing_exception', 'failed to parse', error('script_exception', 'compile error', argument(words))),
  'the message of a processor that fails': (words) => error('fail_processor_exception', words),
  'a value of a processor': (words) => argument(`unable to convert [${words}] to integer`),
  'a word of a query': (words) => error('mapper_parsing_exception', 'failed to parse', error('parsing_exception', words)),
};

describe('a document with the words of such an error', () => {
  test.each(Object.entries(PLACES))('is malformed anyway: in %s', (_, at) => {
    for (const words of WORDS) {
      for (const text of [words, ` ${words}`, `${words}]`, `'${words}`, words.toUpperCase()]) {
        const { kind } = classifyItem('index', item(at(text)));
        expect({ text, kind }).toEqual({ text, kind: 'malformed' });
      }
    }
  });

  test('is not quoted when the fault is reported', () => {
    const cause = state('Indexing knn vector fields is rejected as circuit breaker triggered. Check _opendistro/_knn/stats');
    const input = error('mapper_parsing_exception', "failed to parse field [vec] of type [knn_vector] in document with id 'SECRET'", cause);
    expect(classifyItem('index', item(input))).toMatchObject({ type: 'illegal_state_exception', reason: cause.reason });
    const routing = classifyItem('index', item(error('routing_missing_exception', 'routing is required for [t]/[SECRET]')));
    expect(withoutValues('reason' in routing ? routing.reason : '')).toBe('routing is required for [t]…');
  });

  test('does not hide that a breaker is open', () => {
    const input = error(
      'mapper_parsing_exception',
      "failed to parse field [vec] of type [knn_vector] in document with id 'too many requests'. Preview of field's value: 'throttled'",
      state('Indexing knn vector fields is rejected as circuit breaker triggered.'),
    );
    expect(classifyItem('index', item(input))).toMatchObject({ kind: 'transient' });
  });
});

describe('a request that is refused as a whole', () => {
  const refused = (status: number, body: unknown): ReturnType<typeof classifyRequest> =>
    classifyRequest({ status, text: typeof body === 'string' ? body : JSON.stringify(body), retryAfter: undefined }, 0);

  test.each<[string, number, EngineError, RegExp]>([
    [
      'since no index may be created',
      403,
      error('index_create_block_exception', 'blocked by: [FORBIDDEN/10/cluster create-index blocked (api)];'),
      /create_index/,
    ],
    [
      'since no index may be created, as Elasticsearch says it',
      403,
      error('cluster_block_exception', 'blocked by: [FORBIDDEN/10/cluster create-index blocked (api)];'),
      /create_index/,
    ],
    [
      'since the disk is full',
      429,
      error('cluster_block_exception', 'index [t] blocked by: [TOO_MANY_REQUESTS/12/disk usage exceeded flood-stage watermark];'),
      /disk/,
    ],
    ['since it is busy', 429, error('es_rejected_execution_exception', 'rejected execution'), /busy/],
    ['since a breaker is open', 429, error('circuit_breaking_exception', '[parent] Data too large'), /memory/],
    [
      'since writes are blocked',
      403,
      error('cluster_block_exception', 'index [t] blocked by: [FORBIDDEN/8/index write (api)];'),
      /index\.blocks\.write/,
    ],
    ['since it has no master', 503, error('master_not_discovered_exception', ''), /health/],
  ])('is transient, with a remedy of its own: %s', (_, status, input, remedy) => {
    const outcome = refused(status, { error: input, status });
    expect(outcome).toMatchObject({ kind: 'transient' });
    expect(outcome === undefined ? '' : remedyOf(outcome)).toMatch(remedy);
  });

  test.each([
    '<html><body>400 The plain HTTP request was sent to HTTPS port</body></html>',
    { message: 'Bad Request' },
    { error: 'no handler found for uri [/path/t] and method [PUT]', status: 400 },
    '',
  ])('with a 400 that is no engine’s points to the endpoint: %j', (body) => {
    const outcome = refused(400, body);
    expect(outcome).toMatchObject({ kind: 'rejected' });
    expect(outcome === undefined ? '' : remedyOf(outcome)).toMatch(/ES_ENDPOINT/);
  });

  test('since its lines name an index is configuration', () => {
    expect(refused(400, { error: argument('explicit index in bulk is not allowed'), status: 400 })).toMatchObject({
      kind: 'configuration',
      remedy: expect.stringContaining('allow_explicit_index') as unknown,
    });
  });
});
