import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';

/** One input or output in action.yml. */
export interface Metadata {
  readonly description: string;
  readonly default?: string;
}

export interface ActionFile {
  readonly inputs: Readonly<Record<string, Metadata>>;
  readonly outputs: Readonly<Record<string, Metadata>>;
}

let read: ActionFile | undefined;

/**
 * action.yml, the only place of the defaults. It is one folder above both this source and the built `dist/index.js`. It is read
 * at run time because the runner fills a default in for an input that is absent, but not for one that a workflow passed on as empty.
 */
export function actionFile(): ActionFile {
  read ??= parse(readFileSync(join(dirname(fileURLToPath(import.meta.url)), '..', 'action.yml'), 'utf8')) as ActionFile;
  return read;
}

/** Defaults that are plain values; an expression (`${{ github.token }}`) is the runner's to fill in. */
export function inputDefaults(): Record<string, string> {
  return Object.fromEntries(
    Object.entries(actionFile().inputs).flatMap(([name, { default: value }]) =>
      value === undefined || value.includes('${{') ? [] : [[name, value]],
    ),
  );
}
