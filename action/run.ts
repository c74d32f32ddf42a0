import type { Aws } from './aws/session.ts';
import type { Inputs } from './inputs/inputs.ts';
import type { Report } from './report/report.ts';

/** One run of one operation. */
export interface Run {
  readonly inputs: Inputs;
  readonly aws: Aws;
  readonly report: Report;
  readonly env: NodeJS.ProcessEnv;
}
