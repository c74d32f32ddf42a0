// The check event: proves that the deployed function can do its work, changing no document.
import { abortAt, budgetFor } from '../budget.ts';
import { probeBulk, probeIndexing, probeWrite } from '../indexing/bulk-request.ts';
import type { TransientCause } from '../cluster/faults.ts';
import type { FoundIndex } from '../cluster/indexes.ts';
import { clusterOf, type Cluster } from '../cluster/version.ts';
import type { DeadLetterPlace, Table } from '../tables.ts';
import { classifyRequest, classifyThrown, missingPipeline, remedyOf, type Outcome } from '../cluster/responses.ts';
import { withoutValues } from '../telemetry/redaction.ts';
import { Metrics } from '../telemetry/metrics.ts';
import type { Invocation, Runtime } from '../runtime.ts';
import { CheckRetries } from './check-retries.ts';
import type { CheckProblem, CheckResponse } from '../../formats/events.ts';

/** A problem, and whether waiting for longer than one invocation can may resolve it. */
type Found = CheckProblem & { readonly transient?: boolean };

/** Causes that end when the cluster has less to do, or has all its nodes again; a person has to fix the others. */
const TRANSIENT_FOR_LONGER: ReadonlySet<TransientCause> = new Set<TransientCause>(['busy', 'memory', 'unavailable']);

/**
 * Checks the cluster and S3 with the function's own credentials, and creates the indexes that are missing, as the first record would.
 * Every failure becomes a problem in the response, never an exception; a transient one is retried first.
 */
export async function check(runtime: Runtime, invocation: Invocation): Promise<CheckResponse> {
  const { signal, release } = abortAt(budgetFor(runtime.now(), invocation.remaining).writeUntil, runtime.now());
  try {
    // At the same time: a cluster that uses up the time must not hide a problem with the dead letter location.
    const [{ cluster, tables, problems: ofCluster }, ofPlaces] = await Promise.all([
      checkCluster(runtime, signal),
      checkDeadLetters(runtime, signal),
    ]);
    const found = [...ofCluster, ...ofPlaces];
    const problems = found.map(({ what, remedy }) => ({ what, remedy }));
    const response: CheckResponse = {
      ok: problems.length === 0,
      ...(found.length > 0 && found.every(({ transient }) => transient === true) ? { transient: true } : {}),
      cluster,
      endpoint: runtime.cluster.host,
      environment: runtime.environment,
      release: runtime.release,
      tables,
      problems,
    };
    const { ok, endpoint } = response;
    if (ok) runtime.log.info('check done', { ok, endpoint });
    else runtime.log.error('check failed', { ok, endpoint, problems });
    return response;
  } finally {
    release();
  }
}

/** How the problem describes a transient failure that lasts. */
const LASTING_FAILURES: Readonly<Partial<Record<TransientCause, string>>> = {
  network: 'does not respond:',
  credentials: 'has no credentials at the moment:',
  busy: 'is too busy:',
  disk: 'is blocked:',
  'write-block': 'is blocked:',
  'creation-block': 'is blocked:',
};

interface ClusterReport extends Pick<CheckResponse, 'cluster' | 'tables'> {
  readonly problems: readonly Found[];
}

interface TableReport {
  readonly exists: boolean;
  readonly problems: readonly Found[];
}

/** The cluster and every table's index in it. */
async function checkCluster(runtime: Runtime, signal: AbortSignal): Promise<ClusterReport> {
  const retries = new CheckRetries(runtime, signal);
  const identity = await identifyCluster(runtime, signal, retries);
  if ('what' in identity) return { cluster: {}, tables: {}, problems: [identity] };
  const tables = runtime.tables.names().map((name) => runtime.tables.get(name));
  if (tables.length === 0) {
    // No index to check: all that can be shown is that the cluster accepts bulk requests of this function, and it must be.
    const { cluster, now } = runtime;
    const refusal = await retries.run(() => probeBulk({ cluster, now, signal, metrics: new Metrics() }));
    return { cluster: identity, tables: {}, problems: refusal === undefined ? [] : [problemOf(refusal, `the cluster at ${cluster.host}`)] };
  }
  // At the same time: one index that blocks writes uses up the time of no other.
  const reports = await Promise.all(tables.map((table) => checkIndexes(runtime, table, signal, retries)));
  return {
    cluster: identity,
    tables: Object.fromEntries(tables.map(({ name, index }, i) => [name, { index: index ?? null, exists: reports[i]?.exists === true }])),
    problems: reports.flatMap(({ problems }) => problems),
  };
}

/** Reads `GET /`. @returns distribution and version, empty if the response has none; the problem if the cluster cannot be used at all */
async function identifyCluster(runtime: Runtime, signal: AbortSignal, retries: CheckRetries): Promise<Cluster | Found> {
  const { cluster } = runtime;
  // Serverless collections have no GET /: the probes of the indexes show whether they can be used.
  if (cluster.serverless) return {};
  const result = await retries.run(async () => {
    try {
      const response = await cluster.send({ method: 'GET', path: '/' }, signal);
      if (response.status < 300) return clusterOf(response.text);
      const failure = classifyRequest(response, runtime.now());
      // The function needs the permission for GET / for nothing else; a bare Elasticsearch core responds with 405.
      return failure?.kind !== 'transient' && [400, 403, 404, 405].includes(response.status) ? {} : (failure ?? {});
    } catch (error) {
      return classifyThrown(error, signal);
    }
  });
  return 'kind' in result ? problemOf(result, `the cluster at ${cluster.host}`) : result;
}

/** Checks the table's index and, while it is reindexed, both that are written to. */
async function checkIndexes(runtime: Runtime, table: Table, signal: AbortSignal, retries: CheckRetries): Promise<TableReport> {
  const others = (table.both ?? []).filter(({ index }) => index !== table.index);
  const [own, ...more] = await Promise.all([table, ...others].map((one) => checkTable(runtime, one, signal, retries)));
  return { exists: own?.exists === true, problems: [own, ...more].flatMap((report) => report?.problems ?? []) };
}

/**
 * Creates the table's index where it is missing, as the first record would, and shows that nothing there refuses every document.
 * @returns whether the index exists, and the problems
 */
async function checkTable(runtime: Runtime, table: Table, signal: AbortSignal, retries: CheckRetries): Promise<TableReport> {
  const { indexes } = runtime;
  const { name, index } = table;
  if (index === undefined) {
    return {
      exists: false,
      problems: [{ what: `the table ${name} has no index`, remedy: 'Set the option index for it' }],
    };
  }
  const found = await retries.run(() => indexes.ensure({ ...table, index }, signal));
  if ('kind' in found) return { exists: false, problems: [problemOf(found, `the index ${index} of ${name}`)] };
  const several = table.multiIndexAlias ? undefined : aliasProblem(found, index, name);
  const refusals = await findRefusals(runtime, found.writeIndex ?? index, index, signal, retries);
  const subject = `writing to the index ${index} of ${name}`;
  const problems = refusals
    // A write index does not help if the alias is refused anyway.
    .filter((refusal) => several === undefined || found.writeIndex !== undefined || refusal.kind !== 'configuration')
    .map((refusal) => problemOf(refusal, subject));
  return { exists: true, problems: several === undefined ? problems : [several, ...problems] };
}

function aliasProblem({ members }: FoundIndex, alias: string, table: string): Found | undefined {
  if (members.length < 2) return undefined;
  const shown = members.slice(0, 5).join(', ');
  return {
    what: `the index ${alias} of ${table} is an alias over ${members.length} indexes (${shown}${members.length > 5 ? ', …' : ''}): updates and deletes would reach one of them only, and searches would find older states and deleted items in the others`,
    remedy:
      'Give the alias one index, with all documents in it, or set another index for the table in the options file; multi-index-alias: true there accepts the consequence',
  };
}

/** Finds failures that every document of the index would meet, by writes that change none. */
async function findRefusals(
  runtime: Runtime,
  writeIndex: string,
  index: string,
  signal: AbortSignal,
  retries: CheckRetries,
): Promise<readonly Outcome[]> {
  const { cluster, now, indexes } = runtime;
  const bulk = { cluster, now, signal, metrics: new Metrics() };
  const deleting = await retries.run(() => probeWrite(bulk, index));
  if (deleting !== undefined) return [deleting];
  const indexing = await retries.run(() => probeIndexing(bulk, index));
  if (indexing?.kind === 'configuration') return [indexing];
  if (indexing?.kind === 'done' && indexing.result === 'stale') return [];
  // A first pipeline may have refused the probe because it is empty: the settings name all pipelines.
  const missing = (await indexes.missingPipelines(writeIndex, signal)) ?? [];
  if (missing.length > 0) return missing.map(missingPipeline);
  return indexing?.kind === 'transient' ? [indexing] : [];
}

/** Writes one small object to each dead letter location, always the same. @returns a problem per location that cannot be written to */
async function checkDeadLetters(runtime: Runtime, signal: AbortSignal): Promise<Found[]> {
  const problems: Found[] = [];
  const places = new Map<string, DeadLetterPlace>();
  // The table without a name has the default options.
  for (const name of ['', ...runtime.tables.names()]) {
    const { deadLetters, onMalformed } = runtime.tables.get(name);
    if (deadLetters !== undefined && onMalformed === 'dead-letter')
      places.set(`s3://${deadLetters.bucket}/${deadLetters.prefix}`, deadLetters);
  }
  for (const [uri, { bucket, prefix }] of places) {
    try {
      await runtime.putObject(bucket, [prefix, 'check.json'].filter((part) => part !== '').join('/'), '{"check":true}\n', signal);
    } catch (error) {
      const name = error instanceof Error ? error.name : 'unknown';
      problems.push({
        what: `the function cannot write dead letters to ${uri} (${name})`,
        remedy: "Allow the function's role s3:PutObject there, or set another location with the option dead-letters",
      });
    }
  }
  return problems;
}

function problemOf(failure: Outcome, subject: string): Found {
  const reason = 'reason' in failure ? withoutValues(failure.reason) : failure.kind;
  const remedy = remedyOf(failure) ?? 'Check ES_ENDPOINT and the index';
  switch (failure.kind) {
    case 'configuration':
      return { what: `${subject} cannot be used: ${reason}`, remedy };
    case 'transient':
      return {
        what: `${subject} ${LASTING_FAILURES[failure.cause] ?? 'is not ready:'} ${failure.type} ${reason}`.trim(),
        remedy,
        transient: TRANSIENT_FOR_LONGER.has(failure.cause),
      };
    default:
      return { what: `${subject} is refused: ${reason}`, remedy };
  }
}
