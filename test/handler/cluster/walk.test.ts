// What is read of an index, from responses that are whole and from those that are not.
import { expect, test } from '@jest/globals';
import type { ClusterClient, ClusterRequest } from '../../../handler/cluster/client.ts';
import { readDocuments } from '../../../handler/cluster/documents.ts';
import type { Reader } from '../../../handler/cluster/reader.ts';
import { surveyIndex, walkShard } from '../../../handler/cluster/walk.ts';

const now = (): number => 0;
const { signal } = new AbortController();

/** A reader of a cluster that responds as the test says. */
function reader(respond: (request: ClusterRequest) => string, serverless = false): Reader {
  const send = (request: ClusterRequest): Promise<object> =>
    Promise.resolve({ status: 200, text: respond(request), retryAfter: undefined });
  return { cluster: { send, serverless, host: 'x' } as unknown as ClusterClient, now, signal };
}

const UNREADABLE = { kind: 'transient', type: 'unreadable_response' };
const whole = '"timed_out":false,"_shards":{"total":1,"successful":1}';
const hit = '{"_id":"a","_version":1288490188800000000001,"_seq_no":7}';

test('a walk gives ids, versions with every digit, and sequence numbers', async () => {
  const by = reader(() => `{${whole},"hits":{"hits":[${hit}]}}`);
  expect(await walkShard(by, 'orders', { shard: 0, after: -1, to: 9, size: 10 })).toEqual([
    { id: 'a', version: '1288490188800000000001', sequenceNumber: 7, ignored: [] },
  ]);
});

const PARTIAL = [
  ['timed out', `{"timed_out":true,"_shards":{"total":1,"successful":1},"hits":{"hits":[${hit}]}}`],
  ['without the shard', '{"timed_out":false,"_shards":{"total":1,"successful":0,"failed":1},"hits":{"hits":[]}}'],
  ['without hits', `{${whole}}`],
  ['of something else', '{}'],
  ['cut off', `{${whole},"hits":{"hits":[`],
  ['of a proxy', '<html></html>'],
  ['with more behind it', `{${whole},"hits":{"hits":[${hit}]}}{}`],
  ['with a hit that has no sequence number', `{${whole},"hits":{"hits":[{"_id":"a","_version":1}]}}`],
  ['with a hit whose sequence number is null', `{${whole},"hits":{"hits":[{"_id":"a","_version":1,"_seq_no":null}]}}`],
  ['with a hit that was never given one', `{${whole},"hits":{"hits":[{"_id":"a","_version":1,"_seq_no":-2}]}}`],
  ['with a hit that has no version', `{${whole},"hits":{"hits":[{"_id":"a","_seq_no":7}]}}`],
  ['with a hit that has no id', `{${whole},"hits":{"hits":[{"_version":1,"_seq_no":7}]}}`],
] as const;

test.each(PARTIAL)('a response of a search %s ends no walk and leaves no shard out', async (_, text) => {
  expect(
    await walkShard(
      reader(() => text),
      'orders',
      { shard: 0, after: -1, to: 9, size: 10 },
    ),
  ).toMatchObject(UNREADABLE);
  const survey = reader(({ path }) =>
    path.endsWith('_settings') ? '{"orders":{"settings":{"index.uuid":"u"}}}' : path.endsWith('_count') ? '{"count":1}' : text,
  );
  expect(await surveyIndex(survey, 'orders')).toMatchObject(UNREADABLE);
});

const numbered = (...numbers: number[]): string =>
  `{${whole},"hits":{"hits":[${numbers.map((number) => `{"_id":"a","_version":1,"_seq_no":${number}}`).join(',')}]}}`;

test.each([
  ['documents before its place', numbered(3, 6)],
  ['the document of its place', numbered(5)],
  ['documents in another order', numbered(8, 7)],
])('a walk does not go on from a response with %s', async (_, text) => {
  const by = reader(() => text);
  expect(await walkShard(by, 'orders', { shard: 0, after: 5, to: 9, size: 2 })).toMatchObject(UNREADABLE);
});

test('a walk reads responses of any form: white space, escapes in names and ids, members in another order or of no use', async () => {
  const text = String.raw`{ "hits" : {
    "hits":[ {"_ignored" : [ "x.\u00e9" , "y" ],"sort":[7],"_s\u0065q_no":7 , "_version" : 12345678901234567890,
    "_id":"a\"]}\\|\ud83d\ude00" } ] , "max_score":null },"took":1,"_shards":{"failures":[{"a":[]}],"total":1,"successful":1}, "timed_out":false }
  `;
  const by = reader(() => text);
  expect(await walkShard(by, 'orders', { shard: 0, after: -1, to: 9, size: 10 })).toEqual([
    { id: 'a"]}\\|😀', version: '12345678901234567890', sequenceNumber: 7, ignored: ['x.é', 'y'] },
  ]);
});

test('a source with objects in each other a hundred thousand deep is cut out whole', async () => {
  const deep = `${'{"a":['.repeat(100_000)}${']}'.repeat(100_000)}`;
  const by = reader(() => `{"docs":[{"_id":"a","_version":1,"_seq_no":1,"found":true,"_source":${deep}}]}`);
  expect(await readDocuments(by, 'orders', ['a'])).toEqual(new Map([['a', expect.objectContaining({ source: deep })]]));
});

test.each(['{}', '<html></html>', '{"count":"1"}', ''])('a count of %j is none', async (text) => {
  const by = reader(({ path }) => (path.endsWith('_settings') ? '{"orders":{"settings":{"index.uuid":"u"}}}' : text));
  expect(await surveyIndex(by, 'orders')).toMatchObject(UNREADABLE);
});

test('documents come with their sources as they stand', async () => {
  const source = '{ "n":1.50, "s":"a \\" } ] , b", "m":{"_id":"x"} }';
  const by = reader(
    () =>
      `{"docs":[{"_index":"orders","_id":"a","_version":9007199254740993,"_seq_no":1,"found":true,"_source":${source}},{"_id":"b","found":false}]}`,
  );
  expect(await readDocuments(by, 'orders', ['a', 'b'])).toEqual(
    new Map([['a', { id: 'a', version: '9007199254740993', sequenceNumber: '1', source }]]),
  );
});

test.each([
  ['of something else', '{}'],
  ['with fewer documents than were read', '{"docs":[{"_id":"a","found":false}]}'],
  ['with a shard that failed', '{"docs":[{"_id":"a","found":false},{"_id":"b","error":{"type":"unavailable_shards_exception"}}]}'],
  ['that does not say what was found', '{"docs":[{"_id":"a"},{"_id":"b"}]}'],
  ['cut off', '{"docs":[{"_id":"a","found":true,"_source":{"x":"'],
  ['cut off between two', '{"docs":[{"_id":"a","found":false},'],
  ['of a proxy', '<html></html>'],
  ['with more behind it', '{"docs":[{"_id":"a","found":false},{"_id":"b","found":false}]}}'],
  ['with null for a document', '{"docs":[{"_id":"a","found":false},null]}'],
])('a response %s does not count documents as missing', async (_, text) => {
  const by = reader(() => text);
  expect(await readDocuments(by, 'orders', ['a', 'b'])).toMatchObject(UNREADABLE);
});

test('a collection of OpenSearch Serverless is neither refreshed nor walked', async () => {
  const seen: string[] = [];
  const by = reader(({ path }) => {
    seen.push(path);
    return path.endsWith('_settings') ? '{"orders":{"settings":{"index.uuid":"u","index.number_of_shards":"2"}}}' : '{"count":3}';
  }, true);
  expect(await surveyIndex(by, 'orders')).toEqual({ index: 'orders', uuid: 'u', documents: 3, shards: [] });
  expect(seen).toEqual(['/orders/_settings', '/orders/_count']);
});
