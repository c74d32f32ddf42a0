import type { IndexResponse, IndexSlice, KnownIndex, ServingIndex } from '../../formats/slice.ts';
import { invoke } from '../aws/invoke.ts';
import { UserError } from '../errors.ts';
import { RELEASE } from '../release.ts';
import type { Run } from '../run.ts';

/** Has the function make a step with the indexes of a table. @throws {UserError} with the function's own sentence where it was not made */
async function step({ inputs, aws }: Run, table: string, wanted: IndexSlice['step']): Promise<IndexResponse> {
  const { payload, functionError } = await invoke(
    aws,
    { name: inputs.functionName, version: inputs.alias, timeout: undefined },
    { slice: { kind: 'index', release: RELEASE, table, step: wanted } satisfies IndexSlice },
    { signal: aws.signal, readsOnly: inputs.dryRun && wanted.do === 'look' },
  );
  let response: Partial<IndexResponse & { errorMessage: unknown }> | undefined;
  try {
    response = JSON.parse(payload) as typeof response;
  } catch {
    // Reported below.
  }
  const { problem, errorMessage } = response ?? {};
  if (problem !== undefined) throw new UserError(`Table ${table}: ${problem.what}`, problem.remedy);
  if (functionError !== undefined || response === undefined)
    throw new UserError(
      `The function could not work on the indexes of ${table}: ${typeof errorMessage === 'string' ? errorMessage : 'its response is not valid'}`,
    );
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
  if (value === undefined) throw new UserError(`The function could not work on the indexes of ${table}: its response is not valid`);
  return value;
}
