// What a reindex refuses or is refused: one sentence each, nothing half-done, and the next run goes on once the cause is gone.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { ask } from '../handler/function.ts';
import type { ActionRun } from '../stack/action-run.ts';
import { startProxy, type Proxy } from '../stack/proxy.ts';
import { useStack } from '../stack/use-stack.ts';
import { prepareDeployment, type Deployment } from './deployment.ts';

const stack = await useStack();
let it: Deployment;
let search: Proxy;
let table: string;
let name: string;
let workspace: string;

/** Deploys with these mappings for the table. */
async function deploy(mappings: object): Promise<void> {
  await writeFile(join(workspace, 'search.yml'), JSON.stringify({ tables: { [table]: { mappings } } }));
  const run = await it.run({ tables: table, endpoint: search.url, timeout: '15', config: 'search.yml' }, { workspace });
  expect({ code: run.code, log: run.code === 0 ? '' : run.log }).toEqual({ code: 0, log: '' });
}

beforeAll(async () => {
  [it, search, workspace] = await Promise.all([
    prepareDeployment(stack),
    startProxy(stack.search.url),
    mkdtemp(join(tmpdir(), 'workspace-')),
  ]);
  table = it.tables[0] ?? '';
  name = table.toLowerCase();
  await deploy({});
}, 300_000);
beforeEach(() => {
  for (const proxy of [it.aws, search]) proxy.clear();
});
afterAll(() => Promise.all([it.stop(), search.stop(), rm(workspace, { recursive: true })]));

const reindex = (inputs: Record<string, string> = {}): Promise<ActionRun> => it.run({ operation: 'reindex', tables: table, ...inputs });
/** The index behind the name. */
async function serving(): Promise<string[]> {
  const { status, body } = await ask(stack.search, 'GET', `/_alias/${name}`);
  return status === 404 ? [name] : Object.keys(body);
}
const exists = async (index: string): Promise<boolean> => (await ask(stack.search, 'HEAD', `/${index}`)).status === 200;
const updates = (): string[] => it.mutations().filter((operation) => operation.startsWith('lambda:'));

/** Expects the run to end with the sentence, searches to use the index that they used, and the function to be as it was. */
async function isRefused(run: ActionRun, sentence: RegExp, index: string): Promise<void> {
  const errors = run.log.split('\n').filter((line) => line.startsWith('::error'));
  expect({ code: run.code, complete: run.outputs.complete, errors }).toEqual({
    ...{ code: 1, complete: 'false' },
    errors: [expect.stringMatching(sentence)],
  });
  expect(await serving()).toEqual([index]);
}

test('mappings that the engine refuses end the run before anything else is changed, and with others it goes on', async () => {
  await deploy({ properties: { place: { type: 'nowhere' } } });
  await isRefused(await reindex(), /the index .*-2 could not be created: .*nowhere.*index-settings and mappings/, name);
  expect(updates()).toEqual([]);
  expect(await exists(`${name}-2`)).toBe(false);
  await deploy({ properties: { place: { type: 'geo_point' } } });
  expect(await reindex()).toMatchObject({ code: 0, outputs: { complete: 'true' } });
  expect(await serving()).toEqual([`${name}-2`]);
}, 300_000);

test('an index of the next name that others have filled meanwhile is left alone, and restart takes the number after it', async () => {
  it.aws.on(
    ({ operation, body }) => operation === 'lambda:Invoke' && body.includes('"do":"create"'),
    () => ({ until: ask(stack.search, 'PUT', `/${name}-3/_doc/theirs?refresh=true`, { by: 'hand' }) }),
  );
  await isRefused(await reindex(), /the index .*-3 exists already and has 1 documents.*restart: true/, `${name}-2`);
  expect(updates()).toEqual([]);
  expect(await reindex({ restart: 'true' })).toMatchObject({ code: 0, outputs: { complete: 'true' } });
  expect(await serving()).toEqual([`${name}-4`]);
  expect((await ask(stack.search, 'GET', `/${name}-3/_count`)).body).toMatchObject({ count: 1 });
}, 300_000);

test('a deploying role that may not update the function is named its permission, and with that the run goes on', async () => {
  const message = 'User is not authorized to perform: lambda:UpdateFunctionCode';
  it.aws.on('lambda:UpdateFunctionCode', { response: { status: 403, body: { __type: 'AccessDeniedException', message } } });
  await isRefused(await reindex(), /The deploying role needs the permission lambda:UpdateFunctionCode/, `${name}-4`);
  it.aws.clear();
  const run = await reindex();
  expect(run.log).toMatch(/the reindex of .* goes on/);
  expect(run).toMatchObject({ code: 0, outputs: { complete: 'true' } });
  expect(await serving()).toEqual([`${name}-5`]);
}, 300_000);

test('a function whose cluster lets it move no alias says so, and with that right the run goes on', async () => {
  const reason = 'no permissions for [indices:admin/aliases] and User [name=writer]';
  search.on(
    'POST /_aliases',
    { response: { status: 403, body: { error: { type: 'security_exception', reason }, status: 403 } } },
    Infinity,
  );
  await isRefused(await reindex(), /pointing .* to .*-6 is not allowed: HTTP 403 .*indices:admin\/aliases/, `${name}-5`);
  search.clear();
  expect(await reindex()).toMatchObject({ code: 0, outputs: { complete: 'true' } });
  expect(await serving()).toEqual([`${name}-6`]);
}, 300_000);
