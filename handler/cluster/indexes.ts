// Creates indexes that are missing, and maps fields that one document needs (docs/documents.md).
import type { Json } from '../../formats/json.ts';
import { flattened, indexBody, TEXT } from './index-body.ts';
import { clusterOf, takesMalformedBooleans } from './version.ts';
import type { ClusterClient, ClusterResponse, ClusterRequest } from './client.ts';
import { classifyRequest, classifyThrown, remedyOf, type Outcome } from './responses.ts';
import type { Table } from '../tables.ts';

export type NotReady = Extract<Outcome, { kind: 'transient' | 'configuration' }>;

/** An index that exists, or an alias of this name. */
export interface FoundIndex {
  /** The indexes of the alias; of an index, itself. */
  readonly members: readonly string[];
  /** The one that receives writes through the name; undefined if an alias has none. */
  readonly writeIndex: string | undefined;
}

/** Why an index could not be created; `refused`: because of the request's content, so that another request may succeed. */
type NotCreated = NotReady & { readonly refused?: true };

export class Indexes {
  readonly #cluster: ClusterClient;
  readonly #now: () => number;
  /** Not every role has the permission, and Serverless does not document the request. */
  #mayReadAliases: boolean;

  constructor(cluster: ClusterClient, now: () => number) {
    this.#cluster = cluster;
    this.#now = now;
    this.#mayReadAliases = !cluster.serverless;
  }

  /** Finds the index or alias of this name. @returns undefined if there is none; why the check failed */
  async find(index: string, signal: AbortSignal): Promise<FoundIndex | undefined | NotReady> {
    const path = `/${encodeURIComponent(index)}`;
    // The most frequent check, so it uses the shortest response. For the index itself the engine serializes all its fields, even for HEAD,
    // and then drops them.
    if (this.#mayReadAliases) {
      const response = await this.#send({ method: 'GET', path: `${path}/_alias` }, signal);
      const found = this.#found(response, index);
      if (found === undefined || !('kind' in found) || found.kind === 'transient' || 'kind' in response) return found;
      this.#mayReadAliases = false;
    }
    return this.#found(await this.#send({ method: 'GET', path, query: { filter_path: '*.aliases' } }, signal), index);
  }

  #found(response: ClusterResponse | NotReady, index: string): FoundIndex | undefined | NotReady {
    if ('kind' in response) return response;
    if (response.status === 404) return undefined;
    const failure = classifyRequest(response, this.#now());
    return failure === undefined ? membersOf(response.text, index) : notReady(failure, `the check of the index ${index} was refused`);
  }

  /**
   * Ensures that the table's index exists, so that no engine ever creates it with its own defaults. An index can be deleted under a warm
   * function, so the check is repeated. Another writer may create it at the same time.
   * @returns the index, or why it is not ready
   */
  async ensure(table: Table & { index: string }, signal: AbortSignal): Promise<FoundIndex | NotReady> {
    const found = await this.find(table.index, signal);
    if (found !== undefined) return found;
    return (await this.#createFor(table, signal)) ?? { members: [table.index], writeIndex: table.index };
  }

  async #createFor(table: Table & { index: string }, signal: AbortSignal): Promise<NotReady | undefined> {
    const booleans = await this.#takesMalformedBooleans(signal);
    if (typeof booleans !== 'boolean') return booleans;
    const body = indexBody(table, booleans);
    const problem = await this.#create(table, body, signal);
    // Serverless collections choose most settings themselves and refuse others: documents need only the mappings.
    if (!this.#cluster.serverless || problem?.kind !== 'configuration' || problem.refused !== true) return problem;
    const { mappings } = body;
    const own = flattened(table.indexSettings);
    return this.#create(table, Object.keys(own).length === 0 ? { mappings } : { settings: own, mappings }, signal);
  }

  /** See `takesMalformedBooleans`. Checked only before an index is created; the function needs this permission for nothing else. */
  async #takesMalformedBooleans(signal: AbortSignal): Promise<boolean | NotReady> {
    // It has no such request, and is newer.
    if (this.#cluster.serverless) return true;
    const response = await this.#send({ method: 'GET', path: '/' }, signal);
    if ('kind' in response) return response;
    const failure = classifyRequest(response, this.#now());
    return failure?.kind === 'transient' ? failure : failure === undefined && takesMalformedBooleans(clusterOf(response.text));
  }

  async #create(
    table: Table & { index: string },
    body: { settings?: Json; mappings: Json },
    signal: AbortSignal,
  ): Promise<NotCreated | undefined> {
    const response = await this.#send({ method: 'PUT', path: `/${encodeURIComponent(table.index)}`, body: JSON.stringify(body) }, signal);
    if ('kind' in response) return response;
    const failure = classifyRequest(response, this.#now());
    if (failure === undefined) return undefined;
    if (failure.kind !== 'rejected') return notReady(failure, `the index ${table.index} could not be created`);
    if (failure.type === 'resource_already_exists_exception') return undefined;
    return { ...notReady(failure, `the index ${table.index} could not be created`), refused: true };
  }

  /**
   * Maps fields as text and keyword, which accept every scalar kind. If one has a mapping already this changes nothing: the response to
   * the retried document decides.
   * @param fields their full paths
   */
  async mapAsText(index: string, fields: readonly string[], signal: AbortSignal): Promise<NotReady | undefined> {
    // The engine reads a name with dots as a path.
    const refused = await this.#map(index, Object.fromEntries(fields.map((field) => [field, TEXT])), signal);
    if (refused !== 'refused') return refused;
    // A field that cannot be mapped must not block the others.
    for (const field of fields) {
      const problem = fields.length > 1 ? await this.mapAsText(index, [field], signal) : await this.#mapBelow(index, field, signal);
      if (problem !== undefined) return problem;
    }
    return undefined;
  }

  /** Maps a field level by level, each with the type that the index has for it: a level of type `nested` has to be named as such. */
  async #mapBelow(index: string, field: string, signal: AbortSignal): Promise<NotReady | undefined> {
    const response = await this.#send({ method: 'GET', path: `/${encodeURIComponent(index)}/_mapping` }, signal);
    if ('kind' in response) return response;
    const path = field.split('.');
    const levels = levelsOf(response.text, path);
    if (levels.every((level) => Object.keys(level).length === 0)) return undefined;
    const mapping = path.reduceRight<Json>(
      (inner, name, i) => ({ [name]: i === path.length - 1 ? TEXT : { ...levels[i], properties: inner } }),
      {},
    );
    const refused = await this.#map(index, mapping, signal);
    return refused === 'refused' ? undefined : refused;
  }

  async #map(index: string, properties: Json, signal: AbortSignal): Promise<NotReady | 'refused' | undefined> {
    const response = await this.#send(
      {
        method: 'PUT',
        path: `/${encodeURIComponent(index)}/_mapping`,
        // The other indexes of an alias stay unchanged. Serverless has no such parameter.
        ...(this.#cluster.serverless ? {} : { query: { write_index_only: 'true' } }),
        body: JSON.stringify({ properties }),
      },
      signal,
    );
    if ('kind' in response) return response;
    const failure = classifyRequest(response, this.#now());
    if (failure === undefined) return undefined;
    return failure.kind === 'rejected' ? 'refused' : notReady(failure, `the fields of ${index} could not be mapped`);
  }

  /**
   * Finds the ingest pipelines that the settings of an index name and that do not exist.
   * @returns undefined if the check is impossible: the function's role may read neither settings nor pipelines
   */
  async missingPipelines(index: string, signal: AbortSignal): Promise<readonly string[] | undefined> {
    const path = `/${encodeURIComponent(index)}/_settings`;
    const query = { filter_path: PIPELINE_SETTINGS.map((name) => `*.settings.index.${name}`).join(',') };
    const settings = await this.#send({ method: 'GET', path, query }, signal);
    if ('kind' in settings || settings.status !== 200) return undefined;
    const missing: string[] = [];
    for (const name of pipelinesOf(settings.text)) {
      const response = await this.#send({ method: 'GET', path: `/_ingest/pipeline/${encodeURIComponent(name)}` }, signal);
      if (!('kind' in response) && response.status === 404) missing.push(name);
    }
    return missing;
  }

  /** Makes written documents visible to searches. @returns the failure, for the log: the documents are safe anyway */
  async refresh(indexes: readonly string[], signal: AbortSignal): Promise<string | undefined> {
    const response = await this.#send({ method: 'POST', path: `/${indexes.map(encodeURIComponent).join(',')}/_refresh` }, signal);
    if ('kind' in response) return response.reason;
    return response.status < 300 ? undefined : `HTTP ${response.status}`;
  }

  /** @returns the response, or the class of the failure without one */
  async #send(request: ClusterRequest, signal: AbortSignal): Promise<ClusterResponse | NotReady> {
    try {
      return await this.#cluster.send(request, signal);
    } catch (error) {
      return classifyThrown(error, signal);
    }
  }
}

const PIPELINE_SETTINGS = ['default_pipeline', 'final_pipeline'] as const;

/** The pipelines in the response to `GET /<index>/_settings`. */
function pipelinesOf(text: string): Set<string> {
  const names = new Set<string>();
  for (const { settings } of Object.values(parsed<{ settings?: { index?: Json } }>(text))) {
    for (const setting of PIPELINE_SETTINGS) {
      const name = settings?.index?.[setting];
      if (typeof name === 'string' && name !== '_none') names.add(name);
    }
  }
  return names;
}

/** Reads the response to `GET /<index>/_alias` about the name. */
function membersOf(text: string, index: string): FoundIndex {
  const members = Object.entries(parsed<{ aliases?: Readonly<Record<string, { is_write_index?: unknown }>> }>(text)).filter(
    ([, { aliases }]) => aliases !== undefined && Object.hasOwn(aliases, index),
  );
  if (members.length === 0) return { members: [index], writeIndex: index };
  const flag = (value: unknown): string | undefined => members.find(([, { aliases }]) => aliases?.[index]?.is_write_index === value)?.[0];
  return { members: members.map(([name]) => name), writeIndex: flag(true) ?? (members.length === 1 ? flag(undefined) : undefined) };
}

/** The entries of a JSON object that are objects; none if the text is not an object. */
function parsed<Entry extends object>(text: string): Record<string, Entry> {
  try {
    const value: unknown = JSON.parse(text);
    const entries = Object.entries(typeof value === 'object' && value !== null ? value : {});
    return Object.fromEntries(entries.filter((entry): entry is [string, Entry] => typeof entry[1] === 'object' && entry[1] !== null));
  } catch {
    return {};
  }
}

/** The mapping of each level above a field, without the levels below. Of the indexes of an alias, the one with the most levels. */
function levelsOf(text: string, path: readonly string[]): Json[] {
  type Level = { readonly properties?: Readonly<Record<string, Level>> } & Json;
  let best: Json[] = [];
  let indexes: readonly { readonly mappings?: Level }[];
  try {
    indexes = Object.values(JSON.parse(text) as Record<string, { mappings?: Level }>);
  } catch {
    return best;
  }
  for (const { mappings } of indexes) {
    const levels: Json[] = [];
    let level = mappings;
    for (const name of path.slice(0, -1)) {
      level = level?.properties !== undefined && Object.hasOwn(level.properties, name) ? level.properties[name] : undefined;
      if (level === undefined) break;
      const { properties: _, ...own } = level;
      levels.push(own);
    }
    if (levels.length > best.length) best = levels;
  }
  return best;
}

/** A refusal of an index as such is never the fault of a document. */
function notReady(failure: Outcome, context: string): NotReady {
  if (failure.kind === 'transient') return failure;
  if (failure.kind === 'configuration') return { ...failure, reason: `${context}: ${failure.reason}` };
  const { type, reason } = failure.kind === 'rejected' ? failure : { type: failure.kind, reason: '' };
  return {
    kind: 'configuration',
    type,
    reason: `${context}: ${reason}`,
    remedy: remedyOf(failure) ?? "Correct the table's index-settings and mappings in the options file, or create the index by hand",
  };
}
