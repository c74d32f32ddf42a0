// What the phases of a run have come to, by the checkpoints of their slices.
import { addCounts, addIgnored } from '../../../formats/counts.ts';
import type { Counts, IgnoredFields, SliceCheckpoint } from '../../../formats/slice.ts';
import { inParallel } from '../../aws/retry.ts';
import { READS_AT_ONCE, type Phase, type PlannedSlice, type RunStore } from './run-store.ts';

export class PhaseResults {
  readonly #store: RunStore;
  readonly #phases: () => readonly Phase[];

  /** @param store of the run @param phases that have begun */
  constructor(store: RunStore, phases: () => readonly Phase[]) {
    this.#store = store;
    this.#phases = phases;
  }

  /** The lists that a phase has left. @param moving those of items that still changed, or the others; undefined: all @throws {AwsError} */
  async lists(name: string, moving?: boolean): Promise<string[]> {
    const checkpoints = await this.#checkpoints(this.#slicesOf([name]));
    return checkpoints
      .flatMap((checkpoint) => checkpoint?.lists ?? [])
      .filter((list) => moving === undefined || list.endsWith('-moving.jsonl') === moving);
  }

  /** @param names of phases; undefined: all @param isOf which of their slices @throws {AwsError} */
  async counts(names?: readonly string[], isOf: (slice: PlannedSlice) => boolean = () => true): Promise<Counts> {
    const checkpoints = await this.#checkpoints(this.#slicesOf(names).filter(isOf));
    return addCounts(checkpoints.flatMap((checkpoint) => (checkpoint === undefined ? [] : [checkpoint.counts])));
  }

  /** Fields whose values the engine ignores, as the walk has met them. @throws {AwsError} */
  async ignored(): Promise<IgnoredFields> {
    return addIgnored((await this.#checkpoints(this.#slicesOf(['walk']))).map((checkpoint) => checkpoint?.ignored));
  }

  #slicesOf(names?: readonly string[]): PlannedSlice[] {
    return this.#phases()
      .filter(({ name }) => names === undefined || names.includes(name))
      .flatMap(({ slices }) => slices);
  }

  #checkpoints(slices: readonly PlannedSlice[]): Promise<(SliceCheckpoint | undefined)[]> {
    return inParallel(slices, READS_AT_ONCE, ({ id }) => this.#store.checkpoint(id));
  }
}
