// Metrics of one invocation in CloudWatch's embedded metric format.
//
// Written by hand, since the library for it (Powertools) adds a dimension `service` to those that docs/operations.md lists.
// Format: Amazon CloudWatch User Guide, "Specification: Embedded metric format".

/** In CloudWatch. */
export const NAMESPACE = 'DynamoDBToOpenSearch';

const UNITS = {
  Records: 'Count',
  Indexed: 'Count',
  Deleted: 'Count',
  Collapsed: 'Count',
  Stale: 'Count',
  Retried: 'Count',
  Throttled: 'Count',
  Malformed: 'Count',
  DeadLetters: 'Count',
  BulkRequests: 'Count',
  BulkBytes: 'Bytes',
  BulkLatency: 'Milliseconds',
  RecordAge: 'Milliseconds',
} as const;

export type Counter = Exclude<keyof typeof UNITS, 'BulkLatency' | 'RecordAge'>;

export class Metrics {
  readonly #counts: Record<Counter, number> = {
    Records: 0,
    Indexed: 0,
    Deleted: 0,
    Collapsed: 0,
    Stale: 0,
    Retried: 0,
    Throttled: 0,
    Malformed: 0,
    DeadLetters: 0,
    BulkRequests: 0,
    BulkBytes: 0,
  };
  readonly #latencies: number[] = [];
  /** A bulk request ended without a response: the cluster may still be working on it. */
  unanswered = false;
  /** ms: age of the oldest record of the invocation. */
  recordAge: number | undefined;

  add(counter: Counter, value = 1): void {
    this.#counts[counter] += value;
  }

  /** One bulk request: its bytes and the time until its response, ms. */
  request(bytes: number, latency: number): void {
    this.add('BulkRequests');
    this.add('BulkBytes', bytes);
    // CloudWatch accepts at most a hundred values of a metric.
    if (this.#latencies.length < 100) this.#latencies.push(latency);
  }

  counts(): Readonly<Record<Counter, number>> {
    return this.#counts;
  }

  /** The line for CloudWatch: it must be alone on standard output, without the runtime's prefix of log lines. */
  line(timestamp: number, dimensions: Readonly<Record<string, string>>): string {
    const values: Record<string, unknown> = { ...this.#counts };
    if (this.#latencies.length > 0) values.BulkLatency = this.#latencies;
    if (this.recordAge !== undefined) values.RecordAge = this.recordAge;
    const metrics = Object.entries(UNITS)
      .filter(([name]) => name in values)
      .map(([Name, Unit]) => ({ Name, Unit }));
    const directive = { Namespace: NAMESPACE, Dimensions: [Object.keys(dimensions)], Metrics: metrics };
    return JSON.stringify({ _aws: { Timestamp: timestamp, CloudWatchMetrics: [directive] }, ...dimensions, ...values });
  }
}
