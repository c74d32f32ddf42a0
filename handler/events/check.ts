// The check event: proves that the deployed function can do its work, changing no document.
import { abortAt, budgetFor } from '../budget.ts';
import { probeBulk, probeWrite } from '../indexing/bulk-request.ts';
import { clusterOf, type Cluster } from '../cluster/version.ts';
import type { DeadLetterPlace, Table } from '../tables.ts';
import { classifyRequest, classifyThrown, type Outcome } from '../cluster/responses.ts';
import { withoutValues } from '../telemetry/redaction.ts';
import { Metrics } from '../telemetry/metrics.ts';
import type { Invocation, Runtime } from '../runtime.ts';
import type { CheckProblem, CheckResponse } from '../../formats/events.ts';

/** A problem, and whether it passes by waiting. */
type Found = CheckProblem & { readonly transient?: boolean };

/** Asks the cluster and S3 with the function's own credentials. What cannot be used is a problem in the answer, never an exception. */
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

interface ClusterReport extends Pick<CheckResponse, 'cluster' | 'tables'> {
  readonly problems: Found[];
}

/** The cluster and every table's index in it. */
async function checkCluster(runtime: Runtime, signal: AbortSignal): Promise<ClusterReport> {
  const problems: Found[] = [];
  const cluster = await askCluster(runtime, signal, problems);
  if (cluster === undefined) return { cluster: {}, tables: {}, problems };
  const tables: [string, { index: string | null; exists: boolean }][] = [];
  for (const table of runtime.tables.names().map((name) => runtime.tables.get(name))) {
    tables.push([table.name, { index: table.index ?? null, exists: await checkTable(runtime, table, signal, problems) }]);
  }
  if (tables.length === 0) {
    // No index to ask for: that the cluster takes bulk requests of this function is all that can be shown, and it must be.
    const { engine, now } = runtime;
    const refusal = await probeBulk({ engine, now, signal, metrics: new Metrics() });
    if (refusal !== undefined) problems.push(problemOf(refusal, `the cluster at ${engine.host}`));
  }
  return { cluster, tables: Object.fromEntries(tables), problems };
}

/** What `GET /` says, empty where it says nothing; undefined where the cluster cannot be used at all. */
async function askCluster(runtime: Runtime, signal: AbortSignal, problems: Found[]): Promise<Cluster | undefined> {
  const { engine } = runtime;
  // Serverless collections have no GET /: the probes of the indexes show whether they can be used.
  if (engine.serverless) return {};
  try {
    const answer = await engine.send({ method: 'GET', path: '/' }, signal);
    if (answer.status < 300) return clusterOf(answer.text);
    // The permission for GET / is one that a function needs for nothing else; Elasticsearch's cores answer 405.
    if (answer.status === 403 || answer.status === 404 || answer.status === 405 || answer.status === 400) return {};
    const failure = classifyRequest(answer, runtime.now());
    if (failure !== undefined) problems.push(problemOf(failure, `the cluster at ${engine.host}`));
  } catch (error) {
    problems.push(problemOf(classifyThrown(error, signal), `the cluster at ${engine.host}`));
  }
  return undefined;
}

/** Whether the table's index exists; what stands in the way of writing to it goes to `problems`. */
async function checkTable(runtime: Runtime, table: Table, signal: AbortSignal, problems: Found[]): Promise<boolean> {
  const { engine, indexes, now } = runtime;
  if (table.index === undefined) {
    problems.push({ what: `the table ${table.name} has no index`, remedy: 'Give it one with the option index' });
    return false;
  }
  const found = await indexes.exists(table.index, signal);
  if (typeof found !== 'boolean') {
    problems.push(problemOf(found, `the index ${table.index} of ${table.name}`));
    return false;
  }
  const refusal = await probeWrite({ engine, now, signal, metrics: new Metrics() }, table.index);
  if (refusal !== undefined) problems.push(problemOf(refusal, `writing to the index ${table.index} of ${table.name}`));
  return found;
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
  switch (failure.kind) {
    case 'configuration':
      return { what: `${subject} cannot be used: ${withoutValues(failure.reason)}`, remedy: failure.remedy };
    case 'transient':
      return {
        what: `${subject} does not answer: ${failure.type} ${withoutValues(failure.reason)}`.trim(),
        remedy: 'Check the address in the endpoint file, and that the function can reach it (subnets, security groups)',
        // A cluster that responds may do so better later; one that does not is told at once.
        transient: failure.throttled || /^HTTP (?:408|429|5\d\d)/.test(failure.reason),
      };
    default:
      return {
        what: `${subject} is refused: ${'reason' in failure ? withoutValues(failure.reason) : failure.kind}`,
        remedy: 'Check ES_ENDPOINT and the index',
      };
  }
}
