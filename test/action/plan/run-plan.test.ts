import { expect, test } from '@jest/globals';
import { runChanges, type RunPlanContext } from '../../../action/plan/run-plan.ts';
import { planContext } from './run-plan-context.ts';

const CONTEXT = planContext('verify');
const planned = (path: string, context: Partial<RunPlanContext> = {}): unknown =>
  runChanges({ name: 'Orders', items: 1_000, bytes: 1_000_000 }, { ...CONTEXT, ...context }).find((change) => change.path === path)?.after;

test('only the time of verify has an addition for differences, which are looked at again', () => {
  expect(planned('time')).toMatch(/^about \d+ s at 2000 read capacity units per second, plus 30 s or more if anything differs$/);
  expect(planned('time', { operation: 'backfill' })).toMatch(/^about \d+ s at 2000 read capacity units per second$/);
});

test('the differences of an earlier report are looked at again, with no estimate for the table', () => {
  const report = 's3://code/runs/Fn/verify/Orders/x/report.json';
  expect(planned('verify', { report })).toBe(`the differences in ${report}`);
  expect(planned('time', { report })).toBeUndefined();
});

test.each<[string, Partial<RunPlanContext>]>([
  ['written, and removed where their items no longer exist', { operation: 'backfill' }],
  ['written', { operation: 'backfill', prune: false }],
  ['written', { operation: 'backfill', serverless: true }],
  ['compared', {}],
  ['compared, and fixed where they differ', { repair: true }],
  ['compared, and fixed where they differ', { repair: true, serverless: true }],
])('the documents of the index are %s: %j', (after, context) => {
  expect(planned('documents', context)).toBe(after);
});
