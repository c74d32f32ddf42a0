// The end of an execution of AWS Step Functions: the checkpoints, not the ends of invocations, say which slices are done.
import type { CountResponse, CountSlice, ListedSlice, SliceCheckpoint } from '../../../formats/slice.ts';
import type { Runtime } from '../../runtime.ts';

/** Checkpoints that are read at the same time. */
const READS_AT_ONCE = 32;

/** What is not read in the time of the invocation counts as open. @throws {Error} where there is no such list @throws {AwsError} */
export async function countOpen({ objects }: Runtime, { bucket, prefix, list }: CountSlice, signal: AbortSignal): Promise<CountResponse> {
  const stored = await objects.get(bucket, list, signal);
  if (stored === undefined) throw new Error(`The list of slices s3://${bucket}/${list} does not exist`);
  const ids = (JSON.parse(stored.text) as ListedSlice[]).map(({ slice }) => slice.id);
  let done = 0;
  const left = [...ids];
  const read = async (): Promise<void> => {
    for (let id = left.pop(); id !== undefined && !signal.aborted; id = left.pop()) {
      const checkpoint = await objects.get(bucket, `${prefix}/slices/${id}.json`, signal);
      if (checkpoint !== undefined && (JSON.parse(checkpoint.text) as SliceCheckpoint).done) done += 1;
    }
  };
  try {
    await Promise.all(Array.from({ length: READS_AT_ONCE }, read));
  } catch (error) {
    if (!signal.aborted) throw error;
  }
  return { slices: ids.length, open: ids.length - done };
}
