// One table of a run: its lock, the slices that the deployed function processes, and lines that say how far it is.
import { randomUUID } from 'node:crypto';
import type { Counts, SliceTable, SurveyedIndex, SurveyResponse, SurveySlice } from '../../formats/slice.ts';
import type { DriverSettings } from '../apply/slices/driver.ts';
import { byStateMachine, unlessExecuted } from '../apply/slices/executions.ts';
import { countReasons } from '../apply/slices/findings.ts';
import { takeLock, type HeldLock } from '../apply/slices/lock.ts';
import { phaseText, redrivePhase } from '../apply/slices/phases.ts';
import { workOn } from '../apply/slices/pool.ts';
import { RunStore, type RedriveSource } from '../apply/slices/run-store.ts';
import { runTable } from '../apply/slices/run-table.ts';
import type { TableResult } from '../report/run-report.ts';
import { longestRequest } from '../apply/slices/slice-invocation.ts';
import { TriggerLag } from '../apply/slices/trigger-lag.ts';
import type { StateMachine } from '../aws/state-machine.ts';
import { describeRunTable, type RunTable } from '../aws/tables.ts';
import { UserError } from '../errors.ts';
import type { TableOperation } from '../inputs/operation.ts';
import { indexOf } from '../plan/reindexed-tables.ts';
import { RELEASE } from '../release.ts';
import type { Run } from '../run.ts';
import { functionResponse, NOT_VALID } from './function-response.ts';
import { runPrefix, type RunTarget } from './run-target.ts';

/** The lag of the function's triggers, for all tables of a run. */
export function triggerLag({ inputs, aws, report }: Run): TriggerLag {
  return new TriggerLag(aws, inputs.functionName, (message) => {
    report.warn({ title: 'Triggers that are behind', message });
  });
}

/** Limits of a run. */
export interface RunLimits {
  /** Read capacity units per second. */
  readonly capacity: number;
  /** ms since the epoch */
  readonly until: number;
  readonly lag: TriggerLag;
  /** Hands out the slices; undefined: the action does. */
  readonly machine?: StateMachine | undefined;
}

/** Another index than the table's own, for a reindex. */
export interface OtherIndex {
  readonly index: string;
  /** In the bucket, where the run on it keeps its objects. */
  readonly prefix: string;
}

/** Locks the table against other runs. @throws {UserError} where a live run has it */
export function lockTable(
  { inputs, aws, report, env }: Run,
  { bucket, timeout }: Pick<RunTarget, 'bucket' | 'timeout'>,
  table: string,
): Promise<HeldLock> {
  return takeLock(
    new RunStore(aws, bucket, `runs/${inputs.functionName}/locks`),
    table,
    aws.clock,
    {
      holder: `${env.GITHUB_RUN_ID ?? 'local'}-${process.pid}-${aws.clock.random()}`,
      url: urlOf(env),
      longestMs: longestRequest({ timeout }),
    },
    (line) => {
      report.info(line);
    },
  );
}

/** Runs, or goes on with, the operation on one table, which is locked meanwhile. @param sources of `redrive` @throws {UserError} */
export async function onTable(
  run: Run,
  operation: TableOperation,
  target: RunTarget,
  table: RunTable,
  limits: RunLimits,
  sources: readonly RedriveSource[] = [],
): Promise<TableResult> {
  const lock = await lockTable(run, target, table.name);
  try {
    return await onLockedTable(run, operation, target, table, { ...limits, lock }, { sources });
  } finally {
    await lock.release();
  }
}

/** As `onTable`, of a table that is locked. @param other is filled, or compared and repaired, whole, whatever the inputs say */
export async function onLockedTable(
  run: Run,
  operation: TableOperation,
  target: RunTarget,
  table: RunTable,
  { lock, ...limits }: RunLimits & { readonly lock: HeldLock },
  { sources = [], other }: { readonly sources?: readonly RedriveSource[]; readonly other?: OtherIndex },
): Promise<TableResult> {
  const { inputs } = run;
  const subject = {
    table: sliceTable(table),
    tableId: table.id,
    bytes: table.bytes,
    companions: await companionsOf(run, target, table),
    sources,
    report: operation === 'verify' && other === undefined ? inputs.report : undefined,
    ...(other === undefined ? {} : { index: other.index }),
  };
  const isVerify = operation === 'verify';
  const { repair, prune, sample, restart } = other === undefined ? inputs : { repair: isVerify, prune: true, sample: 1, restart: false };
  const settings = {
    operation,
    repair: operation !== 'redrive' && repair,
    prune: operation === 'redrive' || prune,
    sample: isVerify ? sample : 1,
    deleteLimit: inputs.deleteLimit,
    restart,
    codeSha256: target.codeSha256,
  };
  const store = storeOf(run, operation, target, table, other);
  const create = other === undefined && (!isVerify || repair);
  const index = other === undefined ? {} : { index: other.index };
  return runTable(store, subject, settings, {
    ...poolSettings(run, target, limits),
    lock,
    workOn: limits.machine === undefined ? unlessExecuted(workOn) : byStateMachine(limits.machine),
    iteratorAge: () => limits.lag.age(),
    survey: () => survey(run, store, subject.table, { create, sources, ...index }),
    tableId: async () => (await describeRunTable(run.aws, table.name))?.id,
    progress: progressOf(run, table.name),
  });
}

/** What `redrive` would work off. */
export interface RedriveCount {
  readonly counts: Counts;
  /** Dead letters, and items of expired batches, by type of error. */
  readonly reasons: Readonly<Record<string, number>>;
  /** Why not all was counted; undefined: it was. */
  readonly problem: string | undefined;
}

/** Counts what `redrive` would work off, without a lock, since it changes nothing. @throws {UserError} */
export async function countOnTable(
  run: Run,
  target: RunTarget,
  table: RunTable,
  limits: RunLimits,
  sources: readonly RedriveSource[],
): Promise<RedriveCount> {
  const { aws } = run;
  const runs = storeOf(run, 'redrive', target, table);
  const store = new RunStore(aws, runs.bucket, `${runs.prefix}/plan-${randomUUID()}`);
  await survey(run, store, sliceTable(table), { create: false, sources });
  const { slices } = redrivePhase('count', sliceTable(table), sources, 'count', aws.clock.now());
  const progress = progressOf(run, table.name);
  const { counts, parked, isOver } = await workOn(slices, {
    ...poolSettings(run, target, limits),
    store,
    lock: { isLost: false, late: () => undefined },
    operation: 'redrive',
    run: 'plan',
    phase: 'count',
    progress: (state) => {
      progress('count', state);
    },
  });
  const lists = await Promise.all(slices.map(async ({ id }) => (await store.checkpoint(id))?.lists ?? []));
  const [{ reason } = { reason: isOver ? 'the time limit was reached' : undefined }] = parked;
  return { counts, reasons: await countReasons(store, lists.flat()), problem: reason };
}

function storeOf(
  { aws, inputs }: Run,
  operation: TableOperation,
  { bucket }: RunTarget,
  { name }: RunTable,
  other?: Pick<OtherIndex, 'prefix'>,
): RunStore {
  return new RunStore(aws, bucket, other?.prefix ?? runPrefix(inputs.functionName, operation, name));
}

/** How slices are passed to the function. */
function poolSettings(
  { aws, inputs, report }: Run,
  { timeout }: RunTarget,
  { capacity, until, lag }: RunLimits,
): Omit<DriverSettings, 'store' | 'lock' | 'operation' | 'run' | 'phase' | 'progress'> {
  return {
    aws,
    log: (line) => {
      report.info(line);
    },
    timeout,
    pause: () => lag.reason(),
    functionName: inputs.functionName,
    qualifier: inputs.alias,
    release: RELEASE,
    concurrency: inputs.concurrency,
    maxReadCapacity: capacity,
    until,
  };
}

/** The table, and all that share its index. */
async function companionsOf({ aws }: Run, target: RunTarget, table: RunTable): Promise<SliceTable[]> {
  const companions = await Promise.all(sharingTables(target, table.name).map((name) => describeRunTable(aws, name)));
  return [table, ...companions.filter((one) => one !== undefined)].map(sliceTable);
}

/** The other tables that have the index of a table. */
export function sharingTables(target: Pick<RunTarget, 'config' | 'mapping'>, table: string): string[] {
  const index = indexOf(target, table);
  return Object.values(target.mapping)
    .map(({ TableName }) => TableName)
    .filter((name) => name !== table && indexOf(target, name) === index);
}

const sliceTable = ({ name, keys }: RunTable): SliceTable => ({ name, keys });

/** URL of this run: on GitHub, GitLab (CI_JOB_URL) or Jenkins (BUILD_URL). */
function urlOf(env: NodeJS.ProcessEnv): string {
  const { GITHUB_SERVER_URL: server, GITHUB_REPOSITORY: repository, GITHUB_RUN_ID: id } = env;
  return server !== undefined && repository !== undefined && id !== undefined
    ? `${server}/${repository}/actions/runs/${id}`
    : (env.CI_JOB_URL ?? env.BUILD_URL ?? 'a run outside GitHub');
}

/**
 * @param create whether a missing index is created @param index instead of the table's own
 * @throws {UserError} with the function's own sentence where no run is possible
 */
async function survey(
  run: Run,
  { bucket, prefix }: RunStore,
  table: SliceTable,
  { create, sources, ...other }: { readonly create: boolean; readonly sources: readonly RedriveSource[]; readonly index?: string },
): Promise<SurveyedIndex> {
  const places = sources.map(({ from }) => from);
  const slice: SurveySlice = { kind: 'survey', release: RELEASE, bucket, prefix, create, tables: [table], places, ...other };
  const failure = `The function could not check the index of ${table.name}`;
  const { tables, problems } = await functionResponse<SurveyResponse>(run, slice, {
    failure,
    readsOnly: run.inputs.dryRun,
    tries: SURVEY_TRIES,
  });
  const found = tables?.[table.name];
  if (found !== undefined) return found;
  const [problem] = problems ?? [];
  throw problem === undefined ? new UserError(`${failure}: ${NOT_VALID}`) : new UserError(problem.what, problem.remedy);
}

/** Of an invocation that only looks, and creates what is missing: a function that ended early is no reason to end a run. */
const SURVEY_TRIES = 3;

/** ms between two lines, in the first minutes and later. */
const LINE_EVERY = [15_000, 60_000] as const;
const FIRST_MS = 5 * 60_000;

/** A line now and then that says how far a table is. */
function progressOf({ aws, report }: Run, table: string): Parameters<typeof runTable>[3]['progress'] {
  const started = aws.clock.now();
  let said = started;
  let phaseSaid = '';
  return (phase, { done, slices, counts, throttled, waiting, detail }) => {
    const now = aws.clock.now();
    const isNew = phase !== phaseSaid;
    if (!isNew && now - said < LINE_EVERY[now - started < FIRST_MS ? 0 : 1]) return;
    [said, phaseSaid] = [now, phase];
    const seconds = Math.max(1, (now - started) / 1000);
    const read = counts.read ?? 0;
    const parts = [
      `${phaseText(phase)}: ${done} of ${slices === 1 ? '1 part' : `${slices} parts`}`,
      ...(read > 0 ? [`${read} items, ${Math.round(read / seconds)}/s`] : []),
      ...(counts['read-capacity'] === undefined ? [] : [`${Math.round(counts['read-capacity'] / seconds)} read capacity units per second`]),
      ...(throttled.table > 0 ? [`DynamoDB throttled ${throttled.table} times`] : []),
      ...(throttled.cluster > 0 ? [`the cluster throttled ${throttled.cluster} times`] : []),
      ...(detail === undefined ? [] : [detail]),
      ...(waiting === undefined ? [] : [waiting]),
    ];
    report.info(`Table ${table}: ${parts.join(', ')}`);
  };
}
