// Two calls change a function, its configuration and its package: what serves where one of them fails.
import { afterAll, describe, expect, test } from '@jest/globals';
import { GetAliasCommand, GetFunctionConfigurationCommand } from '@aws-sdk/client-lambda';
import type { Behaviour } from '../stack/proxy.ts';
import { useStack } from '../stack/use-stack.ts';
import { prepareDeployment, type Deployment } from './deployment.ts';

const stack = await useStack();
const { lambda } = stack.clients;
const all: Deployment[] = [];
afterAll(() => Promise.all(all.map((it) => it.stop())));

const refusal = (name: string, message: string): Behaviour => ({
  response: { status: 400, headers: { 'x-amzn-errortype': name }, body: { message } },
});
const FULL = refusal('CodeStorageExceededException', 'Code storage limit exceeded.');

/** A function that serves, and a change of its configuration and its package. */
async function prepare(inputs: Record<string, string> = {}): Promise<{ it: Deployment; sha256: string; change: Record<string, string> }> {
  const it = await prepareDeployment(stack, { bucket: inputs.endpoint === undefined });
  all.push(it);
  const first = await it.run(inputs);
  expect({ code: first.code, log: first.code === 0 ? '' : first.log }).toEqual({ code: 0, log: '' });
  return { it, sha256: first.outputs['code-sha256'] ?? '', change: { ...inputs, endpoint: `${stack.search.url}/x`, 'memory-size': '256' } };
}

const configurationOf = (it: Deployment): Promise<object> => lambda.send(new GetFunctionConfigurationCommand({ FunctionName: it.name }));
const invocations = (it: Deployment): number => it.requests().filter(({ operation }) => operation === 'lambda:Invoke').length;

describe('a package that AWS refuses after it took the configuration', () => {
  test.each([
    ['', {}],
    [' without a bucket', { endpoint: stack.search.url }],
    [' and no check', { check: 'false' }],
  ])('%s: the former configuration is put back, and the next run has nothing to fix', async (_, inputs) => {
    const { it, sha256, change } = await prepare(inputs);
    it.aws.on('lambda:UpdateFunctionCode', FULL);
    const run = await it.run(change);
    expect(run).toMatchObject({ code: 1, outputs: { changed: 'false', 'code-sha256': sha256 } });
    expect(run.log).toContain(
      `::error::lambda:UpdateFunctionCode of function ${it.name} failed: CodeStorageExceededException: Code storage limit exceeded. The code storage of this account and region is full: delete old versions of functions and layers. The former package and configuration were put back`,
    );
    expect(run.summary).toContain('were put back');
    expect(invocations(it)).toBe(0);
    expect(await configurationOf(it)).toMatchObject({ CodeSha256: sha256, MemorySize: 128 });
    it.aws.clear();
    expect(await it.run(inputs)).toMatchObject({ code: 0, outputs: { changed: 'false' } });
    expect(it.mutations()).toEqual([]);
  });

  test('says so where the former configuration cannot be put back either; the next run does it', async () => {
    const { it, sha256, change } = await prepare();
    let changes = 0;
    it.aws.on('lambda:UpdateFunctionCode', FULL);
    it.aws.on(
      'lambda:UpdateFunctionConfiguration',
      () => (++changes === 2 ? refusal('InvalidParameterValueException', 'no') : undefined),
      Infinity,
    );
    const run = await it.run(change);
    expect(run.code).toBe(1);
    expect(run.log).toMatch(
      /Code storage limit exceeded\..* And the former package and configuration could not be put back: lambda:UpdateFunctionConfiguration .*\. Run again: the next run checks what is in place/,
    );
    it.aws.clear();
    expect(await configurationOf(it)).toMatchObject({ CodeSha256: sha256, MemorySize: 256 });
    expect(await it.run({ 'memory-size': '128' })).toMatchObject({ code: 0, outputs: { changed: 'true', 'code-sha256': sha256 } });
    expect(invocations(it)).toBe(1);
    expect(await configurationOf(it)).toMatchObject({ MemorySize: 128 });
  });

  test('leaves an alias where it is, and the function as it was', async () => {
    const { it, sha256, change } = await prepare({ alias: 'live' });
    it.aws.on('lambda:UpdateFunctionCode', FULL);
    const run = await it.run(change);
    expect(run).toMatchObject({ code: 1, outputs: { 'function-version': '1' } });
    expect(run.log).toContain('The former package and configuration were put back; alias live still serves version 1');
    expect(await configurationOf(it)).toMatchObject({ CodeSha256: sha256, MemorySize: 128 });
    expect((await lambda.send(new GetAliasCommand({ FunctionName: it.name, Name: 'live' }))).FunctionVersion).toBe('1');
  });
});

describe('a change of which AWS refuses the first call', () => {
  test.each([
    ['with a bucket', {}],
    ['without one', { endpoint: stack.search.url }],
  ])('changes nothing, says so, and the next run has nothing to check (%s)', async (_, inputs) => {
    const { it, sha256, change } = await prepare(inputs);
    it.aws.on('lambda:UpdateFunctionConfiguration', refusal('InvalidParameterValueException', 'MemorySize value failed.'));
    const run = await it.run(change);
    expect(run.code).toBe(1);
    expect(run.log).toContain(`MemorySize value failed. Nothing of function ${it.name} was changed`);
    expect(await configurationOf(it)).toMatchObject({ CodeSha256: sha256, MemorySize: 128 });
    expect(await it.run(inputs)).toMatchObject({ code: 0, outputs: { changed: 'false' } });
    expect(it.mutations()).toEqual([]);
  });

  test('of a rollback says so too, and it can be run again', async () => {
    const { it, change } = await prepare();
    const login = `ES_ENDPOINT='${stack.search.url}'\nES_AUTH=basic\nES_USERNAME=writer\nES_PASSWORD=hunter2-hunter2\n`;
    expect((await it.run({ ...change, endpoint: login })).code).toBe(0);
    it.aws.on('lambda:UpdateFunctionCode', FULL);
    const run = await it.run({ operation: 'rollback' });
    expect(run.code).toBe(1);
    expect(run.log).toContain(`Nothing of function ${it.name} was changed`);
    it.aws.clear();
    expect((await it.run({ operation: 'rollback' })).code).toBe(0);
  });
});

describe('a step that fails after a good check', () => {
  const denied = (permission: string): Behaviour =>
    refusal('AccessDeniedException', `User: arn:x is not authorized to perform: ${permission}`);

  test('says that the alias still serves its version; the next run moves it', async () => {
    const { it, change } = await prepare({ alias: 'live' });
    const login = `ES_ENDPOINT='${stack.search.url}'\nES_AUTH=basic\nES_USERNAME=writer\nES_PASSWORD=hunter2-hunter2\n`;
    it.aws.on('lambda:UpdateAlias', denied('lambda:UpdateAlias'));
    const run = await it.run({ ...change, endpoint: login });
    expect(run).toMatchObject({ code: 1, outputs: { 'function-version': '1' } });
    expect(run.log).toMatch(
      /^::error::lambda:UpdateAlias .*permission lambda:UpdateAlias.*\. Version 2 passed its check, and alias live still serves version 1; run again to finish$/m,
    );
    expect(await it.run({ ...change, endpoint: login })).toMatchObject({ code: 0, outputs: { 'function-version': '2' } });
  });

  test('says that the new package serves; the next run writes what is left', async () => {
    const { it, change } = await prepare();
    let writes = 0;
    it.aws.on('s3:PutObject', ({ path }) => (path.includes('/history/') && ++writes === 2 ? denied('s3:PutObject') : undefined), Infinity);
    const inputs = { ...change, endpoint: '' };
    const run = await it.run(inputs);
    expect(run.code).toBe(1);
    expect(run.log).toContain('The new package passed its check and serves; run again to finish');
    it.aws.clear();
    expect((await it.run(inputs)).code).toBe(0);
    expect(invocations(it)).toBe(1);
  });
});

test('a rollback of an alias whose check fails names the remedy too', async () => {
  const { it } = await prepare({ alias: 'live' });
  expect((await it.run({ alias: 'live', 'memory-size': '256' })).code).toBe(0);
  it.aws.on('lambda:Invoke', {
    response: { status: 200, body: { ok: false, problems: [{ what: 'the disk is full', remedy: 'Free some space' }] } },
  });
  const run = await it.run({ operation: 'rollback', alias: 'live' });
  expect(run.log).toContain('The check of version 1 failed: the disk is full. Free some space; alias live still serves version 2');
});
