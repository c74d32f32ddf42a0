// Serves Lambda's Invoke: moto passes it on to here, and the package that is deployed runs for real.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { GetFunctionConfigurationCommand, type LambdaClient } from '@aws-sdk/client-lambda';
import { runDeployed } from './deployed-package.ts';
import type { LambdaHost } from './lambda-host.ts';
import { listen, readBody } from './loopback.ts';

/** The request of moto, see moto/invoke.py. */
interface InvokeMessage {
  readonly functionArn: string;
  readonly qualifier: string | null;
  /** `RequestResponse` or `Event`. */
  readonly type: string;
  readonly event: string;
}

export interface FunctionRunner {
  readonly url: string;
  /** Ends the environments of a function at once, as a crash of their machine would. */
  kill(functionName: string): Promise<void>;
  stop(): Promise<void>;
}

/** Lambda gives back the last 4 KB of the log. */
const LOG_TAIL_BYTES = 4096;

/**
 * Starts the endpoint that runs functions. A function stays warm until it is changed.
 * @param target the control plane to read functions from, and the variables that point them at the stack; read when a function is run
 */
export async function startFunctionRunner(
  target: () => Promise<{ lambda: LambdaClient; environment: Readonly<Record<string, string>> }>,
): Promise<FunctionRunner> {
  const warm = new Map<string, { state: string; host: Promise<LambdaHost> }>();

  const hostOf = async (functionArn: string, qualifier: string | undefined): Promise<LambdaHost> => {
    const { lambda, environment } = await target();
    const configuration = await lambda.send(
      new GetFunctionConfigurationCommand({ FunctionName: functionArn, ...(qualifier ? { Qualifier: qualifier } : {}) }),
    );
    const state = `${configuration.RevisionId ?? ''} ${configuration.CodeSha256 ?? ''} ${configuration.Version ?? ''}`;
    const id = `${functionArn} ${qualifier ?? ''}`;
    const known = warm.get(id);
    if (known?.state === state) return known.host;
    const host = runDeployed(lambda, functionArn, environment, qualifier);
    warm.set(id, { state, host });
    void known?.host.then((old) => old.retire());
    return host;
  };

  const serve = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const message = JSON.parse((await readBody(request)).toString('utf8')) as InvokeMessage;
    const arn = message.functionArn.split(':').slice(0, 7).join(':');
    const host = await hostOf(arn, message.qualifier ?? undefined);
    const invocation = host.invoke(JSON.parse(message.event));
    if (message.type === 'Event') {
      invocation.catch(() => undefined);
      response.end('{}');
      return;
    }
    const { payload, functionError, logs } = await invocation;
    const logResult = Buffer.from(logs).subarray(-LOG_TAIL_BYTES).toString('base64');
    response.end(JSON.stringify({ payload, functionError, logResult }));
  };

  const server = await listen(
    createServer((request, response) => {
      serve(request, response).catch((error: unknown) => {
        response.writeHead(500).end(String(error));
      });
    }),
  );
  return {
    url: server.url,
    kill: async (functionName) => {
      for (const [id, { host }] of warm) if (id.startsWith('arn:') && id.includes(`:function:${functionName} `)) (await host).kill();
    },
    stop: async () => {
      await server.stop();
      await Promise.allSettled([...warm.values()].map(async ({ host }) => (await host).stop()));
    },
  };
}
