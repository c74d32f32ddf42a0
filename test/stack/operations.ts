// Recognizes the AWS service and operation of a request by the headers and paths that every SDK sends.
import type { IncomingHttpHeaders } from 'node:http';

/** Lambda's REST paths; the function's name or ARN, percent-encoded, is one segment. */
const LAMBDA: readonly (readonly [string, RegExp, string])[] = [
  ['POST', /^\/functions$/, 'CreateFunction'],
  ['GET', /^\/functions$/, 'ListFunctions'],
  ['GET', /^\/functions\/[^/]+$/, 'GetFunction'],
  ['DELETE', /^\/functions\/[^/]+$/, 'DeleteFunction'],
  ['GET', /^\/functions\/[^/]+\/configuration$/, 'GetFunctionConfiguration'],
  ['PUT', /^\/functions\/[^/]+\/configuration$/, 'UpdateFunctionConfiguration'],
  ['PUT', /^\/functions\/[^/]+\/code$/, 'UpdateFunctionCode'],
  ['POST', /^\/functions\/[^/]+\/invocations$/, 'Invoke'],
  ['POST', /^\/functions\/[^/]+\/versions$/, 'PublishVersion'],
  ['GET', /^\/functions\/[^/]+\/versions$/, 'ListVersionsByFunction'],
  ['POST', /^\/functions\/[^/]+\/aliases$/, 'CreateAlias'],
  ['GET', /^\/functions\/[^/]+\/aliases$/, 'ListAliases'],
  ['GET', /^\/functions\/[^/]+\/aliases\/[^/]+$/, 'GetAlias'],
  ['PUT', /^\/functions\/[^/]+\/aliases\/[^/]+$/, 'UpdateAlias'],
  ['POST', /^\/event-source-mappings$/, 'CreateEventSourceMapping'],
  ['GET', /^\/event-source-mappings$/, 'ListEventSourceMappings'],
  ['GET', /^\/event-source-mappings\/[^/]+$/, 'GetEventSourceMapping'],
  ['PUT', /^\/event-source-mappings\/[^/]+$/, 'UpdateEventSourceMapping'],
  ['DELETE', /^\/event-source-mappings\/[^/]+$/, 'DeleteEventSourceMapping'],
  ['GET', /^\/tags\/[^/]+$/, 'ListTags'],
  ['POST', /^\/tags\/[^/]+$/, 'TagResource'],
  ['DELETE', /^\/tags\/[^/]+$/, 'UntagResource'],
];

/**
 * `<service>:<Operation>` of an AWS request as IAM writes it (`lambda:UpdateFunctionCode`, `dynamodb:DescribeTable`, `s3:PutObject`),
 * or `<METHOD> <path>` of any other, such as a search server's `POST /_bulk`.
 */
export function operationOf(method: string, url: string, headers: IncomingHttpHeaders, body: string): string {
  const { pathname, searchParams } = new URL(url, 'http://localhost');
  const signed = /Credential=[^/]*\/\d+\/[^/]+\/([^/]+)\//.exec(
    `${headers.authorization ?? ''} ${searchParams.get('X-Amz-Credential') ?? ''}`,
  )?.[1];
  // CloudWatch's requests are signed for another name than the one in policies.
  const service = signed === 'monitoring' ? 'cloudwatch' : signed;
  if (!service || service === 'es' || service === 'aoss') return `${method} ${pathname}`;
  const target = headers['x-amz-target'];
  if (typeof target === 'string') return `${service}:${target.slice(target.lastIndexOf('.') + 1)}`;
  const cbor = /\/operation\/(\w+)$/.exec(pathname)?.[1];
  if (cbor) return `${service}:${cbor}`;
  if (service === 'lambda') {
    const path = pathname.replace(/^\/\d{4}-\d{2}-\d{2}/, '').replace(/\/$/, '');
    return `lambda:${LAMBDA.find(([verb, pattern]) => verb === method && pattern.test(path))?.[2] ?? `${method} ${path}`}`;
  }
  if (service === 's3') return `s3:${s3Operation(method, pathname, searchParams)}`;
  const action = new URLSearchParams(body).get('Action') ?? searchParams.get('Action');
  return `${service}:${action ?? `${method} ${pathname}`}`;
}

/** Path-style addresses: `/bucket` or `/bucket/key`. */
function s3Operation(method: string, pathname: string, query: URLSearchParams): string {
  const hasKey = /^\/[^/]+\/./.test(pathname);
  if (hasKey)
    return { GET: 'GetObject', HEAD: 'HeadObject', PUT: 'PutObject', DELETE: 'DeleteObject', POST: 'PostObject' }[method] ?? method;
  if (method === 'GET') return query.has('list-type') ? 'ListObjectsV2' : query.has('location') ? 'GetBucketLocation' : 'ListObjects';
  return { HEAD: 'HeadBucket', PUT: 'CreateBucket', DELETE: 'DeleteBucket', POST: 'DeleteObjects' }[method] ?? method;
}
