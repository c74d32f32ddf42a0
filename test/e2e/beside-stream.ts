// Backfills and verifies beside the stream, slice by slice on the function of a test; they may be abandoned in the middle, and go on later.
import { setTimeout as sleep } from 'node:timers/promises';
import { GetObjectCommand } from '@aws-sdk/client-s3';
import { lookPhase, scanPhase, walkPhase } from '../../action/apply/slices/phases.ts';
import type { Phase } from '../../action/apply/slices/run-store.ts';
import type { SliceCheckpoint, SliceTable, SurveyResponse } from '../../formats/slice.ts';
import type { LambdaHost } from '../stack/lambda-host.ts';
import type { Stack } from '../stack/stack.ts';

export interface BesideOptions {
  readonly stack: Stack;
  readonly host: LambdaHost;
  readonly bucket: string;
  readonly prefix: string;
  readonly release: string;
  readonly table: SliceTable;
  /** The run is abandoned: called before each invocation. */
  readonly isOver: () => boolean;
}

/** ms that a request to the cluster takes here at most. */
const LONGEST_REQUEST_MS = 3_000;

/** What ends a run in the middle. */
class Over extends Error {}

export class BesideStream {
  readonly #by: BesideOptions;
  #hasDied = false;

  constructor(options: BesideOptions) {
    this.#by = options;
  }

  /** Both passes of a backfill, from where a former call with this prefix was. @returns whether it came to its end */
  backfill(): Promise<boolean> {
    return this.#toEnd(async () => {
      await this.#phase(scanPhase(this.#by.table, 'write', [0, 1], 2));
      await this.#phase(lookPhase('apply', [this.#by.table], await this.#walk(), 'apply', true));
    });
  }

  /** A verify with repair, which looks once more at what differs. @returns whether it came to its end */
  repair(): Promise<boolean> {
    return this.#toEnd(async () => {
      const { table } = this.#by;
      const found = [...(await this.#phase(scanPhase(table, 'compare', [0, 1], 2))), ...(await this.#walk())];
      await this.#phase(lookPhase('apply', [table], await this.#phase(lookPhase('look-1', [table], found, 'decide', true)), 'apply', true));
    });
  }

  async #toEnd(work: () => Promise<void>): Promise<boolean> {
    try {
      await work();
      return true;
    } catch (error) {
      if (error instanceof Over) return false;
      throw error;
    }
  }

  async #walk(): Promise<string[]> {
    const { table } = this.#by;
    // A function that died may have left a request on its way, which the walk must not overtake.
    if (this.#hasDied) await sleep(LONGEST_REQUEST_MS);
    for (;;) {
      const survey = await this.#invoke<SurveyResponse>({ kind: 'survey', tables: [table], create: true });
      const index = survey?.tables[table.name];
      if (index !== undefined) return this.#phase(walkPhase([table], index, 2));
    }
  }

  /** @returns the lists that a phase has left */
  async #phase({ slices }: Phase): Promise<string[]> {
    const lists: string[] = [];
    for (const slice of slices) {
      for (;;) {
        const checkpoint = await this.#checkpoint(slice.id);
        if (checkpoint?.done === true) {
          lists.push(...checkpoint.lists);
          break;
        }
        await this.#invoke(slice);
      }
    }
    return lists;
  }

  async #invoke<Response>(slice: object): Promise<Response | undefined> {
    const { host, bucket, prefix, release, isOver } = this.#by;
    if (isOver()) throw new Over();
    const { payload, functionError } = await host.invoke({
      slice: { operation: 'verify', bucket, prefix, release, capacity: 1e9, seconds: 60, ...slice },
    });
    this.#hasDied ||= functionError !== undefined;
    return functionError === undefined ? (JSON.parse(payload) as Response) : undefined;
  }

  async #checkpoint(id: string): Promise<SliceCheckpoint | undefined> {
    const { stack, bucket, prefix } = this.#by;
    try {
      const { Body } = await stack.clients.s3.send(new GetObjectCommand({ Bucket: bucket, Key: `${prefix}/slices/${id}.json` }));
      return JSON.parse((await Body?.transformToString()) ?? '') as SliceCheckpoint;
    } catch (error) {
      if (error instanceof Error && error.name === 'NoSuchKey') return undefined;
      throw error;
    }
  }
}
