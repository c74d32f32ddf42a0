// The function's behaviour when the cluster fails: a proxy in front of a real OpenSearch plays every class of docs/failures.md.
import { afterAll, afterEach, describe, expect, test } from '@jest/globals';
import { startProxy, type RecordedRequest } from '../stack/proxy.ts';
import { uniqueName, useSearch } from '../stack/use-stack.ts';
import { ask, documents, PLACE, testFunction, type FunctionOptions, type TestFunction } from './function.ts';
import { sequenceNumber, streamRecord, type RecordOptions } from './records.ts';

const search = await useSearch();
const proxy = await startProxy(search.url);
afterEach(() => {
  proxy.clear();
});
afterAll(() => proxy.stop());

const BULK = /^POST \/[^/]+\/_bulk$/;
const key = (pk: string): RecordOptions['keys'] & object => ({ pk: { S: pk } });
const done = { batchItemFailures: [] };
const failed = (counter: number): object => ({ batchItemFailures: [{ itemIdentifier: sequenceNumber(counter) }] });

function table(options: Partial<FunctionOptions> = {}): {
  name: string;
  fn: TestFunction;
  write: (records: RecordOptions[], remaining?: number) => Promise<unknown>;
  all: () => Promise<string[]>;
} {
  const name = uniqueName('orders');
  const fn = testFunction({ endpoint: proxy.url, mapping: [{ TableName: name }], ...options });
  return {
    name,
    fn,
    write: (records, remaining) =>
      fn.invoke(
        records.map((record) => streamRecord({ table: name, ...record })),
        remaining,
      ),
    all: async () => Object.keys(await documents(search, name)).sort(),
  };
}

const bulkIds = (request: RecordedRequest): string[] =>
  request.body
    .split('\n')
    .filter((line) => /^{"(?:index|delete)":{"_id"/.test(line))
    .map((line) => Object.values(JSON.parse(line) as Record<string, { _id: string }>)[0]?._id ?? '');

describe('a transient failure is retried', () => {
  test.each<[string, Parameters<typeof proxy.on>[1]]>([
    ['429', { response: { status: 429, body: { error: { type: 'es_rejected_execution_exception', reason: 'queue full' } } } }],
    ['503 of a proxy, not JSON', { response: { status: 503, body: '<html>Service Unavailable</html>' } }],
    ['504', { response: { status: 504, body: '' } }],
    ['408', { response: { status: 408, body: {} } }],
    [
      '403 in Amazon’s words for throttling',
      { response: { status: 403, body: { Message: 'Request throttled due to too many requests' } } },
    ],
    ['a reset before the request arrived', { reset: 'before' }],
    ['a reset after the work was done', { reset: 'after' }],
    ['a response that is cut off', { truncateBytes: 20 }],
    ['a response that is not one of a cluster', { response: { status: 200, body: '<html>welcome</html>' } }],
    ['a response with an item too few', { rewrite: (body) => JSON.stringify({ ...(JSON.parse(body) as object), items: [] }) }],
  ])('%s', async (_, behaviour) => {
    const { write, all, fn } = table();
    proxy.on(BULK, behaviour, 2);
    expect(await write([{ keys: key('a') }, { keys: key('b') }])).toEqual(done);
    expect(await all()).toEqual(['a', 'b']);
    expect(fn.deadLetters.size).toBe(0);
  });

  test('only the failed items are retried, after as long as Retry-After says', async () => {
    const { write, all, fn } = table();
    let checked = false;
    proxy.on(BULK, {
      rewrite: (body) => {
        const response = JSON.parse(body) as { items: { index: object }[] };
        response.items[1] = { index: { status: 429, error: { type: 'es_rejected_execution_exception', reason: 'busy' } } };
        checked = true;
        return JSON.stringify({ ...response, errors: true });
      },
    });
    expect(await write([{ keys: key('a') }, { keys: key('b') }, { keys: key('c') }])).toEqual(done);
    expect(checked).toBe(true);
    expect(proxy.matching(BULK).map(bulkIds)).toEqual([['a', 'b', 'c'], ['b']]);
    expect(fn.metrics()).toMatchObject({ Retried: 1, Throttled: 1, Indexed: 3 });
    expect(await all()).toEqual(['a', 'b', 'c']);
  });

  test('Retry-After beyond the deadline is not waited for', async () => {
    const { write } = table();
    proxy.on(BULK, { response: { status: 429, headers: { 'retry-after': '60' }, body: {} } }, Infinity);
    expect(await write([{ keys: key('a'), counter: 7001 }], 20_000)).toEqual(failed(7001));
    expect(proxy.matching(BULK)).toHaveLength(1);
  });

  const throttle = { response: { status: 403, body: { Message: 'Request throttled due to too many requests' } } };

  test('a throttle of the check of the index', async () => {
    const { write, all, fn } = table();
    proxy.on(/^GET .*_alias$/, throttle);
    expect(await write([{ keys: key('a') }])).toEqual(done);
    expect(await all()).toEqual(['a']);
    expect(fn.logs.filter(({ level }) => level === 'error')).toEqual([]);
  });

  test('a throttle of that check for a role that may not see aliases', async () => {
    const { write, all, fn } = table();
    const refusal = { error: { type: 'security_exception', reason: 'no permissions for [indices:admin/aliases/get]' } };
    proxy.on(/^GET .*_alias$/, { response: { status: 403, body: refusal } });
    proxy.on(/^GET (?!.*_alias$)/, throttle);
    expect(await write([{ keys: key('a') }])).toEqual(done);
    expect(await all()).toEqual(['a']);
    expect(fn.logs.filter(({ level }) => level === 'error')).toEqual([]);
    // Checked once, not at every invocation.
    expect(await write([{ keys: key('b') }])).toEqual(done);
    expect(proxy.matching(/^GET .*_alias$/)).toHaveLength(1);
  });

  test('credentials that were missing once do not change the check', async () => {
    let reads = 0;
    const { write, all } = table({
      auth: { type: 'secret', secretArn: 'arn:aws:secretsmanager:eu-west-1:1:secret:x' },
      readSecret: () => (++reads === 1 ? Promise.reject(new Error('AccessDenied')) : Promise.resolve('{"api_key":"a2V5"}')),
    });
    expect(await write([{ keys: key('a'), counter: 7051 }])).toEqual(failed(7051));
    expect(reads).toBe(1);
    expect(await write([{ keys: key('a'), counter: 7051 }])).toEqual(done);
    // It still asks for aliases, not for the whole index.
    expect(proxy.matching(/^GET .*_alias$/)).not.toEqual([]);
    expect(proxy.matching(/^GET \/.+(?<!_alias)$/)).toEqual([]);
    expect(await all()).toEqual(['a']);
  });

  test('a missing response to the check of the index, too', async () => {
    const { write, all } = table();
    proxy.on(/^GET .*_alias$/, { reset: 'after' });
    proxy.on(/^GET .*_alias$/, { response: { status: 503, body: '' } });
    proxy.on(/^PUT /, { response: { status: 429, body: {} } });
    expect(await write([{ keys: key('a') }])).toEqual(done);
    expect(await all()).toEqual(['a']);
  });
});

describe('an index that is made', () => {
  const booleans = async (name: string): Promise<unknown> => {
    const { body } = await ask(search, 'GET', `/${name}/_mapping/field/on`);
    return (body[name] as { mappings: { on: { mapping: { on: { type: string } } } } }).mappings.on.mapping.on.type;
  };
  const on: RecordOptions = { keys: key('a'), image: { ...key('a'), on: { BOOL: true } } };

  test('has booleans if the cluster accepts other kinds in them', async () => {
    const { write, name } = table();
    expect(await write([on])).toEqual(done);
    expect(await booleans(name)).toBe('boolean');
    // This check belongs to the creation of an index.
    expect(await write([on])).toEqual(done);
    expect(proxy.matching('GET /')).toHaveLength(1);
  });

  test.each([
    ['an older cluster', { response: { status: 200, body: { version: { number: '7.10.2' } } } }],
    ['a cluster that does not say what it is', { response: { status: 403, body: '' } }],
  ])('has keywords in their place for %s', async (_, behaviour) => {
    const { write, name } = table();
    proxy.on('GET /', behaviour);
    expect(await write([on])).toEqual(done);
    expect(await booleans(name)).toBe('keyword');
    expect(await write([{ keys: key('b'), image: { ...key('b'), on: { S: 'text' } } }])).toEqual(done);
  });

  test('waits until the cluster can say what it is', async () => {
    const { write, name } = table();
    proxy.on('GET /', { response: { status: 503, body: '' } });
    proxy.on('GET /', { reset: 'before' });
    expect(await write([on])).toEqual(done);
    expect(await booleans(name)).toBe('boolean');
  });
});

test.each([
  ['throttled', { response: { status: 429, body: '' } }],
  ['cut off', { reset: 'before' }],
  ['responded to and not done', { response: { status: 200, body: { acknowledged: false } } }],
] as const)('a mapping that is %s is retried', async (_, behaviour) => {
  const { write, all, fn } = table();
  proxy.on(/^PUT .*_mapping$/, behaviour, 2);
  const k = [{ M: { k: { S: 'v' } } }, { M: { k: { N: '1' } } }];
  expect(await write([{ keys: key('a'), image: { ...key('a'), l: { L: k } } }])).toEqual(done);
  expect([...fn.deadLetters.values()].map(({ reason }) => reason)).toEqual([]);
  expect(await all()).toEqual(['a']);
});

test('an index whose creation is refused is not treated as existing, whatever the reason', async () => {
  const { write, fn } = table({ defaults: { mappings: { properties: { 'already exists': { type: 'none' } } } } });
  expect(await write([{ keys: key('a'), counter: 7090 }])).toEqual(failed(7090));
  expect(fn.logs).toContainEqual(
    expect.objectContaining({ level: 'error', remedy: expect.stringContaining('mappings in the options file') as unknown }),
  );
});

test('an item with a great many fields of several kinds comes through, if need be in more than one invocation', async () => {
  const { write, all, fn } = table();
  const both = { L: [{ M: { k: { S: 'v' } } }, { M: { k: { N: '1' } } }] };
  const fields = Object.fromEntries(Array.from({ length: 210 }, (_, i) => [`f${i}`, both]));
  const item: RecordOptions = { keys: key('a'), image: { ...key('a'), ...fields }, counter: 7080 };
  // Mapped fields stay mapped: each invocation continues where the one before it ended.
  for (let response: unknown = failed(7080); JSON.stringify(response) === JSON.stringify(failed(7080));) response = await write([item]);
  expect(fn.deadLetters.size).toBe(0);
  expect(await all()).toEqual(['a']);
});

describe('the time is never used up', () => {
  test('a cluster that hangs is left in time, and what is not done is named', async () => {
    const { write } = table();
    // It responds only after the function has: a function that waited for it would wait forever.
    const responded = Promise.withResolvers<undefined>();
    proxy.on(BULK, { until: responded.promise }, Infinity);
    expect(
      await write(
        [
          { keys: key('a'), counter: 7101 },
          { keys: key('b'), counter: 7102 },
        ],
        2000,
      ),
    ).toEqual(failed(7101));
    responded.resolve(undefined);
  });

  test('nothing is sent after the response', async () => {
    const { write } = table();
    proxy.on(BULK, { response: { status: 503, body: '' } }, Infinity);
    await write([{ keys: key('a') }], 1500);
    const sent = proxy.requests.length;
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(proxy.requests).toHaveLength(sent);
  });

  test('records that were done before a late part of the batch hangs are not retried', async () => {
    const { write, all } = table();
    const big = { S: 'x'.repeat(1024 * 1024) };
    const records = Array.from({ length: 8 }, (_, i) => ({ keys: key(`k${i}`), image: { ...key(`k${i}`), big }, counter: 7200 + i }));
    // The index is there already: a slow machine then has all of the time for the first request, which contains four of them.
    await write([{ keys: key('k0'), counter: 7199 }]);
    // All later requests hang until the function has responded.
    const responded = Promise.withResolvers<undefined>();
    proxy.on(BULK, {});
    proxy.on(BULK, { until: responded.promise }, Infinity);
    const first = proxy.matching(BULK).length;
    const response = (await write(records, 15_000)) as { batchItemFailures: { itemIdentifier: string }[] };
    responded.resolve(undefined);
    const ids = bulkIds(proxy.matching(BULK)[first] as RecordedRequest);
    expect(ids.length).toBeLessThan(8);
    expect(response).toEqual(failed(7200 + ids.length));
    expect(await all()).toEqual(ids);
  });
});

describe('a request that is too large', () => {
  test('is halved until it goes through', async () => {
    const { write, all } = table();
    proxy.on((request) => BULK.test(request.operation) && bulkIds(request).length > 3, { response: { status: 413, body: '' } }, Infinity);
    expect(await write(Array.from({ length: 10 }, (_, i) => ({ keys: key(`k${i}`) })))).toEqual(done);
    expect(await all()).toHaveLength(10);
  });

  test('with a single document makes it a dead letter', async () => {
    const { write, all, fn } = table();
    proxy.on((request) => BULK.test(request.operation) && request.body.includes('huge'), { response: { status: 413, body: '' } }, Infinity);
    expect(await write([{ keys: key('a') }, { keys: key('huge') }, { keys: key('b') }])).toEqual(done);
    expect(await all()).toEqual(['a', 'b']);
    expect([...fn.deadLetters.values()].map(({ id, status }) => [id, status])).toEqual([['huge', 413]]);
  });

  test('is not made: requests stay below the limit of the smallest domains, whatever the event', async () => {
    const { write, all } = table();
    // Control characters are six bytes each in JSON: an event of 6 MB can come to five times that.
    const image = { S: '\u0001'.repeat(300_000) };
    expect(await write(Array.from({ length: 12 }, (_, i) => ({ keys: key(`k${i}`), image: { ...key(`k${i}`), image } })))).toEqual(done);
    const sizes = proxy.matching(BULK).map(({ body }) => Buffer.byteLength(body));
    expect(Math.max(...sizes)).toBeLessThanOrEqual(10 * 1024 * 1024);
    expect(await all()).toHaveLength(12);
  });
});

describe('a request that is refused as a whole', () => {
  const refusal = {
    response: { status: 400, body: { error: { type: 'action_request_validation_exception', reason: 'Validation Failed' } } },
  };

  test('is searched for its culprit, and every other document is written', async () => {
    const { write, all, fn } = table();
    proxy.on((request) => BULK.test(request.operation) && request.body.includes('culprit'), refusal, Infinity);
    const ids = ['a', 'b', 'culprit-1', 'c', 'd', 'culprit-2', 'e'];
    expect(await write(ids.map((id) => ({ keys: key(id) })))).toEqual(done);
    expect(await all()).toEqual(['a', 'b', 'c', 'd', 'e']);
    expect([...fn.deadLetters.values()].map(({ id }) => id).sort()).toEqual(['culprit-1', 'culprit-2']);
  });

  test('by a proxy that refuses every request is not the fault of the documents', async () => {
    const { write, fn } = table();
    proxy.on(BULK, { response: { status: 400, body: 'The plain HTTP request was sent to HTTPS port' } }, Infinity);
    expect(
      await write([
        { keys: key('a'), counter: 7301 },
        { keys: key('b'), counter: 7302 },
      ]),
    ).toEqual(failed(7301));
    expect(fn.deadLetters.size).toBe(0);
    expect(proxy.matching(BULK)).toHaveLength(2);
  });
});

describe('a wrong configuration fails the rest of the batch at once, with the remedy and without dead letters', () => {
  test.each<[string, string | RegExp, Parameters<typeof proxy.on>[1], RegExp]>([
    ['401', BULK, { response: { status: 401, body: { error: 'unauthorized' } } }, /credentials/],
    [
      '403',
      BULK,
      { response: { status: 403, body: { Message: 'User: arn:aws:sts::1:assumed-role/x is not authorized to perform: es:ESHttpPost' } } },
      /role/,
    ],
    ['a wrong host', BULK, { response: { status: 404, body: '<html>not found</html>' } }, /ES_ENDPOINT/],
    ['a redirect', BULK, { response: { status: 302, headers: { location: 'https://login.example.com' }, body: '' } }, /ES_ENDPOINT/],
    [
      '403 on an item',
      BULK,
      {
        rewrite: () =>
          JSON.stringify({
            errors: true,
            items: [
              { index: { status: 403, error: { type: 'security_exception', reason: 'no permissions for [indices:data/write/index]' } } },
            ],
          }),
      },
      /role/,
    ],
    [
      'an index that may not be created',
      /^PUT /,
      { response: { status: 403, body: { error: { type: 'security_exception', reason: 'no permissions' } } } },
      /role/,
    ],
    [
      'mappings that the cluster does not take',
      /^PUT /,
      { response: { status: 400, body: { error: { type: 'mapper_parsing_exception', reason: 'no handler for type [txt]' } } } },
      /mappings in the options file/,
    ],
  ])('%s', async (_, operation, behaviour, remedy) => {
    const { write, fn } = table();
    proxy.on(operation, behaviour, Infinity);
    const started = proxy.requests.length;
    expect(await write([{ keys: key('a'), counter: 7401 }])).toEqual(failed(7401));
    expect(fn.deadLetters.size).toBe(0);
    expect(
      fn.logs
        .filter(({ level }) => level === 'error')
        .map((line) => JSON.stringify(line))
        .join(),
    ).toMatch(remedy);
    // Nothing is sent twice, except the check of an index that took longer to create than a check is valid.
    const operations = proxy.requests
      .slice(started)
      .map((request) => request.operation)
      .filter((one) => !one.endsWith('_alias'));
    expect(operations).toEqual([...new Set(operations)]);
  });
});

describe('malformed records', () => {
  const bad: RecordOptions = { keys: key('bad'), image: { ...key('bad'), x: { X: 'y' } } };

  test('go to their dead letter, and the stream goes on', async () => {
    const { write, all, fn, name } = table();
    expect(await write([{ keys: key('a') }, { ...bad, counter: 7601 }, { keys: key('b') }])).toEqual(done);
    expect(await all()).toEqual(['a', 'b']);
    const [[path, deadLetter]] = [...fn.deadLetters] as [[string, object]];
    const today = new Date().toISOString().slice(0, 10).replaceAll('-', '/');
    expect(path).toMatch(new RegExp(`^${PLACE}/${name}/${today}/[0-9a-f]{16}-${sequenceNumber(7601)}\\.json$`));
    expect(deadLetter).toMatchObject({
      table: name,
      index: name,
      id: 'bad',
      sequenceNumber: sequenceNumber(7601),
      type: 'attribute_unreadable',
      status: null,
    });
  });

  test.each([
    ['include', { include: ['pk', 'm.x'] }],
    ['exclude', { exclude: ['m.x'] }],
    ['neither', {}],
  ])('are no more than that with the option %s', async (_, defaults) => {
    const { fn, name, all } = table({ defaults });
    const records = ['a', 'bad', 'b'].map((id) => streamRecord({ table: name, keys: key(id), image: { ...key(id), m: { M: {} } } }));
    Object.assign((records[1] as { dynamodb: { NewImage: object } }).dynamodb.NewImage, { m: null });
    expect(await fn.invoke(records)).toEqual(done);
    expect(await all()).toEqual(['a', 'b']);
    expect([...fn.deadLetters.values()].map(({ id, type }) => [id, type])).toEqual([['bad', 'attribute_unreadable']]);
  });

  test('that the function itself fails on cost themselves alone', async () => {
    const { fn, name, all } = table({ defaults: { exclude: ['l.x'] } });
    // Deeper than the stack; no item of DynamoDB's is.
    const depth = 20_000;
    const deep = JSON.parse('{"L":['.repeat(depth) + ']}'.repeat(depth)) as object;
    const records = ['a', 'bad', 'b'].map((id, i) => streamRecord({ table: name, keys: key(id), image: key(id), counter: 7640 + i }));
    Object.assign((records[1] as { dynamodb: { NewImage: object } }).dynamodb.NewImage, { l: deep });
    // Not even JSON.stringify gets to its end, so there is no dead letter either.
    expect(await fn.invoke(records)).toEqual(failed(7641));
    expect(await all()).toEqual(['a', 'b']);
    expect(fn.logs).toContainEqual(expect.objectContaining({ type: 'shaping_failed', sequenceNumber: sequenceNumber(7641) }));
  });

  test('are not done if the dead letter cannot be written', async () => {
    const { write, all } = table({ deadLettersFail: true });
    expect(await write([{ keys: key('a') }, { ...bad, counter: 7611 }, { keys: key('b') }])).toEqual(failed(7611));
    expect(await all()).toEqual(['a', 'b']);
  });

  test('fail with on-malformed: fail, and those after them are written', async () => {
    const { write, all, fn } = table({ defaults: { 'on-malformed': 'fail' } });
    expect(await write([{ keys: key('a') }, { ...bad, counter: 7621 }, { keys: key('b') }])).toEqual(failed(7621));
    expect(await all()).toEqual(['a', 'b']);
    expect(fn.deadLetters.size).toBe(0);
  });

  test('are left out with on-malformed: drop', async () => {
    const { write, fn } = table({ defaults: { 'on-malformed': 'drop' } });
    expect(await write([bad, { keys: key('b') }])).toEqual(done);
    expect(fn.deadLetters.size).toBe(0);
    expect(fn.metrics()).toMatchObject({ Malformed: 1 });
  });

  test('name the lowest number of all records that share their fate', async () => {
    const { write } = table({ defaults: { 'on-malformed': 'fail' } });
    const good: RecordOptions = { keys: key('bad') };
    expect(await write([{ keys: key('a') }, { ...good, counter: 7631 }, { keys: key('b') }, { ...bad, counter: 7633 }])).toEqual(
      failed(7631),
    );
  });

  test('of every kind lose nothing: each is a dead letter of its own', async () => {
    const { fn, name } = table();
    const good = streamRecord({ table: name, keys: key('a') });
    const records = [
      good,
      { ...good, eventName: 'UPSERT' },
      { ...good, eventSourceARN: 'nonsense' },
      { eventSource: 'aws:kinesis', kinesis: { data: 'x' } },
      { eventSource: 'aws:kinesis', kinesis: { data: 'y' } },
      null,
      'text',
      { eventSource: 'aws:dynamodb', eventSourceARN: good.eventSourceARN },
      { ...good, dynamodb: { Keys: {}, SequenceNumber: '1' } },
      { ...good, dynamodb: { ...(good.dynamodb as object), Keys: { other: { S: 'x' } } } },
      { ...good, dynamodb: { ...(good.dynamodb as object), SequenceNumber: '../../etc', Keys: key('z') } },
    ];
    expect(await fn.invoke(records)).toEqual(done);
    expect(fn.deadLetters.size).toBe(records.length - 1);
    for (const path of fn.deadLetters.keys()) expect(path).not.toContain('..');
  });

  test('without a sequence number are thrown if there is no location for dead letters', async () => {
    const { fn, name } = table({ deadLettersFail: true });
    await expect(fn.invoke([streamRecord({ table: name, keys: key('a') }), { eventSource: 'aws:kinesis' }])).rejects.toThrow(
      /without a sequence number/,
    );
  });

  test('an event without any DynamoDB record is an error', async () => {
    const { fn } = table();
    await expect(fn.invoke([{ eventSource: 'aws:sqs' }])).rejects.toThrow(/none of them is from aws:dynamodb/);
  });
});

describe('a trigger without ReportBatchItemFailures', () => {
  const trouble = (): void => {
    proxy.on(BULK, { response: { status: 403, body: {} } }, Infinity);
  };
  test.each<[string, Partial<FunctionOptions>]>([
    ['by the key mapping', { mapping: [{ TableName: 'quiet', ReportBatchItemFailures: false }] }],
    ['of a table that the mapping does not know', { mapping: [] }],
    ['by option', { mapping: [{ TableName: 'quiet' }], defaults: { 'partial-batch-response': 'never' } }],
  ])('%s: failures are thrown', async (_, options) => {
    trouble();
    const fn = testFunction({ endpoint: proxy.url, ...options });
    await expect(fn.invoke([streamRecord({ table: 'quiet', keys: key('a') })])).rejects.toThrow(/whole batch is retried/);
  });

  test('partial-batch-response: always responds even if a record names no table', async () => {
    const { write, name, fn } = table({ defaults: { 'partial-batch-response': 'always', 'on-malformed': 'fail' } });
    await write([{ keys: key('a') }]);
    const record = streamRecord({ table: name, keys: key('b'), counter: 7711 });
    expect(await fn.invoke([{ ...record, eventSourceARN: 'nonsense' }])).toEqual(failed(7711));
  });

  test('partial-batch-response: always responds anyway', async () => {
    trouble();
    const fn = testFunction({ endpoint: proxy.url, mapping: [], defaults: { 'partial-batch-response': 'always' } });
    expect(await fn.invoke([streamRecord({ table: 'quiet', keys: key('a'), counter: 7701 })])).toEqual(failed(7701));
  });
});

describe('refresh', () => {
  const refreshes = (): number => proxy.requests.filter(({ path, body }) => path.includes('refresh') || body.includes('"refresh"')).length;

  test('is one per invocation, whatever the number of requests and retries', async () => {
    const { write } = table();
    proxy.on((request) => BULK.test(request.operation) && bulkIds(request).length > 2, { response: { status: 413, body: '' } }, Infinity);
    proxy.on(BULK, { response: { status: 503, body: '' } }, 2);
    expect(await write(Array.from({ length: 9 }, (_, i) => ({ keys: key(`k${i}`) })))).toEqual(done);
    expect(proxy.matching(/_refresh$/)).toHaveLength(1);
  });

  test('goes with the request where the whole batch fits in one, also when that is retried', async () => {
    const { write } = table();
    proxy.on(BULK, { response: { status: 503, body: '' } });
    expect(await write([{ keys: key('a') }, { keys: key('b') }])).toEqual(done);
    expect(proxy.matching(BULK).map(({ path }) => new URL(path, 'http://cluster').searchParams.get('refresh'))).toEqual(['true', 'true']);
    expect(proxy.matching(/_refresh$/)).toEqual([]);
  });

  test('that fails is logged and fails no record', async () => {
    const { write, fn } = table();
    proxy.on(/_refresh/, { response: { status: 500, body: {} } }, Infinity);
    // As many as go into two requests.
    expect(await write(Array.from({ length: 400 }, (_, i) => ({ keys: key(`k${i}`) })))).toEqual(done);
    expect(fn.logs.map(({ message }) => message)).toContainEqual(expect.stringContaining('refresh failed'));
  });

  test('is none with refresh: false, and goes with the request with wait_for', async () => {
    const { write } = table({ defaults: { refresh: false } });
    await write([{ keys: key('a') }]);
    expect(refreshes()).toBe(0);
    await table({ defaults: { refresh: 'wait_for' } }).write([{ keys: key('a') }]);
    expect(proxy.requests.filter(({ path }) => path.includes('refresh')).map(({ path }) => path)).toEqual([
      expect.stringContaining('refresh=wait_for'),
    ]);
  });
});

test('time to live deletes are kept where the options say so', async () => {
  const { write, all } = table({ defaults: { 'ttl-deletes': 'keep' } });
  expect(
    await write([
      { keys: key('a') },
      { event: 'REMOVE', keys: key('a'), expired: true },
      { keys: key('b') },
      { event: 'REMOVE', keys: key('b') },
    ]),
  ).toEqual(done);
  expect(await all()).toEqual(['a']);
});

test('a missing key mapping is logged once, naming the operation that fixes it', async () => {
  const { write, fn } = table({ mapping: [], defaults: { 'partial-batch-response': 'always' } });
  await write([{ keys: key('a') }]);
  await write([{ keys: key('b') }]);
  expect(fn.logs.filter((line) => JSON.stringify(line).includes('refresh-mapping'))).toHaveLength(1);
});

describe('a failure that every document meets makes no dead letters', () => {
  const error = (type: string, reason: string, cause?: object): object => ({ type, reason, ...(cause && { caused_by: cause }) });
  const vector = (id: string, reason: string): object =>
    error(
      'mapper_parsing_exception',
      `failed to parse field [vec] of type [knn_vector] in document with id '${id}'. Preview of field's value: 'null'`,
      error('illegal_state_exception', reason),
    );
  const responding =
    (made: (id: string) => object): ((request: RecordedRequest) => { response: { status: number; body: unknown } }) =>
    (request) => ({
      response: { status: 200, body: { errors: true, items: bulkIds(request).map((id) => ({ index: { status: 400, error: made(id) } })) } },
    });
  const breaker = (id: string): object => vector(id, 'Indexing knn vector fields is rejected as circuit breaker triggered. Check stats');

  test('where a breaker is open for a while, all is written', async () => {
    const { write, all, fn } = table();
    proxy.on(BULK, responding(breaker), 2);
    expect(await write([{ keys: key('a') }, { keys: key('b') }])).toEqual(done);
    expect(await all()).toEqual(['a', 'b']);
    expect(fn.deadLetters.size).toBe(0);
  });

  test.each<[string, (id: string) => object, RegExp]>([
    ['a breaker that stays open', breaker, /circuit breaker/],
    ['a breaker of its models', () => error('illegal_argument_exception', 'Memory Circuit Breaker is open'), /circuit breaker/],
    ['a model that is not ready', () => error('illegal_argument_exception', 'Model not ready yet. Please run this first'), /model/],
    ['a model that is set up wrongly', () => error('illegal_argument_exception', 'Must provide pre_process_function'), /model/],
    ['a full shard', () => error('illegal_argument_exception', 'Number of documents in the shard cannot exceed [2147483519]'), /shards/],
    ['a missing pipeline', () => error('illegal_argument_exception', 'pipeline with id [gone] does not exist'), /pipeline/],
    ['required routing', (id) => error('routing_missing_exception', `routing is required for [t]/[${id}]`), /routing/],
  ])('%s', async (_, made, remedy) => {
    const { write, fn } = table();
    proxy.on(BULK, responding(made), Infinity);
    const records = [
      { keys: key('SECRET-a'), counter: 9801 },
      { keys: key('SECRET-b'), counter: 9802 },
    ];
    expect(await write(records, 1500)).toEqual(failed(9801));
    expect(fn.deadLetters.size).toBe(0);
    expect(JSON.stringify(fn.logs)).toMatch(remedy);
    expect(JSON.stringify(fn.logs)).not.toContain('SECRET');
  });
});
