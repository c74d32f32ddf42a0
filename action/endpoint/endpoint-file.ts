import { X509Certificate } from 'node:crypto';
import type { Auth } from '../../formats/function-config.ts';
import { nearest } from '../../formats/nearest.ts';
import { addressProblem, hostProblem } from './address-problem.ts';
import { amazonHost } from './amazon-hosts.ts';
import { InputError } from '../errors.ts';
import type { Place, Problem } from '../errors.ts';
import { isKeyLike } from '../inputs/reader.ts';
import { isLoopback } from '../loopback.ts';
import { parseSettings } from './key-value-file.ts';

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
  /** The values that releases read which left backslashes in double quotes alone, where they differ. */
  readonly former?: FormerReading;
}

/** Of an `Endpoint`, what such a release put into the package. */
export interface FormerReading extends Pick<Endpoint, 'endpoint' | 'auth' | 'certificateAuthority'> {
  /** The places of the values that were read differently. */
  readonly places: readonly { readonly key: string; readonly place: Place }[];
}

export interface EndpointSource {
  /** How problems name the file: `STAGE_es_creds`, `s3://bucket/key`, or `input endpoint`. */
  readonly source: string;
}

const KEYS = [
  'ES_ENDPOINT',
  'ES_AUTH',
  'ES_USERNAME',
  'ES_PASSWORD',
  'ES_API_KEY',
  'ES_SECRET_ARN',
  'ES_REGION',
  'ES_SERVICE',
  'ES_CA',
  'ES_ALLOW_HTTP',
] as const;
type Key = (typeof KEYS)[number];

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

/** @param formerly with the values as releases read them that left backslashes in double quotes alone */
function readAs(
  text: string,
  source: string,
  formerly: boolean,
): Omit<Endpoint, 'former'> & { readonly former: Pick<FormerReading, 'places'> } {
  const file = new EndpointFile(text, source, formerly);
  const url = file.url();
  const auth = file.auth(url);
  const certificateAuthority = file.certificateAuthority();
  file.warnOfUnused(auth);
  if (file.problems.length > 0 || url === undefined || auth === undefined) throw new InputError([...file.problems, ...file.misspelt]);
  return {
    endpoint: `${url.protocol}//${url.host}${url.pathname.replace(/(?<!\/)\/+$/, '')}`,
    host: url.hostname,
    auth,
    ...(certificateAuthority === undefined ? {} : { certificateAuthority }),
    secrets: file.secrets(url),
    warnings: [...file.misspelt, ...file.warnings],
    former: { places: file.former },
  };
}

/** The settings of one file while they are checked: each part is read once, and its problems are noted with their lines. */
class EndpointFile {
  readonly problems: Problem[] = [];
  readonly warnings: Problem[] = [];
  /** Keys that resemble a known one: a warning, and a part of the error where something is wrong. */
  readonly misspelt: Problem[] = [];
  /** The values that releases read otherwise which left backslashes in double quotes alone. */
  readonly former: { readonly key: string; readonly place: Place }[] = [];
  /** Where ES_ENDPOINT most likely is, under another name. */
  #endpointLike: { readonly shown: string; readonly line: number; readonly isName: boolean } | undefined;
  readonly #source: string;
  readonly #values = new Map<string, { value: string; line: number | undefined }>();

  constructor(text: string, source: string, formerly: boolean) {
    this.#source = source;
    const bare = text.replace(/^\uFEFF/, '').trim();
    if (/^[a-z][a-z0-9+.-]*:\/\/\S*$/i.test(bare)) {
      this.#values.set('ES_ENDPOINT', { value: bare, line: undefined });
      return;
    }
    const { settings, problems } = parseSettings(text);
    for (const { line, message } of problems) this.problems.push({ where: 'ES_ENDPOINT', message, place: { file: source, line } });
    for (const { key, value: present, former, line } of settings) {
      const value = formerly ? (former ?? present) : present;
      const first = this.#values.get(key);
      if (first !== undefined) {
        this.problems.push({ where: key, message: `${key} is set twice; remove one of them`, place: { file: source, line } });
      } else if ((KEYS as readonly string[]).includes(key)) {
        if (value !== '') this.#values.set(key, { value, line });
        if (former !== undefined) this.former.push({ key, place: { file: source, line } });
      } else {
        const near = nearest(key, KEYS);
        const hint = near === undefined ? `the keys are ${KEYS.join(', ')}` : `did you mean ${near}?`;
        const shown = near !== undefined || isKeyLike(key) ? `the key ${key}` : 'this key';
        const note = { where: 'ES_ENDPOINT', message: `${shown} is not known and not used; ${hint}`, place: { file: source, line } };
        (near === undefined ? this.warnings : this.misspelt).push(note);
        const isName = near === 'ES_ENDPOINT';
        if ((isName || isAddress(key, value)) && (this.#endpointLike === undefined || (isName && !this.#endpointLike.isName)))
          this.#endpointLike = { shown, line, isName };
      }
    }
  }

  #get(key: Key): string | undefined {
    return this.#values.get(key)?.value;
  }

  #note(list: Problem[], key: Key, message: string): void {
    const line = this.#values.get(key)?.line;
    list.push({ where: key, message, place: { file: this.#source, ...(line === undefined ? {} : { line }) } });
  }

  #problem(key: Key, message: string): void {
    this.#note(this.problems, key, message);
  }

  #oneOf<const T extends string>(key: Key, allowed: readonly T[]): T | undefined {
    const value = this.#get(key);
    const found = allowed.find((one) => one === value);
    if (value !== undefined && found === undefined) {
      const near = nearest(value, allowed);
      this.#problem(key, `${key} must be ${allowed.join(', ')}${near === undefined ? '' : `; did you mean ${near}?`}`);
    }
    return found;
  }

  url(): URL | undefined {
    const value = this.#get('ES_ENDPOINT');
    const allowHttp = this.#oneOf('ES_ALLOW_HTTP', ['true', 'false']) === 'true';
    if (value === undefined) {
      const like = this.#endpointLike;
      if (like === undefined) {
        const remedy = "add a line ES_ENDPOINT='https://<host>', or set only the URL, beginning with https://";
        this.#problem('ES_ENDPOINT', `ES_ENDPOINT is missing; ${remedy}`);
      } else {
        const message = `ES_ENDPOINT is missing; line ${like.line} has ${like.shown}: did you mean ES_ENDPOINT?`;
        this.problems.push({ where: 'ES_ENDPOINT', message, place: { file: this.#source, line: like.line } });
      }
      return undefined;
    }
    const wrong = /^https?:\/\//i.test(value) ? addressProblem(value) : undefined;
    if (wrong !== undefined) {
      this.#problem('ES_ENDPOINT', `ES_ENDPOINT ${wrong}`);
      return undefined;
    }
    const url = /\s/.test(value) ? null : URL.parse(value);
    if (url === null || !['https:', 'http:'].includes(url.protocol) || !/^https?:\/\//i.test(value)) {
      this.#problem('ES_ENDPOINT', 'ES_ENDPOINT is not a valid URL; it must begin with https:// and name the host');
      return undefined;
    }
    const impossible = hostProblem(url);
    if (impossible !== undefined) {
      this.#problem('ES_ENDPOINT', `ES_ENDPOINT ${impossible}`);
      return undefined;
    }
    if (url.protocol === 'http:' && !isLoopback(url.hostname) && !allowHttp) {
      const remedy = 'use https://, or set ES_ALLOW_HTTP=true inside a VPC';
      this.#problem('ES_ENDPOINT', `ES_ENDPOINT would send everything to ${url.hostname} unencrypted; ${remedy}`);
    }
    if (url.search !== '' || url.hash !== '')
      this.#problem('ES_ENDPOINT', 'ES_ENDPOINT must end with the host, port or path; remove what follows ? or #');
    if (/^\/_(?:dashboards|plugin\/kibana)(?:\/|$)/.test(url.pathname)) {
      this.#problem('ES_ENDPOINT', `ES_ENDPOINT is the address of the dashboards of ${url.hostname}; remove its path`);
    }
    return url;
  }

  /** The type that ES_AUTH names, else the one that the keys imply, else sigv4 on Amazon's hosts, else none. */
  auth(url: URL | undefined): Auth | undefined {
    const chosen = this.#oneOf('ES_AUTH', ['sigv4', 'basic', 'api-key', 'none']);
    if (chosen === undefined && this.#get('ES_AUTH') !== undefined) return undefined;
    const credentials = this.#credentials(url);
    const amazon = url === undefined ? undefined : amazonHost(url.hostname);
    const service = this.#oneOf('ES_SERVICE', ['es', 'aoss']) ?? amazon?.service;
    const region = this.#region() ?? amazon?.region;
    const signed: Auth = { type: 'sigv4', service: service ?? 'es', ...(region === undefined ? {} : { region }) };
    if (chosen === 'sigv4' || chosen === 'none') return chosen === 'none' ? { type: 'none' } : signed;

    const fitting = credentials.filter(({ type }) => chosen === undefined || type === chosen || type === 'secret');
    if (chosen !== undefined && fitting.length === 0) {
      const needed = chosen === 'basic' ? 'ES_USERNAME and ES_PASSWORD' : 'ES_API_KEY';
      this.#problem('ES_AUTH', `ES_AUTH=${chosen} needs ${needed}, or ES_SECRET_ARN`);
      return undefined;
    }
    if (fitting.length > 1) {
      const keys = fitting.map(({ type }) => ({ secret: 'ES_SECRET_ARN', 'api-key': 'ES_API_KEY', basic: 'ES_USERNAME' })[type]);
      this.#problem('ES_AUTH', `${keys.join(' and ')} cannot be used together; remove one of them`);
      return undefined;
    }
    const [auth] = fitting;
    if (auth !== undefined) return auth;
    const signs = amazon !== undefined || this.#get('ES_REGION') !== undefined || this.#get('ES_SERVICE') !== undefined;
    return signs ? signed : { type: 'none' };
  }

  /** The credentials in the file, of any kind. */
  #credentials(url: URL | undefined): Extract<Auth, { type: 'secret' | 'api-key' | 'basic' }>[] {
    const credentials: Extract<Auth, { type: 'secret' | 'api-key' | 'basic' }>[] = [];
    const secretArn = this.#get('ES_SECRET_ARN');
    if (secretArn !== undefined) {
      if (!/^arn:aws(?:-[a-z]+)*:secretsmanager:[a-z0-9-]+:\d{12}:secret:[\w/+=.@-]+$/.test(secretArn)) {
        this.#problem('ES_SECRET_ARN', 'ES_SECRET_ARN must be arn:aws:secretsmanager:<region>:<account>:secret:<name>');
      }
      credentials.push({ type: 'secret', secretArn });
    }
    const apiKey = this.#get('ES_API_KEY');
    if (apiKey !== undefined) {
      if (/[^\x21-\x7e]/.test(apiKey))
        this.#problem('ES_API_KEY', 'ES_API_KEY must not contain spaces or special characters; use the encoded key');
      credentials.push({ type: 'api-key', apiKey });
    }
    const fromUrl = url !== undefined && (url.username !== '' || url.password !== '');
    const username = fromUrl ? decoded(url.username) : this.#get('ES_USERNAME');
    const password = fromUrl ? decoded(url.password) : this.#get('ES_PASSWORD');
    if (fromUrl && (this.#get('ES_USERNAME') ?? this.#get('ES_PASSWORD')) !== undefined) {
      this.#problem('ES_ENDPOINT', 'ES_ENDPOINT contains a user, and ES_USERNAME or ES_PASSWORD is set too; leave one of them');
    } else if (username !== undefined && username !== '' && password !== undefined && password !== '') {
      if (username.includes(':'))
        this.#problem('ES_USERNAME', 'a user name must not contain a colon, because basic authentication cannot transmit it');
      credentials.push({ type: 'basic', username, password });
    } else if (fromUrl || username !== undefined || password !== undefined) {
      this.#problem(
        fromUrl ? 'ES_ENDPOINT' : username === undefined ? 'ES_PASSWORD' : 'ES_USERNAME',
        fromUrl
          ? 'ES_ENDPOINT contains a user without a password or a password without a user; set both or neither'
          : 'ES_USERNAME and ES_PASSWORD go together; set both or neither',
      );
    }
    return credentials;
  }

  #region(): string | undefined {
    const region = this.#get('ES_REGION');
    if (region !== undefined && !/^[a-z]{2,}(?:-[a-z]+)+-\d+$/.test(region)) {
      this.#problem('ES_REGION', 'ES_REGION must be the code of a region, such as eu-west-1');
    }
    return region;
  }

  certificateAuthority(): string | undefined {
    const text = this.#get('ES_CA')?.replaceAll('\\n', '\n');
    if (text === undefined) return undefined;
    if (/-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(text)) {
      this.#problem('ES_CA', 'ES_CA contains a private key, which never belongs there; set the certificates of the authority only');
      return undefined;
    }
    const certificates = text.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
    const lines = certificates.map((pem) =>
      pem
        .split('\n')
        .map((line) => line.trim())
        .filter((line) => line !== '')
        .join('\n'),
    );
    if (lines.length === 0 || !lines.every(isCertificate)) {
      this.#problem('ES_CA', 'ES_CA contains no readable certificate; set it in PEM, with \\n for line ends');
      return undefined;
    }
    return `${lines.join('\n')}\n`;
  }

  /** Warns about credentials that end up in the package, and keys that the authentication does not use. */
  warnOfUnused(auth: Auth | undefined): void {
    if (auth === undefined) return;
    if (auth.type === 'basic' || auth.type === 'api-key') {
      const key = auth.type === 'api-key' ? 'ES_API_KEY' : this.#get('ES_PASSWORD') === undefined ? 'ES_ENDPOINT' : 'ES_PASSWORD';
      const what = auth.type === 'api-key' ? 'the API key' : 'the password';
      this.#note(this.warnings, key, `${what} is in the package of the function; keep it in Secrets Manager and name it by ES_SECRET_ARN`);
    }
    const used: Record<Auth['type'], readonly Key[]> = {
      none: [],
      sigv4: ['ES_REGION', 'ES_SERVICE'],
      basic: ['ES_USERNAME', 'ES_PASSWORD'],
      'api-key': ['ES_API_KEY'],
      secret: ['ES_SECRET_ARN'],
    };
    const always: readonly Key[] = ['ES_ENDPOINT', 'ES_AUTH', 'ES_CA', 'ES_ALLOW_HTTP'];
    for (const key of KEYS) {
      if (this.#get(key) === undefined || always.includes(key) || used[auth.type].includes(key)) continue;
      this.#note(this.warnings, key, `${key} is not used, because the function authenticates by ${auth.type}; remove it or set ES_AUTH`);
    }
  }

  /** Also those that are not used, and those of the URL in both spellings. */
  secrets(url: URL): string[] {
    const all = [this.#get('ES_PASSWORD'), this.#get('ES_API_KEY'), url.password, decoded(url.password)];
    return [...new Set(all.filter((secret) => secret !== undefined && secret !== ''))] as string[];
  }
}

/** Whether an unknown key may have the cluster's address, by its name or its value. */
function isAddress(key: string, value: string): boolean {
  return /^https?:\/\//i.test(value) || /(?:^|[_.-])(?:endpoint|ur[il]|hosts?|domain|cluster)(?:[_.-]|$)/i.test(key);
}

/** A part of a URL without its percent signs; a stray percent sign represents itself. */
function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

function isCertificate(pem: string): boolean {
  try {
    return new X509Certificate(pem).raw.length > 0;
  } catch {
    return false;
  }
}
