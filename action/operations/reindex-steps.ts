// The steps of a reindex, each recorded before the next begins, so that a run that was killed goes on at the one it was at.
import type { Counts } from '../../formats/slice.ts';
import { addCounts } from '../../formats/counts.ts';
import { endExecution } from '../apply/slices/executions.ts';
import type { HeldLock } from '../apply/slices/lock.ts';
import type { ReindexRecord } from '../apply/slices/reindex-record.ts';
import { RunStore, type StoredRun } from '../apply/slices/run-store.ts';
import type { TableResult } from '../report/run-report.ts';
import type { RunTable } from '../aws/tables.ts';
import type { Run } from '../run.ts';
import { deployReindex, writesBoth } from './deploy-reindex.ts';
import { createIndex, deleteIndex, servingIndex, swapIndex } from './table-indexes.ts';
import { runPrefix, type RunTarget } from './run-target.ts';
import { onLockedTable, type RunLimits } from './table-run.ts';

/** ms: triggers that are further behind than this have changes that no index has yet: the name waits for them. */
const LOW_AGE_MS = 60_000;
/** ms between two looks at their age. */
const LOOK_MS = 30_000;

export interface ReindexWork extends RunLimits {
  readonly lock: HeldLock;
  /** Ends the writing of two indexes, and deletes the one that searches do not use. */
  readonly deleteOldIndex: boolean;
}

/** How far a run has come. */
export type ReindexResult = Omit<TableResult, 'complete'> & {
  readonly complete: boolean;
  /** Searches were led to another index in this run. */
  readonly moved: boolean;
  /** The function goes on writing to both. */
  readonly writesBoth: boolean;
};

/** The steps that are runs on the table, which keep their progress below the record. */
const PARTS = ['backfill', 'verify'] as const;

const partPrefix = ({ inputs }: Run, { name }: RunTable, id: string, part: (typeof PARTS)[number]): string =>
  `${runPrefix(inputs.functionName, 'reindex', name)}/${id}/${part}`;

/** Stops the executions of AWS Step Functions that still work for a reindex that is abandoned. @param id of its record @throws {AwsError} */
export async function endParts(run: Run, { bucket, timeout }: RunTarget, table: RunTable, id: string, lock: HeldLock): Promise<void> {
  const { aws, report } = run;
  const log = (line: string): void => {
    report.info(line);
  };
  for (const part of PARTS) {
    const store = new RunStore(aws, bucket, partPrefix(run, table, id, part));
    const stored = await store.read<StoredRun>('run.json');
    if (stored !== undefined && !stored.value.finished) await endExecution(aws, store, stored.value, true, { lock, timeout, log });
  }
}

/** Goes through the steps from the recorded one on. @throws {UserError} */
export function runReindex(run: Run, target: RunTarget, table: RunTable, record: ReindexRecord, work: ReindexWork): Promise<ReindexResult> {
  return new ReindexRun(run, target, table, record, work).work();
}

class ReindexRun {
  readonly #run: Run;
  readonly #table: RunTable;
  readonly #record: ReindexRecord;
  readonly #work: ReindexWork;
  #target: RunTarget;
  #counts: Counts = {};
  #last: TableResult | undefined;
  #moved = false;
  #writesBoth = true;

  constructor(run: Run, target: RunTarget, table: RunTable, record: ReindexRecord, work: ReindexWork) {
    this.#run = run;
    this.#target = target;
    this.#table = table;
    this.#record = record;
    this.#work = work;
  }

  async work(): Promise<ReindexResult> {
    for (;;) {
      const { step, finished } = this.#record.state;
      if (finished) return this.#result({ complete: true });
      const stopped = await this.#steps[step]();
      if (stopped !== undefined) return this.#result(stopped);
    }
  }

  readonly #steps = {
    create: async () => {
      const { to } = this.#record.state;
      const known = await createIndex(this.#run, this.#table.name, to.index);
      this.#say(`the index ${to.index} is created`);
      await this.#record.save({ to: known, step: 'deploy' });
      return undefined;
    },
    deploy: async () => {
      const { from, to } = this.#record.state;
      const codeSha256 = await deployReindex(this.#run, this.#table.name, [from.index, to.index]);
      this.#target = { ...this.#target, codeSha256 };
      this.#say(`changes are written to both ${from.index} and ${to.index} from now on`);
      await this.#record.save({ step: 'backfill' });
      return undefined;
    },
    backfill: async () => {
      const result = await this.#part('backfill');
      if (!result.complete || result.failure !== undefined) return result;
      await this.#record.save({ step: 'verify' });
      return undefined;
    },
    verify: async () => {
      const result = await this.#part('verify');
      if (!result.complete || result.failure !== undefined) return result;
      const { from, to } = this.#record.state;
      if (result.differences > 0 || result.unwalked !== undefined)
        return {
          complete: true,
          failure: `${result.unwalked ?? `${result.differences} items differ from their documents in ${to.index} and could not be fixed`}: searches go on using ${from.index}`,
        };
      if (!(await this.#isCurrent())) return { complete: false };
      if (!(await writesBoth(this.#run, this.#table.name, [from.index, to.index])))
        return {
          complete: true,
          failure: `the function no longer writes to both ${from.index} and ${to.index}, since it was deployed or rolled back meanwhile: searches go on using ${from.index}`,
        };
      await swapIndex(this.#run, this.#table.name, from, to);
      this.#moved = true;
      this.#say(`searches use ${to.index} from now on`);
      await this.#record.save({ step: 'end' });
      return undefined;
    },
    end: async () => {
      const { from, replacesIndex } = this.#record.state;
      const { deleteOldIndex } = this.#work;
      if (deleteOldIndex || replacesIndex) await this.#end(deleteOldIndex ? from : undefined);
      await this.#record.save({ finished: true });
      return undefined;
    },
  } satisfies Record<string, () => Promise<{ readonly complete: boolean; readonly failure?: string | undefined } | undefined>>;

  /** Ends the writing of two indexes. @param old is deleted, unless it was replaced */
  async #end(old: { readonly index: string; readonly uuid: string } | undefined): Promise<void> {
    const { name } = this.#table;
    await deployReindex(this.#run, name, undefined);
    this.#writesBoth = false;
    const serving = await servingIndex(this.#run, name);
    if (old === undefined || old.index === serving.name || old.index === serving.index) return;
    // An invocation of the former package would create it again.
    const seconds = this.#target.timeout;
    this.#say(`the index ${old.index} is deleted in ${seconds} s, when no invocation of the former package can write to it any more`);
    await this.#run.aws.clock.sleep(seconds * 1000);
    await deleteIndex(this.#run, name, old);
    this.#say(`the index ${old.index} is deleted`);
  }

  async #part(operation: (typeof PARTS)[number]): Promise<TableResult> {
    const { id, to } = this.#record.state;
    const prefix = partPrefix(this.#run, this.#table, id, operation);
    const result = await onLockedTable(this.#run, operation, this.#target, this.#table, this.#work, {
      other: { index: to.index, prefix },
    });
    this.#counts = addCounts([this.#counts, result.counts]);
    this.#last = result;
    return result;
  }

  /** Waits until the function has read its streams nearly to their ends. @returns false where the time of the run ends before */
  async #isCurrent(): Promise<boolean> {
    const { lag, until } = this.#work;
    const { clock } = this.#run.aws;
    for (let isSaid = false; ; isSaid = true) {
      const age = await lag.age();
      if (age <= LOW_AGE_MS) return true;
      if (clock.now() + LOOK_MS >= until) return false;
      if (!isSaid) this.#say(`searches move when the triggers, which are ${Math.round(age / 1000)} s behind, have caught up`);
      await clock.sleep(LOOK_MS);
    }
  }

  #say(sentence: string): void {
    this.#run.report.info(`Table ${this.#table.name}: ${sentence}`);
  }

  #result({ complete, failure }: { readonly complete: boolean; readonly failure?: string | undefined }): ReindexResult {
    return {
      complete,
      failure,
      counts: this.#counts,
      differences: this.#last?.differences ?? 0,
      findings: this.#last?.findings ?? [],
      unwalked: this.#last?.unwalked,
      ignored: this.#last?.ignored ?? {},
      reasons: this.#last?.reasons ?? {},
      moved: this.#moved,
      writesBoth: this.#writesBoth,
    };
  }
}
