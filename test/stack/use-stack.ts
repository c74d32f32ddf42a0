// The servers that all test files of a run share. Names of tables, indexes, buckets and functions are the test's own: `uniqueName`.
import { randomUUID } from 'node:crypto';
import { requireEngine, type SearchAddress, type SearchKind, DEFAULT_KIND } from './search.ts';
import { type Stack, stackAt } from './stack.ts';

export const BROKER_VARIABLE = 'DYNAMODB_TO_OPENSEARCH_TEST_BROKER';

/**
 * The run's stack, started with the first call. Await it at the top of a test file, where no test's time-out applies:
 * `const stack = await useStack();`
 */
export async function useStack(kind: SearchKind = DEFAULT_KIND): Promise<Stack> {
  const [search, dynamodb, aws] = await Promise.all([useSearch(kind), ask<{ url: string }>('dynamodb'), ask<{ url: string }>('aws')]);
  return stackAt(search, { dynamodb: dynamodb.url, aws: aws.url });
}

/** The run's search server of a kind alone. */
export function useSearch(kind: SearchKind = DEFAULT_KIND): Promise<SearchAddress> {
  return ask<SearchAddress>(kind);
}

/** Stops the run's search server of a kind: engines are heavy, one at a time is enough. */
export async function releaseSearch(kind: SearchKind): Promise<void> {
  await ask(kind, 'DELETE');
}

/** Ends the environments of a deployed function at once, as a crash of their machine would: an open invocation ends with an error. */
export async function killFunction(name: string): Promise<void> {
  await ask(`function/${name}`, 'DELETE');
}

/** Why an engine cannot be run on this machine; undefined where it can. */
export function whyNot(kind: SearchKind): string | undefined {
  try {
    requireEngine(kind);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** A name that no other test has, good for tables, functions, buckets and (it is in lower case) indexes. */
export function uniqueName(prefix: string): string {
  return `${prefix}-${randomUUID().slice(0, 8)}`;
}

async function ask<T>(name: string, method = 'GET'): Promise<T> {
  const broker = process.env[BROKER_VARIABLE];
  if (!broker) throw new Error('The test servers are started by jest (test/stack/global-setup.ts).');
  const response = await fetch(`${broker}/${name}`, { method });
  const text = await response.text();
  if (!response.ok) throw new Error(text);
  return JSON.parse(text) as T;
}
