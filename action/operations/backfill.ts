import type { Run } from '../run.ts';
import { runOnTables } from './run-on-tables.ts';

/**
 * Indexes the existing items of the tables, beside the live stream, then removes documents whose items no longer exist.
 * @throws {UserError} where it fails
 */
export const backfill = (run: Run): Promise<void> => runOnTables(run, 'backfill');
