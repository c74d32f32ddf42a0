// AWS Step Functions hands out the slices: an execution passes those that are open to the function, for as long as it takes. The action
// starts it and follows it. It may leave at any time; the execution goes on, and the next run follows it.
import type { CountSlice, ListedSlice } from '../../../formats/slice.ts';
import {
  describeExecution,
  executionArn,
  mapCounts,
  startExecution,
  stopExecution,
  type Execution,
  type StateMachine,
} from '../../aws/state-machine.ts';
import type { Aws } from '../../aws/session.ts';
import { UserError } from '../../errors.ts';
import { countsOf, pagesOf, readSlices, type DriverResult, type DriverSettings, type KnownSlice, type SliceDriver } from './driver.ts';
import type { HeldLock } from './lock.ts';
import { RunStore, type PlannedSlice, type StoredRun } from './run-store.ts';
import { longestRequest, writes } from './slice-invocation.ts';

/** ms between two looks at an execution: the first ones come sooner, and those at many slices later. */
const FIRST_LOOK_MS = 1_000;
const LOOK_MS = 15_000;
const LONG_LOOK_MS = 60_000;
const MANY_SLICES = 1_000;
/** The error with which an execution ends when slices are open (docs/cloudformation/state-machine.yml). */
const OPEN_ERROR = 'SlicesAreOpen';

/** `executions/<phase>.json`: the latest execution of a phase. */
interface StoredExecution {
  readonly format: 1;
  readonly arn: string;
  readonly name: string;
  /** Executions of the phase so far. */
  readonly attempt: number;
  /** Key of its list of slices. */
  readonly list: string;
}

/** An execution, and how it is. */
interface KnownExecution extends StoredExecution {
  readonly state: Execution;
}

/** Slices are handed out by a state machine. */
export function byStateMachine(machine: StateMachine): SliceDriver {
  return (slices, settings) => new Executions(machine, slices, settings).work();
}

/** Slices are handed out by `driver`, unless an execution of the same phase is under way. */
export function unlessExecuted(driver: SliceDriver): SliceDriver {
  return async (slices, settings) => {
    const former = await readExecution(settings.aws, settings.store, settings.phase);
    if (former?.state.status === 'RUNNING')
      throw new UserError(
        `The execution ${former.name} of AWS Step Functions is still working on this run`,
        'Set state-machine to follow it, or stop it in Step Functions; then run again',
      );
    return driver(slices, settings);
  };
}

/**
 * Ends the execution of a run that is abandoned. @param isWanted whether the user said so @param store of the table
 * @throws {UserError} where one is under way and is not to be stopped
 */
export async function endExecution(
  aws: Aws,
  store: RunStore,
  run: StoredRun,
  isWanted: boolean,
  { lock, timeout, log }: { readonly lock: Pick<HeldLock, 'late'>; readonly timeout: number; readonly log: (line: string) => void },
): Promise<void> {
  const phase = run.phases.at(-1);
  if (phase === undefined) return;
  const former = await readExecution(aws, new RunStore(aws, store.bucket, `${store.prefix}/${run.id}`), phase.name);
  if (former?.state.status !== 'RUNNING') return;
  if (!isWanted)
    throw new UserError(
      `The execution ${former.name} of AWS Step Functions is still working on a run with other settings`,
      'Run with those settings to follow it, or with restart: true to stop it and begin anew',
    );
  await stopExecution(aws, former.arn, 'restart: true');
  log(`The execution ${former.name} of AWS Step Functions was stopped: the run begins anew`);
  // The invocations that it has started go on to their end.
  if (phase.slices.some(writes)) lock.late(aws.clock.now() + longestRequest({ timeout }));
}

/** The latest execution of a phase; undefined where there is none. */
async function readExecution(aws: Aws, store: RunStore, phase: string): Promise<KnownExecution | undefined> {
  const stored = (await store.read<StoredExecution>(`executions/${phase}.json`))?.value;
  const state = stored === undefined ? undefined : await describeExecution(aws, stored.arn);
  // Written down before it was started.
  return stored === undefined || state === undefined ? undefined : { ...stored, state };
}

class Executions {
  readonly #machine: StateMachine;
  readonly #by: DriverSettings;
  /** In the order of the phase. */
  #known: KnownSlice[];

  constructor(machine: StateMachine, slices: readonly PlannedSlice[], settings: DriverSettings) {
    this.#machine = machine;
    this.#by = settings;
    this.#known = slices.map((slice) => ({ slice, checkpoint: undefined }));
  }

  async work(): Promise<DriverResult> {
    const { aws, store, phase, until, log } = this.#by;
    let execution = await readExecution(aws, store, phase);
    await this.#read();
    if (execution?.state.status === 'RUNNING') log(`The execution ${execution.name} of AWS Step Functions goes on`);
    else if (execution !== undefined && this.#open.length > 0) log(`${endOf(execution)}: a new one does the open parts`);
    for (;;) {
      if (execution?.state.status === 'RUNNING') {
        const { stuck, isOver } = await this.#followed(execution);
        if (isOver) return this.#result({ isOver });
        if (stuck.length > 0) return this.#result({ parked: stuck });
      }
      if (this.#open.length === 0) return this.#result();
      if (!(await this.#mayStart()) || aws.clock.now() >= until) return this.#result({ isOver: true });
      execution = await this.#start((execution?.attempt ?? 0) + 1);
    }
  }

  get #open(): KnownSlice[] {
    return this.#known.filter(({ checkpoint }) => checkpoint?.done !== true);
  }

  /** Reads the checkpoints of the slices that are not known to be done. */
  async #read(): Promise<void> {
    const open = this.#open.map(({ slice }) => slice);
    const found = new Map((await readSlices(this.#by.store, open)).map((known) => [known.slice.id, known]));
    this.#known = this.#known.map((known) => found.get(known.slice.id) ?? known);
  }

  /** Waits until slices may be started. @returns false where the time is up before */
  async #mayStart(): Promise<boolean> {
    const { aws, until, pause } = this.#by;
    for (;;) {
      const waiting = await pause();
      if (waiting === undefined) return true;
      this.#report({ waiting });
      if (aws.clock.now() + LOOK_MS >= until) return false;
      await aws.clock.sleep(LOOK_MS);
      aws.signal.throwIfAborted();
    }
  }

  /** Starts an execution over the open slices. It is written down first: what a killed run has started is then found. */
  async #start(attempt: number): Promise<KnownExecution> {
    const { aws, store, run, phase, release, operation, concurrency, maxReadCapacity, timeout, log } = this.#by;
    const { bucket, prefix } = store;
    const open = this.#open;
    const atOnce = Math.min(concurrency, open.length);
    const load = { capacity: maxReadCapacity / atOnce, seconds: timeout, failsWhenStuck: true } as const;
    const listed = open.map<ListedSlice>(({ slice, checkpoint }) => ({
      slice: { ...slice, bucket, prefix, release, operation, ...load },
      pages: pagesOf(checkpoint),
    }));
    const name = `${run}-${phase}-${attempt}`;
    const list = `${prefix}/executions/${name}.json`;
    const stored: StoredExecution = { format: 1, arn: executionArn(this.#machine, name), name, attempt, list };
    await store.write(`executions/${name}.json`, listed);
    await store.write(`executions/${phase}.json`, stored);
    const count: CountSlice = { kind: 'count', release, bucket, prefix, list };
    await startExecution(aws, this.#machine, name, { list, concurrency: atOnce, count });
    log(`The execution ${name} of AWS Step Functions works on ${open.length} parts, ${atOnce} at once`);
    return { ...stored, state: { status: 'RUNNING', error: undefined, cause: undefined } };
  }

  /** Follows an execution to its end, or to that of the time. @returns the slices that it could not move */
  async #followed(execution: KnownExecution): Promise<{ stuck: DriverResult['parked']; isOver: boolean }> {
    const { aws, lock, store, log } = this.#by;
    let ended: Execution | undefined;
    try {
      ended = await this.#follow(execution);
    } finally {
      // Nobody knows here how its last invocations ended.
      if (this.#known.some(({ slice }) => writes(slice))) lock.late(aws.clock.now() + longestRequest(this.#by));
      if (ended === undefined) log(`The execution ${execution.name} of AWS Step Functions goes on without this job`);
    }
    if (ended === undefined) return { stuck: [], isOver: true };
    const open = this.#open;
    if (open.length === 0) return { stuck: [], isOver: false };
    if (ended.status !== 'SUCCEEDED' && ended.error !== OPEN_ERROR)
      throw new UserError(
        endOf({ ...execution, state: ended }),
        'Look at it in Step Functions, and run again: a new one does the open parts',
      );
    const listed = JSON.parse((await store.readText(execution.list))?.value ?? '[]') as ListedSlice[];
    const before = new Map(listed.map(({ slice, pages }) => [slice.id, pages]));
    const isFurther = open.some(({ slice, checkpoint }) => pagesOf(checkpoint) > (before.get(slice.id) ?? 0));
    const stuck = open.map(({ slice, checkpoint }) => ({
      id: slice.id,
      reason: checkpoint?.problem ?? "its invocations failed; the function's log says why",
    }));
    return { stuck: isFurther ? [] : stuck, isOver: false };
  }

  /** @returns how the execution ended; undefined where the time of the run ended before */
  async #follow({ arn, name }: StoredExecution): Promise<Execution | undefined> {
    const { aws, lock, until, pause } = this.#by;
    for (let look = FIRST_LOOK_MS; ; look *= 2) {
      const state = await describeExecution(aws, arn);
      if (state === undefined) throw new UserError(`The execution ${name} of AWS Step Functions does not exist any more`, 'Run again');
      await this.#read();
      if (state.status !== 'RUNNING') return state;
      const counts = await mapCounts(aws, arn);
      // The execution looks for itself, and waits.
      const waiting = await pause();
      this.#report({
        ...(counts === undefined ? {} : { detail: `${counts.running} at once, ${counts.failed} failed` }),
        ...(waiting === undefined ? {} : { waiting }),
      });
      if (lock.isLost) throw new UserError('Another run has taken over the table', 'Run again when it is done');
      const left = until - aws.clock.now();
      if (left <= 0) return undefined;
      await aws.clock.sleep(Math.min(look, left, this.#open.length > MANY_SLICES ? LONG_LOOK_MS : LOOK_MS));
      aws.signal.throwIfAborted();
    }
  }

  #state(): Omit<DriverResult, 'parked' | 'isOver'> {
    const slices = this.#known.length;
    return { slices, done: slices - this.#open.length, counts: countsOf(this.#known), throttled: { table: 0, cluster: 0 } };
  }

  #report(more: { waiting?: string; detail?: string }): void {
    this.#by.progress({ ...this.#state(), ...more });
  }

  #result({ parked = [], isOver = false }: Partial<Pick<DriverResult, 'parked' | 'isOver'>> = {}): DriverResult {
    this.#report({});
    return { ...this.#state(), parked, isOver };
  }
}

/** How an execution ended, as a sentence without its stop. */
function endOf({ name, state: { status, error, cause } }: KnownExecution): string {
  const how = { ABORTED: 'was stopped', TIMED_OUT: 'timed out', SUCCEEDED: 'succeeded' }[status as string] ?? 'failed';
  const why = cause ?? error;
  return `The execution ${name} of AWS Step Functions ${how}${why === undefined ? '' : ` (${why})`}`;
}
