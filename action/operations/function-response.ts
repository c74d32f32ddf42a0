import type { Slice } from '../../formats/slice.ts';
import { invoke } from '../aws/invoke.ts';
import { UserError } from '../errors.ts';
import type { Run } from '../run.ts';

/**
 * Passes a slice to the deployed function, once, and reads its response.
 * @param failure how the error begins: `The function could not check the index of Orders`
 * @param readsOnly whether the function changes nothing, so that it may be invoked in a dry run
 * @returns JSON of the function; nothing of its form is checked @throws {UserError} where the function failed
 */
export async function functionResponse<Response extends object>(
  { inputs, aws }: Run,
  slice: Slice,
  { failure, readsOnly }: { readonly failure: string; readonly readsOnly: boolean },
): Promise<Partial<Response>> {
  const target = { name: inputs.functionName, version: inputs.alias, timeout: undefined };
  const { payload, functionError } = await invoke(aws, target, { slice }, { signal: aws.signal, readsOnly });
  let response: (Partial<Response> & { errorMessage?: unknown }) | null | undefined;
  try {
    response = JSON.parse(payload) as typeof response;
  } catch {
    // Reported below.
  }
  if (functionError === undefined && typeof response === 'object' && response !== null) return response;
  const words = response?.errorMessage;
  throw new UserError(`${failure}: ${typeof words === 'string' ? words : NOT_VALID}`);
}

/** The end of the sentence about a response without what it should have. */
export const NOT_VALID = 'its response is not valid';
