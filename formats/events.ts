// What the action and the deployed function say to each other, in the events of an invocation.

/** One thing that keeps the function from doing its work. */
export interface CheckProblem {
  readonly what: string;
  /** How to fix it; may be empty. */
  readonly remedy: string;
}

/** The function's response to `{ "check": true }`. */
export interface CheckResponse {
  readonly ok: boolean;
  /** Whether nothing but a cluster that was reached, and was too busy, kept the check from passing: made again, it may pass. */
  readonly transient?: boolean;
  /** Empty where the cluster does not say (Elasticsearch behind some proxies, OpenSearch Serverless). */
  readonly cluster: { readonly distribution?: string; readonly version?: string };
  /** Host of the endpoint. */
  readonly endpoint: string;
  readonly environment: string;
  readonly release: string;
  /** By table. */
  readonly tables: Readonly<Record<string, { readonly index: string | null; readonly exists: boolean }>>;
  readonly problems: readonly CheckProblem[];
}
