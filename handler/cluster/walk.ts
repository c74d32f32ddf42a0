// All documents of an index, shard by shard in the order of their sequence numbers: complete, without a context on the server, and the
// cursor is one number that holds for days. Sorting by _id is refused by Elasticsearch 8 and 9, and a point in time sorted by _doc loses
// documents on OpenSearch 2 and 3 (measured: 9 of 500).
import { parseWithDigits } from '../documents/exact-json.ts';
import type { ClusterClient } from './client.ts';
import { notRead, type NotRead } from './documents.ts';
import type { ClusterResponse, ClusterRequest } from './client.ts';
import { classifyRequest, classifyThrown } from './responses.ts';

/** A document that a walk meets. */
export interface WalkedDocument {
  readonly id: string;
  /** Exact digits. */
  readonly version: string;
  readonly sequenceNumber: number;
}

/** A concrete index. */
export interface IndexFacts {
  readonly index: string;
  readonly uuid: string;
  readonly documents: number;
  /** The highest sequence number of each shard, -1 for an empty one. */
  readonly shards: readonly number[];
}

export interface Reader {
  readonly cluster: ClusterClient;
  readonly now: () => number;
  readonly signal: AbortSignal;
}

async function ask({ cluster, now, signal }: Reader, request: ClusterRequest, what: string): Promise<ClusterResponse | NotRead> {
  try {
    const response = await cluster.send(request, signal);
    const failure = classifyRequest(response, now());
    return failure === undefined ? response : notRead(failure, what);
  } catch (error) {
    return classifyThrown(error, signal);
  }
}

/** The documents of a shard with sequence numbers above `after`, up to `to`, in their order. */
export async function walkShard(
  reader: Reader,
  index: string,
  { shard, after, to, size }: { readonly shard: number; readonly after: number; readonly to: number; readonly size: number },
): Promise<readonly WalkedDocument[] | NotRead> {
  const response = await ask(
    reader,
    {
      method: 'POST',
      path: `/${encodeURIComponent(index)}/_search`,
      query: { preference: `_shards:${shard}` },
      body: JSON.stringify({
        size,
        query: { range: { _seq_no: { gt: after, lte: to } } },
        sort: [{ _seq_no: 'asc' }],
        _source: false,
        version: true,
        seq_no_primary_term: true,
        track_total_hits: false,
      }),
    },
    `walking shard ${shard} of ${index}`,
  );
  if ('kind' in response) return response;
  const { hits } = parseWithDigits(response.text) as { hits?: { hits?: readonly Record<string, unknown>[] } };
  return (hits?.hits ?? []).map(({ _id, _version, _seq_no }) => ({
    id: String(_id),
    version: String(_version),
    sequenceNumber: Number(_seq_no),
  }));
}

/** Makes what was written visible to searches, then looks at the index behind a name. */
export async function surveyIndex(reader: Reader, name: string): Promise<IndexFacts | NotRead> {
  const path = `/${encodeURIComponent(name)}`;
  if (!reader.cluster.serverless) {
    const refreshed = await ask(reader, { method: 'POST', path: `${path}/_refresh` }, `the refresh of ${name}`);
    if ('kind' in refreshed) return refreshed;
  }
  const settings = await ask(
    reader,
    { method: 'GET', path: `${path}/_settings`, query: { flat_settings: 'true' } },
    `reading the settings of ${name}`,
  );
  if ('kind' in settings) return settings;
  const indexes = Object.entries(JSON.parse(settings.text) as Record<string, { settings?: Record<string, string> }>);
  const [index, facts] = indexes[0] ?? [name, {}];
  if (indexes.length > 1) {
    return {
      kind: 'configuration',
      type: 'alias_over_several_indexes',
      reason: `${name} is an alias over ${indexes.length} indexes`,
      remedy: 'Give the table one index, or an alias over one index',
    };
  }
  const count = await ask(reader, { method: 'GET', path: `/${encodeURIComponent(index)}/_count` }, `counting the documents of ${index}`);
  if ('kind' in count) return count;
  const shards: number[] = [];
  const of = reader.cluster.serverless ? 0 : Number(facts.settings?.['index.number_of_shards'] ?? 1);
  for (let shard = 0; shard < of; shard++) {
    const last = await ask(
      reader,
      {
        method: 'POST',
        path: `/${encodeURIComponent(index)}/_search`,
        query: { preference: `_shards:${shard}` },
        body: JSON.stringify({ size: 1, sort: [{ _seq_no: 'desc' }], _source: false, seq_no_primary_term: true, track_total_hits: false }),
      },
      `looking at shard ${shard} of ${index}`,
    );
    if ('kind' in last) return last;
    const { hits } = JSON.parse(last.text) as { hits?: { hits?: readonly { _seq_no?: unknown }[] } };
    shards.push(Number(hits?.hits?.[0]?._seq_no ?? -1));
  }
  return {
    index,
    uuid: facts.settings?.['index.uuid'] ?? '',
    documents: Number((JSON.parse(count.text) as { count?: unknown }).count ?? 0),
    shards,
  };
}
