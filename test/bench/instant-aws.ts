// A table and a bucket that respond at once, from texts made beforehand, so that neither DynamoDB Local nor moto is what is measured.
import { createServer, type IncomingMessage } from 'node:http';
import { listen, readBody } from '../stack/loopback.ts';

/** Items of a table: the n-th item belongs to segment `n % TotalSegments`. */
export interface InstantTable {
  readonly count: number;
  /** The n-th item, which has the keys `pk` (S) and `sk` (N), the latter being n. */
  readonly item: (n: number) => Record<string, unknown>;
  /** Items of a page at most. */
  readonly pageItems: number;
  /** Read capacity units of an item, read consistently. */
  readonly unitsPerItem: number;
}

export interface InstantAws {
  readonly url: string;
  readonly objects: Map<string, string>;
  /** Read capacity units that were consumed. */
  units: number;
  table: InstantTable;
  /** Makes the pages beforehand. */
  prepare(totalSegments: number): void;
  stop(): Promise<void>;
}

interface Scan {
  readonly Segment?: number;
  readonly TotalSegments?: number;
  readonly Limit?: number;
  readonly Select?: string;
  readonly ExclusiveStartKey?: { readonly sk: { readonly N: string } };
}
interface BatchGet {
  readonly RequestItems: Record<
    string,
    {
      readonly Keys: readonly { readonly sk: { readonly N: string } }[];
      readonly ConsistentRead: boolean;
      readonly ProjectionExpression?: string;
    }
  >;
}

export async function startInstantAws(first: InstantTable): Promise<InstantAws> {
  let pages = new Map<string, string>();
  let writes = 0;
  const etags = new Map<string, string>();
  const scan = ({ Segment = 0, TotalSegments = 1, Limit = Infinity, Select, ExclusiveStartKey }: Scan): string => {
    const { count, item, pageItems, unitsPerItem } = self.table;
    if (Select === 'COUNT') return '{"Count":1}';
    const from = ExclusiveStartKey === undefined ? Segment : Number(ExclusiveStartKey.sk.N) + TotalSegments;
    const size = Math.min(pageItems, Limit);
    const numbers: number[] = [];
    for (let n = from; n < count && numbers.length < size; n += TotalSegments) numbers.push(n);
    const units = Math.ceil(numbers.length * unitsPerItem);
    self.units += units;
    const name = `${Segment}/${TotalSegments}/${from}/${size}`;
    const known = pages.get(name);
    if (known !== undefined) return known;
    const last = numbers.at(-1);
    const next = last !== undefined && last + TotalSegments < count ? { LastEvaluatedKey: keyOf(item(last)) } : {};
    return JSON.stringify({ Items: numbers.map(item), ...next, ConsumedCapacity: { CapacityUnits: units } });
  };
  const batchGet = ({ RequestItems }: BatchGet): string => {
    const [[table, { Keys, ConsistentRead, ProjectionExpression }] = ['', { Keys: [], ConsistentRead: true }]] =
      Object.entries(RequestItems);
    const { count, item, unitsPerItem } = self.table;
    const items = Keys.map(({ sk }) => Number(sk.N))
      .filter((n) => n < count)
      .map((n) => (ProjectionExpression === undefined ? item(n) : keyOf(item(n))));
    const units = Keys.length * Math.max(1, Math.ceil(unitsPerItem)) * (ConsistentRead ? 1 : 0.5);
    self.units += units;
    return JSON.stringify({ Responses: { [table]: items }, UnprocessedKeys: {}, ConsumedCapacity: [{ CapacityUnits: units }] });
  };
  /** The keys of a bucket's objects below a prefix. @param bucket `/name` */
  const keysOf = (bucket: string, query: URLSearchParams): string =>
    [...self.objects.keys()]
      .filter((path) => path.startsWith(`${bucket}/${query.get('prefix') ?? ''}`))
      .map((path) => path.slice(bucket.length + 1))
      .filter((key) => key > (query.get('start-after') ?? ''))
      .sort()
      .map((key) => `<Key>${key}</Key>`)
      .join('');
  const respond = async (request: IncomingMessage): Promise<{ status: number; text: string; etag?: string }> => {
    const body = (await readBody(request)).toString();
    const target = String(request.headers['x-amz-target'] ?? '');
    if (target.endsWith('.Scan')) return { status: 200, text: scan(JSON.parse(body) as Scan) };
    if (target.endsWith('.BatchGetItem')) return { status: 200, text: batchGet(JSON.parse(body) as BatchGet) };
    const key = request.url ?? '';
    const listed = /^(\/[^/?]+)\/?\?(list-type=2.*)$/.exec(key);
    if (listed !== null) return { status: 200, text: keysOf(listed[1] ?? '', new URLSearchParams(listed[2])) };
    const etag = etags.get(key);
    if (request.method === 'GET')
      return etag === undefined
        ? { status: 404, text: '<Error><Code>NoSuchKey</Code></Error>' }
        : { status: 200, text: self.objects.get(key) ?? '', etag };
    const { 'if-match': match, 'if-none-match': none } = request.headers;
    if ((none !== undefined && etag !== undefined) || (match !== undefined && match !== etag))
      return { status: 412, text: '<Error><Code>PreconditionFailed</Code></Error>' };
    if (request.method === 'DELETE') {
      self.objects.delete(key);
      etags.delete(key);
      return { status: 204, text: '' };
    }
    self.objects.set(key, body);
    etags.set(key, `"${++writes}"`);
    return { status: 200, text: '', etag: `"${writes}"` };
  };
  const { url, stop } = await listen(
    createServer((request, response) => {
      void respond(request).then(({ status, text, etag }) => {
        response.writeHead(status, { 'content-length': Buffer.byteLength(text), ...(etag === undefined ? {} : { etag }) }).end(text);
      });
    }),
  );
  const self: InstantAws = {
    url,
    objects: new Map(),
    units: 0,
    table: first,
    prepare: (totalSegments) => {
      pages = new Map();
      for (let segment = 0; segment < totalSegments; segment++) {
        for (let from = segment; from < self.table.count; from += totalSegments * self.table.pageItems) {
          const after = from === segment ? {} : { ExclusiveStartKey: { sk: { N: String(from - totalSegments) } } };
          const text = scan({ Segment: segment, TotalSegments: totalSegments, ...after });
          pages.set(`${segment}/${totalSegments}/${from}/${self.table.pageItems}`, text);
        }
      }
      self.units = 0;
    },
    stop,
  };
  return self;
}

const keyOf = ({ pk, sk }: Record<string, unknown>): Record<string, unknown> => ({ pk, sk });
