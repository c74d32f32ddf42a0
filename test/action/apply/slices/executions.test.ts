// Slices that AWS Step Functions hands out, without Step Functions: what is started, followed, resumed, refused and stopped.
import { expect, test } from '@jest/globals';
import type { DriverResult, DriverState } from '../../../../action/apply/slices/driver.ts';
import { byStateMachine, endExecution, unlessExecuted } from '../../../../action/apply/slices/executions.ts';
import { RunStore, type StoredRun } from '../../../../action/apply/slices/run-store.ts';
import { CancelledError } from '../../../../action/errors.ts';
import type { ListedSlice, SliceCheckpoint } from '../../../../formats/slice.ts';
import { failure } from '../../fake-aws.ts';
import { bucketOf, type Bucket } from './bucket.ts';
import { slices } from './slices.ts';

const MACHINE = { arn: 'arn:aws:states:eu-west-1:1:stateMachine:slices', name: 'slices' };
const PREFIX = 'runs/Fn/backfill/Orders/7';
interface Input {
  readonly list: string;
  readonly concurrency: number;
  readonly count: object;
}

/** Step Functions: each execution does what `play` says when it is looked at. */
class Machine {
  readonly bucket: Bucket;
  readonly started: { name: string; input: Input; slices: string[] }[] = [];
  readonly stopped: string[] = [];
  readonly ended = new Map<string, { status: string; error?: string; cause?: string }>();
  readonly states: DriverState[] = [];
  readonly lines: string[] = [];
  readonly late: number[] = [];

  constructor(play: (machine: Machine, name: string, looks: number) => void = () => undefined) {
    const looks = new Map<string, number>();
    const nameOf = ({ executionArn }: { executionArn: string }): string => executionArn.split(':').at(-1) ?? '';
    this.bucket = bucketOf({
      StartExecution: [
        ({ name, input }: { name: string; input: string }) => {
          if (this.started.some((one) => one.name === name)) throw failure('ExecutionAlreadyExists');
          const parsed = JSON.parse(input) as Input;
          this.started.push({ name, input: parsed, slices: this.listed(parsed.list).map(({ slice }) => slice.id) });
          return { executionArn: `arn:aws:states:eu-west-1:1:execution:slices:${name}` };
        },
      ],
      DescribeExecution: [
        (request: { executionArn: string }) => {
          const name = nameOf(request);
          if (!this.started.some((one) => one.name === name)) throw failure('ExecutionDoesNotExist');
          looks.set(name, (looks.get(name) ?? 0) + 1);
          if (!this.ended.has(name)) play(this, name, looks.get(name) ?? 0);
          return this.ended.get(name) ?? { status: 'RUNNING' };
        },
      ],
      StopExecution: [
        (request: { executionArn: string }) => {
          this.stopped.push(nameOf(request));
          return {};
        },
      ],
      ListMapRuns: [{ mapRuns: [{ mapRunArn: 'arn:aws:states:eu-west-1:1:mapRun:slices/Slices:1' }] }],
      DescribeMapRun: [{ itemCounts: { running: 3, failed: 1, timedOut: 1 } }],
    });
  }

  listed(list: string): ListedSlice[] {
    return JSON.parse(this.bucket.objects.get(list)?.text ?? '[]') as ListedSlice[];
  }

  /** Writes the checkpoints of slices. */
  does(ids: readonly string[], checkpoint: Partial<SliceCheckpoint> = { done: true, counts: { pages: 1, read: 10 } }): void {
    for (const id of ids) this.bucket.put(`${PREFIX}/slices/${id}.json`, JSON.stringify({ id, done: false, counts: {}, ...checkpoint }));
  }

  succeeds(name: string): void {
    this.does(this.started.find((one) => one.name === name)?.slices ?? []);
    this.ended.set(name, { status: 'SUCCEEDED' });
  }

  fails(name: string, open: number): void {
    this.ended.set(name, { status: 'FAILED', error: 'SlicesAreOpen', cause: `${open} slices are not done` });
  }

  run(count: number, more: Partial<Parameters<ReturnType<typeof byStateMachine>>[1]> = {}): Promise<DriverResult> {
    const { aws } = this.bucket;
    return byStateMachine(MACHINE)(slices(count), {
      aws,
      store: new RunStore(aws, 'bucket', PREFIX),
      functionName: 'Fn',
      qualifier: undefined,
      release: '1.0.0',
      timeout: 60,
      lock: { isLost: false, late: (until) => this.late.push(until - aws.clock.now()) },
      operation: 'backfill',
      run: '7',
      phase: 'scan',
      concurrency: 4,
      maxReadCapacity: 1000,
      until: Infinity,
      pause: () => Promise.resolve(undefined),
      progress: (state) => this.states.push(state),
      log: (line) => this.lines.push(line),
      ...more,
    });
  }
}

test('an execution is started over the list of all slices, followed with their counts, and named after run, phase and attempt', async () => {
  const machine = new Machine((it, name, looks) => {
    if (looks === 2) it.does(['scan-0', 'scan-1']);
    if (looks === 3) it.succeeds(name);
  });
  expect(await machine.run(9)).toMatchObject({ slices: 9, done: 9, parked: [], isOver: false, counts: { read: 90 } });
  const list = `${PREFIX}/executions/7-scan-1.json`;
  const count = { kind: 'count', release: '1.0.0', bucket: 'bucket', prefix: PREFIX, list };
  expect(machine.started).toEqual([{ name: '7-scan-1', input: { list, concurrency: 4, count }, slices: slices(9).map(({ id }) => id) }]);
  expect(machine.listed(list)[0]).toEqual({
    slice: {
      ...slices(9)[0],
      ...{ bucket: 'bucket', prefix: PREFIX, release: '1.0.0', operation: 'backfill' },
      ...{ capacity: 250, seconds: 60, failsWhenStuck: true },
    },
    pages: 0,
  });
  expect(machine.states.map(({ done }) => done)).toEqual([0, 2, 9]);
  expect(machine.states[0]?.detail).toBe('3 at once, 2 failed');
  // Nobody knows how the last invocations ended: pass 2 waits for them.
  expect(machine.late).toEqual([120_000]);
});

test('the time limit leaves the execution as it is, and the next run follows the same one', async () => {
  let left = Infinity;
  const machine = new Machine((it, name) => {
    if (left-- === 0) it.succeeds(name);
  });
  const until = machine.bucket.aws.clock.now() + 60_000;
  expect(await machine.run(5, { until })).toMatchObject({ done: 0, isOver: true, parked: [] });
  expect(machine.lines.at(-1)).toBe('The execution 7-scan-1 of AWS Step Functions goes on without this job');
  left = 2;
  expect(await machine.run(5)).toMatchObject({ done: 5, isOver: false });
  expect(machine.lines).toContain('The execution 7-scan-1 of AWS Step Functions goes on');
  expect(machine.started).toHaveLength(1);
  expect(machine.stopped).toEqual([]);
});

test('a cancelled job leaves the execution as it is', async () => {
  const machine = new Machine((it) => {
    it.bucket.cancel.abort(new CancelledError());
  });
  await expect(machine.run(5)).rejects.toThrow(/cancelled/i);
  expect(machine.lines.at(-1)).toBe('The execution 7-scan-1 of AWS Step Functions goes on without this job');
  expect(machine.stopped).toEqual([]);
});

test('slices that no execution can move are parked with their reasons, the others are done, and the next run hands out those alone', async () => {
  const machine = new Machine((it, name) => {
    const [first, ...rest] = it.started.find((one) => one.name === name)?.slices ?? [];
    it.does(rest);
    it.does([first ?? ''], { problem: 'the engine refuses' });
    it.fails(name, 1);
  });
  const parked = [{ id: 'scan-0', reason: 'the engine refuses' }];
  expect(await machine.run(5)).toMatchObject({ done: 4, isOver: false, parked });
  expect(await machine.run(5)).toMatchObject({ done: 4, parked });
  expect(machine.started.map((one) => [one.name, one.slices.length])).toEqual([
    ['7-scan-1', 5],
    ['7-scan-2', 1],
  ]);
  expect(machine.lines).toContain(
    'The execution 7-scan-1 of AWS Step Functions failed (1 slices are not done): a new one does the open parts',
  );
});

test('a slice that is open but got further is handed out again at once', async () => {
  const machine = new Machine((it, name) => {
    if (name.endsWith('-3')) it.succeeds(name);
    else {
      it.does(['scan-0'], { counts: { pages: name.endsWith('-1') ? 400 : 800 } });
      it.does(['scan-1']);
      it.fails(name, 1);
    }
  });
  expect(await machine.run(2)).toMatchObject({ done: 2, parked: [] });
  expect(machine.started.map((one) => one.slices)).toEqual([['scan-0', 'scan-1'], ['scan-0'], ['scan-0']]);
  // One slice has the capacity of all.
  expect(machine.listed(machine.started[2]?.input.list ?? '')[0]).toMatchObject({ slice: { capacity: 1000 }, pages: 800 });
});

test('a start whose response was lost is one execution', async () => {
  const machine = new Machine((it, name) => {
    it.succeeds(name);
  });
  const list = `${PREFIX}/executions/7-scan-1.json`;
  machine.started.push({ name: '7-scan-1', input: { list, concurrency: 4, count: {} }, slices: slices(3).map(({ id }) => id) });
  expect(await machine.run(3)).toMatchObject({ done: 3 });
  expect(machine.started).toHaveLength(1);
});

test.each([
  ['was stopped by hand', { status: 'ABORTED' }, 'was stopped'],
  ['could not read its list', { status: 'FAILED', error: 'States.ItemReaderFailed', cause: 'Access Denied' }, 'failed (Access Denied)'],
])('an execution that %s ends the run with one sentence', async (_, end, sentence) => {
  const machine = new Machine((it, name) => {
    it.ended.set(name, end);
  });
  await expect(machine.run(3)).rejects.toThrow(`The execution 7-scan-1 of AWS Step Functions ${sentence}. Look at it in Step Functions`);
});

test('slices that are done already are not handed out, by nobody', async () => {
  const machine = new Machine();
  machine.does(['scan-0', 'scan-1']);
  expect(await machine.run(2)).toMatchObject({ done: 2 });
  expect(machine.started).toEqual([]);
});

test('no execution is started while there is a reason to wait', async () => {
  const reasons = ['the triggers are behind', undefined];
  const machine = new Machine((it, name) => {
    it.succeeds(name);
  });
  await machine.run(2, { pause: () => Promise.resolve(machine.started.length > 0 ? undefined : reasons.shift()) });
  expect(machine.states[0]?.waiting).toBe('the triggers are behind');
  expect(machine.started).toHaveLength(1);
});

test('while it is followed, the reason for which the execution begins no part is said', async () => {
  const reasons = [undefined, 'the triggers are behind', undefined];
  const machine = new Machine((it, name, looks) => {
    if (looks > 2) it.succeeds(name);
  });
  await machine.run(2, { pause: () => Promise.resolve(reasons.shift()) });
  expect(machine.states.map(({ waiting }) => waiting)).toEqual(['the triggers are behind', undefined, undefined]);
});

test('the job hands out no slices beside an execution, and does once it has ended', async () => {
  const machine = new Machine();
  const { aws } = machine.bucket;
  const settings = { aws, store: new RunStore(aws, 'bucket', PREFIX), phase: 'scan' } as unknown as Parameters<
    ReturnType<typeof unlessExecuted>
  >[1];
  const driver = unlessExecuted(() => Promise.resolve('handed out' as never));
  expect(await driver([], settings)).toBe('handed out');
  await machine.run(2, { until: 1000 });
  await expect(driver([], settings)).rejects.toThrow(/execution 7-scan-1 .* is still working on this run. Set state-machine to follow it/);
  machine.fails('7-scan-1', 2);
  expect(await driver([], settings)).toBe('handed out');
});

test('a run that is abandoned stops its execution only where that is wanted', async () => {
  const machine = new Machine();
  const { aws } = machine.bucket;
  await machine.run(2, { until: 1000 });
  const store = new RunStore(aws, 'bucket', PREFIX.slice(0, -2));
  const run = { id: '7', phases: [{ name: 'scan', slices: slices(2) }] } as unknown as StoredRun;
  const late: number[] = [];
  const by = { timeout: 60, log: () => undefined, lock: { late: (until: number) => late.push(until - aws.clock.now()) } };
  await expect(endExecution(aws, store, run, false, by)).rejects.toThrow(/run with other settings. Run with those settings to follow it/);
  expect(machine.stopped).toEqual([]);
  await endExecution(aws, store, run, true, by);
  expect(machine.stopped).toEqual(['7-scan-1']);
  expect(late).toEqual([120_000]);
});
