// One table of a run: its lock, the slices that the deployed function processes, and lines that say how far it is.
import type { SliceTable, SurveyedIndex, SurveyResponse } from '../../formats/slice.ts';
import { takeLock } from '../apply/slices/lock.ts';
import { RunStore } from '../apply/slices/run-store.ts';
import { runTable, type TableResult } from '../apply/slices/run-table.ts';
import { longestRequest } from '../apply/slices/slice-invocation.ts';
import { TriggerLag } from '../apply/slices/trigger-lag.ts';
import { invoke } from '../aws/invoke.ts';
import { describeRunTable, type RunTable } from '../aws/tables.ts';
import { UserError } from '../errors.ts';
import { RELEASE } from '../release.ts';
import type { Run } from '../run.ts';
import { indexOf, runPrefix, type RunTarget } from './run-target.ts';

/** The lag of the function's triggers, for all tables of a run. */
export function triggerLag({ inputs, aws, report }: Run): TriggerLag {
  return new TriggerLag(aws, inputs.functionName, (message) => {
    report.warn({ title: 'Triggers that are behind', message });
  });
}

/** Runs, or goes on with, the operation on one table, which is locked meanwhile. @throws {UserError} */
export async function onTable(
  run: Run,
  operation: 'backfill' | 'verify',
  target: RunTarget,
  table: RunTable,
  { capacity, until, lag }: { readonly capacity: number; readonly until: number; readonly lag: TriggerLag },
): Promise<TableResult> {
  const { inputs, aws, report, env } = run;
  const { bucket, codeSha256, timeout, mapping } = target;
  const store = new RunStore(aws, bucket, runPrefix(inputs.functionName, operation, table.name));
  const log = (line: string): void => {
    report.info(line);
  };
  const lock = await takeLock(
    new RunStore(aws, bucket, `runs/${inputs.functionName}/locks`),
    table.name,
    aws.clock,
    {
      holder: `${env.GITHUB_RUN_ID ?? 'local'}-${process.pid}-${aws.clock.random()}`,
      url: urlOf(env),
      longestMs: longestRequest({ timeout }),
    },
    log,
  );
  try {
    const index = indexOf(target, table.name);
    const shared = Object.values(mapping).filter(({ TableName }) => TableName !== table.name && indexOf(target, TableName) === index);
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
        lock,
        timeout,
        pause: () => lag.reason(),
        iteratorAge: () => lag.age(),
        functionName: inputs.functionName,
        qualifier: inputs.alias,
        release: RELEASE,
        concurrency: inputs.concurrency,
        maxReadCapacity: capacity,
        until,
        survey: () => survey(run, store, subject.table, operation === 'backfill' || inputs.repair),
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

/** @param create whether a missing index is created @throws {UserError} with the function's own sentence where no run is possible */
async function survey({ aws, inputs }: Run, { bucket, prefix }: RunStore, table: SliceTable, create: boolean): Promise<SurveyedIndex> {
  const { payload, functionError } = await invoke(
    aws,
    { name: inputs.functionName, version: inputs.alias, timeout: undefined },
    { slice: { kind: 'survey', release: RELEASE, bucket, prefix, create, tables: [table] } },
    { signal: aws.signal },
  );
  let response: Partial<SurveyResponse & { errorMessage: unknown }> | undefined;
  try {
    response = JSON.parse(payload) as typeof response;
  } catch {
    // Reported below.
  }
  const index = functionError === undefined ? response?.tables?.[table.name] : undefined;
  if (index !== undefined) return index;
  const [problem] = (functionError === undefined ? response?.problems : undefined) ?? [];
  if (problem !== undefined) throw new UserError(problem.what, problem.remedy);
  throw new UserError(
    `The function could not check the index of ${table.name}: ${typeof response?.errorMessage === 'string' ? response.errorMessage : 'its response is not valid'}`,
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
  return (phase, { done, slices, counts, throttled, waiting }) => {
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
      ...(waiting === undefined ? [] : [waiting]),
    ];
    report.info(`Table ${table}: ${parts.join(', ')}`);
  };
}
