// A collection of OpenSearch Serverless by its documented interface: a real engine behind a proxy that refuses everything else.
// https://docs.aws.amazon.com/opensearch-service/latest/developerguide/serverless-genref.html
import { startProxy, type Proxy, type RecordedRequest } from './proxy.ts';

/** Operations on indexes and their documents that a collection of type search has, of those that anything here could use. */
const OPERATIONS: readonly (readonly [methods: string, path: RegExp])[] = [
  ['PUT GET HEAD DELETE', /^\/[^/_][^/]*$/],
  ['GET PUT', /^\/[^/_][^/]*\/_mapping$/],
  ['GET PUT', /^\/[^/_][^/]*\/_settings$/],
  ['POST', /^\/[^/_][^/]*\/_bulk$/],
  ['GET POST', /^\/[^/_][^/]*\/_(?:mget|search|count)$/],
  ['GET HEAD PUT DELETE', /^\/[^/_][^/]*\/_doc\/[^/]+$/],
];
/** Parameters of other engines' shards and refreshes. */
const UNKNOWN_PARAMETERS = ['preference', 'refresh', 'write_index_only', 'wait_for_active_shards', 'routing'];

export interface Collection extends Proxy {
  /** Requests that a collection does not have. */
  readonly refused: readonly RecordedRequest[];
}

function isKnown({ method, path, body }: RecordedRequest): boolean {
  const { pathname, searchParams } = new URL(path, 'http://localhost');
  const isOperation = OPERATIONS.some(([methods, pattern]) => methods.split(' ').includes(method) && pattern.test(pathname));
  // The service chooses most settings of an index itself.
  const isCreatedWithSettings = method === 'PUT' && body.includes('gc_deletes');
  return isOperation && !isCreatedWithSettings && !UNKNOWN_PARAMETERS.some((name) => searchParams.has(name));
}

/** @param upstream address of the engine */
export async function startCollection(upstream: string): Promise<Collection> {
  const proxy = await startProxy(upstream);
  const refused: RecordedRequest[] = [];
  const setting = { error: { type: 'illegal_argument_exception', reason: 'unknown setting [index.gc_deletes]' }, status: 400 };
  proxy.on(
    (request) => !isKnown(request),
    (request) => {
      if (request.body.includes('gc_deletes')) return { response: { status: 400, body: setting } };
      refused.push(request);
      return { response: { status: 404, body: '' } };
    },
    Infinity,
  );
  return { ...proxy, refused };
}
