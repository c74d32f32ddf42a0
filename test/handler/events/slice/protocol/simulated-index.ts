// One shard of an engine, as far as the protocol needs it: versions, tombstones that can be forgotten, sequence numbers.
import type { ClusterRequest, ClusterResponse } from '../../../../../handler/cluster/client.ts';

export interface Entry {
  version: bigint;
  sequenceNumber: number;
  /** Undefined: a tombstone. */
  source: string | undefined;
}

/** An operation of a bulk request. */
export interface BulkOperation {
  readonly action: 'index' | 'delete';
  readonly id: string;
  version: bigint;
  readonly type: 'external' | 'external_gte';
  readonly source: string | undefined;
  /** Compares with the sequence number instead of the version; null: there must be no document. */
  ifSequenceNumber?: number | null;
}

export class SimulatedIndex {
  readonly entries = new Map<string, Entry>();
  #last = -1;

  get highest(): number {
    return this.#last;
  }

  /** As after a close and open, or once `gc_deletes` is over. */
  forgetTombstones(): void {
    for (const [id, { source }] of this.entries) if (source === undefined) this.entries.delete(id);
  }

  apply({ action, id, version, type, source, ifSequenceNumber }: BulkOperation): number {
    const found = this.entries.get(id);
    if (ifSequenceNumber !== undefined) {
      if ((found?.source === undefined ? null : found.sequenceNumber) !== ifSequenceNumber || found === undefined) return 409;
      this.entries.set(id, { version: found.version + 1n, sequenceNumber: ++this.#last, source });
      return 200;
    }
    if (found !== undefined && (type === 'external' ? found.version >= version : found.version > version)) return 409;
    this.entries.set(id, { version, sequenceNumber: ++this.#last, source });
    return action === 'delete' && found?.source === undefined ? 404 : found?.source === undefined ? 201 : 200;
  }

  /** Responds to every request that slices and the function send. */
  respond(request: ClusterRequest, operations: readonly BulkOperation[] | undefined): ClusterResponse {
    const { path, body } = request;
    const json = (value: unknown): ClusterResponse => ({ status: 200, text: JSON.stringify(value), retryAfter: undefined });
    if (operations !== undefined) {
      const items = operations.map((operation) => ({ [operation.action]: itemOf(this.apply(operation)) }));
      return json({ errors: items.some((item) => JSON.stringify(item).includes('error')), items });
    }
    if (path.endsWith('/_settings')) return json({ orders: { settings: { 'index.uuid': 'u', 'index.number_of_shards': '1' } } });
    if (path.endsWith('/_count')) return json({ count: [...this.entries.values()].filter(({ source }) => source !== undefined).length });
    if (path.endsWith('/_mget')) return { ...json({}), text: this.#read(JSON.parse(String(body)) as { ids: string[] }) };
    if (path.endsWith('/_search')) return { ...json({}), text: this.#search(JSON.parse(String(body)) as Search) };
    if (path.endsWith('/_refresh')) return json({});
    throw new Error(`nothing sends ${request.method} ${path}`);
  }

  #read({ ids }: { ids: readonly string[] }): string {
    const docs = ids.map((id) => {
      const { version, sequenceNumber, source } = this.entries.get(id) ?? {};
      const rest =
        source === undefined ? '"found":false' : `"_version":${version},"_seq_no":${sequenceNumber},"found":true,"_source":${source}`;
      return `{"_id":${JSON.stringify(id)},${rest}}`;
    });
    return `{"docs":[${docs.join(',')}]}`;
  }

  #search({ query, sort, size }: Search): string {
    const { gt = -1, lte = Infinity } = query?.range._seq_no ?? {};
    const sign = sort[0]?._seq_no.order === 'desc' ? -1 : 1;
    const hits = [...this.entries]
      .filter(([, { source, sequenceNumber: at }]) => source !== undefined && at > gt && at <= lte)
      .sort(([, a], [, b]) => sign * (a.sequenceNumber - b.sequenceNumber))
      .slice(0, size)
      .map(([id, { version, sequenceNumber }]) => `{"_id":${JSON.stringify(id)},"_version":${version},"_seq_no":${sequenceNumber}}`);
    return `{"timed_out":false,"_shards":{"total":1,"successful":1},"hits":{"hits":[${hits.join(',')}]}}`;
  }
}

interface Search {
  readonly query?: { readonly range: { readonly _seq_no: { readonly gt: number; readonly lte: number } } };
  readonly sort: readonly { readonly _seq_no: { readonly order: 'asc' | 'desc' } }[];
  readonly size: number;
}

const itemOf = (status: number): object =>
  status === 409 ? { status, error: { type: 'version_conflict_engine_exception', reason: 'the current version is higher' } } : { status };

/** The operations of a bulk request; undefined for another request. */
export function operationsOf({ path, body }: ClusterRequest): BulkOperation[] | undefined {
  if (!path.endsWith('/_bulk') || body === undefined) return undefined;
  const lines = (typeof body === 'string' ? body : Buffer.concat(body).toString()).split('\n');
  const operations: BulkOperation[] = [];
  for (let at = 0; at < lines.length - 1; at++) {
    const line = lines[at] ?? '';
    // The version has more digits than a number of JavaScript.
    const version = BigInt(/"version":(\d+)/.exec(line)?.[1] ?? 0);
    const [[action, { _id: id, version_type: type }]] = Object.entries(
      JSON.parse(line) as Record<'index' | 'delete', { _id: string; version_type: BulkOperation['type'] }>,
    ) as [['index' | 'delete', { _id: string; version_type: BulkOperation['type'] }]];
    operations.push({ action, id, version, type, source: action === 'index' ? lines[++at] : undefined });
  }
  return operations;
}
