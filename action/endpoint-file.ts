import type { Auth } from '../handler/config.ts';
import type { Problem } from './errors.ts';

/** What an endpoint file says. */
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
}

export interface EndpointSource {
  /** How problems name the file: `STAGE_es_creds`, `s3://bucket/key`, or `input endpoint`. */
  readonly source: string;
}

/** @throws {InputError} with every problem of the file */
export function parseEndpoint(_text: string, _source: EndpointSource): Endpoint {
  throw new Error('in work');
}

/** The values of an `Auth` that must be masked: also for the package found deployed. */
export function secretsOf(_auth: Auth): string[] {
  throw new Error('in work');
}
