// The servers of a stack, each started when it is first needed.
import { awsEnvironment, type AwsAddresses, connect } from './clients.ts';
import { type LocalServer, startDynamoDb } from './dynamodb-local.ts';
import { type FunctionRunner, startFunctionRunner } from './function-runner.ts';
import { startMoto } from './moto.ts';
import { DEFAULT_KIND, type SearchKind, type SearchServer, startSearch } from './search.ts';

export class Parts {
  readonly #started = new Map<string, Promise<{ stop(): Promise<void> }>>();
  readonly #ready = new Set<string>();
  readonly #progress: (line: string) => void;

  /** @param progress gets a line when a server starts and when it is ready */
  constructor(progress: (line: string) => void = () => undefined) {
    this.#progress = progress;
  }

  search(kind: SearchKind = DEFAULT_KIND): Promise<SearchServer> {
    return this.#once(kind, () => startSearch(kind));
  }

  /** Stops one search server, so that the next engine has the memory to itself. */
  async stopSearch(kind: SearchKind): Promise<void> {
    const started = this.#started.get(kind);
    this.#started.delete(kind);
    this.#ready.delete(kind);
    await (await started?.catch(() => undefined))?.stop();
  }

  dynamodb(): Promise<LocalServer> {
    return this.#once('DynamoDB Local', startDynamoDb);
  }

  aws(): Promise<LocalServer> {
    return this.#once('moto', async () => startMoto((await this.#runner()).url));
  }

  /** Ends the environments of a function at once; the next event gets a fresh one. */
  async killFunction(name: string): Promise<void> {
    await (await this.#runner()).kill(name);
  }

  /** Stops the running servers. A server that is still starting is not waited for: it stops when it is ready, or with this process. */
  async stop(): Promise<void> {
    const started = [...this.#started];
    this.#started.clear();
    await Promise.all(
      started.map(([name, starting]) => {
        const stopped = starting.then(
          (server) => server.stop(),
          () => undefined,
        );
        return this.#ready.delete(name) ? stopped : Promise.resolve();
      }),
    );
  }

  #runner(): Promise<FunctionRunner> {
    const target = async (): Promise<{ lambda: ReturnType<typeof connect>['lambda']; environment: Record<string, string> }> => {
      const addresses: AwsAddresses = { aws: (await this.aws()).url, dynamodb: (await this.dynamodb()).url };
      return { lambda: connect(addresses).lambda, environment: awsEnvironment(addresses) };
    };
    return this.#once('', () => startFunctionRunner(target));
  }

  /** @param name empty: nothing worth a line */
  #once<T extends { stop(): Promise<void>; readonly url: string }>(name: string, start: () => Promise<T>): Promise<T> {
    const known = this.#started.get(name) as Promise<T> | undefined;
    if (known) return known;
    const began = Date.now();
    const starting = start();
    this.#started.set(name, starting);
    starting.then(
      ({ url }) => {
        this.#ready.add(name);
        if (name) this.#progress(`${name} is ready at ${url} (${((Date.now() - began) / 1000).toFixed(1)} s)`);
      },
      () => undefined,
    );
    return starting;
  }
}
