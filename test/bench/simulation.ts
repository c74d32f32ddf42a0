// A run on a large table on a clock that does not wait: the driver of the action is the real one; the function, the table and the cluster
// are arithmetic. Chance comes from a seed, so that a schedule repeats.
import { workOn } from '../../action/apply/slices/pool.ts';
import type { DriverResult } from '../../action/apply/slices/driver.ts';
import { RunStore, type PlannedSlice } from '../../action/apply/slices/run-store.ts';
import type { Clock } from '../../action/aws/retry.ts';
import type { Aws } from '../../action/aws/session.ts';
import type { SliceResponse, WorkSlice } from '../../formats/slice.ts';
import { failure, fake } from '../action/fake-aws.ts';
import { randomFrom } from '../stack/random.ts';

export interface Simulation {
  readonly seed: number;
  readonly slices: number;
  readonly concurrency: number;
  /** Read capacity units per second of the run. */
  readonly capacity: number;
  /** Share of invocations that fail before their end. */
  readonly failing: number;
}

export interface Schedule {
  /** s that the run took. */
  readonly seconds: number;
  /** s: no schedule of these slices can be shorter. */
  readonly ideal: number;
  readonly invocations: number;
  readonly failures: number;
  readonly throttled: number;
  readonly result: DriverResult;
}

/** Read capacity units of a page of 1 MiB. */
const PAGE = 256;
/** Units per second that one invocation reads and writes at most. */
const SPEED = 200;
/** Units per second that the cluster writes at most. */
const CLUSTER = 2_400;
/** Units per second of a partition of the table, on which a hot segment is. */
const PARTITION = 3_000;
/** Share of the slices that are hot, and how many times larger they are. */
const HOT = { share: 0.01, times: 20 };
/** ms of an invocation beside its work: the way there and back, and its first checkpoint. */
const AROUND_MS = 50;

/** Time that passes when everybody waits: the earliest of those who sleep is woken. */
class SimulatedClock implements Clock {
  readonly random: () => number;
  readonly #sleepers: { at: number; order: number; wake: () => void }[] = [];
  #time = 0;
  #order = 0;

  constructor(random: () => number) {
    this.random = random;
  }

  now = (): number => this.#time;

  sleep = (milliseconds: number): Promise<void> =>
    new Promise((wake) => {
      this.#sleepers.push({ at: this.#time + milliseconds, order: this.#order++, wake });
    });

  /** Lets time pass until `work` is done. */
  async until<Result>(work: Promise<Result>): Promise<Result> {
    let isDone = false;
    const ended = work.finally(() => (isDone = true));
    ended.catch(() => undefined);
    for (;;) {
      // All that goes on without time is done first.
      await new Promise(setImmediate);
      if (isDone) return ended;
      this.#sleepers.sort((a, b) => b.at - a.at || b.order - a.order);
      const next = this.#sleepers.pop();
      if (next === undefined) throw new Error('Everybody waits for ever');
      this.#time = next.at;
      next.wake();
    }
  }
}

/** Plays a run over slices of which some are hot, with throttling and failures. */
export async function simulate(settings: Simulation): Promise<Schedule> {
  const random = randomFrom(settings.seed);
  const clock = new SimulatedClock(random);
  const units = Array.from({ length: settings.slices }, () => (2 + 6 * random()) * PAGE * (random() < HOT.share ? HOT.times : 1));
  const slices = units.map<PlannedSlice>((_, segment) => ({
    kind: 'scan',
    id: `scan-${segment}`,
    mode: 'write',
    table: { name: 'Table', keys: [{ name: 'id', type: 'S' }] },
    segment,
    totalSegments: settings.slices,
  }));
  const world = new World(units, settings, clock);
  const aws = world.aws();
  const result = await clock.until(
    workOn(slices, {
      aws,
      store: new RunStore(aws, 'bucket', 'runs/Function/backfill/Table/1'),
      lock: { isLost: false, late: () => undefined },
      operation: 'backfill',
      run: '1',
      phase: 'scan',
      functionName: 'Function',
      qualifier: undefined,
      release: '1.0.0',
      timeout: 60,
      concurrency: settings.concurrency,
      maxReadCapacity: settings.capacity,
      until: Infinity,
      pause: () => Promise.resolve(undefined),
      progress: () => undefined,
      log: () => undefined,
    }),
  );
  const { invocations, failures, throttled } = world;
  return { seconds: clock.now() / 1000, ideal: lowerBound(units, settings), invocations, failures, throttled, result };
}

/** s: all the work at the greatest rate of all together, or the largest slice at the greatest rate of one, whichever takes longer. */
function lowerBound(units: readonly number[], { capacity, concurrency }: Simulation): number {
  const all = units.reduce((sum, one) => sum + one, 0);
  return Math.max(all / Math.min(capacity, CLUSTER, concurrency * SPEED), Math.max(...units) / Math.min(capacity, SPEED));
}

/** The function, the table and the cluster. */
class World {
  readonly #left: number[];
  readonly #settings: Simulation;
  readonly #clock: SimulatedClock;
  readonly #pages = new Map<number, number>();
  /** Units per second of the invocations that are under way. */
  #rate = 0;
  invocations = 0;
  failures = 0;
  throttled = 0;

  constructor(units: readonly number[], settings: Simulation, clock: SimulatedClock) {
    this.#left = [...units];
    this.#settings = settings;
    this.#clock = clock;
  }

  aws(): Aws {
    const world = fake({
      GetObject: [
        ({ Key }: { Key: string }) => {
          const segment = Number(/scan-(\d+)\.json$/.exec(Key)?.[1]);
          const pages = this.#pages.get(segment);
          if (pages === undefined) throw failure('NoSuchKey', 'There is none.', 404);
          const text = JSON.stringify({ done: (this.#left[segment] ?? 0) <= 0, counts: { pages } });
          return { ETag: '"x"', Body: { transformToByteArray: () => Promise.resolve(Buffer.from(text)) } };
        },
      ],
      Invoke: [
        ({ Payload }: { Payload: Uint8Array }) => this.#invoke((JSON.parse(Buffer.from(Payload).toString()) as { slice: WorkSlice }).slice),
      ],
    });
    return { ...world, clock: this.#clock };
  }

  async #invoke(slice: WorkSlice): Promise<object> {
    const segment = 'segment' in slice ? slice.segment : 0;
    const { random } = this.#clock;
    const wanted = Math.min(slice.capacity, SPEED);
    // The cluster shares what it has, and says that it is too much; a partition now and then, too.
    const isBusy = this.#rate + wanted > CLUSTER;
    const isHot = random() < (0.02 * wanted) / (PARTITION / this.#settings.concurrency);
    const speed = Math.max(1, (isBusy ? Math.max(CLUSTER - this.#rate, wanted / 4) : wanted) * (isHot ? 0.5 : 1));
    const fails = random() < this.#settings.failing;
    this.invocations += 1;
    this.failures += Number(fails);
    this.throttled += Number(isBusy || isHot);
    this.#rate += speed;
    const left = this.#left[segment] ?? 0;
    const seconds = Math.min(slice.seconds, left / speed) * (fails ? random() : 1);
    await this.#clock.sleep(seconds * 1000 + AROUND_MS);
    this.#rate -= speed;
    // What is done of a page when its invocation fails is lost.
    const done = seconds * speed;
    const pages = fails ? Math.floor(done / PAGE) : Math.ceil(done / PAGE - 1e-9);
    const rest = fails ? left - pages * PAGE : left - done;
    this.#left[segment] = rest < 1e-6 ? 0 : rest;
    this.#pages.set(segment, (this.#pages.get(segment) ?? 0) + pages);
    if (fails) return { FunctionError: 'Unhandled', Payload: Buffer.from('{"errorMessage":"the function failed"}') };
    const response: SliceResponse = {
      id: slice.id,
      done: this.#left[segment] === 0,
      counts: { pages: this.#pages.get(segment) ?? 0 },
      throttled: { table: Number(isHot), cluster: Number(isBusy) },
    };
    return { Payload: Buffer.from(JSON.stringify(response)) };
  }
}
