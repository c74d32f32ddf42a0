import type { RunPlanContext } from '../../../action/plan/run-plan.ts';

/** A run on the table `Orders` with the defaults. */
export const planContext = (operation: RunPlanContext['operation']): RunPlanContext => ({
  operation,
  repair: false,
  prune: true,
  deleteLimit: '1%',
  index: 'orders',
  serverless: false,
  versioned: true,
  place: `s3://code/runs/Fn/${operation}/Orders/`,
  region: 'eu-west-1',
  now: 0,
  capacity: 2_000,
  concurrency: 4,
  memorySize: 128,
});
