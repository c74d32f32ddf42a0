// One run on one table, phase by phase; parts that a former run has finished are not repeated.
import { randomUUID } from 'node:crypto';
import type { Counts, Finding, SliceTable, SurveyedIndex, WorkSlice } from '../../../formats/slice.ts';
import { UserError } from '../../errors.ts';
import { addCounts } from './counts.ts';
import { deletesAllowed, type DeleteLimit } from '../../inputs/delete-limit.ts';
import { lookPhase, scanPhase, segmentsFor, walkPhase } from './phases.ts';
import { workOn, type PoolSettings, type PoolState } from './pool.ts';
import { RunStore, type Phase, type Pins, type StoredRun } from './run-store.ts';

/** ms: changes that were on their way have arrived after this. */
const SETTLE_MS = 30_000;
/** Checks of items that keep changing. */
const MAX_LOOKS = 5;
const UNWALKED = 'OpenSearch Serverless has no shards to read, so documents without an item are neither found nor removed';
/** Segments and ranges of which a sample is taken. */
const SAMPLED = 200;

export interface TableRunOptions {
  readonly operation: 'backfill' | 'verify';
  readonly repair: boolean;
  /** Whether documents without an item are looked for. */
  readonly prune: boolean;
  /** Share of segments and ranges to compare, above 0 and up to 1. */
  readonly sample: number;
  readonly deleteLimit: DeleteLimit;
  readonly restart: boolean;
  readonly codeSha256: string;
}

export interface TableOfRun {
  readonly table: SliceTable;
  readonly tableId: string;
  readonly bytes: number;
  /** All tables that share its index. */
  readonly companions: readonly SliceTable[];
}

export interface TableRunDependencies extends Omit<PoolSettings, 'store' | 'operation' | 'progress'> {
  /** Checks the index again. @throws {UserError} */
  readonly survey: () => Promise<SurveyedIndex>;
  readonly log: (line: string) => void;
  readonly progress: (phase: string, state: PoolState) => void;
}

export interface TableResult {
  /** All work was tried. */
  readonly complete: boolean;
  readonly counts: Counts;
  /** Differences that remain. */
  readonly differences: number;
  /** Why the run has failed; undefined: it has not. */
  readonly failure: string | undefined;
  /** The first differences, for people. */
  readonly findings: readonly Finding[];
  /** What could not be read of the index, and what follows; undefined: all of it was. */
  readonly unwalked: string | undefined;
}

/** Runs, or goes on with, the phases of a table. @param store of the table @throws {UserError} */
export async function runTable(
  store: RunStore,
  subject: TableOfRun,
  options: TableRunOptions,
  by: TableRunDependencies,
): Promise<TableResult> {
  const index = await by.survey();
  const { run, etag } = await openRun(store, subject, index, options, by);
  return new TableRun(store, subject, options, by, run, etag).work();
}

async function openRun(
  store: RunStore,
  { table, tableId }: TableOfRun,
  { index, uuid }: SurveyedIndex,
  { operation, repair, prune, sample, restart, codeSha256 }: TableRunOptions,
  { release, log }: TableRunDependencies,
): Promise<{ run: StoredRun; etag: string }> {
  const pins: Pins = { tableId, index, indexUuid: uuid };
  const settings = { operation, repair, prune, sample };
  const stored = await store.read<StoredRun>('run.json');
  const former = stored?.value;
  if (
    stored !== undefined &&
    former !== undefined &&
    !former.finished &&
    !restart &&
    JSON.stringify(former.settings) === JSON.stringify(settings)
  ) {
    const moved = (Object.keys(pins) as (keyof Pins)[]).find((pin) => pins[pin] !== former.pins[pin]);
    if (moved !== undefined) {
      const what =
        moved === 'tableId'
          ? `the table ${table.name} was created anew`
          : `the index of ${table.name} is another one than ${former.pins.index} was`;
      throw new UserError(`The run of ${former.startedAt} cannot go on: ${what}`, 'Begin anew with restart: true');
    }
    log(`Table ${table.name}: the run of ${former.startedAt} goes on`);
    if (former.codeSha256 !== codeSha256)
      log(
        `Table ${table.name}: the function was updated since; its transforms and options apply from here on. Use restart: true where a mapping or a transform changed`,
      );
    const run = { ...former, codeSha256, release };
    return { run, etag: await written(store, run, stored.etag) };
  }
  const run: StoredRun = {
    format: 1,
    id: randomUUID(),
    release,
    codeSha256,
    startedAt: new Date().toISOString(),
    settings,
    pins,
    documents: 0,
    phases: [],
    finished: false,
  };
  return { run, etag: await written(store, run, stored?.etag ?? null) };
}

async function written(store: RunStore, run: StoredRun, over: string | null): Promise<string> {
  const etag = await store.write('run.json', run, over);
  if (etag === undefined) throw new UserError(`${store.uri('run.json')} was changed by another run`, 'Run again when that one is done');
  return etag;
}

class TableRun {
  readonly #table: RunStore;
  readonly #slices: RunStore;
  readonly #subject: TableOfRun;
  readonly #options: TableRunOptions;
  readonly #by: TableRunDependencies;
  #run: StoredRun;
  #etag: string;

  constructor(store: RunStore, subject: TableOfRun, options: TableRunOptions, by: TableRunDependencies, run: StoredRun, etag: string) {
    this.#table = store;
    this.#slices = new RunStore(by.aws, store.bucket, `${store.prefix}/${run.id}`);
    this.#subject = subject;
    this.#options = options;
    this.#by = by;
    this.#run = run;
    this.#etag = etag;
  }

  async work(): Promise<TableResult> {
    for (let phase = this.#run.phases.at(-1) ?? (await this.#begin(this.#first())); ;) {
      const { parked, isOver } = await workOn(phase.slices, {
        ...this.#by,
        store: this.#slices,
        operation: this.#options.operation satisfies WorkSlice['operation'],
        progress: (state) => {
          this.#by.progress(phase.name, state);
        },
      });
      if (isOver) return this.#result({ complete: false });
      if (parked.length > 0) {
        const list = parked.map(({ id, reason }) => `${id}: ${reason}`).slice(0, 3);
        return this.#result({
          complete: true,
          failure: `${parked.length} of ${phase.slices.length} parts failed again and again (${list.join('; ')})`,
        });
      }
      const next = await this.#next(phase);
      if (next === undefined) break;
      if ('failure' in next) return this.#result({ complete: true, failure: next.failure });
      phase = await this.#begin(next);
    }
    await this.#save({ ...this.#run, finished: true });
    return this.#result({ complete: true });
  }

  #first(): Phase {
    const { table, bytes } = this.#subject;
    const { operation, sample } = this.#options;
    const total = sample < 1 ? SAMPLED : segmentsFor(bytes, this.#by.concurrency);
    const segments = this.#sampled(Array.from({ length: total }, (_, i) => i));
    return scanPhase(table, operation === 'backfill' ? 'write' : 'compare', segments, total);
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
  async #next(phase: Phase): Promise<Phase | { readonly failure: string } | undefined> {
    const { operation, prune, repair } = this.#options;
    if (phase.name === 'scan') {
      if (operation === 'verify' || prune) return this.#walk();
      return undefined;
    }
    if (phase.name === 'apply') return undefined;
    if (operation === 'backfill') return this.#apply(['walk']);
    const look = phase.name === 'walk' ? 0 : Number(/^look-(\d+)$/.exec(phase.name)?.[1] ?? MAX_LOOKS);
    const lists = look === 0 ? [...(await this.#lists('scan')), ...(await this.#lists('walk'))] : await this.#lists(phase.name, true);
    if (lists.length > 0 && look < MAX_LOOKS) {
      this.#by.log(
        `Table ${this.#subject.table.name}: differences are checked again in ${SETTLE_MS / 1000} s, when changes on their way have arrived`,
      );
      await this.#by.aws.clock.sleep(SETTLE_MS);
      return lookPhase(`look-${look + 1}`, this.#subject.companions, lists, 'decide', look + 1 === MAX_LOOKS);
    }
    return repair ? this.#apply(this.#run.phases.map(({ name }) => name).filter((name) => name.startsWith('look-'))) : undefined;
  }

  async #walk(): Promise<Phase> {
    const index = await this.#by.survey();
    this.#run = { ...this.#run, documents: index.documents, ...(index.serverless ? { unwalked: UNWALKED } : {}) };
    if (index.serverless) this.#by.log(`Table ${this.#subject.table.name}: ${UNWALKED}`);
    const { name, slices } = walkPhase(this.#subject.companions, index);
    return { name, slices: this.#sampled(slices) };
  }

  /** Fixes differences, unless that would delete more than the limit allows. */
  async #apply(phases: readonly string[]): Promise<Phase | { readonly failure: string } | undefined> {
    const lists = (await Promise.all(phases.map((name) => this.#lists(name, false)))).flat();
    if (lists.length === 0) return undefined;
    const counts = await this.#counts(phases);
    const deletes = (counts.stale ?? 0) + (this.#options.operation === 'backfill' ? (counts.candidates ?? 0) : 0);
    const allowed = deletesAllowed(this.#options.deleteLimit, this.#run.documents);
    if (deletes > allowed) {
      return {
        failure: `${deletes} of ${this.#run.documents} documents of ${this.#run.pins.index} have no item in ${this.#subject.table.name}, and delete-limit allows to delete ${allowed}: nothing was deleted. Check that endpoint and table belong together; if they do, raise delete-limit`,
      };
    }
    return lookPhase('apply', this.#subject.companions, lists, 'apply', true);
  }

  async #begin(phase: Phase): Promise<Phase> {
    await this.#save({ ...this.#run, phases: [...this.#run.phases, phase] });
    return phase;
  }

  async #save(run: StoredRun): Promise<void> {
    this.#etag = await written(this.#table, run, this.#etag);
    this.#run = run;
  }

  /** The lists that a phase has left. @param moving those of items that still changed, or the others; undefined: all */
  async #lists(name: string, moving?: boolean): Promise<string[]> {
    const phase = this.#run.phases.find((one) => one.name === name);
    const checkpoints = await Promise.all((phase?.slices ?? []).map(({ id }) => this.#slices.checkpoint(id)));
    return checkpoints
      .flatMap((checkpoint) => checkpoint?.lists ?? [])
      .filter((list) => moving === undefined || list.endsWith('-moving.jsonl') === moving);
  }

  async #counts(names?: readonly string[]): Promise<Counts> {
    const phases = this.#run.phases.filter(({ name }) => names === undefined || names.includes(name));
    const checkpoints = await Promise.all(phases.flatMap(({ slices }) => slices).map(({ id }) => this.#slices.checkpoint(id)));
    return addCounts(checkpoints.flatMap((checkpoint) => (checkpoint === undefined ? [] : [checkpoint.counts])));
  }

  async #result({ complete, failure }: { complete: boolean; failure?: string }): Promise<TableResult> {
    const counts = await this.#counts();
    const findings = await this.#report();
    const found = (counts.missing ?? 0) + (counts.different ?? 0) + (counts.stale ?? 0) + (counts.frozen ?? 0) + (counts.moving ?? 0);
    // Of those that were found, the ones that a repair, or a live change before it, has fixed; one that moves is counted when it is found.
    const { repaired = 0, newer = 0, equal = 0, moving = 0 } = await this.#counts(['apply']);
    const differences = this.#options.operation === 'verify' ? Math.max(0, found - repaired - newer - equal - moving) : 0;
    return {
      complete: complete && this.#run.finished ? true : complete && failure !== undefined,
      counts,
      differences,
      failure,
      findings,
      unwalked: this.#run.unwalked,
    };
  }

  /** Writes the list of differences beside the run. @returns the first of them */
  async #report(): Promise<Finding[]> {
    const looks = this.#run.phases.filter(({ name }) => name.startsWith('look-'));
    const lists = (await Promise.all(looks.map(({ name }) => this.#lists(name, false)))).flat();
    const findings: Finding[] = [];
    for (const list of lists) {
      const text = (await this.#slices.readText(list))?.value ?? '';
      for (const line of text.split('\n')) if (line !== '') findings.push(JSON.parse(line) as Finding);
    }
    const lines = findings.map(({ table, id, keys, kind }) => `${JSON.stringify({ table, id, keys, kind })}\n`);
    await this.#table.write('differences.jsonl', lines.join(''));
    return findings.slice(0, 100);
  }
}
