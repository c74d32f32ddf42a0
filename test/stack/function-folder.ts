import { cpSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { FunctionConfig } from '../../formats/function-config.ts';
import type { KeyMapping } from '../../formats/key-mapping.ts';
import { PROJECT } from './cache.ts';

/** Writes the built function with its two files into a folder, as the package of a deploy has them. @param config beside the usual */
export function writeFunction(
  folder: string,
  mapping: KeyMapping,
  config: Pick<FunctionConfig, 'endpoint'> & Partial<FunctionConfig>,
): void {
  mkdirSync(folder, { recursive: true });
  cpSync(join(PROJECT, 'dist', 'handler', 'index.mjs'), join(folder, 'index.mjs'));
  const usual: Omit<FunctionConfig, 'endpoint'> = {
    format: 1,
    release: 'test',
    environment: 'TEST',
    auth: { type: 'none' },
    options: { defaults: {}, tables: {} },
  };
  writeFileSync(join(folder, 'config.json'), JSON.stringify({ ...usual, ...config }));
  writeFileSync(join(folder, 'table_mapping.json'), JSON.stringify(mapping));
}
