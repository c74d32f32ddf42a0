import type { Auth } from '../../formats/function-config.ts';
import { InputError } from '../errors.ts';
import type { Place, Problem } from '../errors.ts';
import { readCertificateAuthority } from './certificate-authority.ts';
import { readAuth, warnOfUnused } from './endpoint-auth.ts';
import { EndpointSettings } from './endpoint-settings.ts';
import { decoded, readUrl } from './endpoint-url.ts';

/** The content of an endpoint file. */
export interface Endpoint {
  /** `https://host[:port][/path]`, without credentials and without a slash at the end. Only its host may be shown. */
  readonly endpoint: string;
  /** The only part of the URL that logs and reports show. */
  readonly host: string;
  /** `sigv4` without a region: the function's own. */
  readonly auth: Auth;
  /** PEM */
  readonly certificateAuthority?: string;
  /** To be masked before anything is written. */
  readonly secrets: readonly string[];
  readonly warnings: readonly Problem[];
  /** The values as an earlier release read them, which kept backslashes in double quotes; undefined: they are the same. */
  readonly former?: FormerReading;
}

/** The part of an `Endpoint` that such a release put into the package. */
export interface FormerReading extends Pick<Endpoint, 'endpoint' | 'auth' | 'certificateAuthority'> {
  /** The places of the values that were read differently. */
  readonly places: readonly { readonly key: string; readonly place: Place }[];
}

export interface EndpointSource {
  /** How problems name the file: `STAGE_es_creds`, `s3://bucket/key`, or `input endpoint`. */
  readonly source: string;
}

/**
 * Reads an endpoint file, or the cluster's URL alone. Of its values only the host and plain words are ever shown.
 * @throws {InputError} with every problem of the file
 */
export function parseEndpoint(text: string, { source }: EndpointSource): Endpoint {
  const present = readAs(text, source, false);
  const { former, ...endpoint } = present;
  if (former.places.length === 0) return endpoint;
  try {
    const before = readAs(text, source, true);
    return {
      ...endpoint,
      secrets: [...new Set([...endpoint.secrets, ...before.secrets])],
      former: {
        endpoint: before.endpoint,
        auth: before.auth,
        ...(before.certificateAuthority === undefined ? {} : { certificateAuthority: before.certificateAuthority }),
        places: former.places,
      },
    };
  } catch {
    // It refused what is accepted now: nothing of that was deployed.
    return endpoint;
  }
}

/** @param formerly with the values as an earlier release read them, which kept backslashes in double quotes */
function readAs(
  text: string,
  source: string,
  formerly: boolean,
): Omit<Endpoint, 'former'> & { readonly former: Pick<FormerReading, 'places'> } {
  const file = new EndpointSettings(text, source, formerly);
  const url = readUrl(file);
  const auth = readAuth(file, url);
  const certificateAuthority = readCertificateAuthority(file);
  warnOfUnused(file, auth);
  if (file.problems.length > 0 || url === undefined || auth === undefined) throw new InputError([...file.problems, ...file.misspelt]);
  return {
    endpoint: `${url.protocol}//${url.host}${url.pathname.replace(/(?<!\/)\/+$/, '')}`,
    host: url.hostname,
    auth,
    ...(certificateAuthority === undefined ? {} : { certificateAuthority }),
    secrets: secretsIn(file, url),
    warnings: [...file.misspelt, ...file.warnings],
    former: { places: file.former },
  };
}

/** All secrets of the file: also those that are not used, and those of the URL in both spellings. */
function secretsIn(file: EndpointSettings, url: URL): string[] {
  const all = [file.get('ES_PASSWORD'), file.get('ES_API_KEY'), url.password, decoded(url.password)];
  return [...new Set(all.filter((secret) => secret !== undefined && secret !== ''))] as string[];
}
