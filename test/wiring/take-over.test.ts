// Functions not deployed by this action, and deleted resources: found, kept working, and left whole whenever a run ends.
import { describe, expect, test } from '@jest/globals';
import { DeleteTableCommand } from '@aws-sdk/client-dynamodb';
import {
  CreateFunctionCommand,
  GetFunctionCommand,
  GetFunctionConfigurationCommand,
  ListEventSourceMappingsCommand,
} from '@aws-sdk/client-lambda';
import { unzipSync, zipSync, strToU8 } from 'fflate';
import { MAPPING_ENTRY, entryText, readPackage } from '../../action/package/package.ts';
import { useStack } from '../stack/use-stack.ts';
import { isMutation, prepareDeployment, type Deployment } from './deployment.ts';

const stack = await useStack();
const { lambda } = stack.clients;

async function withDeployment(use: (it: Deployment) => Promise<void>): Promise<void> {
  const it = await prepareDeployment(stack);
  try {
    await use(it);
  } finally {
    await it.stop();
  }
}

const PYTHON = zipSync({
  'lambda_function.py': strToU8('def lambda_handler(event, context):\n    return "ok"\n'),
  'table_mapping.json': strToU8('{"orders": {"TableName": "Orders", "PrimaryKey": "id"}}'),
});

async function predecessor(it: Deployment, bytes = PYTHON): Promise<void> {
  await lambda.send(
    new CreateFunctionCommand({
      FunctionName: it.name,
      Role: it.role,
      Runtime: 'python3.12',
      Handler: 'lambda_function.lambda_handler',
      Code: { ZipFile: bytes },
    }),
  );
}

async function deployedFiles(name: string): Promise<string[]> {
  const { Code: code } = await lambda.send(new GetFunctionCommand({ FunctionName: name }));
  return Object.keys(unzipSync(new Uint8Array(await (await fetch(code?.Location ?? '')).arrayBuffer())));
}

/** Whether the file that the function's handler names is in its package. */
async function canRun(name: string): Promise<{ handler: string | undefined; runs: boolean }> {
  const { Handler: handler, Runtime: runtime } = await lambda.send(new GetFunctionConfigurationCommand({ FunctionName: name }));
  const files = await deployedFiles(name);
  const node = runtime?.startsWith('nodejs') === true;
  const file = `${handler?.split('.')[0] ?? ''}.${node ? 'mjs' : 'py'}`;
  return { handler, runs: files.includes(file) };
}

describe('a function of the predecessor', () => {
  test.each([
    ['taking over', 'SIGKILL', false, 3],
    ['taking over', 'SIGINT', false, 3],
    ['putting back', 'SIGKILL', true, 6],
  ] as const)('can run at every moment of its %s: %s after each mutating call', async (_name, signal, failing, calls) => {
    for (let call = 1; call <= calls; call += 1) {
      await withDeployment(async (it) => {
        await predecessor(it);
        let kill: (signal: NodeJS.Signals) => void = () => undefined;
        let seen = 0;
        // The response waits until the run knows: else it could have sent its next call before it looks at the signal.
        const heard = Promise.withResolvers<undefined>();
        if (signal === 'SIGKILL') heard.resolve(undefined);
        it.aws.on(
          (request) => isMutation(request) && request.operation.startsWith('lambda:'),
          () => {
            seen += 1;
            if (seen !== call) return undefined;
            return {
              rewrite: async (body) => {
                kill(signal);
                await heard.promise;
                return body;
              },
            };
          },
          Infinity,
        );
        await it.run(failing ? { endpoint: 'http://127.0.0.1:9' } : {}, {
          onStart: (send) => {
            kill = send;
          },
          onLog: (text) => {
            if (text.includes('Cancelled: ')) heard.resolve(undefined);
          },
        });
        it.aws.clear();
        expect({ call, seen, ...(await canRun(it.name)) }).toMatchObject({ call, seen: call, runs: true });
        const next = await it.run();
        expect({ code: next.code, log: next.code === 0 ? '' : next.log }).toEqual({ code: 0, log: '' });
        expect(await deployedFiles(it.name)).toEqual(['config.json', 'index.mjs', 'table_mapping.json']);
      });
    }
  });

  test.each([
    ['names its files with ./', zipSync({ './lambda_function.py': strToU8('pass\n') })],
    ['is no zip that can be read here', new Uint8Array(Buffer.from('PK\u0003\u0004 something else'))],
  ])('whose package %s is taken over all the same', async (_name, bytes) => {
    await withDeployment(async (it) => {
      await predecessor(it, bytes);
      const run = await it.run();
      expect({ code: run.code, log: run.code === 0 ? '' : run.log }).toEqual({ code: 0, log: '' });
      expect(await canRun(it.name)).toEqual({ handler: 'index.handler', runs: true });
    });
  });
});

describe('a table that was deleted', () => {
  test('keeps its place in the key mapping as long as a trigger reads the rest of its stream', async () => {
    await withDeployment(async (it) => {
      const [table = ''] = it.tables;
      expect((await it.run({ tables: table })).code).toBe(0);
      await stack.clients.dynamodb.send(new DeleteTableCommand({ TableName: table }));
      for (const inputs of [{}, { operation: 'refresh-mapping' }]) {
        const run = await it.run(inputs);
        expect({ code: run.code, log: run.code === 0 ? '' : run.log }).toEqual({ code: 0, log: '' });
        expect(run.log).toContain(`There is no table ${table} any more`);
        expect(run.outputs.changed).toBe('false');
        const { Code: code } = await lambda.send(new GetFunctionCommand({ FunctionName: it.name }));
        const found = readPackage(new Uint8Array(await (await fetch(code?.Location ?? '')).arrayBuffer()));
        expect(JSON.parse(entryText(found, MAPPING_ENTRY) ?? '')).toMatchObject({
          [table.toLowerCase()]: { PrimaryKey: 'id', SortKey: 'line' },
        });
      }
      const { EventSourceMappings: triggers } = await lambda.send(new ListEventSourceMappingsCommand({ FunctionName: it.name }));
      expect(triggers).toHaveLength(1);
    });
  });
});

describe('a name that AWS neither shows nor lets be created', () => {
  test('ends the run with a sentence, not in a circle', async () => {
    await withDeployment(async (it) => {
      const refuse = (status: number, name: string, message: string): Parameters<typeof it.aws.on>[1] => ({
        response: { status, headers: { 'x-amzn-errortype': name }, body: { Type: 'User', message } },
      });
      it.aws.on('lambda:GetFunction', refuse(404, 'ResourceNotFoundException', 'Function not found'), Infinity);
      it.aws.on('lambda:CreateFunction', refuse(409, 'ResourceConflictException', 'Function already exist'), Infinity);
      const run = await it.run();
      expect(run.code).toBe(1);
      expect(run.log).toMatch(new RegExp(`::error::.*${it.name}.*being deleted`));
    });
  });
});
