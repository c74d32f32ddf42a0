import type { IndexResponse, IndexSlice, KnownIndex, ServingIndex } from '../../formats/index-slice.ts';
import { UserError } from '../errors.ts';
import { RELEASE } from '../release.ts';
import type { Run } from '../run.ts';
import { functionResponse, NOT_VALID } from './function-response.ts';

const failureOf = (table: string): string => `The function could not work on the indexes of ${table}`;

/** Has the function make a step with the indexes of a table. @throws {UserError} with the function's own sentence where it was not made */
async function step(run: Run, table: string, wanted: IndexSlice['step']): Promise<IndexResponse> {
  const slice: IndexSlice = { kind: 'index', release: RELEASE, table, step: wanted };
  const readsOnly = run.inputs.dryRun && wanted.do === 'look';
  const { problem, ...response } = await functionResponse<IndexResponse>(run, slice, { failure: failureOf(table), readsOnly });
  if (problem !== undefined) throw new UserError(`Table ${table}: ${problem.what}`, problem.remedy);
  return response;
}

/** The index that the name of a table leads to. @throws {UserError} */
export async function servingIndex(run: Run, table: string): Promise<ServingIndex> {
  return required((await step(run, table, { do: 'look' })).serving, table);
}

/** An index; undefined: there is none of this name. @throws {UserError} */
export async function knownIndex(run: Run, table: string, index: string): Promise<KnownIndex | undefined> {
  return (await step(run, table, { do: 'look', index })).known;
}

/** Creates an index with the deployed settings and mappings. @throws {UserError} where it exists, or the engine refuses them */
export async function createIndex(run: Run, table: string, index: string): Promise<KnownIndex> {
  const { index: made, uuid } = required((await step(run, table, { do: 'create', index })).known, table);
  return { index: made, uuid };
}

/** Lets the name lead to another index, in one request. @throws {UserError} where it no longer leads to `from` */
export async function swapIndex(run: Run, table: string, from: KnownIndex, to: KnownIndex): Promise<void> {
  await step(run, table, { do: 'swap', from, to });
}

/** Deletes an index that nothing leads to; one that does not exist is no problem. @throws {UserError} */
export async function deleteIndex(run: Run, table: string, known: KnownIndex): Promise<void> {
  await step(run, table, { do: 'delete', ...known });
}

function required<Value>(value: Value | undefined, table: string): Value {
  if (value === undefined) throw new UserError(`${failureOf(table)}: ${NOT_VALID}`);
  return value;
}
