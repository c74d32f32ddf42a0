import type { Slice } from '../../formats/slice.ts';
import { invoke } from '../aws/invoke.ts';
import { UserError } from '../errors.ts';
import type { Run } from '../run.ts';

/**
 * Passes a slice to the deployed function and reads its response.
 * @param failure how the error begins: `The function could not check the index of Orders`
 * @param readsOnly whether the function changes nothing, so that it may be invoked in a dry run
 * @param tries how often, where the invocation itself fails; a slice that may be done twice
 * @returns JSON of the function; nothing of its form is checked @throws {UserError} where the function failed
 */
export async function functionResponse<Response extends object>(
  run: Run,
  slice: Slice,
  { failure, readsOnly, tries = 1 }: { readonly failure: string; readonly readsOnly: boolean; readonly tries?: number },
): Promise<Partial<Response>> {
  const { inputs, aws } = run;
  const target = { name: inputs.functionName, version: inputs.alias, timeout: undefined };
  const { payload, functionError } = await invoke(aws, target, { slice }, { signal: aws.signal, readsOnly });
  let response: (Partial<Response> & { errorMessage?: unknown }) | null | undefined;
  try {
    response = JSON.parse(payload) as typeof response;
  } catch {
    // Reported below.
  }
  if (functionError === undefined && typeof response === 'object' && response !== null) return response;
  if (tries > 1) {
    await aws.clock.sleep(RETRY_MS);
    return functionResponse<Response>(run, slice, { failure, readsOnly, tries: tries - 1 });
  }
  const words = response?.errorMessage;
  throw new UserError(`${failure}: ${typeof words === 'string' ? words : NOT_VALID}`);
}

/** ms before an invocation that failed is made again. */
const RETRY_MS = 2_000;

/** The end of the sentence about a response without what it should have. */
export const NOT_VALID = 'its response is not valid';
