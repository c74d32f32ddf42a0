// The events of an invocation, between the action and the deployed function.

/** A problem that keeps the function from indexing, or from working on a table. */
export interface CheckProblem {
  readonly what: string;
  /** How to fix it; may be empty. */
  readonly remedy: string;
}

/** The function's response to `{ "check": true }`. */
export interface CheckResponse {
  readonly ok: boolean;
  /** Whether the only problem is a cluster that was reached but was too busy: the check is retryable. */
  readonly transient?: boolean;
  /** Empty if the cluster does not report it (Elasticsearch behind some proxies, OpenSearch Serverless). */
  readonly cluster: { readonly distribution?: string; readonly version?: string };
  /** Host of the endpoint. */
  readonly endpoint: string;
  readonly environment: string;
  readonly release: string;
  /** By table. */
  readonly tables: Readonly<Record<string, { readonly index: string | null; readonly exists: boolean }>>;
  readonly problems: readonly CheckProblem[];
}
