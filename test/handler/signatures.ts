// Signatures as a service checks them: worked out again from what arrived, by the rules of AWS Signature Version 4 and nothing else.
import { createHash, createHmac } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { listen, readBody, type LoopbackServer } from '../stack/loopback.ts';

const SECRET = 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY';
const TOKEN = 'IQoJb3JpZ2luX2VjEA//token==';
/** An environment with the credentials that the signatures are checked by. */
export const SIGNING_ENV = {
  AWS_REGION: 'eu-west-1',
  AWS_ACCESS_KEY_ID: 'AKIDEXAMPLE',
  AWS_SECRET_ACCESS_KEY: SECRET,
  AWS_SESSION_TOKEN: TOKEN,
};

/** A request that arrived. */
export interface Seen {
  readonly request: IncomingMessage;
  readonly body: Buffer;
}

/** A server that records the requests. @param respond sends the response to each */
export async function watchingServer(
  respond: (seen: Seen, response: ServerResponse) => void,
): Promise<LoopbackServer & { readonly seen: Seen[] }> {
  const seen: Seen[] = [];
  const server = await listen(
    createServer((request, response) => {
      void readBody(request).then((body) => {
        seen.push({ request, body });
        respond({ request, body }, response);
      });
    }),
  );
  return { ...server, seen };
}

const sha256 = (text: string | Buffer): string => createHash('sha256').update(text).digest('hex');
const hmac = (key: string | Buffer, text: string): Buffer => createHmac('sha256', key).update(text).digest();
const strict = (text: string): string =>
  encodeURIComponent(text).replace(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`);

/** Checks the signature of a request. @returns the mistake, or undefined if it is valid */
export function signatureProblem({ request, body }: Seen, service: string, region = 'eu-west-1'): string | undefined {
  const { method = '', url = '', headers } = request;
  const [, credential = '', signed = '', signature = ''] =
    /^AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE\/([^,]+), SignedHeaders=([^,]+), Signature=([0-9a-f]{64})$/.exec(
      headers.authorization ?? '',
    ) ?? [];
  const date = String(headers['x-amz-date']);
  if (credential !== `${date.slice(0, 8)}/${region}/${service}/aws4_request`) return `scope ${credential}`;
  if (headers['x-amz-content-sha256'] !== sha256(body)) return 'x-amz-content-sha256 is not the hash of the body';
  if (headers['x-amz-security-token'] !== TOKEN) return 'no session token';
  const names = signed.split(';');
  for (const name of ['host', 'x-amz-date', 'x-amz-content-sha256', 'x-amz-security-token'])
    if (!names.includes(name)) return `${name} is not signed`;
  const [path = '', query = ''] = url.split('?');
  // All services but S3 encode the path that arrived once more.
  const canonicalPath = path
    .split('/')
    .map((segment) => strict(service === 's3' ? decodeURIComponent(segment) : segment))
    .join('/');
  const parameters = [...new URLSearchParams(query)].map(([name, value]) => `${strict(name)}=${strict(value)}`).sort();
  const canonicalHeaders = names.map((name) => `${name}:${String(headers[name]).trim().replace(/\s+/g, ' ')}\n`).join('');
  const canonical = [method, canonicalPath, parameters.join('&'), canonicalHeaders, signed, sha256(body)].join('\n');
  const toSign = ['AWS4-HMAC-SHA256', date, credential, sha256(canonical)].join('\n');
  const key = [...credential.split('/')].reduce<string | Buffer>(hmac, `AWS4${SECRET}`);
  if (hmac(key, toSign).toString('hex') !== signature) return `signature of ${method} ${url}`;
  // Where a path or query is signed as it arrived, without being decoded first, it must have its canonical form already.
  if (service === 's3' && canonicalPath !== path) return `path ${path}`;
  return query.split('&').sort().join('&') === parameters.join('&') ? undefined : `query ${query}`;
}
