// The phases of a run in a simulated world, with the slices that the action plans: each invoked again until its checkpoint says that it is done.
import type { Counts, Finding, SurveyResponse, SurveyedIndex, WorkSlice } from '../../../../../formats/slice.ts';
import { addCounts } from '../../../../../formats/counts.ts';
import { lookPhase, redrivePhase, scanPhase, walkPhase } from '../../../../../action/apply/slices/phases.ts';
import type { Phase } from '../../../../../action/apply/slices/run-store.ts';
import { TABLE } from './simulated-table.ts';
import { checkpointOf, DEAD_LETTERS, FAILURES, type World } from './world.ts';

/** ms: the longest request that pass 1 can leave behind, and more than a replica lags. */
const LONGEST_REQUEST_MS = 2_000;
const SETTLE_MS = 30_000;
const LOOKS = 5;
const RELEASE = '9.9.9';
const PLACE = { bucket: 'code', prefix: 'runs/x' };

export interface Result {
  readonly counts: Counts;
  readonly lists: readonly string[];
}

async function run(world: World, phase: Phase): Promise<Result> {
  const slices = phase.slices.map((slice) => ({
    ...slice,
    ...{ operation: 'backfill', release: RELEASE, ...PLACE, capacity: 1e9, seconds: 60 },
  })) as WorkSlice[];
  const one = async (slice: WorkSlice): Promise<void> => {
    for (let invocations = 0; checkpointOf(world, slice)?.done !== true; invocations++) {
      if (invocations === 100) throw new Error(`${slice.id} does not end`);
      // A response that was lost makes its client start another one beside the first.
      const copies = world.hasCopies && world.chance(0.2) ? 2 : 1;
      await Promise.all(Array.from({ length: copies }, () => world.invoke(slice)));
    }
  };
  await Promise.all(slices.map(one));
  const checkpoints = slices.flatMap((slice) => checkpointOf(world, slice) ?? []);
  return { counts: addCounts(checkpoints.map(({ counts }) => counts)), lists: checkpoints.flatMap(({ lists }) => lists) };
}

async function walk(world: World): Promise<Result> {
  world.settle(LONGEST_REQUEST_MS);
  const surveyed = (await world.invoke({ kind: 'survey', release: RELEASE, ...PLACE, tables: [TABLE], create: true })) as SurveyResponse;
  return run(world, walkPhase([TABLE], surveyed.tables[TABLE.name] as SurveyedIndex, 4));
}

/** Writes what lists name, and looks at it again. @param confirms false: does not, which is wrong */
async function apply(world: World, lists: readonly string[], confirms: boolean): Promise<Result> {
  const applied = await run(world, lookPhase('apply', [TABLE], lists, 'apply', true));
  if (!confirms) return applied;
  world.settle(LONGEST_REQUEST_MS);
  await run(world, lookPhase('confirm', [TABLE], lists, 'confirm', true));
  return applied;
}

/** Both passes of a backfill. @param passes 1: without the second, which is wrong */
export async function backfill(world: World, { passes = 2, confirms = true } = {}): Promise<void> {
  await run(world, scanPhase(TABLE, 'write', [0, 1], 2));
  if (passes === 1) return;
  const { lists } = await walk(world);
  await apply(world, lists, confirms);
}

export interface Verified {
  readonly counts: Counts;
  /** Ids that are reported as still moving. */
  readonly moving: readonly string[];
}

/** A verify, with its looks at what differs. */
export async function verify(world: World, repair: boolean, confirms = true): Promise<Verified> {
  const scanned = await run(world, scanPhase(TABLE, 'compare', [0, 1], 2));
  const walked = await walk(world);
  let open = [...scanned.lists, ...walked.lists];
  const decided: string[] = [];
  const counts: Counts[] = [];
  for (let look = 1; look <= LOOKS && open.length > 0; look++) {
    world.settle(SETTLE_MS);
    const looked = await run(world, lookPhase(`look-${look}`, [TABLE], open, 'decide', look === LOOKS));
    counts.push(looked.counts);
    open = looked.lists.filter((list) => list.endsWith('-moving.jsonl'));
    decided.push(...looked.lists.filter((list) => !open.includes(list)));
  }
  const applied = repair ? await apply(world, decided, confirms) : undefined;
  const lists = [...decided, ...(applied?.lists ?? [])];
  return { counts: addCounts(counts), moving: movingOf(world, lists) };
}

const movingOf = (world: World, lists: readonly string[]): string[] =>
  lists
    .flatMap((list) => (world.objects.get(`code/${list}`)?.text ?? '').split('\n'))
    .flatMap((line) => (line === '' ? [] : [JSON.parse(line) as Finding]))
    .filter(({ kind }) => kind === 'moving')
    .map(({ id }) => id);

/** A redrive of all records that were lost. */
export async function redrive(world: World, form: 'failed-batches' | 'dead-letters'): Promise<Verified & { readonly left: number }> {
  world.discard(form);
  const from = form === 'failed-batches' ? FAILURES : DEAD_LETTERS;
  const { counts, lists } = await run(world, redrivePhase('redrive-0', TABLE, [{ form, from }], 'apply', world.now));
  const left = [...world.objects.keys()].filter((key) => key.startsWith(`${from.bucket}/${from.prefix}`)).length;
  return { counts, moving: movingOf(world, lists), left };
}
