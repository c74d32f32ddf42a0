// The whole stack: a search server, DynamoDB Local and moto, for whoever starts it: the demo, a benchmark, a test (see use-stack.ts).
import { setTimeout as sleep } from 'node:timers/promises';
import { awsEnvironment, type AwsAddresses, type Clients, connect, REGION } from './clients.ts';
import { Parts } from './parts.ts';
import { DEFAULT_KIND, type SearchAddress, type SearchKind } from './search.ts';

export interface Stack {
  readonly search: SearchAddress;
  /** DynamoDB Local, with streams. */
  readonly dynamodb: { readonly url: string };
  /** moto: every other AWS service. */
  readonly aws: { readonly url: string };
  readonly region: string;
  /** Variables that lead child processes to this stack's AWS. */
  readonly env: Readonly<Record<string, string>>;
  readonly clients: Clients;
}

export interface StartedStack extends Stack {
  /** Has something done before the servers stop, also when a signal ends the process. */
  beforeStop(cleanUp: () => Promise<void>): void;
  stop(): Promise<void>;
}

export interface StackOptions {
  readonly kind?: SearchKind;
  /** Gets lines about what is going on. */
  readonly progress?: (line: string) => void;
}

/** A stack out of addresses. */
export function stackAt(search: SearchAddress, addresses: AwsAddresses): Stack {
  return {
    search,
    dynamodb: { url: addresses.dynamodb },
    aws: { url: addresses.aws },
    region: REGION,
    env: awsEnvironment(addresses),
    clients: connect(addresses),
  };
}

/**
 * Starts all servers at the same time. They end with this process however it ends; SIGINT and SIGTERM stop them in order.
 * @throws MissingPrerequisite where Java, Maven or Python is missing
 */
export async function startStack({ kind = DEFAULT_KIND, progress = () => undefined }: StackOptions = {}): Promise<StartedStack> {
  const parts = new Parts(progress);
  const cleanUps: (() => Promise<void>)[] = [];
  const stopAll = async (): Promise<void> => {
    await Promise.allSettled(cleanUps.map((cleanUp) => cleanUp()));
    await parts.stop();
  };
  const release = stopOnSignals(stopAll);
  const stop = async (): Promise<void> => {
    release();
    await stopAll();
  };
  const beforeStop = (cleanUp: () => Promise<void>): void => {
    cleanUps.push(cleanUp);
  };
  try {
    progress(`Starting ${kind}, DynamoDB Local and moto; the first time on a machine their parts are downloaded, about 300 MB`);
    const [search, dynamodb, aws] = await Promise.all([parts.search(kind), parts.dynamodb(), parts.aws()]);
    return { ...stackAt(search, { dynamodb: dynamodb.url, aws: aws.url }), beforeStop, stop };
  } catch (error) {
    // A part that is still being prepared is not waited for: it ends with the process.
    void stop();
    throw error;
  }
}

/** A server that does not stop in time ends with the process anyway. */
const STOP_MS = 5000;

/** @returns a function that removes the handlers */
function stopOnSignals(stop: () => Promise<void>): () => void {
  const codes = { SIGINT: 130, SIGTERM: 143 } as const;
  const handlers = Object.entries(codes).map(([signal, code]) => {
    const handler = (): void => {
      void Promise.race([stop(), sleep(STOP_MS)]).finally(() => process.exit(code));
    };
    process.once(signal, handler);
    return () => process.removeListener(signal, handler);
  });
  return () => {
    for (const release of handlers) release();
  };
}
