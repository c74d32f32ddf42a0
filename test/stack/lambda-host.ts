// Runs an unpacked package as Lambda does: AWS's own runtime client in a process of its own, fed through the Lambda Runtime API.
// One environment per host, one event at a time. A time-out or a crash costs the process; the next event gets a fresh one.
import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { join } from 'node:path';
import { PROJECT } from './cache.ts';
import { listen, readBody } from './loopback.ts';
import { killAtExit } from './processes.ts';

export interface LambdaOptions {
  /** The unpacked package. */
  readonly folder: string;
  readonly name: string;
  /** Default `index.handler`. */
  readonly handler?: string;
  readonly arn?: string;
  readonly version?: string;
  readonly region?: string;
  /** The function's own variables, and those that lead it to the stack. */
  readonly environment?: Readonly<Record<string, string>>;
  /** MB; bounds JavaScript's heap as Lambda's own start script does. Default 128. */
  readonly memorySize?: number;
  /** Seconds; default 60. Counted from the moment at which the runtime takes the event. */
  readonly timeout?: number;
  /** The Node to run it on; default: the one that runs this. */
  readonly node?: string;
  /** Called when the host has stopped. */
  readonly cleanUp?: () => Promise<void>;
}

export interface Invocation {
  readonly requestId: string;
  /** The response's text: JSON, also of an error. */
  readonly payload: string;
  /** `Unhandled` where the function threw, timed out or ended; absent on success. */
  readonly functionError?: string;
  /** The function's standard output and standard error during the invocation. */
  readonly logs: string;
  readonly durationMs: number;
}

export interface LambdaHost {
  /** Runs one event; calls wait for each other. Never rejects for what the function does. */
  invoke(event: unknown): Promise<Invocation>;
  /** Ends the environment at once, as a crash of its machine would. An open invocation ends with an error; the next one starts fresh. */
  kill(): void;
  /** How many environments were started so far. */
  readonly coldStarts: number;
  /** All that was logged so far, also between invocations. */
  readonly log: string;
  stop(): Promise<void>;
  /** Stops once the invocations that were requested have ended, as Lambda lets those of a former package end. */
  retire(): Promise<void>;
}

/** Lambda gives the initialisation ten seconds of its own. */
const INIT_MS = 10_000;
const API = '/2018-06-01/runtime/';

interface Current {
  readonly id: string;
  readonly event: string;
  readonly settle: (result: Pick<Invocation, 'payload' | 'functionError'>) => void;
  sentAt?: number;
  timer?: NodeJS.Timeout;
  /** The response is there; the invocation ends when the runtime requests the next event. */
  response?: Pick<Invocation, 'payload' | 'functionError'>;
}

/** Characters of a function's log that are kept. */
const MAX_LOG = 16 * 1024 * 1024;

/** Starts the host of a function; the function's process starts with the first event. */
export async function startLambda(options: LambdaOptions): Promise<LambdaHost> {
  const { timeout = 60 } = options;
  let child: ChildProcess | undefined;
  let waiting: ServerResponse | undefined;
  let current: Current | undefined;
  let queue: Promise<unknown> = Promise.resolve();
  let coldStarts = 0;
  let log = '';
  /** Characters of the log that are gone. */
  let dropped = 0;
  let stopped = false;

  const settle = (result: Current['response']): void => {
    const done = current;
    if (!done || !result) return;
    current = undefined;
    clearTimeout(done.timer);
    // Everything that the function wrote before its response is in the pipes by now; this lets it be read.
    setImmediate(() =>
      setImmediate(() => {
        done.settle(result);
      }),
    );
  };
  const fail = (errorType: string, errorMessage: string): void => {
    const payload = JSON.stringify({ errorType, errorMessage: `RequestId: ${current?.id ?? ''} Error: ${errorMessage}` });
    settle(current?.response ?? { functionError: 'Unhandled', payload });
  };
  const end = (): void => {
    const ended = child;
    child = waiting = undefined;
    ended?.kill('SIGKILL');
  };
  const limit = (milliseconds: number): void => {
    if (!current) return;
    clearTimeout(current.timer);
    current.timer = setTimeout(() => {
      end();
      fail('Sandbox.Timedout', `Task timed out after ${timeout.toFixed(2)} seconds`);
    }, milliseconds);
  };
  const hand = (): void => {
    if (!waiting || !current || current.sentAt !== undefined) return;
    const response = waiting;
    waiting = undefined;
    current.sentAt = Date.now();
    limit(timeout * 1000);
    response.writeHead(200, {
      'content-type': 'application/json',
      'lambda-runtime-aws-request-id': current.id,
      'lambda-runtime-deadline-ms': String(current.sentAt + timeout * 1000),
      'lambda-runtime-invoked-function-arn': options.arn ?? `arn:aws:lambda:eu-west-1:123456789012:function:${options.name}`,
      'lambda-runtime-trace-id': 'Root=1-00000000-000000000000000000000000;Sampled=0',
    });
    response.end(current.event);
  };
  const serve = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const path = (request.url ?? '').slice(API.length);
    if (path === 'invocation/next') {
      waiting = response;
      settle(current?.response);
      hand();
      return;
    }
    const payload = (await readBody(request)).toString('utf8');
    response.writeHead(202, { 'content-type': 'application/json' }).end('{"status":"OK"}');
    const [, id, kind] = /^invocation\/([^/]+)\/(response|error)$/.exec(path) ?? [];
    if (path === 'init/error') {
      end();
      settle({ functionError: 'Unhandled', payload });
    } else if (current && current.id === id) {
      current.response = kind === 'response' ? { payload } : { functionError: 'Unhandled', payload };
      // The two come on connections of their own, in either order.
      if (waiting) settle(current.response);
    }
  };
  const server = await listen(createServer((request, response) => void serve(request, response)));

  const boot = (): void => {
    coldStarts += 1;
    const started = startRuntime(options, new URL(server.url).host);
    child = started;
    for (const stream of [started.stdout, started.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        log += text;
        // Of a long run the end: what an invocation says is far below this.
        if (log.length > MAX_LOG) {
          dropped += log.length - MAX_LOG / 2;
          log = log.slice(-MAX_LOG / 2);
        }
      });
    }
    started.once('close', (code, signal) => {
      if (child !== started) return;
      child = waiting = undefined;
      fail('Runtime.ExitError', `Runtime exited with ${signal ? `signal: ${signal}` : `error: exit status ${String(code)}`}`);
    });
  };
  const run = async (event: unknown): Promise<Invocation> => {
    if (stopped) throw new Error(`The host of ${options.name} is stopped.`);
    const id = randomUUID();
    const from = dropped + log.length;
    const startedAt = Date.now();
    const result = await new Promise<Pick<Invocation, 'payload' | 'functionError'>>((resolve) => {
      current = { id, event: JSON.stringify(event), settle: resolve };
      limit(INIT_MS + timeout * 1000);
      if (!child) boot();
      hand();
    });
    return { requestId: id, ...result, logs: log.slice(Math.max(0, from - dropped)), durationMs: Date.now() - startedAt };
  };
  const stop = async (): Promise<void> => {
    stopped = true;
    end();
    fail('Runtime.ExitError', 'Runtime exited with signal: killed');
    await server.stop();
    await options.cleanUp?.();
  };
  return {
    invoke: (event) => {
      const result = queue.then(() => run(event));
      queue = result.catch(() => undefined);
      return result;
    },
    kill: () => {
      end();
      fail('Runtime.ExitError', 'Runtime exited with signal: killed');
    },
    get coldStarts() {
      return coldStarts;
    },
    get log() {
      return log;
    },
    retire: async () => {
      await queue;
      await stop();
    },
    stop,
  };
}

function startRuntime(options: LambdaOptions, api: string): ChildProcess {
  const { folder, name, handler = 'index.handler', memorySize = 128, region = 'eu-west-1', node = process.execPath } = options;
  const child = spawn(
    node,
    [
      ...[`--max-old-space-size=${Math.floor(memorySize * 0.9)}`, `--max-semi-space-size=${Math.max(1, Math.floor(memorySize * 0.05))}`],
      ...['--import', new URL('runtime-client.ts', import.meta.url).href],
      ...[join(PROJECT, 'node_modules/aws-lambda-ric/index.mjs'), handler],
    ],
    {
      cwd: folder,
      stdio: ['pipe', 'pipe', 'pipe'],
      env: {
        PATH: process.env.PATH,
        LANG: 'en_US.UTF-8',
        TZ: ':UTC',
        AWS_REGION: region,
        AWS_DEFAULT_REGION: region,
        AWS_ACCESS_KEY_ID: 'local',
        AWS_SECRET_ACCESS_KEY: 'local',
        AWS_SESSION_TOKEN: 'local',
        AWS_EXECUTION_ENV: 'AWS_Lambda_nodejs24.x',
        AWS_LAMBDA_RUNTIME_API: api,
        AWS_LAMBDA_NODEJS_USE_ALTERNATIVE_CLIENT_1: 'true',
        AWS_LAMBDA_INITIALIZATION_TYPE: 'on-demand',
        AWS_LAMBDA_FUNCTION_NAME: name,
        AWS_LAMBDA_FUNCTION_VERSION: options.version ?? '$LATEST',
        AWS_LAMBDA_FUNCTION_MEMORY_SIZE: String(memorySize),
        AWS_LAMBDA_LOG_GROUP_NAME: `/aws/lambda/${name}`,
        AWS_LAMBDA_LOG_STREAM_NAME: 'local',
        LAMBDA_TASK_ROOT: folder,
        _HANDLER: handler,
        ...options.environment,
      },
    },
  );
  child.stdin.on('error', () => undefined);
  killAtExit(child);
  return child;
}
