// Runs that end in the middle, and what cannot be put back.
import { describe, expect, test } from '@jest/globals';
import { GetFunctionConfigurationCommand } from '@aws-sdk/client-lambda';
import { useStack } from '../stack/use-stack.ts';
import { isMutation, prepareDeployment, type Deployment } from './deployment.ts';

const stack = await useStack();
const { lambda } = stack.clients;
/** Nobody listens there: the function that has this address fails its check. */
const DEAD_END = 'http://127.0.0.1:9';

/** Runs, and kills the process after the response to its nth mutating call. @returns whether the nth call was reached */
async function killAfter(it: Deployment, call: number, inputs: Record<string, string>, signal: NodeJS.Signals): Promise<boolean> {
  let kill: (signal: NodeJS.Signals) => void = () => undefined;
  let seen = 0;
  let reached = false;
  for (const proxy of [it.aws, it.dynamodb]) {
    proxy.on(
      (request) => isMutation(request),
      () => {
        seen += 1;
        if (seen !== call) return undefined;
        reached = true;
        return {
          rewrite: (body) => {
            kill(signal);
            return body;
          },
        };
      },
      Infinity,
    );
  }
  await it.run(inputs, {
    onStart: (send) => {
      kill = send;
    },
  });
  it.aws.clear();
  it.dynamodb.clear();
  return reached;
}

describe('a run that is killed', () => {
  test.each([
    ['on create', undefined, {}, 'SIGKILL'],
    ['on update', {}, { 'memory-size': '256', 'environment-variables': 'LEVEL=info' }, 'SIGKILL'],
    ['with an alias', { alias: 'live' }, { alias: 'live', 'memory-size': '256' }, 'SIGKILL'],
    ['by the runner, on create', undefined, {}, 'SIGINT'],
  ] as const)(
    '%s, after each mutating call: the next run finishes, and the one after it has nothing to do',
    async (_name, before, inputs, signal) => {
      const interrupt = async (call: number): Promise<boolean> => {
        const it = await prepareDeployment(stack);
        const tables = it.tables.join('\n');
        if (before !== undefined) expect((await it.run({ endpoint: `${stack.search.url}/`, check: 'false', ...before })).code).toBe(0);
        const reached = await killAfter(it, call, { tables, ...inputs }, signal);
        const next = await it.run({ tables, ...inputs });
        expect({ call, code: next.code, log: next.code === 0 ? '' : next.log }).toEqual({ call, code: 0, log: '' });
        expect(JSON.parse(next.outputs.tables ?? '')).toMatchObject({ [tables]: { trigger: 'Enabled' } });
        const last = await it.run({ tables, ...inputs });
        expect({ call, code: last.code, mutations: it.mutations() }).toEqual({ call, code: 0, mutations: [] });
        await it.stop();
        return reached;
      };
      // Two at a time: each has a function of its own.
      for (let call = 1; call < 20; call += 2) {
        const reached = await Promise.all([interrupt(call), interrupt(call + 1)]);
        if (reached.includes(false)) {
          expect(call).toBeGreaterThan(3);
          return;
        }
      }
      throw new Error('More mutating calls than expected');
    },
    180_000,
  );

  test('leaves environment variables whose former values are not known: the run after it names them, and the next one checks again', async () => {
    const it = await prepareDeployment(stack);
    const historyOf = async (): Promise<string> => (await it.object(`lambda/${it.name}/history/123456789012-eu-west-1.json`)) ?? '';
    const good = await it.run({ 'environment-variables': 'LEVEL=info\nOTHER=other-value' });
    expect(good.code).toBe(0);
    const bad = { endpoint: DEAD_END, timeout: '20', 'memory-size': '256', 'environment-variables': 'LEVEL=level-value\nMORE=more-value' };
    // The record that a change is under way, the package, the configuration.
    expect(await killAfter(it, 3, bad, 'SIGKILL')).toBe(true);
    expect((await lambda.send(new GetFunctionConfigurationCommand({ FunctionName: it.name }))).MemorySize).toBe(256);
    expect(JSON.parse(await historyOf())).toMatchObject({ pending: true, variables: ['LEVEL', 'MORE'] });

    const failed = await it.run(bad);
    expect(failed.code).toBe(1);
    expect(failed.log).toContain(
      'The former package and configuration were put back. These environment variables were not put back, because an interrupted run may have changed them or AWS could not decrypt them, and their former values are not known: LEVEL, MORE. Set them by environment-variables and run again',
    );
    expect(await lambda.send(new GetFunctionConfigurationCommand({ FunctionName: it.name }))).toMatchObject({
      CodeSha256: good.outputs['code-sha256'],
      MemorySize: 128,
      Timeout: 60,
      Environment: { Variables: { LEVEL: 'level-value', OTHER: 'other-value', MORE: 'more-value' } },
    });
    for (const text of [failed.log, failed.summary, JSON.stringify(failed.outputs), await historyOf()]) expect(text).not.toMatch(/-value/);

    // The package alone has passed; with these variables it has not.
    const next = await it.run();
    expect(next).toMatchObject({ code: 0, outputs: { changed: 'true' } });
    expect(next.outputs.plan).toContain('never passed');
    expect(it.requests().filter(({ operation }) => operation === 'lambda:Invoke')).toHaveLength(1);
    expect(JSON.parse(await historyOf())).toEqual(expect.not.objectContaining({ variables: expect.anything() as unknown }));
    await it.run();
    expect(it.mutations()).toEqual([]);
    await it.stop();
  });
});

describe('a run that overwrites variables that AWS could not decrypt', () => {
  test('says after a failed check that they were not put back, and the next one checks again', async () => {
    const it = await prepareDeployment(stack);
    expect((await it.run({ 'environment-variables': 'LEVEL=info' })).code).toBe(0);
    it.aws.on(
      'lambda:GetFunction',
      {
        rewrite: (body) => {
          const response = JSON.parse(body) as { Configuration: object };
          const environment = { Error: { ErrorCode: 'AccessDeniedException', Message: 'kms:Decrypt' } };
          return JSON.stringify({ ...response, Configuration: { ...response.Configuration, Environment: environment } });
        },
      },
      Infinity,
    );
    const run = await it.run({ endpoint: DEAD_END, timeout: '20', 'environment-variables': 'LEVEL=debug', 'env-strategy': 'overwrite' });
    expect(run.code).toBe(1);
    expect(run.log).toMatch(/were put back\. These environment variables were not put back, .*: LEVEL\. Set them by environment-variables/);
    it.aws.clear();
    expect((await it.run({ 'dry-run': 'true' })).outputs.plan).toContain('never passed');
    await it.stop();
  });
});
