// The protocol of backfill and repair, in thousands of small worlds: whatever crashes, is repeated, late or forgotten, the index equals the
// table in the end. The function's own code runs in them, and each rule that the guarantee needs is broken once to see that it is missed.
//
// PROTOCOL_SEED repeats a world, PROTOCOL_WORLDS sets how many there are.
import { describe, expect, test } from '@jest/globals';
import { MARGIN_SECONDS, backfillVersion } from '../../../../handler/records/backfill-version.ts';
import { backfill, redrive, verify } from './protocol/runs.ts';
import { World, type Mistake, type WorldOptions } from './protocol/world.ts';

const fixed = process.env.PROTOCOL_SEED;
const start = Number(fixed ?? Math.floor(Math.random() * 2 ** 31));
const count = fixed === undefined ? Number(process.env.PROTOCOL_WORLDS ?? 250) : 1;

/** A run in a world. @returns why it ended wrong */
type Work = (world: World) => Promise<readonly string[]>;

/** A world that ends wrong, with what happened in it. */
async function firstWrong(
  options: WorldOptions,
  work: Work,
  { from, worlds } = { from: start, worlds: count },
): Promise<string | undefined> {
  for (let seed = from; seed < from + worlds; seed++) {
    const world = new World(seed, options);
    const wrong = await work(world);
    if (wrong.length > 0) return [`PROTOCOL_SEED=${world.seed}: ${wrong.join(', ')}`, ...world.events].join('\n');
  }
  return undefined;
}

const backfilled =
  (rules?: Parameters<typeof backfill>[1]): Work =>
  async (world) => {
    await backfill(world, rules);
    world.drain();
    return world.differences();
  };

const repairedBy =
  (confirms: boolean): Work =>
  async (world) => {
    const { moving } = await verify(world, true, confirms);
    world.drain();
    return world.differences().filter((id) => !moving.includes(id));
  };
const repaired = repairedBy(true);

const redriven =
  (form: 'failed-batches' | 'dead-letters'): Work =>
  async (world) => {
    const { moving, left } = await redrive(world, form);
    world.drain();
    const wrong = world.differences().filter((id) => !moving.includes(id));
    return left > 0 && moving.length === 0 ? [...wrong, `${left} objects are left`] : wrong;
  };

describe('the index equals the table at the end', () => {
  test.each<[string, WorldOptions, Work]>([
    ['of a backfill', { lost: 'none', faults: false }, backfilled()],
    ['of a backfill after a long outage, with every fault', { lost: 'old', faults: true }, backfilled()],
    ['of a backfill while the stream is far behind', { lost: 'none', faults: true, stream: 'lagging' }, backfilled()],
    ['of a repair of what was lost a moment ago', { lost: 'recent', faults: false }, repaired],
    ['of a repair with every fault', { lost: 'recent', faults: true }, repaired],
    [
      'of a redrive of batches that is killed',
      { lost: 'recent', faults: true, without: ['copies', 'late requests'] },
      redriven('failed-batches'),
    ],
    [
      'of a redrive of batches that runs twice',
      { lost: 'recent', faults: true, without: ['crashes', 'late requests'] },
      redriven('failed-batches'),
    ],
    [
      'of a redrive of dead letters that is killed',
      { lost: 'recent', faults: true, without: ['copies', 'late requests'] },
      redriven('dead-letters'),
    ],
    [
      'of a redrive of dead letters that runs twice',
      { lost: 'recent', faults: true, without: ['crashes', 'late requests'] },
      redriven('dead-letters'),
    ],
  ])('%s', async (_, options, work) => {
    expect(await firstWrong(options, work)).toBeUndefined();
  });
});

test('verify alone writes nothing, and reports no change that is on its way', async () => {
  const wrong = await firstWrong({ lost: 'none', faults: false, stream: 'calm' }, async (world) => {
    const { counts } = await verify(world, false);
    const { missing = 0, different = 0, stale = 0, frozen = 0 } = counts;
    return [
      ...(world.written > 0 ? [`${world.written} documents were written`] : []),
      ...(missing + different + stale + frozen > 0 ? [JSON.stringify(counts)] : []),
    ];
  });
  expect(wrong).toBeUndefined();
});

/** What a rule protects from is rare: these worlds are many and always the same, and the first wrong one ends them. */
const MANY = { from: 1, worlds: 40_000 };
const margin = BigInt(MARGIN_SECONDS) * 2n ** 29n;
const broken: [string, Mistake, WorldOptions, Work, Work?][] = [
  ['no second pass', {}, { lost: 'old', faults: true }, backfilled({ passes: 1 }), backfilled()],
  [
    'no second read of what a redrive wrote',
    { neverReadsAgain: true },
    { lost: 'recent', faults: true, without: ['copies', 'late requests'] },
    redriven('failed-batches'),
  ],
  ['no look after a repair', {}, { lost: 'recent', faults: true }, repairedBy(false), repaired],
  [
    'no margin',
    {
      bulk: (operations) => {
        for (const operation of operations) if (operation.type === 'external') operation.version += margin;
      },
    },
    { lost: 'old', faults: true },
    backfilled(),
  ],
  [
    'deletes by compare-and-set',
    {
      bulk: (operations, seen) => {
        for (const operation of operations) if (operation.action === 'delete') operation.ifSequenceNumber = seen.get(operation.id) ?? null;
      },
    },
    { lost: 'none', faults: false, stream: 'lagging', ties: true },
    backfilled(),
  ],
  ['items read before their documents', { readsItemsFirst: true }, { lost: 'recent', faults: false }, repaired],
  [
    'repairs below the version of the document',
    {
      bulk: (operations) => {
        const before = BigInt(backfillVersion(1_800_000_000));
        for (const operation of operations) if (operation.version > before) operation.version = before;
      },
    },
    { lost: 'recent', faults: false },
    repaired,
  ],
];

describe('a wrong rule is found', () => {
  test.each(broken)('%s', async (_, mistake, options, work, right = work) => {
    const wrong = await firstWrong({ ...options, mistake }, work, MANY);
    expect(wrong).toBeDefined();
    // By the right rules the same world ends well.
    const from = Number(/^PROTOCOL_SEED=(\d+)/.exec(wrong ?? '')?.[1]);
    expect(await firstWrong(options, right, { from, worlds: 1 })).toBeUndefined();
  });
});
