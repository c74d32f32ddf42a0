// The record of a run on a table: a new one, or that of a run that goes on.
import { randomUUID } from 'node:crypto';
import type { SliceTable, SurveyedIndex } from '../../../formats/slice.ts';
import { UserError } from '../../errors.ts';
import type { DeleteLimit } from '../../inputs/delete-limit.ts';
import type { TableOperation } from '../../inputs/operation.ts';
import type { Pins, RedriveSource, RunStore, StoredRun } from './run-store.ts';

export interface RunSettings {
  readonly operation: TableOperation;
  readonly repair: boolean;
  /** Whether documents without an item are looked for. */
  readonly prune: boolean;
  /** Share of segments and ranges to compare, above 0 and up to 1. */
  readonly sample: number;
  readonly deleteLimit: DeleteLimit;
  readonly restart: boolean;
  readonly codeSha256: string;
}

/** Goes on with the stored run where it is not finished and has these settings, else begins one. @throws {UserError} where a pin has moved */
export async function openRun(
  store: RunStore,
  {
    table,
    tableId,
    sources = [],
    report,
  }: {
    readonly table: SliceTable;
    readonly tableId: string;
    readonly sources?: readonly RedriveSource[];
    readonly report?: string | undefined;
  },
  { index, uuid }: SurveyedIndex,
  { operation, repair, prune, sample, restart, codeSha256 }: RunSettings,
  {
    release,
    log,
    abandon,
  }: {
    readonly release: string;
    readonly log: (line: string) => void;
    /** Ends what still works on a run that is abandoned. */
    readonly abandon: (former: StoredRun) => Promise<void>;
  },
): Promise<{ run: StoredRun; etag: string }> {
  const pins: Pins = { tableId, index, indexUuid: uuid };
  const settings = {
    ...{ operation, repair, prune, sample },
    ...(sources.length === 0 ? {} : { sources: JSON.stringify(sources) }),
    ...(report === undefined ? {} : { report }),
  };
  const stored = await store.read<StoredRun>('run.json');
  const former = stored?.value;
  if (
    stored !== undefined &&
    former !== undefined &&
    !former.finished &&
    !restart &&
    JSON.stringify(former.settings) === JSON.stringify(settings)
  ) {
    checkPins(former, table.name, pins);
    log(`Table ${table.name}: the run of ${former.startedAt} goes on`);
    if (former.codeSha256 !== codeSha256)
      log(
        `Table ${table.name}: the function was updated since; its transforms and options apply from here on. Use restart: true where a mapping or a transform changed`,
      );
    const run = { ...former, pins, codeSha256, release };
    return { run, etag: await written(store, run, stored.etag) };
  }
  if (former !== undefined && !former.finished) await abandon(former);
  const run: StoredRun = {
    format: 1,
    id: randomUUID(),
    release,
    codeSha256,
    startedAt: new Date().toISOString(),
    settings,
    pins,
    documents: 0,
    phases: [],
    finished: false,
  };
  return { run, etag: await written(store, run, stored?.etag ?? null) };
}

/**
 * Checks that table and index are still those that the run began with: its checkpoints say nothing about others. An index that did not
 * exist then may have been created since. @param now those that are known @throws {UserError}
 */
export function checkPins(
  { startedAt, pins }: Pick<StoredRun, 'startedAt' | 'pins'>,
  table: string,
  { tableId, index = pins.index, indexUuid = pins.indexUuid }: Pick<Pins, 'tableId'> & Partial<Pins>,
): void {
  const isSameIndex = pins.indexUuid === '' || (index === pins.index && indexUuid === pins.indexUuid);
  if (tableId === pins.tableId && isSameIndex) return;
  const ofTable = `the table ${table} ${tableId === '' ? 'does not exist any more' : 'was created anew'}`;
  const what = tableId === pins.tableId ? `the index of ${table} is another one than ${pins.index} was` : ofTable;
  throw new UserError(`The run of ${startedAt} cannot go on: ${what}`, 'Begin anew with restart: true');
}

/** Writes the run over the state that is known. @returns its etag @throws {UserError} where it is another state */
export async function written(store: RunStore, run: StoredRun, over: string | null): Promise<string> {
  const etag = await store.write('run.json', run, over);
  if (etag === undefined) throw new UserError(`${store.uri('run.json')} was changed by another run`, 'Run again when that one is done');
  return etag;
}
