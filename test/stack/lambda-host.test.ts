import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from '@jest/globals';
import { type LambdaHost, type LambdaOptions, startLambda } from './lambda-host.ts';

const folder = mkdtempSync(join(tmpdir(), 'lambda-host-test-'));
const hosts: LambdaHost[] = [];

writeFileSync(
  join(folder, 'index.mjs'),
  `let calls = 0;
   export const handler = async (event, context) => {
     calls += 1;
     if (event.log) { console.log(event.log); process.stdout.write('raw line\\n'); }
     if (event.throw) throw new TypeError(event.throw);
     if (event.exit) process.exit(event.exit);
     if (event.sleep) await new Promise((resolve) => setTimeout(resolve, event.sleep));
     if (event.loop) for (;;);
     return { calls, event, remaining: context.getRemainingTimeInMillis(), name: context.functionName, arn: context.invokedFunctionArn,
       memory: context.memoryLimitInMB, own: process.env.OWN, endpoint: process.env.AWS_ENDPOINT_URL };
   };`,
);
writeFileSync(join(folder, 'broken.mjs'), `throw new Error('config.json: endpoint is missing');`);

async function host(options: Partial<LambdaOptions> = {}): Promise<LambdaHost> {
  const started = await startLambda({ folder, name: 'fn', ...options });
  hosts.push(started);
  return started;
}

afterAll(async () => {
  await Promise.all(hosts.map((started) => started.stop()));
  rmSync(folder, { recursive: true });
});

describe('the Lambda host', () => {
  test('runs events one after the other in a warm process and gives them a context', async () => {
    const fn = await host({ memorySize: 256, timeout: 9, environment: { OWN: 'own', AWS_ENDPOINT_URL: 'http://127.0.0.1:9' } });
    const responses = await Promise.all([1, 2].map((n) => fn.invoke({ n })));
    const [first, second] = responses.map(({ payload }) => JSON.parse(payload) as Record<string, unknown>);
    expect(first).toMatchObject({ calls: 1, event: { n: 1 }, name: 'fn', memory: '256', own: 'own', endpoint: 'http://127.0.0.1:9' });
    expect(first?.arn).toBe('arn:aws:lambda:eu-west-1:123456789012:function:fn');
    expect(first?.remaining).toBeLessThanOrEqual(9000);
    expect(second).toMatchObject({ calls: 2, event: { n: 2 } });
    expect(fn.coldStarts).toBe(1);
  });

  test('keeps what each invocation logged apart', async () => {
    const fn = await host();
    const one = await fn.invoke({ log: 'hello one' });
    const two = await fn.invoke({ log: 'hello two' });
    expect(one.logs).toContain('hello one');
    expect(one.logs).toContain('raw line\n');
    expect(one.logs).not.toContain('hello two');
    expect(two.logs).toContain('hello two');
    expect(two.logs).not.toContain('hello one');
  });

  test('responds with the error that was thrown, as Lambda does, and stays warm', async () => {
    const fn = await host();
    const response = await fn.invoke({ throw: 'no such thing' });
    expect(response.functionError).toBe('Unhandled');
    expect(JSON.parse(response.payload)).toMatchObject({ errorType: 'TypeError', errorMessage: 'no such thing' });
    expect((await fn.invoke({})).functionError).toBeUndefined();
    expect(fn.coldStarts).toBe(1);
  });

  test('ends a function that takes too long, also one that never yields, and starts afresh', async () => {
    const fn = await host({ timeout: 0.3 });
    for (const event of [{ sleep: 60_000 }, { loop: true }]) {
      const response = await fn.invoke(event);
      expect(response.functionError).toBe('Unhandled');
      expect(JSON.parse(response.payload)).toMatchObject({
        errorType: 'Sandbox.Timedout',
        errorMessage: expect.stringMatching(/^RequestId: \S+ Error: Task timed out after 0.30 seconds$/),
      });
    }
    expect(fn.coldStarts).toBe(2);
    expect(JSON.parse((await fn.invoke({})).payload)).toMatchObject({ calls: 1 });
  });

  test('responds to an exit of the process with an error', async () => {
    const fn = await host();
    const response = await fn.invoke({ exit: 3 });
    expect(JSON.parse(response.payload)).toMatchObject({
      errorType: 'Runtime.ExitError',
      errorMessage: expect.stringContaining('exit status 3'),
    });
    expect((await fn.invoke({})).functionError).toBeUndefined();
  });

  test('can be killed in the middle of an invocation', async () => {
    const fn = await host();
    await fn.invoke({});
    const open = fn.invoke({ sleep: 60_000 });
    setTimeout(() => {
      fn.kill();
    }, 20);
    expect((await open).functionError).toBe('Unhandled');
    expect(JSON.parse((await fn.invoke({})).payload)).toMatchObject({ calls: 1 });
  });

  test('responds to an error at initialisation with its text', async () => {
    const fn = await host({ handler: 'broken.handler' });
    const response = await fn.invoke({});
    expect(response.functionError).toBe('Unhandled');
    expect(JSON.parse(response.payload)).toMatchObject({ errorMessage: 'config.json: endpoint is missing' });
  });
});
