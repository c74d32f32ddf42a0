// One run on one table, phase by phase; parts that a former run has finished are not repeated.
import type { TableResult } from '../../report/run-report.ts';
import type { Counts, SliceTable, SurveyedIndex, WorkSlice } from '../../../formats/slice.ts';
import { deletesAllowed } from '../../inputs/delete-limit.ts';
import { writeFindings } from './findings.ts';
import type { HeldLock } from './lock.ts';
import { checkPins, openRun, written, type RunSettings } from './open-run.ts';
import type { DriverSettings, DriverState, SliceDriver } from './driver.ts';
import { endExecution } from './executions.ts';
import { PhaseResults } from './phase-results.ts';
import { lookPhase, redrivePhase, scanPhase, segmentsFor, walkPhase } from './phases.ts';
import { cutReport } from './report-lists.ts';
import { RunStore, type Phase, type PlannedSlice, type RedriveSource, type StoredRun } from './run-store.ts';

/** ms: changes that were on their way have arrived after this, or after twice the age of what the trigger reads, with a limit. */
const SETTLE_MS = 30_000;
const MAX_SETTLE_MS = 10 * 60_000;
/** Checks of items that keep changing. */
const MAX_LOOKS = 5;
const UNWALKED = 'OpenSearch Serverless has no shards to read, so documents without an item are neither found nor removed';
/** Segments and ranges of which a sample is taken. */
const SAMPLED = 200;

export interface TableOfRun {
  readonly table: SliceTable;
  readonly tableId: string;
  readonly bytes: number;
  /** All tables that share its index. */
  readonly companions: readonly SliceTable[];
  /** Of `redrive`: where it finds what could not be written. */
  readonly sources?: readonly RedriveSource[];
  /** Of `verify`: URI of the list of differences of an earlier run, which is looked at again instead of the table. */
  readonly report?: string | undefined;
  /** The index to work on instead of the table's own. */
  readonly index?: string;
}

export interface TableRunDependencies extends Omit<DriverSettings, 'store' | 'lock' | 'operation' | 'run' | 'phase' | 'progress'> {
  /** Hands out the slices. */
  readonly workOn: SliceDriver;
  readonly lock: HeldLock;
  /** ms: age of what the function's triggers read; 0 where it is not known. */
  readonly iteratorAge: () => Promise<number>;
  /** Checks the index again. @throws {UserError} */
  readonly survey: () => Promise<SurveyedIndex>;
  /** The id that the table has now; undefined: there is none of this name. @throws {UserError} */
  readonly tableId: () => Promise<string | undefined>;
  readonly progress: (phase: string, state: DriverState) => void;
}

/** Runs, or goes on with, the phases of a table. @param store of the table @throws {UserError} */
export async function runTable(store: RunStore, subject: TableOfRun, options: RunSettings, by: TableRunDependencies): Promise<TableResult> {
  const index = await by.survey();
  const { run, etag } = await openRun(store, subject, index, options, {
    ...by,
    abandon: (former) => endExecution(by.aws, store, former, options.restart, by),
  });
  return new TableRun(store, subject, options, by, run, etag).work();
}

class TableRun {
  readonly #table: RunStore;
  readonly #slices: RunStore;
  readonly #results: PhaseResults;
  readonly #subject: TableOfRun;
  readonly #options: RunSettings;
  readonly #by: TableRunDependencies;
  /** ms since the epoch: when this job began with the table. */
  readonly #startedAt: number;
  #run: StoredRun;
  #etag: string;

  constructor(store: RunStore, subject: TableOfRun, options: RunSettings, by: TableRunDependencies, run: StoredRun, etag: string) {
    this.#table = store;
    this.#slices = new RunStore(by.aws, store.bucket, `${store.prefix}/${run.id}`);
    this.#results = new PhaseResults(this.#slices, () => this.#run.phases);
    this.#subject = subject;
    this.#options = options;
    this.#by = by;
    this.#startedAt = by.aws.clock.now();
    this.#run = run;
    this.#etag = etag;
  }

  async work(): Promise<TableResult> {
    for (let phase = this.#run.phases.at(-1) ?? (await this.#begin(await this.#first())); ;) {
      const { parked, isOver } = await this.#by.workOn(phase.slices, {
        ...this.#by,
        store: this.#slices,
        run: this.#run.id,
        phase: phase.name,
        operation: this.#options.operation satisfies WorkSlice['operation'],
        progress: (state) => {
          this.#by.progress(phase.name, state);
        },
      });
      if (isOver) return this.#result({ complete: false });
      if (parked.length > 0) {
        await this.#survey();
        const list = parked.map(({ id, reason }) => `${id}: ${reason}`).slice(0, 3);
        return this.#result({
          complete: true,
          failure: `${parked.length} of ${phase.slices.length} parts failed again and again (${list.join('; ')})`,
        });
      }
      const next = await this.#next(phase);
      if (next === undefined) break;
      if (next === 'out of time') return this.#result({ complete: false });
      if ('failure' in next) return this.#result({ complete: true, failure: next.failure });
      phase = await this.#begin(next);
    }
    await this.#survey();
    await this.#save({ ...this.#run, finished: true });
    return this.#result({ complete: true });
  }

  /** Checks table and index again. @throws {UserError} where one is no longer that of the run */
  async #survey(): Promise<SurveyedIndex> {
    const { name } = this.#subject.table;
    const tableId = (await this.#by.tableId()) ?? '';
    checkPins(this.#run, name, { tableId });
    const found = await this.#by.survey();
    checkPins(this.#run, name, { tableId, index: found.index, indexUuid: found.uuid });
    return found;
  }

  async #first(): Promise<Phase> {
    const { table, bytes } = this.#subject;
    const { operation, sample } = this.#options;
    if (operation === 'redrive') return this.#redrive();
    if (this.#subject.report !== undefined) return this.#report(this.#subject.report);
    const total = sample < 1 ? SAMPLED : segmentsFor(bytes, this.#by.concurrency);
    const segments = this.#sampled(Array.from({ length: total }, (_, i) => i));
    return scanPhase(table, operation === 'backfill' ? 'write' : 'compare', segments, total);
  }

  /** The differences of an earlier run, each looked at as if it had just been found. */
  async #report(uri: string): Promise<Phase> {
    const { table } = this.#subject;
    const { lists, others } = await cutReport(this.#by.aws, uri, table, this.#slices);
    if (others > 0)
      this.#by.log(
        `Table ${table.name}: ${others === 1 ? '1 line' : `${others} lines`} of ${uri} ${others === 1 ? 'is' : 'are'} about other tables, and left out`,
      );
    this.#run = { ...this.#run, documents: (await this.#survey()).documents };
    return lookPhase('look-1', [table], lists, 'decide', false);
  }

  #redrive(): Phase {
    const { table, sources = [] } = this.#subject;
    return redrivePhase(`redrive-${this.#run.phases.length}`, table, sources, 'apply', this.#startedAt);
  }

  #sampled<Part>(parts: readonly Part[]): Part[] {
    const { sample } = this.#options;
    if (sample >= 1) return [...parts];
    const left = [...parts];
    const count = Math.max(1, Math.round(parts.length * sample));
    return Array.from({ length: Math.min(count, left.length) }, () =>
      left.splice(Math.floor(this.#by.aws.clock.random() * left.length), 1),
    ).flat();
  }

  /** The phase after one that is done; undefined: none. */
  async #next(phase: Phase): Promise<Phase | { readonly failure: string } | 'out of time' | undefined> {
    const { operation, prune, repair } = this.#options;
    // A run that was resumed has left what failed since it began.
    if (operation === 'redrive')
      return phase.slices.some((slice) => 'until' in slice && slice.until < this.#startedAt) ? this.#redrive() : undefined;
    if (phase.name === 'scan') return operation === 'verify' || prune ? this.#walk() : undefined;
    if (phase.name === 'apply') return this.#confirm(phase);
    if (phase.name === 'confirm') return undefined;
    if (operation === 'backfill') return this.#apply(['walk']);
    const look = phase.name === 'walk' ? 0 : Number(/^look-(\d+)$/.exec(phase.name)?.[1] ?? MAX_LOOKS);
    const lists =
      look === 0
        ? [...(await this.#results.lists('scan')), ...(await this.#results.lists('walk'))]
        : await this.#results.lists(phase.name, true);
    if (lists.length > 0 && look < MAX_LOOKS) {
      const settle = Math.min(MAX_SETTLE_MS, Math.max(SETTLE_MS, 2 * (await this.#by.iteratorAge())));
      if (!(await this.#wait(settle, 'differences are checked again, when changes on their way have arrived'))) return 'out of time';
      return lookPhase(`look-${look + 1}`, this.#subject.companions, lists, 'decide', look + 1 === MAX_LOOKS);
    }
    return repair ? this.#apply(this.#run.phases.map(({ name }) => name).filter((name) => name.startsWith('look-'))) : undefined;
  }

  /** Waits, unless the time of the run ends before. @param ms @param then says what happens after it */
  async #wait(ms: number, then: string): Promise<boolean> {
    const { aws, until, log } = this.#by;
    if (aws.clock.now() + ms >= until) return false;
    log(`Table ${this.#subject.table.name}: in ${Math.ceil(ms / 1000)} s ${then}`);
    await aws.clock.sleep(ms);
    return true;
  }

  /** Waits until no write of an interrupted part can arrive any more. @returns false where the time of the run ends before */
  async #noneIsLate(then: string): Promise<boolean> {
    const { lock, aws } = this.#by;
    const late = lock.lateUntil - aws.clock.now();
    return late <= 0 || this.#wait(late, `${then}, when no write of an interrupted part can arrive any more`);
  }

  /** Pass 2 reads what pass 1 wrote: it begins when no write of that can arrive any more. */
  async #walk(): Promise<Phase | 'out of time'> {
    if (!(await this.#noneIsLate('pass 2 begins'))) return 'out of time';
    const index = await this.#survey();
    this.#run = { ...this.#run, documents: index.documents, ...(index.serverless ? { unwalked: UNWALKED } : {}) };
    if (index.serverless) this.#by.log(`Table ${this.#subject.table.name}: ${UNWALKED}`);
    const { name, slices } = walkPhase(this.#subject.companions, index, this.#by.concurrency);
    return { name, slices: this.#sampled(slices) };
  }

  /** Fixes differences, unless that would delete more than the limit allows. */
  async #apply(phases: readonly string[]): Promise<Phase | { readonly failure: string } | undefined> {
    const lists = (await Promise.all(phases.map((name) => this.#results.lists(name, false)))).flat();
    if (lists.length === 0) return undefined;
    await this.#survey();
    const counts = await this.#results.counts(phases);
    const deletes = (counts.stale ?? 0) + (this.#options.operation === 'backfill' ? (counts.candidates ?? 0) : 0);
    const allowed = deletesAllowed(this.#options.deleteLimit, this.#run.documents);
    if (deletes > allowed) {
      return {
        failure: `${deletes} of ${this.#run.documents} documents of ${this.#run.pins.index} have no item in ${this.#subject.table.name}, and delete-limit allows to delete ${allowed}: nothing was deleted. Check that endpoint and table belong together; if they do, raise delete-limit`,
      };
    }
    return lookPhase('apply', this.#subject.companions, lists, 'apply', true);
  }

  /**
   * What a repair wrote can be of an item that was removed between its read and its write, by a delete that the index has forgotten: its
   * documents are looked at once more, as pass 2 does for pass 1. A delete needs no such look.
   */
  async #confirm({ slices }: Phase): Promise<Phase | 'out of time' | undefined> {
    const { repaired = 0, deleted = 0 } = await this.#results.counts(['apply']);
    if (repaired === deleted && this.#by.lock.lateUntil === 0) return undefined;
    if (!(await this.#noneIsLate('the repair is checked'))) return 'out of time';
    const lists = slices.flatMap((slice) => (slice.kind === 'look' ? slice.list : []));
    return lookPhase('confirm', this.#subject.companions, lists, 'confirm', true);
  }

  async #begin(planned: Phase): Promise<Phase> {
    const { index } = this.#subject;
    const aimed = (slice: PlannedSlice): PlannedSlice =>
      index === undefined || (slice.kind !== 'scan' && slice.kind !== 'look') ? slice : { ...slice, index };
    const phase = { ...planned, slices: planned.slices.map(aimed) };
    await this.#save({ ...this.#run, phases: [...this.#run.phases, phase] });
    return phase;
  }

  async #save(run: StoredRun): Promise<void> {
    this.#etag = await written(this.#table, run, this.#etag);
    this.#run = run;
  }

  async #result({ complete, failure }: { complete: boolean; failure?: string }): Promise<TableResult> {
    const isRedrive = this.#options.operation === 'redrive';
    const counts = isRedrive ? await this.#redriveCounts() : await this.#results.counts();
    // Of the checks, and those that the repair found to be moving; of a backfill, what its first pass could not write.
    const isDecided = (name: string): boolean =>
      name.startsWith('look-') || name === 'apply' || (name === 'scan' && this.#options.operation === 'backfill');
    const names = isRedrive ? this.#lastPhase() : this.#run.phases.map(({ name }) => name).filter(isDecided);
    const lists = (await Promise.all(names.map((name) => this.#results.lists(name, isRedrive ? undefined : false)))).flat();
    const { findings, reasons } = await writeFindings(
      this.#slices,
      lists,
      this.#table,
      isRedrive ? 'remaining.jsonl' : 'differences.jsonl',
    );
    return {
      complete: complete && this.#run.finished ? true : complete && failure !== undefined,
      counts,
      differences: await this.#differences(counts),
      failure,
      findings,
      reasons,
      unwalked: this.#run.unwalked,
      ignored: await this.#results.ignored(),
    };
  }

  async #differences({ missing = 0, different = 0, stale = 0, frozen = 0, moving: found = 0 }: Counts): Promise<number> {
    if (this.#options.operation !== 'verify') return 0;
    // Of those that were found, the ones that a repair, or a live change before it, has fixed; one that moves, or is frozen by then, is counted when it is found.
    const { repaired = 0, newer = 0, equal = 0, moving = 0, frozen: again = 0 } = await this.#results.counts(['apply']);
    return Math.max(0, missing + different + stale + frozen + found - repaired - newer - equal - moving - again);
  }

  #lastPhase(): string[] {
    return this.#run.phases.slice(-1).map(({ name }) => name);
  }

  /** What remains is what the last phase has left. An item of a dead letter that fails again is not one more that is malformed. */
  async #redriveCounts(): Promise<Counts> {
    const { 'failed-again': again = 0, moving = 0, frozen = 0, foreign = 0 } = await this.#results.counts(this.#lastPhase());
    const { malformed = 0 } = await this.#results.counts(undefined, (slice) => slice.kind === 'redrive' && slice.form === 'failed-batches');
    return { ...(await this.#results.counts()), 'failed-again': again, moving, frozen, foreign, malformed };
  }
}
