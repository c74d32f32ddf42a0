import { isLoopback } from '../loopback.ts';
import { addressProblem, hostProblem } from './address-problem.ts';
import type { EndpointSettings } from './endpoint-settings.ts';

/** The cluster's URL, with its user and password if it has them; undefined: the file has problems. */
export function readUrl(file: EndpointSettings): URL | undefined {
  const value = file.get('ES_ENDPOINT');
  const allowHttp = file.oneOf('ES_ALLOW_HTTP', ['true', 'false']) === 'true';
  if (value === undefined) {
    const like = file.endpointLike;
    if (like === undefined) {
      const remedy = "add a line ES_ENDPOINT='https://<host>', or set only the URL, beginning with https://";
      file.problem('ES_ENDPOINT', `ES_ENDPOINT is missing; ${remedy}`);
    } else {
      const message = `ES_ENDPOINT is missing; line ${like.line} has ${like.shown}: did you mean ES_ENDPOINT?`;
      file.problems.push({ where: 'ES_ENDPOINT', message, place: { file: file.source, line: like.line } });
    }
    return undefined;
  }
  const wrong = /^https?:\/\//i.test(value) ? addressProblem(value) : undefined;
  if (wrong !== undefined) {
    file.problem('ES_ENDPOINT', `ES_ENDPOINT ${wrong}`);
    return undefined;
  }
  const url = /\s/.test(value) ? null : URL.parse(value);
  if (url === null || !['https:', 'http:'].includes(url.protocol) || !/^https?:\/\//i.test(value)) {
    file.problem('ES_ENDPOINT', 'ES_ENDPOINT is not a valid URL; it must begin with https:// and name the host');
    return undefined;
  }
  const impossible = hostProblem(url);
  if (impossible !== undefined) {
    file.problem('ES_ENDPOINT', `ES_ENDPOINT ${impossible}`);
    return undefined;
  }
  if (url.protocol === 'http:' && !isLoopback(url.hostname) && !allowHttp) {
    const remedy = 'use https://, or set ES_ALLOW_HTTP=true inside a VPC';
    file.problem('ES_ENDPOINT', `ES_ENDPOINT would send everything to ${url.hostname} unencrypted; ${remedy}`);
  }
  if (url.search !== '' || url.hash !== '')
    file.problem('ES_ENDPOINT', 'ES_ENDPOINT must end with the host, port or path; remove what follows ? or #');
  if (/^\/_(?:dashboards|plugin\/kibana)(?:\/|$)/.test(url.pathname)) {
    file.problem('ES_ENDPOINT', `ES_ENDPOINT is the address of the dashboards of ${url.hostname}; remove its path`);
  }
  return url;
}

/** A part of a URL without its percent signs; a stray percent sign represents itself. */
export function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
