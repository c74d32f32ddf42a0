// The example callers run unchanged, under act against the real parts: only the names of tables and of this project are replaced.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { GetObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { Scenario } from '../stack/scenario.ts';
import { PROJECT } from '../stack/cache.ts';
import { useStack } from '../stack/use-stack.ts';
import { REPOSITORY, runWorkflow } from './act.ts';
import type { WorkflowEvent, WorkflowRun } from './act.ts';

const stack = await useStack();
const scenario = new Scenario(stack, '-examples');

beforeAll(() => scenario.prepare());
afterAll(() => scenario.stop());

const push: WorkflowEvent = { name: 'push', payload: { ref: 'refs/heads/main' } };
const pullRequest: WorkflowEvent = {
  name: 'pull_request',
  payload: {
    action: 'opened',
    number: 7,
    pull_request: { number: 7, base: { ref: 'main' }, head: { ref: 'x', sha: '0'.repeat(40), repo: { full_name: REPOSITORY } } },
  },
};

/** The example as a workflow of the scratch repository. */
function local(name: string): string {
  return readFileSync(join(PROJECT, 'docs/examples', name), 'utf8')
    .replaceAll(/OWNER\/dynamodb-to-opensearch\/(\.github\/workflows\/\w+\.yml)@[0-9a-f]{40}/g, './$1')
    .replaceAll(/OWNER\/dynamodb-to-opensearch@[0-9a-f]{40}/g, './')
    .replaceAll(/aws-actions\/configure-aws-credentials@\S+/g, './.github/stand-ins/sign-in')
    .replaceAll('[self-hosted, linux]', 'ubuntu-24.04')
    .replaceAll(/\b(?:Orders|OrderLines|Customers)\b/g, (table) => (table === 'Orders' ? scenario.orders : scenario.customers));
}

function run(name: string, event: WorkflowEvent, options = 'defaults: { refresh: wait_for }\n'): Promise<WorkflowRun> {
  const paths = ['search/options.yml', 'orders/search/options.yml', 'customers/search/options.yml'];
  return runWorkflow(event, {
    env: stack.env,
    secrets: name === 'secret.yml' ? { ES_CREDS: scenario.endpointFile } : {},
    variables: {
      AWS_REGION: stack.region,
      AWS_ROLE_TO_ASSUME: 'arn:aws:iam::123456789012:role/deployer',
      AWS_PLAN_ROLE_TO_ASSUME: 'arn:aws:iam::123456789012:role/reader',
      AWS_BUCKET_CODE: scenario.bucket,
      IAM_ROLE: scenario.role,
      FUNCTION_NAME: `${scenario.functionName}-${name.replace('.yml', '')}`,
      TABLES: scenario.tables.join(','),
    },
    files: { '.github/workflows/caller.yml': local(name), ...Object.fromEntries(paths.map((path) => [path, options])) },
  });
}

test.each([
  ['minimal.yml', 1],
  ['approvals.yml', 1],
  ['monorepo.yml', 2],
  ['self-hosted.yml', 1],
  ['vpc.yml', 1],
  ['serverless.yml', 1],
  ['secret.yml', 1],
  ['alias-and-rollback.yml', 1],
])('%s deploys STAGE on a push to main', async (name, functions) => {
  const { code, log } = await run(name, push);
  if (code !== 0) throw new Error(`The workflow failed:\n${log}`);
  expect(log.match(/Function \S+ is created\./g)).toHaveLength(functions);
  expect(log).toContain('environment STAGE');
});

test('verify-nightly.yml is green when nothing differs, and red when something does', async () => {
  const name = 'verify-nightly.yml';
  const schedule: WorkflowEvent = { name: 'schedule', payload: {} };
  const deployed = await scenario.deploy({ 'function-name': `${scenario.functionName}-verify-nightly` });
  expect({ code: deployed.code, log: deployed.code === 0 ? '' : deployed.log }).toEqual({ code: 0, log: '' });
  const green = await run(name, schedule);
  if (green.code !== 0) throw new Error(`The workflow failed:\n${green.log}`);
  expect(green.log).toContain('verify: function');
  await scenario.search.index({
    index: scenario.index(scenario.orders),
    id: 'nobody|1',
    refresh: true,
    body: { customer: 'nobody', order: 1 },
  });
  const red = await run(name, schedule);
  expect(red.code).not.toBe(0);
  expect(red.log).toContain('1 difference between tables and indexes remains');
  expect(await scenario.find(scenario.orders)).toEqual(['nobody|1']);
}, 600_000);

/** Runs a caller that is started by hand, twice: as a dry run, then for real. */
async function byHand(name: string, inputs: Readonly<Record<string, string>>): Promise<{ planned: string; done: string }> {
  const dispatch = async (dryRun: string): Promise<string> => {
    const { code, log } = await run(name, {
      name: 'workflow_dispatch',
      payload: { ref: 'refs/heads/main', inputs: { environment: 'STAGE', 'dry-run': dryRun, ...inputs } },
    });
    if (code !== 0) throw new Error(`The workflow failed:\n${log}`);
    return log;
  };
  return { planned: await dispatch('true'), done: await dispatch('false') };
}

test('backfill-and-verify.yml shows by hand what it would do, and does it', async () => {
  const functionName = `${scenario.functionName}-backfill-and-verify`;
  expect(await scenario.deploy({ 'function-name': functionName, 'backfill-new-tables': 'never' })).toMatchObject({ code: 0 });
  const choices = { tables: scenario.customers, repair: 'false', restart: 'false', 'delete-limit': '1%' };
  const { planned, done } = await byHand('backfill-and-verify.yml', { operation: 'backfill', ...choices });
  expect(planned).toContain('backfill (dry run)');
  expect(done).toMatch(/pass 2: \d of \d parts?/);
}, 600_000);

test('backfill-and-verify.yml counts dead letters by hand, and works them off', async () => {
  const functionName = `${scenario.functionName}-backfill-and-verify`;
  expect(await scenario.deploy({ 'function-name': functionName, 'backfill-new-tables': 'never' })).toMatchObject({ code: 0 });
  const keys = { id: { S: 'by hand' } };
  await scenario.put(scenario.customers, keys);
  const place = {
    Bucket: scenario.bucket,
    Key: `dead-letters/${functionName}/${scenario.customers}/2026/01/02/0123456789abcdef-none.json`,
  };
  const failed = { failedAt: '2026-01-02T03:04:05.000Z', approximateCreationDateTime: 1_767_322_000, sequenceNumber: '1' };
  const deadLetter = { version: 1, table: scenario.customers, id: 'by hand', keys, type: 'mapper_parsing_exception', ...failed };
  await stack.clients.s3.send(new PutObjectCommand({ ...place, Body: JSON.stringify(deadLetter) }));
  const choices = { tables: scenario.customers, repair: 'false', restart: 'false', 'delete-limit': '1%' };
  const { planned, done } = await byHand('backfill-and-verify.yml', { operation: 'redrive', ...choices });
  expect(planned).toMatch(/dead letters: 1 /);
  expect(done).toMatch(/redriven\W+1,/);
  expect(await scenario.count(scenario.customers, 'id:"by hand"')).toBe(1);
  await expect(stack.clients.s3.send(new GetObjectCommand(place))).rejects.toThrow();
}, 600_000);

test('reindex.yml shows by hand what it would do, and leads searches to a new index', async () => {
  expect(await scenario.deploy({ 'function-name': `${scenario.functionName}-reindex` })).toMatchObject({ code: 0 });
  const choices = { table: scenario.customers, to: '', 'delete-old-index': 'false', restart: 'false' };
  const { planned, done } = await byHand('reindex.yml', choices);
  const index = `${scenario.index(scenario.customers)}-2`;
  expect(planned).toContain(`index ${index}`);
  expect(done).toContain(`searches use ${index} from now on`);
  expect((await scenario.search.indices.getAlias({ name: scenario.index(scenario.customers) })).body).toHaveProperty([index]);
}, 600_000);

test('plan.yml shows on a pull request what a deploy would change', async () => {
  const { code, log } = await run('plan.yml', pullRequest);
  if (code !== 0) throw new Error(`The workflow failed:\n${log}`);
  expect(log).toContain('deploy (dry run)');
  expect(log).not.toContain('is created.');
});

test.each([
  ['no release that is marked as a prerelease', { tag_name: 'v2.0.0', prerelease: true }, false],
  ['a release that only looks like one', { tag_name: 'v2026.11.26-1', prerelease: false }, true],
])('self-hosted.yml deploys %s', async (_, release, isDeployed) => {
  const { log } = await run('self-hosted.yml', {
    name: 'release',
    payload: { action: 'released', ref: `refs/tags/${release.tag_name}`, release },
  });
  expect(log.includes('signed in as')).toBe(isDeployed);
});
