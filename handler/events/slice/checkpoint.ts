// The checkpoint of a slice, in the code bucket: the place that its work has reached, and the lists of what it has found.
import { addCounts, addIgnored } from '../../../formats/counts.ts';
import type { Finding, SliceCheckpoint, WorkSlice } from '../../../formats/slice.ts';
import type { ObjectStore } from '../../aws/s3.ts';
import type { Runtime } from '../../runtime.ts';
import type { Step } from './context.ts';

/** ms: the time limit of a last write, when the time of the invocation is up. */
const NOTE_MS = 2_000;

const keyOf = ({ prefix, id }: WorkSlice): string => `${prefix}/slices/${id}.json`;

/** A checkpoint. It is written over exactly the state that was read, so that an old copy cannot move the cursor back. */
export class Checkpoint {
  readonly #objects: ObjectStore;
  readonly #slice: WorkSlice;
  readonly #now: () => number;
  /** Of this invocation, for the names of its lists. */
  readonly #token: string;
  #etag: string | null;
  #state: SliceCheckpoint;

  private constructor({ objects, now, random }: Runtime, slice: WorkSlice, state: SliceCheckpoint, etag: string | null) {
    this.#objects = objects;
    this.#slice = slice;
    this.#now = now;
    this.#token = Math.floor(random() * 2 ** 40).toString(36);
    this.#state = state;
    this.#etag = etag;
  }

  /** Reads the checkpoint; a slice that has none is at its beginning. @throws {AwsError} */
  static async open(runtime: Runtime, slice: WorkSlice, signal: AbortSignal): Promise<Checkpoint> {
    const stored = await runtime.objects.get(slice.bucket, keyOf(slice), signal);
    const state =
      stored === undefined
        ? { format: 1 as const, id: slice.id, cursor: null, lists: [], counts: {}, done: false, updatedAt: 0 }
        : (JSON.parse(stored.text) as SliceCheckpoint);
    return new Checkpoint(runtime, slice, state, stored?.etag ?? null);
  }

  get state(): SliceCheckpoint {
    return this.#state;
  }

  /** Writes what a step has done. @returns whether this invocation still leads @throws {AwsError} */
  async advance({ cursor, counts, findings, ignored: more, done }: Step, signal: AbortSignal): Promise<boolean> {
    const lists = [...this.#state.lists, ...(await this.#writeLists(findings, signal))];
    const ignored = addIgnored([this.#state.ignored, more]);
    const state = {
      format: 1 as const,
      id: this.#slice.id,
      cursor,
      lists,
      counts: addCounts([this.#state.counts, counts]),
      ...(Object.keys(ignored).length === 0 ? {} : { ignored }),
      done,
      updatedAt: this.#now(),
    };
    const etag = await this.#write(state, signal);
    if (etag === undefined) return false;
    [this.#state, this.#etag] = [state, etag];
    return true;
  }

  /** Notes why there was no step. The note is for people alone, so a failure to write it is ignored. */
  async note(problem: string): Promise<void> {
    const state = { ...this.#state, problem, updatedAt: this.#now() };
    await this.#write(state, AbortSignal.timeout(NOTE_MS)).catch(() => undefined);
  }

  #write(state: SliceCheckpoint, signal: AbortSignal): Promise<string | undefined> {
    return this.#objects.put(this.#slice.bucket, keyOf(this.#slice), JSON.stringify(state), signal, this.#etag);
  }

  /** Writes the findings of a step; those that are looked at again have a list of their own. @returns the names of the lists */
  async #writeLists(findings: readonly Finding[], signal: AbortSignal): Promise<string[]> {
    const { bucket, prefix, id } = this.#slice;
    const moves = this.#slice.kind === 'look' && !this.#slice.isLast ? findings.filter(({ kind }) => kind === 'moving') : [];
    const lists: string[] = [];
    for (const [suffix, found] of [
      ['', findings.filter((finding) => !moves.includes(finding))],
      ['-moving', moves],
    ] as const) {
      if (found.length === 0) continue;
      // Another invocation of the same step, whose page can be another one, must not write over a list that a checkpoint names.
      const key = `${prefix}/lists/${id}-${this.#state.counts.pages ?? 0}-${this.#token}${suffix}.jsonl`;
      await this.#objects.put(bucket, key, linesOf(found), signal);
      lists.push(key);
    }
    return lists;
  }
}

const linesOf = (findings: readonly Finding[]): string => findings.map((finding) => `${JSON.stringify(finding)}\n`).join('');
