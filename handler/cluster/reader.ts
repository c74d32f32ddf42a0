// Requests of the work beside the stream: each gives a whole response, or the reason why there is none.
import type { ClusterClient, ClusterRequest, ClusterResponse } from './client.ts';
import { classifyRequest, classifyThrown, type Outcome } from './responses.ts';

/** The cluster, the clock, and the signal that ends requests. */
export interface Reader {
  readonly cluster: ClusterClient;
  readonly now: () => number;
  readonly signal: AbortSignal;
}

/** Why a request gave no response that can be used. */
export type NotRead = Extract<Outcome, { kind: 'transient' | 'configuration' }>;

/** Whether a request gave no response that can be used. */
export const isNotRead = (found: object): found is NotRead => 'kind' in found;

/** Sends a request. @param what names it in the failure */
export async function send({ cluster, now, signal }: Reader, request: ClusterRequest, what: string): Promise<ClusterResponse | NotRead> {
  try {
    const response = await cluster.send(request, signal);
    const failure = classifyRequest(response, now());
    return failure === undefined ? response : refusal(failure, what);
  } catch (error) {
    return classifyThrown(error, signal);
  }
}

function refusal(failure: Outcome, what: string): NotRead {
  if (failure.kind === 'transient' || failure.kind === 'configuration') return failure;
  const reason = 'reason' in failure ? failure.reason : failure.kind;
  return {
    kind: 'configuration',
    type: 'type' in failure ? failure.type : failure.kind,
    reason: `${what} was refused: ${reason}`,
    remedy: "Allow the function's role or user to read and search the index (indices:data/read/*)",
  };
}

/** The value in a response. @param read returns undefined, or throws a SyntaxError, if the response is not whole */
export function whole<Found extends object>(what: string, read: () => Found | undefined): Found | NotRead {
  try {
    return read() ?? unreadable(what);
  } catch (error) {
    if (error instanceof SyntaxError) return unreadable(what);
    throw error;
  }
}

/** A response that is not whole, or not one to the request: it does not show what exists and what does not. */
export const unreadable = (what: string): NotRead => ({
  kind: 'transient',
  cause: 'unreadable',
  type: 'unreadable_response',
  reason: `the response to ${what} was not a whole one`,
  throttled: false,
});
