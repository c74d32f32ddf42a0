// Delivers a batch of a stream as Lambda does, until it is done: the rules of an event source mapping for failures.
import type { DynamoDBRecord } from './stream-records.ts';
import { sequenceOf } from './stream-records.ts';

/** The fields of an event source mapping that decide, in the form of `GetEventSourceMapping`. */
export interface MappingRules {
  readonly BisectBatchOnFunctionError?: boolean | undefined;
  readonly FunctionResponseTypes?: readonly string[] | undefined;
  /** -1 or absent: without end. */
  readonly MaximumRetryAttempts?: number | undefined;
  /** Seconds; -1 or absent: without end. */
  readonly MaximumRecordAgeInSeconds?: number | undefined;
}

export interface FunctionResponse {
  readonly payload: string;
  readonly functionError?: string;
}

/** One call of the function, as it went. */
export interface Attempt {
  readonly records: readonly DynamoDBRecord[];
  readonly response: FunctionResponse;
  /** How often this batch had been tried before. */
  readonly retry: number;
}

export type Expired = 'RetryAttemptsExhausted' | 'RecordAgeExceeded';

export interface Delivery {
  readonly rules: MappingRules;
  readonly invoke: (event: { Records: readonly DynamoDBRecord[] }) => Promise<FunctionResponse>;
  /** A batch that expired: it goes to the on-failure destination. */
  readonly expire: (records: readonly DynamoDBRecord[], why: Expired, invocations: number) => Promise<void>;
  /** Waits before a retry. */
  readonly pause: (retry: number) => Promise<void>;
  readonly now: () => number;
  readonly observe?: (attempt: Attempt) => void;
  /** Whether to leave off; the batch is then not done. */
  readonly stopped?: () => boolean;
}

/**
 * Delivers records until each is done or expired.
 * @returns false where it was stopped before that
 */
export async function deliver(delivery: Delivery, records: readonly DynamoDBRecord[], retry = 0): Promise<boolean> {
  const { rules, invoke, expire, pause, observe, stopped } = delivery;
  let batch = records;
  let tried = retry;
  while (batch.length > 0) {
    if (stopped?.()) return false;
    const young = batch.filter((record) => !isTooOld(record, rules, delivery.now()));
    if (young.length < batch.length) {
      const old = batch.filter((record) => !young.includes(record));
      await expire(old, 'RecordAgeExceeded', tried);
      batch = young;
      continue;
    }
    const response = await invoke({ Records: batch });
    observe?.({ records: batch, response, retry: tried });
    const from = firstFailure(batch, response, rules);
    if (from === undefined) return true;
    // A split costs no retry. The halves keep their order: the second waits until the first is done.
    if (response.functionError && rules.BisectBatchOnFunctionError && batch.length > 1) {
      const half = Math.ceil(batch.length / 2);
      if (!(await deliver(delivery, batch.slice(0, half), tried))) return false;
      batch = batch.slice(half);
      continue;
    }
    batch = batch.slice(from);
    const most = rules.MaximumRetryAttempts ?? -1;
    if (most >= 0 && tried >= most) {
      await expire(batch, 'RetryAttemptsExhausted', tried + 1);
      return true;
    }
    tried += 1;
    await pause(tried);
  }
  return true;
}

/**
 * Reads a response as Lambda does: the place of the lowest sequence number that the function names; everything from there on is retried.
 * Nothing, null or an empty list is success; an identifier that is empty or not of this batch fails the whole batch; without
 * `ReportBatchItemFailures` only an error is a failure.
 */
export function firstFailure(batch: readonly DynamoDBRecord[], response: FunctionResponse, rules: MappingRules): number | undefined {
  if (response.functionError) return 0;
  if (!rules.FunctionResponseTypes?.includes('ReportBatchItemFailures')) return undefined;
  const parsed: unknown = response.payload ? JSON.parse(response.payload) : undefined;
  const failures: unknown = isObject(parsed) ? parsed.batchItemFailures : undefined;
  if (!Array.isArray(failures) || failures.length === 0) return undefined;
  const places = failures.map((failure: unknown) =>
    isObject(failure) && failure.itemIdentifier ? batch.findIndex((record) => sequenceOf(record) === failure.itemIdentifier) : -1,
  );
  return places.includes(-1) ? 0 : Math.min(...places);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

function isTooOld(record: DynamoDBRecord, rules: MappingRules, now: number): boolean {
  const most = rules.MaximumRecordAgeInSeconds ?? -1;
  return most >= 0 && now / 1000 - (record.dynamodb?.ApproximateCreationDateTime ?? 0) > most;
}
