// The version that serves: aliases, checks that fail, and rollbacks.
import { describe, expect, test } from '@jest/globals';
import {
  CreateFunctionCommand,
  GetAliasCommand,
  GetFunctionCommand,
  GetFunctionConfigurationCommand,
  UpdateFunctionConfigurationCommand,
} from '@aws-sdk/client-lambda';
import { strToU8, zipSync } from 'fflate';
import { useStack } from '../stack/use-stack.ts';
import { prepareDeployment, type Deployment } from './deployment.ts';

const stack = await useStack();
const { lambda } = stack.clients;
/** Nobody listens there: the function that has this address fails its check. */
const DEAD_END = 'http://127.0.0.1:9';

const shaOf = async (name: string): Promise<string | undefined> =>
  (await lambda.send(new GetFunctionConfigurationCommand({ FunctionName: name }))).CodeSha256;

async function withDeployment(options: Parameters<typeof prepareDeployment>[1], use: (it: Deployment) => Promise<void>): Promise<void> {
  const it = await prepareDeployment(stack, options);
  try {
    await use(it);
  } finally {
    await it.stop();
  }
}

describe('a check that fails', () => {
  test('puts the former package and configuration back, and fails the job with the remedy', async () => {
    await withDeployment({}, async (it) => {
      const first = await it.run({ 'environment-variables': 'LEVEL=info' });
      expect(first.code).toBe(0);
      const run = await it.run({ endpoint: DEAD_END, 'memory-size': '512', 'environment-variables': 'LEVEL=debug', timeout: '20' });
      expect(run).toMatchObject({ code: 1, outputs: { changed: 'false', 'code-sha256': first.outputs['code-sha256'] } });
      expect(run.log).toMatch(/::error title=The check of the function::/);
      expect(run.log).toContain('The former package and configuration were put back');
      expect(run.summary).toContain('failed');
      const back = await lambda.send(new GetFunctionConfigurationCommand({ FunctionName: it.name }));
      expect(back).toMatchObject({
        CodeSha256: first.outputs['code-sha256'],
        MemorySize: 128,
        Timeout: 60,
        Environment: { Variables: { LEVEL: 'info' } },
      });
      await it.run({ 'environment-variables': 'LEVEL=info' });
      expect(it.mutations()).toEqual([]);
    });
  });

  test('leaves a function that was just created, without triggers; the next run checks it again', async () => {
    await withDeployment({}, async (it) => {
      const tables = it.tables.join('\n');
      const run = await it.run({ endpoint: DEAD_END, timeout: '20', tables });
      expect(run).toMatchObject({ code: 1, outputs: { created: 'true' } });
      expect(run.log).toContain('stays as it was created, without triggers');
      expect(it.mutations()).not.toContain('lambda:CreateEventSourceMapping');
      const again = await it.run({ endpoint: DEAD_END, tables });
      expect(again.code).toBe(1);
      expect(again.log).toContain('never passed');
      const fixed = await it.run({ tables });
      expect(fixed.code).toBe(0);
      expect(it.mutations()).toContain('lambda:CreateEventSourceMapping');
    });
  });

  test('of a package put in place with check: false comes with the next run that checks', async () => {
    await withDeployment({}, async (it) => {
      await it.run();
      await it.run({ 'memory-size': '256', check: 'false' });
      expect(it.requests().filter(({ operation }) => operation === 'lambda:Invoke')).toEqual([]);
      const run = await it.run();
      expect(run.outputs).toMatchObject({ changed: 'true' });
      expect(it.requests().filter(({ operation }) => operation === 'lambda:Invoke')).toHaveLength(1);
      expect(it.mutations().filter((operation) => operation.startsWith('lambda:'))).toEqual([]);
      await it.run();
      expect(it.mutations()).toEqual([]);
    });
  });
});

describe('a function not deployed by this action', () => {
  test('is taken over in place, and put back whole when the check fails', async () => {
    await withDeployment({}, async (it) => {
      const python = zipSync({ 'lambda_function.py': strToU8('def lambda_handler(event, context):\n    return "ok"\n') });
      await lambda.send(
        new CreateFunctionCommand({
          FunctionName: it.name,
          Role: it.role,
          Runtime: 'python3.12',
          Handler: 'lambda_function.lambda_handler',
          MemorySize: 192,
          Code: { ZipFile: python },
        }),
      );
      const before = await lambda.send(new GetFunctionConfigurationCommand({ FunctionName: it.name }));
      const failed = await it.run({ endpoint: DEAD_END });
      expect(failed.code).toBe(1);
      expect(await lambda.send(new GetFunctionConfigurationCommand({ FunctionName: it.name }))).toMatchObject({
        Runtime: 'python3.12',
        Handler: 'lambda_function.lambda_handler',
        CodeSha256: before.CodeSha256,
      });
      const run = await it.run();
      expect(run.code).toBe(0);
      expect(run.outputs.plan).toContain('"path":"handler","before":"lambda_function.lambda_handler","after":"index.handler"');
      expect(await lambda.send(new GetFunctionConfigurationCommand({ FunctionName: it.name }))).toMatchObject({
        Runtime: 'nodejs24.x',
        Handler: 'index.handler',
        MemorySize: 192,
      });
      const back = await it.run({ operation: 'rollback' });
      expect(back.code).toBe(0);
      expect(await lambda.send(new GetFunctionConfigurationCommand({ FunctionName: it.name }))).toMatchObject({
        Runtime: 'python3.12',
        Handler: 'lambda_function.lambda_handler',
        CodeSha256: before.CodeSha256,
      });
    });
  });
});

describe('rollback', () => {
  test('goes one package further each time, and back to one that is named', async () => {
    await withDeployment({}, async (it) => {
      const shas: string[] = [];
      for (const slash of ['', '/one', '/two']) {
        const run = await it.run({ endpoint: `${stack.search.url}${slash}`, check: 'false' });
        expect(run.code).toBe(0);
        shas.push(run.outputs['code-sha256'] ?? '');
      }
      const [first = '', second = '', third = ''] = shas;
      const dry = await it.run({ operation: 'rollback', 'dry-run': 'true' });
      expect(dry).toMatchObject({ code: 0, outputs: { changed: 'true', 'code-sha256': third } });
      expect(it.mutations()).toEqual([]);
      expect((await it.run({ operation: 'rollback', check: 'false' })).outputs['code-sha256']).toBe(second);
      expect(await shaOf(it.name)).toBe(second);
      expect((await it.run({ operation: 'rollback', check: 'false' })).outputs['code-sha256']).toBe(first);
      const end = await it.run({ operation: 'rollback' });
      expect(end.code).toBe(1);
      expect(end.log).toContain('No package of function');
      const named = await it.run({ operation: 'rollback', 'rollback-to': Buffer.from(third, 'base64').toString('hex'), check: 'false' });
      expect(named.outputs['code-sha256']).toBe(third);
      expect(await shaOf(it.name)).toBe(third);
    });
  });
});

describe('an alias', () => {
  test('gets a version per change after a good check, is left where it is by a bad one, and is rolled back', async () => {
    await withDeployment({}, async (it) => {
      const alias = 'live';
      const versionOf = async (): Promise<string | undefined> =>
        (await lambda.send(new GetAliasCommand({ FunctionName: it.name, Name: alias }))).FunctionVersion;
      const tables = it.tables.join('\n');
      const first = await it.run({ alias, tables });
      expect(first).toMatchObject({
        code: 0,
        outputs: { 'function-version': '1', 'alias-arn': expect.stringMatching(/:live$/) as unknown as string },
      });
      expect(JSON.parse(first.outputs.tables ?? '')).toMatchObject({ [tables]: { trigger: 'Enabled' } });
      await it.run({ alias, tables });
      expect(it.mutations()).toEqual([]);

      const bad = await it.run({ alias, tables, endpoint: DEAD_END, timeout: '20' });
      expect(bad).toMatchObject({ code: 1, outputs: { 'function-version': '1' } });
      expect(bad.log).toContain('alias live still serves version 1');
      expect(await versionOf()).toBe('1');
      expect(await lambda.send(new GetFunctionConfigurationCommand({ FunctionName: it.name }))).toMatchObject({
        CodeSha256: first.outputs['code-sha256'],
        Timeout: 60,
      });
      await it.run({ alias, tables });
      expect(it.mutations()).toEqual([]);

      const second = await it.run({ alias, tables, 'memory-size': '256' });
      const version = second.outputs['function-version'] ?? '';
      expect(Number(version)).toBeGreaterThan(1);
      expect(await versionOf()).toBe(version);
      const back = await it.run({ alias, operation: 'rollback' });
      expect(back.outputs['function-version']).toBe('1');
      expect(await versionOf()).toBe('1');
      expect((await it.run({ alias, operation: 'rollback' })).log).toContain('has served no version before 1');
      const named = await it.run({ alias, operation: 'rollback', 'rollback-to': version });
      expect(named.outputs['function-version']).toBe(version);
      const refreshed = await it.run({ alias, operation: 'refresh-mapping' });
      expect(refreshed).toMatchObject({ code: 0, outputs: { changed: 'false', 'function-version': version } });
    });
  });
});

describe('without a code bucket', () => {
  test('the package goes inline, and a tag records whether it passed its check', async () => {
    await withDeployment({ bucket: false }, async (it) => {
      const run = await it.run();
      expect(run.code).toBe(0);
      expect(it.mutations()).toEqual(['lambda:CreateFunction', 'lambda:TagResource']);
      await it.run();
      expect(it.mutations()).toEqual([]);
      const failed = await it.run({ endpoint: DEAD_END });
      expect(failed.code).toBe(1);
      expect(await shaOf(it.name)).toBe(run.outputs['code-sha256']);
      await it.run();
      expect(it.mutations()).toEqual([]);
      expect((await lambda.send(new GetFunctionCommand({ FunctionName: it.name }))).Tags).toMatchObject({
        'dynamodb-to-opensearch:checked': Buffer.from(run.outputs['code-sha256'] ?? '', 'base64').toString('hex'),
      });
      const back = await it.run({ operation: 'rollback' });
      expect(back.code).toBe(1);
      expect(back.log).toContain('code-bucket: it or alias is required for a rollback');
    });
  });
});

describe('a function that someone changed by hand', () => {
  test('is brought back to what the inputs say', async () => {
    await withDeployment({}, async (it) => {
      await it.run({ 'memory-size': '256' });
      await lambda.send(new UpdateFunctionConfigurationCommand({ FunctionName: it.name, MemorySize: 1024, Timeout: 90 }));
      const run = await it.run({ 'memory-size': '256' });
      expect(run.code).toBe(0);
      expect(await lambda.send(new GetFunctionConfigurationCommand({ FunctionName: it.name }))).toMatchObject({
        MemorySize: 256,
        Timeout: 90,
      });
    });
  });
});
