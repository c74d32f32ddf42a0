// The common part of what redrive works off: dead letters and batches.
import type { RedriveSlice } from '../../../formats/slice.ts';
import type { ObjectStore } from '../../aws/s3.ts';
import type { SliceContext, StepResult } from './context.ts';

/** A slice of redrive, with the objects of its place. */
export interface Redrive {
  readonly context: SliceContext;
  readonly slice: RedriveSlice;
  readonly objects: ObjectStore;
}

/** An object of which a part is done, because its items take several steps. */
export interface Begun {
  readonly name: string;
  /** Of the object; if it has changed, all of its items are read again. */
  readonly etag: string;
  /** Items that are done. */
  readonly items: number;
  /** Whether one of them is left to a later run, so that the object stays. */
  readonly kept: boolean;
}

/** The steps over the objects of a page: `name` is that of the last object that is done, if the step is the end of one. */
export type PageSteps = AsyncGenerator<
  { readonly result: StepResult } & (
    { readonly name: string; readonly begun?: undefined } | { readonly begun: Begun; readonly name?: undefined }
  )
>;

/** Items that are read and written in a step. */
export const ITEMS_PER_STEP = 25;
/** Reads of an item in a step: before its document is written and after it. */
export const READS_PER_ITEM = 2;

/** The name of an object in its folder, and the folder so that no two are equal. */
export function nameOf(key: string): string {
  const end = key.lastIndexOf('/') + 1;
  return `${key.slice(end)}/${key.slice(0, end)}`;
}
