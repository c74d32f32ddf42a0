import type { Run } from '../run.ts';
import { runOnTables } from './run-on-tables.ts';

/**
 * Compares every item with its document and every document with its item; with `repair` also fixes differences.
 * @throws {UserError} where it fails, or differences remain
 */
export const verify = (run: Run): Promise<void> => runOnTables(run, 'verify');
