// config.json: the settings of one environment. The action writes it, the handler reads it.
import { ConfigError, known, object, oneOf, parseObject, REDEPLOY, shown, string } from './fields.ts';
import { isObject, type Json } from './json.ts';
import { indexNameProblem } from './index-name.ts';
import { parseS3Uri } from './s3-uri.ts';

/** How the function authenticates to the cluster. */
export type Auth =
  | { readonly type: 'none' }
  | { readonly type: 'sigv4'; readonly service: 'es' | 'aoss'; readonly region?: string }
  | { readonly type: 'basic'; readonly username: string; readonly password: string }
  | { readonly type: 'api-key'; readonly apiKey: string }
  /** A Secrets Manager secret with `username` and `password`, or `api_key`, read by the function. */
  | { readonly type: 'secret'; readonly secretArn: string };

/** The options of a table; the names are those of the options file. */
export interface TableOptions {
  readonly index?: string;
  readonly refresh?: boolean | 'wait_for';
  readonly versioning?: 'external' | 'none';
  readonly 'on-malformed'?: 'dead-letter' | 'fail' | 'drop';
  readonly 'partial-batch-response'?: 'auto' | 'always' | 'never';
  /** `s3://bucket/prefix` */
  readonly 'dead-letters'?: string;
  readonly 'index-settings'?: Readonly<Record<string, unknown>>;
  readonly mappings?: Readonly<Record<string, unknown>>;
  readonly include?: readonly string[];
  readonly exclude?: readonly string[];
  /** In the package: `transforms/<name>.mjs`. */
  readonly transform?: string;
  readonly 'ttl-deletes'?: 'delete' | 'keep';
  /** Whether the index may be an alias over several indexes, only one of which receives writes. */
  readonly 'multi-index-alias'?: boolean;
}

/** A table whose index is being replaced: every change is written to both indexes. */
export interface Reindexed {
  /** Concrete indexes: the one that served when it began, and the one that was created for it. */
  readonly indexes: readonly [string, string];
  /** When both began to be written, ISO 8601, UTC. */
  readonly since: string;
}

/** config.json: the settings of one release in one environment. Contains a password only if the endpoint file does. */
export interface FunctionConfig {
  readonly format: 1;
  readonly release: string;
  readonly environment: string;
  /** `https://host[:port][/path]`, without credentials and without a slash at the end. */
  readonly endpoint: string;
  readonly auth: Auth;
  /** Certificates (PEM) that are trusted for this endpoint instead of the public authorities. */
  readonly certificateAuthority?: string;
  readonly options: {
    readonly defaults: TableOptions;
    /** By the table's exact name. */
    readonly tables: Readonly<Record<string, TableOptions>>;
    /** Fails the records of tables that neither the key mapping nor the options name. */
    readonly 'only-known-tables'?: boolean;
  };
  /** By the table's exact name; absent where no table is being reindexed. */
  readonly reindex?: Readonly<Record<string, Reindexed>>;
}

/** The defaults of the options (docs/options.md). */
export const DEFAULT_OPTIONS = {
  refresh: true,
  versioning: 'external',
  'on-malformed': 'dead-letter',
  'partial-batch-response': 'auto',
  'ttl-deletes': 'delete',
  'multi-index-alias': false,
} as const satisfies TableOptions;

/** Parses config.json. @throws {ConfigError} naming the key and the remedy. */
export function parseConfig(text: string, file = 'config.json'): FunctionConfig {
  const root = parseObject(text, file);
  known(root, ['format', 'release', 'environment', 'endpoint', 'auth', 'certificateAuthority', 'options', 'reindex'], file, '');
  if (root.format !== 1) throw new ConfigError(file, 'format', `expected 1, found ${shown(root.format)}`, REDEPLOY);
  const endpoint = string(root, 'endpoint', file, '');
  const url = URL.parse(endpoint);
  if (url?.protocol !== 'https:' && url?.protocol !== 'http:') {
    throw new ConfigError(file, 'endpoint', 'expected an http(s) URL', REDEPLOY);
  }
  const options = object(root, 'options', file, '');
  known(options, ['defaults', 'tables', 'only-known-tables'], file, 'options');
  const tables = object(options, 'tables', file, 'options');
  const onlyKnownTables = oneOf(options, 'only-known-tables', [true, false] as const, file, 'options');
  const certificateAuthority = root.certificateAuthority === undefined ? undefined : string(root, 'certificateAuthority', file, '');
  return {
    format: 1,
    release: string(root, 'release', file, ''),
    environment: string(root, 'environment', file, ''),
    endpoint: endpoint.replace(/(?<!\/)\/+$/, ''),
    auth: parseAuth(object(root, 'auth', file, ''), file),
    ...(certificateAuthority === undefined ? {} : { certificateAuthority }),
    options: {
      defaults: parseOptions(object(options, 'defaults', file, 'options'), file, 'options.defaults'),
      tables: Object.fromEntries(
        Object.entries(tables).map(([name, value]) => {
          const at = `options.tables.${name}`;
          if (!isObject(value)) throw new ConfigError(file, at, `expected an object, found ${shown(value)}`, REDEPLOY);
          return [name, parseOptions(value, file, at)];
        }),
      ),
      ...(onlyKnownTables === undefined ? {} : { 'only-known-tables': onlyKnownTables }),
    },
    ...(root.reindex === undefined ? {} : { reindex: parseReindex(object(root, 'reindex', file, ''), file) }),
  };
}

function parseReindex(tables: Json, file: string): Readonly<Record<string, Reindexed>> {
  return Object.fromEntries(
    Object.keys(tables).map((name) => {
      const at = `reindex.${name}`;
      const entry = object(tables, name, file, 'reindex');
      known(entry, ['indexes', 'since'], file, at);
      const since = string(entry, 'since', file, at);
      if (Number.isNaN(Date.parse(since))) throw new ConfigError(file, `${at}.since`, `expected a time, found ${shown(since)}`, REDEPLOY);
      const { indexes } = entry;
      const names = Array.isArray(indexes) ? (indexes as unknown[]).filter(isIndexName) : [];
      const [first, second] = names;
      if (first === undefined || second === undefined || first === second || (indexes as unknown[]).length !== 2)
        throw new ConfigError(file, `${at}.indexes`, 'expected the names of two indexes', REDEPLOY);
      return [name, { indexes: [first, second], since }];
    }),
  );
}

const isIndexName = (value: unknown): value is string => typeof value === 'string' && indexNameProblem(value) === undefined;

function parseAuth(auth: Json, file: string): Auth {
  const type = auth.type;
  switch (type) {
    case 'none':
      return { type };
    case 'sigv4': {
      const service = oneOf(auth, 'service', ['es', 'aoss'] as const, file, 'auth') ?? 'es';
      return auth.region === undefined ? { type, service } : { type, service, region: string(auth, 'region', file, 'auth') };
    }
    case 'basic':
      return { type, username: string(auth, 'username', file, 'auth'), password: string(auth, 'password', file, 'auth') };
    case 'api-key':
      return { type, apiKey: apiKeyOf(auth, file) };
    case 'secret':
      return { type, secretArn: string(auth, 'secretArn', file, 'auth') };
    default:
      throw new ConfigError(file, 'auth.type', `expected none, sigv4, basic, api-key or secret, found ${shown(type)}`, REDEPLOY);
  }
}

function apiKeyOf(auth: Json, file: string): string {
  const key = string(auth, 'apiKey', file, 'auth').trim();
  if (key.includes(':') || /^[\x21-\x7e]+$/.test(key)) return key;
  throw new ConfigError(
    file,
    'auth.apiKey',
    'it contains characters that are not allowed in an API key',
    'Set it again in the endpoint file and deploy',
  );
}

const OPTION_NAMES = [
  'index',
  'refresh',
  'versioning',
  'on-malformed',
  'partial-batch-response',
  'dead-letters',
  'index-settings',
  'mappings',
  'include',
  'exclude',
  'transform',
  'ttl-deletes',
  'multi-index-alias',
] as const satisfies (keyof TableOptions)[];

function parseOptions(options: Json, file: string, at: string): TableOptions {
  known(options, OPTION_NAMES, file, at);
  const strings = (key: 'include' | 'exclude'): void => {
    const value = options[key];
    if (value !== undefined && !(Array.isArray(value) && value.every((path) => typeof path === 'string' && path !== ''))) {
      throw new ConfigError(file, `${at}.${key}`, 'expected a list of attribute paths', REDEPLOY);
    }
  };
  oneOf(options, 'refresh', [true, false, 'wait_for'] as const, file, at);
  oneOf(options, 'versioning', ['external', 'none'] as const, file, at);
  oneOf(options, 'on-malformed', ['dead-letter', 'fail', 'drop'] as const, file, at);
  oneOf(options, 'partial-batch-response', ['auto', 'always', 'never'] as const, file, at);
  oneOf(options, 'ttl-deletes', ['delete', 'keep'] as const, file, at);
  oneOf(options, 'multi-index-alias', [true, false] as const, file, at);
  for (const key of ['index-settings', 'mappings'] as const) if (options[key] !== undefined) object(options, key, file, at);
  strings('include');
  strings('exclude');
  if (options.include !== undefined && options.exclude !== undefined) {
    throw new ConfigError(file, at, 'include and exclude are both set', 'Set one of them in the options file');
  }
  if (options.index !== undefined) {
    const problem = indexNameProblem(string(options, 'index', file, at));
    if (problem !== undefined) throw new ConfigError(file, `${at}.index`, problem, 'Fix it in the options file');
  }
  if (options['dead-letters'] !== undefined && parseS3Uri(string(options, 'dead-letters', file, at)) === undefined) {
    throw new ConfigError(
      file,
      `${at}.dead-letters`,
      `expected s3://bucket/prefix, found ${shown(options['dead-letters'])}`,
      'Fix it in the options file',
    );
  }
  if (options.transform !== undefined && !/^transforms\/[\w.-]+\.mjs$/.test(string(options, 'transform', file, at))) {
    throw new ConfigError(file, `${at}.transform`, `expected transforms/<name>.mjs, found ${shown(options.transform)}`, REDEPLOY);
  }
  return options;
}
