// Reads, time and cost of both passes over a table. Pure. docs/cost.md shows the same arithmetic.
import type { RunTable, TableSize } from '../aws/tables.ts';

/** Read capacity units per second where the table's capacity is on demand; of a provisioned one a quarter is used. */
const ON_DEMAND = 2_000;
const PROVISIONED_SHARE = 0.25;
/** bytes that one unit reads consistently. */
const UNIT_BYTES = 4_096;
/** Units per 4 KB of an item that is read eventually consistently, as pass 2 reads by keys. */
const EVENTUALLY = 0.5;
/** Documents per second that four slices write to, or compare with, a small cluster. */
const DOCUMENTS_PER_SECOND = 2_000;
/** bytes of a page of pass 1, and documents of one of pass 2: each writes a checkpoint. */
const PAGE_BYTES = 1024 * 1024;
const PAGE_DOCUMENTS = 1_000;
/** USD in us-east-1: a read capacity unit on demand, a GB-s of Lambda on arm64, a PutObject of S3. */
const USD = { unit: 0.125e-6, gigabyteSecond: 0.0000133334, put: 0.005e-3 } as const;
/** MiB: the function's memory where it is not known. */
const DEFAULT_MEMORY = 128;

/** What a run on a table has to do with. */
export interface RunLimits {
  /** Read capacity units per second. */
  readonly capacity: number;
  /** Slices at once. */
  readonly concurrency: number;
  /** MiB of the function. */
  readonly memorySize: number | undefined;
}

/** What a run on a table takes, both passes together. */
export interface Estimate {
  /** Read capacity units. */
  readonly units: number;
  readonly seconds: number;
  /** On demand, in us-east-1. */
  readonly usd: number;
}

/** Read capacity units per second that a run on the table may use by default. */
export function defaultReadCapacity({ provisionedRead }: Pick<RunTable, 'provisionedRead'>): number {
  return provisionedRead === undefined ? ON_DEMAND : Math.max(1, Math.floor(provisionedRead * PROVISIONED_SHARE));
}

/** Assumes a document per item, and items of one size. */
export function estimateRun(
  { items, bytes }: Pick<RunTable, 'items' | 'bytes'>,
  { capacity, concurrency, memorySize = DEFAULT_MEMORY }: RunLimits,
): Estimate {
  const scanned = Math.ceil(bytes / UNIT_BYTES);
  const byKey = items * EVENTUALLY * Math.max(1, Math.ceil(bytes / Math.max(1, items) / UNIT_BYTES));
  const seconds = Math.max(scanned / capacity, items / DOCUMENTS_PER_SECOND) + byKey / capacity;
  const checkpoints = Math.ceil(bytes / PAGE_BYTES) + Math.ceil(items / PAGE_DOCUMENTS);
  const units = scanned + Math.ceil(byKey);
  return {
    units,
    seconds,
    usd: units * USD.unit + concurrency * seconds * (memorySize / 1024) * USD.gigabyteSecond + checkpoints * USD.put,
  };
}

/** Of a reindex, which fills an index with both passes and then compares it with both passes. */
export const thenCompared = ({ units, seconds, usd }: Estimate): Estimate => ({ units: 2 * units, seconds: 2 * seconds, usd: 2 * usd });

/** What an estimate covers, and what it assumes of the cluster, for the plan. @param passes such as `both passes` */
export const estimatedBy = (passes: string): string => `${passes}; a cluster that handles ${DOCUMENTS_PER_SECOND} documents per second`;

/** `about 1,200 items, 3.4 MB` */
export const sizeText = ({ items, bytes }: TableSize): string =>
  `about ${items === 1 ? '1 item' : `${items.toLocaleString('en-US')} items`}, ${bytes < 1e9 ? `${(bytes / 1e6).toFixed(1)} MB` : `${(bytes / 1e9).toFixed(1)} GB`}`;

/** `about 12 min` */
export function durationText({ seconds }: Pick<Estimate, 'seconds'>): string {
  if (seconds < 90) return `about ${Math.max(1, Math.round(seconds))} s`;
  return seconds < 5_400 ? `about ${Math.round(seconds / 60)} min` : `about ${(seconds / 3_600).toFixed(1)} h`;
}

/** `about 0.12 USD` */
export const costText = ({ usd }: Pick<Estimate, 'usd'>): string => (usd < 0.01 ? 'under 0.01 USD' : `about ${usd.toFixed(2)} USD`);
