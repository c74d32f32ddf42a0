// The common part of backfill and verify: the deployed function processes tables, slice by slice, and a report shows the result.
import type { KeyMapping } from '../../formats/key-mapping.ts';
import { nearest } from '../../formats/nearest.ts';
import { parseS3Uri } from '../../formats/s3-uri.ts';
import type { SliceTable, SurveyedIndex, SurveyResponse } from '../../formats/slice.ts';
import { addCounts } from '../apply/slices/counts.ts';
import { takeLock } from '../apply/slices/lock.ts';
import { RunStore } from '../apply/slices/run-store.ts';
import { runTable, type TableResult } from '../apply/slices/run-table.ts';
import { invoke } from '../aws/invoke.ts';
import { describeRunTable, type RunTable } from '../aws/tables.ts';
import { listTriggers, streamOrigin } from '../aws/triggers.ts';
import { sha256Of } from '../deployed/deployed-function.ts';
import { InputError, UserError, type Problem } from '../errors.ts';
import { configOf, mappingOf } from '../plan/package-plan.ts';
import { defaultReadCapacity, planRun } from '../plan/run-plan.ts';
import { RELEASE } from '../release.ts';
import { runReport, runSummary } from '../report/run-report.ts';
import type { Run } from '../run.ts';
import { reportServing } from './outputs.ts';
import { readDeployed, refuseForeignEnvironment } from './read-deployed.ts';

/** The deployed state, as far as a run needs it. */
interface RunTarget {
  readonly bucket: string;
  readonly mapping: KeyMapping;
  readonly codeSha256: string;
  /** Names of the index of each table of the package. */
  readonly indexOf: (table: string) => string | undefined;
}

/** @throws {UserError} where no run is possible */
async function targetOf(run: Run): Promise<RunTarget> {
  const { inputs, aws, report } = run;
  const { functionName } = inputs;
  // Only a deploy needs the history of packages: without the bucket it is not read.
  const deployed = await readDeployed(aws, { ...inputs, codeBucket: undefined }, report);
  if (deployed.serving === undefined)
    throw new UserError(
      `function-name: there is no function ${functionName} in account ${aws.account}, region ${aws.region}`,
      'Run operation deploy first, or check function-name and the region',
    );
  reportServing(run, deployed);
  const found = await refuseForeignEnvironment(deployed, inputs, undefined);
  const config = found === undefined ? undefined : configOf(found);
  if (found === undefined || config === undefined)
    throw new UserError(
      `The package of function ${functionName} was not deployed by this action`,
      'Run operation deploy first, which takes the function over',
    );
  if (config.release !== RELEASE)
    throw new UserError(
      `Function ${functionName} is of release ${config.release}, and this action of release ${RELEASE}`,
      'Run operation deploy with this action first: both must be of one release',
    );
  const place = config.options.defaults['dead-letters'];
  const bucket = inputs.codeBucket ?? (place === undefined ? undefined : parseS3Uri(place)?.bucket);
  if (bucket === undefined)
    throw new UserError(
      'code-bucket: it is required for this operation, which keeps its progress there',
      'Set it (AWS_BUCKET_CODE), and deploy with it',
    );
  const mapping = mappingOf(found);
  return {
    bucket,
    mapping,
    codeSha256: sha256Of(deployed.serving) ?? '',
    indexOf: (table) => config.options.tables[table]?.index ?? mapping[table.toLowerCase()]?.Index,
  };
}

/** The tables of a run, described. @throws {InputError} naming those that do not exist */
async function tablesOf({ inputs, aws }: Run, { mapping }: RunTarget): Promise<RunTable[]> {
  const known = Object.values(mapping).map(({ TableName }) => TableName);
  const names = inputs.tables.length > 0 ? inputs.tables : known;
  const problems: Problem[] = [];
  const tables: RunTable[] = [];
  if (names.length === 0)
    problems.push({ where: 'tables', message: 'tables: the deployed key mapping knows no table. Name tables, and deploy with them' });
  for (const name of names) {
    if (!known.includes(name)) {
      const near = nearest(name, known);
      const hint = near === undefined ? 'Deploy with it in tables, or run operation refresh-mapping' : `Did you mean ${near}?`;
      problems.push({ where: 'tables', message: `tables: the deployed key mapping does not know the table ${name}. ${hint}` });
      continue;
    }
    const found = await describeRunTable(aws, name);
    if (found === undefined)
      problems.push({
        where: 'tables',
        message: `tables: there is no table ${name} in account ${aws.account}, region ${aws.region}. Check the name, and the region of the job`,
      });
    else tables.push(found);
  }
  if (problems.length > 0) throw new InputError(problems);
  return tables;
}

/** Runs backfill or verify on the tables of the inputs. @throws {UserError} where it fails, or differences remain */
export async function runOnTables(run: Run, operation: 'backfill' | 'verify'): Promise<void> {
  const { inputs, aws, report } = run;
  report.runOutputs({ complete: 'false' });
  const found = await targetOf(run);
  const tables = await tablesOf(run, found);
  const triggers = await listTriggers(aws, inputs.functionName, inputs.alias);
  const capacity = inputs.maxReadCapacity ?? Math.min(...tables.map(defaultReadCapacity));
  const plans = tables.map((table) =>
    planRun(
      operation,
      table,
      triggers.filter(({ source }) => streamOrigin(source)?.table === table.name),
      { writes: operation === 'backfill' || inputs.repair, capacity, now: aws.clock.now() },
    ),
  );
  const problems = plans.flatMap((plan) => plan.problems);
  if (problems.length > 0) throw new InputError(problems);
  for (const warning of plans.flatMap((plan) => plan.warnings)) report.warn(warning);
  report.plan(plans.flatMap((plan) => plan.changes));
  if (inputs.dryRun) return;
  const until = aws.clock.now() + inputs.timeLimitMinutes * 60_000;
  const results: Record<string, TableResult> = {};
  for (const table of tables) results[table.name] = await onTable(run, operation, found, table, { capacity, until });
  await finish(run, operation, found, results);
}

async function onTable(
  run: Run,
  operation: 'backfill' | 'verify',
  { bucket, codeSha256, indexOf, mapping }: RunTarget,
  table: RunTable,
  { capacity, until }: { readonly capacity: number; readonly until: number },
): Promise<TableResult> {
  const { inputs, aws, report, env } = run;
  const store = new RunStore(aws, bucket, `runs/${inputs.functionName}/${operation}/${table.name}`);
  const log = (line: string): void => {
    report.info(line);
  };
  const lock = await takeLock(
    store,
    aws.clock,
    { holder: `${env.GITHUB_RUN_ID ?? 'local'}-${process.pid}-${aws.clock.random()}`, url: urlOf(env) },
    log,
  );
  try {
    const shared = Object.values(mapping).filter(({ TableName }) => TableName !== table.name && indexOf(TableName) === indexOf(table.name));
    const companions = await Promise.all(shared.map(({ TableName }) => describeRunTable(aws, TableName)));
    const subject = {
      table: sliceTable(table),
      tableId: table.id,
      bytes: table.bytes,
      companions: [table, ...companions.filter((one) => one !== undefined)].map(sliceTable),
    };
    const progress = progressOf(run, table.name);
    return await runTable(
      store,
      subject,
      {
        operation,
        repair: inputs.repair,
        prune: inputs.prune,
        sample: operation === 'verify' ? inputs.sample : 1,
        deleteLimit: inputs.deleteLimit,
        restart: inputs.restart,
        codeSha256,
      },
      {
        aws,
        functionName: inputs.functionName,
        qualifier: inputs.alias,
        release: RELEASE,
        concurrency: inputs.concurrency,
        maxReadCapacity: capacity,
        until,
        survey: () => survey(run, table.name),
        log,
        progress,
      },
    );
  } finally {
    await lock.release();
  }
}

const sliceTable = ({ name, keys }: RunTable): SliceTable => ({ name, keys });

/** URL of this run. */
function urlOf(env: NodeJS.ProcessEnv): string {
  const { GITHUB_SERVER_URL: server, GITHUB_REPOSITORY: repository, GITHUB_RUN_ID: id } = env;
  return server !== undefined && repository !== undefined && id !== undefined
    ? `${server}/${repository}/actions/runs/${id}`
    : 'a run outside GitHub';
}

/** @throws {UserError} with the function's own sentence where the index cannot be used */
async function survey({ aws, inputs }: Run, table: string): Promise<SurveyedIndex> {
  const { payload, functionError } = await invoke(
    aws,
    { name: inputs.functionName, version: inputs.alias, timeout: undefined },
    { slice: { kind: 'survey', release: RELEASE, tables: [table] } },
  );
  let response: (SurveyResponse & { errorMessage?: unknown }) | undefined;
  try {
    response = JSON.parse(payload) as typeof response;
  } catch {
    // Reported below.
  }
  const index = functionError === undefined ? response?.tables[table] : undefined;
  if (index !== undefined) return index;
  const [problem] = (functionError === undefined ? response?.problems : undefined) ?? [];
  if (problem !== undefined) throw new UserError(problem.what, problem.remedy);
  throw new UserError(
    `The function could not check the index of ${table}: ${typeof response?.errorMessage === 'string' ? response.errorMessage : 'its response is not valid'}`,
  );
}

/** ms between two lines, in the first minutes and later. */
const LINE_EVERY = [15_000, 60_000] as const;
const FIRST_MS = 5 * 60_000;

/** A line now and then that says how far a table is. */
function progressOf({ aws, report }: Run, table: string): Parameters<typeof runTable>[3]['progress'] {
  const started = aws.clock.now();
  let said = started;
  let phaseSaid = '';
  return (phase, { done, slices, counts, throttled }) => {
    const now = aws.clock.now();
    const isNew = phase !== phaseSaid;
    if (!isNew && now - said < LINE_EVERY[now - started < FIRST_MS ? 0 : 1]) return;
    [said, phaseSaid] = [now, phase];
    const seconds = Math.max(1, (now - started) / 1000);
    const read = counts.read ?? 0;
    const parts = [
      `${phase}: ${done} of ${slices} parts`,
      ...(read > 0 ? [`${read} items, ${Math.round(read / seconds)}/s`] : []),
      ...(counts['read-capacity'] === undefined ? [] : [`${Math.round(counts['read-capacity'] / seconds)} read capacity units per second`]),
      ...(throttled.table > 0 ? [`DynamoDB throttled ${throttled.table} times`] : []),
      ...(throttled.cluster > 0 ? [`the cluster throttled ${throttled.cluster} times`] : []),
    ];
    report.info(`Table ${table}: ${parts.join(', ')}`);
  };
}

async function finish(
  { inputs, aws, report }: Run,
  operation: 'backfill' | 'verify',
  { bucket }: RunTarget,
  results: Readonly<Record<string, TableResult>>,
): Promise<void> {
  const all = Object.values(results);
  const complete = all.every((result) => result.complete);
  const differences = all.reduce((sum, result) => sum + result.differences, 0);
  const store = new RunStore(aws, bucket, `runs/${inputs.functionName}/${operation}`);
  await store.write('report.json', JSON.stringify(runReport(operation, results), null, 2));
  report.runOutputs({
    complete: String(complete),
    differences: String(differences),
    counts: JSON.stringify(Object.fromEntries(Object.entries(results).map(([name, { counts }]) => [name, counts]))),
    'report-uri': store.uri('report.json'),
  });
  report.section(runSummary(operation, results, store.uri('report.json')));
  const { written = 0, repaired = 0 } = addCounts(all.map(({ counts }) => counts));
  report.changed(written + repaired > 0);
  for (const [name, { counts }] of Object.entries(results)) {
    for (const kind of ['missing', 'different', 'stale', 'frozen'] as const) {
      const number = counts[kind] ?? 0;
      if (number > 0)
        report.warn({
          title: `Table ${name}`,
          message: `Table ${name}: ${number} ${kind}${(counts.repaired ?? 0) > 0 ? ' (repaired where possible)' : ''}. The list is ${store.uri(`${name}/differences.jsonl`)}`,
        });
    }
    if ((counts.malformed ?? 0) > 0)
      report.warn({
        title: `Table ${name}`,
        message: `Table ${name}: ${counts.malformed ?? 0} items cannot have a document${operation === 'backfill' ? ' and became dead letters' : ''}`,
      });
  }
  const failures = Object.entries(results).flatMap(([name, { failure }]) => (failure === undefined ? [] : [`table ${name}: ${failure}`]));
  if (failures.length > 0) throw new UserError(failures.join('; '), 'Run again: finished parts are not repeated');
  if (!complete) {
    report.warn({
      title: 'Not complete',
      message: `The time limit of ${inputs.timeLimitMinutes} minutes was reached: run operation ${operation} again, and it goes on where this run stopped`,
    });
    return;
  }
  if (differences > 0 && inputs.failOnDifferences)
    throw new UserError(
      `${differences} differences between tables and indexes remain`,
      inputs.repair ? 'Look at the report, and run again' : 'Run verify with repair: true to fix them, or look at the report',
    );
}
