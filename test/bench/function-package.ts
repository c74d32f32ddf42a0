// The package of the function as the action builds it, for the measurements.
import { mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import type { Auth } from '../../formats/function-config.ts';
import { writeFunction } from '../stack/function-folder.ts';

/** The index of the table `Bench`. */
export const INDEX = 'bench-product';

/** A folder below `folder` with the package for an endpoint. */
export function functionPackage(folder: string, endpoint: string, auth: Auth = { type: 'none' }): string {
  const target = mkdtempSync(join(folder, 'function-'));
  const mapping = { bench: { TableName: 'Bench', PrimaryKey: 'pk', SortKey: 'sk', Index: INDEX, ReportBatchItemFailures: true } };
  writeFunction(target, mapping, { endpoint, auth, release: 'bench' });
  return target;
}
