import { describe, expect, test } from '@jest/globals';
import {
  planReindex,
  planUnseen,
  reindexChanges,
  type ReindexContext,
  type ReindexPlan,
  type StoredReindex,
  type UnseenContext,
} from '../../../action/plan/reindex-plan.ts';

const at = (n: number): { index: string; uuid: string } => ({ index: `orders-${n}`, uuid: `u${n}` });
const both = { indexes: ['orders-1', 'orders-2'], since: '2026-01-02T03:04:05.000Z' } as const;
const context = (more: Partial<ReindexContext> = {}): ReindexContext => ({
  table: 'Orders',
  serving: { ...at(1), name: 'orders', isAlias: true, aliases: [], documents: 5, numbered: ['orders-1'] },
  entry: undefined,
  other: undefined,
  former: undefined,
  to: undefined,
  deleteOldIndex: false,
  restart: false,
  now: '2026-01-03T00:00:00.000Z',
  id: 'new',
  ...more,
});
const former = (more: Partial<StoredReindex> = {}): StoredReindex => ({
  format: 1,
  id: 'old',
  startedAt: '2026-01-02T00:00:00.000Z',
  from: at(1),
  to: at(2),
  replacesIndex: false,
  step: 'backfill',
  finished: false,
  ...more,
});
const planned = (more: Partial<ReindexContext> = {}): ReindexPlan => {
  const plan = planReindex(context(more));
  if (typeof plan === 'string') throw new Error(plan);
  return plan;
};

describe('a new reindex', () => {
  test.each([
    [[], 'orders-2'],
    [['orders-1'], 'orders-2'],
    [['orders-1', 'orders-9', 'orders-10'], 'orders-11'],
  ])('takes the number after those that are taken, and at least 2: %s', (numbered, index) => {
    const { state, goesOn } = planned({ serving: { ...context().serving, numbered } });
    expect(state).toMatchObject({ id: 'new', from: at(1), to: { index, uuid: '' }, step: 'create', replacesIndex: false, finished: false });
    expect(goesOn).toBe(false);
  });

  test('begins after one that is finished, and with restart after one that is not', () => {
    expect(planned({ former: former({ finished: true }), entry: both, other: at(2) }).state).toMatchObject({ id: 'new', step: 'create' });
    expect(planned({ former: former(), restart: true }).state).toMatchObject({ id: 'new', step: 'create' });
  });

  test('is refused where the name would be too long', () => {
    const name = 'x'.repeat(254);
    expect(planReindex(context({ serving: { ...context().serving, name, numbered: [] } }))).toMatch(
      /^the next index would be called x+-2, and /,
    );
  });
});

describe('a reindex that was interrupted', () => {
  test('goes on at its step while the function writes to both indexes', () => {
    for (const step of ['backfill', 'verify'] as const)
      expect(planned({ former: former({ step }), entry: both, other: at(2) })).toEqual({ state: former({ step }), goesOn: true });
    expect(planned({ former: former({ step: 'create', to: { index: 'orders-2', uuid: '' } }) }).state.step).toBe('create');
  });

  test.each(['backfill', 'verify'] as const)(
    'fills the new index again where the function does not write to both any more: at %s',
    (step) => {
      expect(planned({ former: former({ step }) }).state).toEqual(former({ id: 'new', step: 'deploy' }));
      const others = { ...both, indexes: ['orders-1', 'orders-9'] as const };
      expect(planned({ former: former({ step }), entry: others }).state).toEqual(former({ id: 'new', step: 'deploy' }));
    },
  );

  test('ends where searches use the new index already', () => {
    expect(planned({ serving: { ...context().serving, ...at(2) }, former: former({ step: 'verify' }), entry: both }).state.step).toBe(
      'end',
    );
  });

  test.each([at(3), { index: 'orders-1', uuid: 'another' }])('is refused where the name leads elsewhere: %j', (serving) => {
    expect(planReindex(context({ serving: { ...context().serving, ...serving }, former: former() }))).toMatch(
      /^orders leads to .* and no longer to orders-1 as when the reindex of table Orders began: .* restart: true$/,
    );
  });
});

describe('with to', () => {
  test('compares the other index, and leads searches to it', () => {
    expect(planned({ entry: both, other: at(2), to: 'orders-2' }).state).toMatchObject({ from: at(1), to: at(2), step: 'verify' });
  });

  test('ends a reindex in favour of the index that serves', () => {
    expect(planned({ entry: both, other: at(2), to: 'orders-1', former: former() }).state).toMatchObject({
      from: at(2),
      to: at(1),
      step: 'end',
    });
  });

  test.each([
    [{ to: 'orders-2' }, /no reindex of it is under way/],
    [{ to: 'orders-7', entry: both, other: at(2) }, /those are orders-1 and orders-2/],
    [{ to: 'orders-2', entry: both }, /there is no index orders-2 any more/],
  ])('is refused where changes are not written to that index: %j', (more, sentence) => {
    expect(planReindex(context(more))).toMatch(sentence);
  });
});

test('delete-old-index ends a finished reindex, whichever index searches use', () => {
  const finished = former({ finished: true });
  expect(planned({ deleteOldIndex: true, entry: both, other: at(2), former: finished }).state).toMatchObject({
    from: at(2),
    to: at(1),
    step: 'end',
  });
});

test.each<[Partial<ReindexContext>, RegExp]>([
  [
    {},
    /^delete-old-index: changes of table Orders are written to orders-1 alone, so there is nothing to end\. .* without delete-old-index/,
  ],
  [{ former: former({ finished: true }) }, /there is nothing to end/],
  [{ former: former(), restart: true }, /there is nothing to end/],
  [
    { entry: { ...both, indexes: ['orders-2', 'orders-3'] } },
    /^delete-old-index: orders leads to orders-1, and changes of table Orders are written to orders-2 and orders-3: someone else has moved it\./,
  ],
])('delete-old-index is refused where there is nothing to end, and begins no reindex: %j', (more, sentence) => {
  expect(planReindex(context({ ...more, deleteOldIndex: true }))).toMatch(sentence);
});

test('the plan says what is written, how the name moves, and what ends it', () => {
  const rows = (more: Partial<ReindexContext>): string[] => {
    const made = context(more);
    return reindexChanges(made, planned(more)).map(
      ({ resource, before, after, reason }) => `${resource}: ${JSON.stringify(before)} → ${JSON.stringify(after)} (${reason})`,
    );
  };
  expect(rows({})).toEqual([
    'index orders-2: null → "created" (with the settings and mappings of the deployed options)',
    expect.stringMatching(/^package: null → "orders-1 and orders-2" .*doubles the writes and the storage/),
    expect.stringMatching(/^alias orders: "orders-1" → "orders-2" .*in one request\)$/),
    expect.stringMatching(/^index orders-1: null → "written" .*to: orders-1; ended by delete-old-index: true/),
  ]);
  expect(rows({ serving: { ...context().serving, isAlias: false, index: 'orders', numbered: [] } }).join('\n')).toMatch(/cannot be kept/);
  expect(rows({ deleteOldIndex: true, entry: both, other: at(2), former: former({ finished: true }) })).toEqual([
    expect.stringMatching(/^package: .* → null \(the end of the reindex\)/),
    'index orders-2: "the way back" → null (deleted, by delete-old-index: true)',
  ]);
  expect(rows({ entry: { ...both, indexes: ['orders-0', 'orders-1'] } }).join('\n')).toContain(
    'index orders-0: "written" → "no longer written"',
  );
});

describe('a plan by a role that may not look at the indexes', () => {
  const unseen = (more: Partial<UnseenContext> = {}): ReturnType<typeof planUnseen> =>
    planUnseen({ table: 'Orders', name: 'orders', entry: undefined, to: undefined, deleteOldIndex: false, ...more });
  const rows = (more?: Partial<UnseenContext>): unknown => {
    const plan = unseen(more);
    if (typeof plan === 'string') throw new Error(plan);
    return [plan.filled, ...plan.changes.map(({ resource, before, after }) => [resource, before, after])];
  };

  test('names no index that it does not know', () => {
    expect(rows()).toEqual([
      'orders-<n>',
      ['index orders-<n>', null, 'created'],
      ['package', null, 'the index that serves and orders-<n>'],
      ['alias orders', 'the index that serves', 'orders-<n>'],
      ['the index that serves', null, 'written'],
    ]);
  });

  test('knows from the package what is written to two indexes, and so what goes back or ends', () => {
    expect(rows({ entry: both, to: 'orders-2' })).toEqual([
      'orders-2',
      ['alias orders', 'the index that serves', 'orders-2'],
      ['the index that serves', null, 'written'],
    ]);
    expect(rows({ entry: both, deleteOldIndex: true })).toEqual([
      undefined,
      ['package', 'orders-1 and orders-2', null],
      ['index orders-1 or orders-2', 'the way back', null],
    ]);
  });

  test.each([
    [{ to: 'orders-2' }, /no reindex of it is under way/],
    [{ to: 'orders-7', entry: both }, /those are orders-1 and orders-2/],
  ])('refuses to go back to an index that changes are not written to: %j', (more, sentence) => {
    expect(unseen(more)).toMatch(sentence);
  });
});
