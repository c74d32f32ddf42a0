import type { Run } from '../run.ts';
import type { Operation } from '../inputs/operation.ts';
import { backfill } from './backfill.ts';
import { deploy } from './deploy.ts';
import { redrive } from './redrive.ts';
import { refreshMapping } from './refresh-mapping.ts';
import { reindex } from './reindex.ts';
import { rollback } from './rollback.ts';
import { verify } from './verify.ts';

/** The implementation of each `operation`. */
export const IMPLEMENTATIONS: Record<Operation, (run: Run) => Promise<void>> = {
  deploy,
  'refresh-mapping': refreshMapping,
  rollback,
  backfill,
  verify,
  redrive,
  reindex,
};
