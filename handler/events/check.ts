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
import { Patience } from './patience.ts';
import type { CheckProblem, CheckResponse } from '../../formats/events.ts';

/** A problem, and whether it may pass by waiting for longer than one invocation can. */
type Found = CheckProblem & { readonly transient?: boolean };

/** Causes that pass when the cluster has less to do, or all its nodes again; the others wait for a person. */
const PASSING: ReadonlySet<TransientCause> = new Set<TransientCause>(['busy', 'memory', 'unavailable']);

/**
 * Asks the cluster and S3 with the function's own credentials, and creates the indexes that are missing, as the first record would. What
 * cannot be used is a problem in the answer, never an exception; what is transient is retried first.
 */
export async function check(runtime: Runtime, invocation: Invocation): Promise<CheckResponse> {
  const { signal, release } = abortAt(budgetFor(runtime.now(), invocation.remaining).writeUntil, runtime.now());
  try {
    // At the same time: a cluster that uses up the time says nothing about the place of dead letters.
    const [{ cluster, tables, problems: ofCluster }, ofPlaces] = await Promise.all([
      checkCluster(runtime, signal),
      checkDeadLetters(runtime, signal),
    ]);
    const found = [...ofCluster, ...ofPlaces];
    const problems = found.map(({ what, remedy }) => ({ what, remedy }));
    const answer: CheckResponse = {
      ok: problems.length === 0,
      ...(found.length > 0 && found.every(({ transient }) => transient === true) ? { transient: true } : {}),
      cluster,
      endpoint: runtime.engine.host,
      environment: runtime.environment,
      release: runtime.release,
      tables,
      problems,
    };
    const { ok, endpoint } = answer;
    if (ok) runtime.log.info('check done', { ok, endpoint });
    else runtime.log.error('check failed', { ok, endpoint, problems });
    return answer;
  } finally {
    release();
  }
}

/** What a transient failure that lasts is called. */
const SAYS: Readonly<Partial<Record<TransientCause, string>>> = {
  network: 'does not answer:',
  credentials: 'has no credentials for it just now:',
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
  const patience = new Patience(runtime, signal);
  const cluster = await askCluster(runtime, signal, patience);
  if ('what' in cluster) return { cluster: {}, tables: {}, problems: [cluster] };
  const tables = runtime.tables.names().map((name) => runtime.tables.get(name));
  if (tables.length === 0) {
    // No index to ask for: that the cluster takes bulk requests of this function is all that can be shown, and it must be.
    const { engine, now } = runtime;
    const refusal = await patience.last(() => probeBulk({ engine, now, signal, metrics: new Metrics() }));
    return { cluster, tables: {}, problems: refusal === undefined ? [] : [problemOf(refusal, `the cluster at ${engine.host}`)] };
  }
  // At the same time: one index that blocks writes uses up the time of no other.
  const reports = await Promise.all(tables.map((table) => checkTable(runtime, table, signal, patience)));
  return {
    cluster,
    tables: Object.fromEntries(tables.map(({ name, index }, i) => [name, { index: index ?? null, exists: reports[i]?.exists === true }])),
    problems: reports.flatMap(({ problems }) => problems),
  };
}

/** What `GET /` says, empty where it says nothing; the problem where the cluster cannot be used at all. */
async function askCluster(runtime: Runtime, signal: AbortSignal, patience: Patience): Promise<Cluster | Found> {
  const { engine } = runtime;
  // Serverless collections have no GET /: the probes of the indexes show whether they can be used.
  if (engine.serverless) return {};
  const result = await patience.last(async () => {
    try {
      const answer = await engine.send({ method: 'GET', path: '/' }, signal);
      if (answer.status < 300) return clusterOf(answer.text);
      const failure = classifyRequest(answer, runtime.now());
      // The permission for GET / is one that a function needs for nothing else; Elasticsearch's cores answer 405.
      return failure?.kind !== 'transient' && [400, 403, 404, 405].includes(answer.status) ? {} : (failure ?? {});
    } catch (error) {
      return classifyThrown(error, signal);
    }
  });
  return 'kind' in result ? problemOf(result, `the cluster at ${engine.host}`) : result;
}

/**
 * Creates the table's index where it is missing, as the first record would, and shows that nothing there would refuse every document.
 * @returns what is in the way
 */
async function checkTable(runtime: Runtime, table: Table, signal: AbortSignal, patience: Patience): Promise<TableReport> {
  const { indexes } = runtime;
  const { name, index } = table;
  if (index === undefined) {
    return {
      exists: false,
      problems: [{ what: `the table ${name} has no index`, remedy: 'Give it one with the option index' }],
    };
  }
  const found = await patience.last(() => indexes.ensure({ ...table, index }, signal));
  if ('kind' in found) return { exists: false, problems: [problemOf(found, `the index ${index} of ${name}`)] };
  const several = table.multiIndexAlias ? undefined : aliasProblem(found, index, name);
  const refusals = await findRefusals(runtime, found.writeIndex ?? index, index, signal, patience);
  const subject = `writing to the index ${index} of ${name}`;
  const problems = refusals
    // A write index would be no remedy where the alias is refused anyway.
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
      'Give the alias one index, with all documents in it, or give the table another index in the options file; multi-index-alias: true there accepts the consequence',
  };
}

/** What would refuse every document of the index, shown by writes that change none. */
async function findRefusals(
  runtime: Runtime,
  writeIndex: string,
  index: string,
  signal: AbortSignal,
  patience: Patience,
): Promise<readonly Outcome[]> {
  const { engine, now, indexes } = runtime;
  const bulk = { engine, now, signal, metrics: new Metrics() };
  const deleting = await patience.last(() => probeWrite(bulk, index));
  if (deleting !== undefined) return [deleting];
  const indexing = await patience.last(() => probeIndexing(bulk, index));
  if (indexing?.kind === 'configuration') return [indexing];
  if (indexing?.kind === 'done' && indexing.result === 'stale') return [];
  // The probe went no further than a first pipeline, which may have refused it for being empty: the settings name all of them.
  const missing = (await indexes.missingPipelines(writeIndex, signal)) ?? [];
  if (missing.length > 0) return missing.map(missingPipeline);
  return indexing?.kind === 'transient' ? [indexing] : [];
}

/** Writes one small object per place of dead letters, always the same. @returns the problems of those that cannot be written to */
async function checkDeadLetters(runtime: Runtime, signal: AbortSignal): Promise<Found[]> {
  const problems: Found[] = [];
  const places = new Map<string, DeadLetterPlace>();
  // The table without a name has the defaults.
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
        remedy: "Allow the function's role s3:PutObject there, or give another place with the option dead-letters",
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
        what: `${subject} ${SAYS[failure.cause] ?? 'is not ready:'} ${failure.type} ${reason}`.trim(),
        remedy,
        transient: PASSING.has(failure.cause),
      };
    default:
      return { what: `${subject} is refused: ${reason}`, remedy };
  }
}
