// Works off dead letters, and the batches that Lambda discarded: the item of each is read again, its present state written, and the object
// deleted if it is still the one that was read.
import type { ObjectPlace, RedriveSlice } from '../../../formats/slice.ts';
import type { ObjectStore } from '../../aws/s3.ts';
import { merged, type StepResult, type Work } from './context.ts';
import { placeObjects } from './place.ts';
import { failedBatches } from './redrive-batches.ts';
import { deadLetters } from './redrive-dead-letters.ts';
import { nameOf, type Begun } from './redrive-part.ts';

/**
 * A place in the listing. Objects are deleted meanwhile, so a page is known by its ends, not by its length; the part of it that is done,
 * by the greatest name.
 */
interface Cursor {
  readonly after?: string;
  /** Undefined between two pages. */
  readonly page?: { readonly last: string; readonly name: string; readonly begun?: Begun };
}

/** Lists are named after the number of steps before. */
const ONE_STEP: StepResult = { counts: { pages: 1 }, findings: [] };

export const redrive: Work<RedriveSlice> = async function* (context, slice, cursor) {
  const objects = placeObjects(context.runtime.objects, slice.from);
  const stepsOf = slice.form === 'dead-letters' ? deadLetters : failedBatches;
  let { after, page } = (cursor ?? {}) as Cursor;
  for (;;) {
    const listed = await keysOf(objects, slice.from, after, page?.last, context.signal);
    const last = page?.last ?? listed.at(-1);
    if (last === undefined) {
      yield { ...ONE_STEP, cursor: { after }, done: true };
      return;
    }
    let done = page?.name ?? '';
    // Dead letters of one item have names that begin alike, whatever their days: together they are read and written once.
    const keys = listed.filter((key) => key <= last && nameOf(key) > done).sort((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1));
    for await (const { result, name, begun } of stepsOf({ context, slice, objects }, keys, page?.begun)) {
      done = name ?? done;
      yield { ...merged(result, ONE_STEP), cursor: { after, page: { last, name: done, begun } }, done: false };
    }
    [after, page] = [last, undefined];
    yield { ...ONE_STEP, cursor: { after }, done: false };
  }
};

/** The keys of a page, in order; of one that was begun up to its end, which what was written meanwhile can have moved to a later list. */
async function keysOf(
  objects: ObjectStore,
  { bucket, prefix }: ObjectPlace,
  after: string | undefined,
  last: string | undefined,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const keys: string[] = [];
  for (let from = after; ;) {
    const listed = await objects.list(bucket, prefix, signal, from);
    keys.push(...listed);
    from = listed.at(-1);
    if (from === undefined || last === undefined || from >= last) return keys;
  }
}
