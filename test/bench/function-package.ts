// The package of the function as the action builds it, for the measurements.
import { cpSync, mkdtempSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Auth } from '../../formats/function-config.ts';
import { PROJECT } from '../stack/cache.ts';

/** The index of the table `Bench`. */
export const INDEX = 'bench-product';

/** A folder below `folder` with the package for an endpoint. */
export function functionPackage(folder: string, endpoint: string, auth: Auth = { type: 'none' }): string {
  const target = mkdtempSync(join(folder, 'function-'));
  cpSync(join(PROJECT, 'dist', 'handler', 'index.mjs'), join(target, 'index.mjs'));
  const config = {
    format: 1,
    release: 'bench',
    environment: 'BENCH',
    endpoint,
    auth,
    options: { defaults: {}, tables: {} },
  };
  const mapping = { bench: { TableName: 'Bench', PrimaryKey: 'pk', SortKey: 'sk', Index: INDEX, ReportBatchItemFailures: true } };
  writeFileSync(join(target, 'config.json'), JSON.stringify(config));
  writeFileSync(join(target, 'table_mapping.json'), JSON.stringify(mapping));
  return target;
}
