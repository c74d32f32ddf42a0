import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { GetFunctionCommand } from '@aws-sdk/client-lambda';
import { Scenario } from '../stack/scenario.ts';
import { useStack } from '../stack/use-stack.ts';
import { REPOSITORY, runWorkflow } from './act.ts';
import type { WorkflowEvent, WorkflowOptions, WorkflowRun } from './act.ts';

const stack = await useStack();
const stage = new Scenario(stack, '-workflow-stage');
const prod = new Scenario(stack, '-workflow-prod');

beforeAll(() => Promise.all([stage.prepare(), prod.prepare()]));
afterAll(() => Promise.all([stage.stop(), prod.stop()]));

const push = (ref: string): WorkflowEvent => ({ name: 'push', payload: { ref } });
const release = (tag: string, prerelease = false): WorkflowEvent => ({
  name: 'release',
  payload: { action: 'published', ref: `refs/tags/${tag}`, release: { tag_name: tag, prerelease } },
});
const dispatch: WorkflowEvent = { name: 'workflow_dispatch', payload: { ref: 'refs/heads/main', inputs: {} } };
const pullRequest = (head = REPOSITORY): WorkflowEvent => ({
  name: 'pull_request',
  payload: {
    action: 'opened',
    number: 7,
    pull_request: { number: 7, base: { ref: 'main' }, head: { ref: 'x', sha: '0'.repeat(40), repo: { full_name: head } } },
  },
});

/** The variables of this scenario's GitHub environment. */
const variables = (scenario: Scenario): Record<string, string> => ({
  AWS_REGION: stack.region,
  AWS_ROLE_TO_ASSUME: 'arn:aws:iam::123456789012:role/deployer',
  AWS_PLAN_ROLE_TO_ASSUME: 'arn:aws:iam::123456789012:role/reader',
  AWS_BUCKET_CODE: scenario.bucket,
  IAM_ROLE: scenario.role,
  FUNCTION_NAME: scenario.functionName,
  TABLES: scenario.tables.join(','),
});

const run = (event: WorkflowEvent, scenario: Scenario, options: WorkflowOptions = {}): Promise<WorkflowRun> =>
  runWorkflow(event, { env: stack.env, variables: variables(scenario), ...options });

/** The outputs of a run that must succeed; where it does not, its log says why. */
async function outputs(event: WorkflowEvent, scenario: Scenario, options: WorkflowOptions = {}): Promise<WorkflowRun['outputs']> {
  const { code, log, outputs: found } = await run(event, scenario, options);
  if (code !== 0) throw new Error(`The workflow failed:\n${log}`);
  return found;
}

/** The deployed state: the function's code and when it was last changed. */
async function deployed(scenario: Scenario): Promise<unknown> {
  const { Configuration } = await stack.clients.lambda.send(new GetFunctionCommand({ FunctionName: scenario.functionName }));
  return { code: Configuration?.CodeSha256, memory: Configuration?.MemorySize, changed: Configuration?.LastModified };
}

describe('a workflow that calls deploy.yml', () => {
  test('deploys STAGE on a push to main, with the endpoint file of the bucket, and nothing more on the next push', async () => {
    const first = await outputs(push('refs/heads/main'), stage, { with: { 'memory-size': 256 } });
    expect(first).toMatchObject({ environment: 'STAGE', operation: 'deploy', changed: 'true', created: 'true' });
    expect(first['function-arn']).toContain(stage.functionName);
    expect(Object.keys(JSON.parse(first.tables ?? '') as object)).toEqual(expect.arrayContaining([...stage.tables]));
    const state = await deployed(stage);
    expect(state).toMatchObject({ memory: 256 });

    const second = await outputs(push('refs/heads/main'), stage, { with: { 'memory-size': 256 } });
    expect(second).toMatchObject({ environment: 'STAGE', changed: 'false', created: 'false' });
    expect(await deployed(stage)).toEqual(state);
  });

  test('refreshes the key mapping on a manual run', async () => {
    expect(await outputs(dispatch, stage)).toMatchObject({ environment: 'STAGE', operation: 'refresh-mapping', changed: 'false' });
  });

  test('plans on a pull request, and changes nothing', async () => {
    const before = await deployed(stage);
    const { log, outputs: planned } = await run(pullRequest(), stage, { with: { 'memory-size': 512 } });
    expect(planned).toMatchObject({ environment: 'STAGE', operation: 'deploy', changed: 'true' });
    expect(log).toContain('512');
    expect(log).toContain('signed in as arn:aws:iam::123456789012:role/reader');
    expect(await deployed(stage)).toEqual(before);
  });

  test('carries out no event of a pull request, whatever its inputs', async () => {
    const before = await deployed(stage);
    const asked = { with: { environment: 'STAGE', operation: 'deploy', 'memory-size': 640 } };
    for (const name of ['pull_request_review', 'pull_request_review_comment'] as const) {
      const idle = await run({ ...pullRequest(), name }, stage, asked);
      expect(idle).toMatchObject({ code: 0, outputs: {}, jobs: ['Deploy/Resolve the event', 'after'] });
      expect(idle.log).toMatch(new RegExp(`Summary - [^]*Nothing was deployed: ${name} is a remark`));
    }
    const comment: WorkflowEvent = { name: 'issue_comment', payload: { action: 'created', issue: { number: 7, pull_request: {} } } };
    const { log, outputs: planned } = await run(comment, stage, asked);
    expect(planned).toMatchObject({ environment: 'STAGE', operation: 'deploy', changed: 'true' });
    expect(log).toContain('signed in as arn:aws:iam::123456789012:role/reader');
    expect(await deployed(stage)).toEqual(before);
  });

  test('deploys PROD on a tag, with the endpoint of the secret, and has nothing to do when its release is published', async () => {
    const secrets = { ES_CREDS: prod.endpointFile };
    const tagged = await outputs(push('refs/tags/v1.2.3'), prod, { secrets });
    expect(tagged).toMatchObject({ environment: 'PROD', operation: 'deploy', created: 'true' });
    const released = await outputs(release('v1.2.3'), prod, { secrets });
    expect(released).toMatchObject({ environment: 'PROD', operation: 'deploy', changed: 'false' });
  });

  test('refuses a function that serves another environment, and changes nothing', async () => {
    const before = await deployed(stage);
    const refused = await run(push('refs/tags/v1.2.4'), stage, { secrets: { ES_CREDS: stage.endpointFile } });
    expect(refused.code).toBe(1);
    expect(refused.log).toContain(`Function ${stage.functionName} serves environment STAGE, and this run is for PROD`);
    expect(await deployed(stage)).toEqual(before);
  });

  test('twice at once, as GitHub never lets them run, leaves one whole deploy', async () => {
    const wanted = { with: { 'memory-size': 320 } };
    const both = await Promise.all([run(push('refs/heads/main'), stage, wanted), run(push('refs/heads/main'), stage, wanted)]);
    const failed = both.filter(({ code }) => code !== 0);
    expect(failed.length).toBeLessThan(2);
    for (const { log } of failed) expect(log).toContain('another deploy of this function runs');
    expect(await deployed(stage)).toMatchObject({ memory: 320 });
    expect(await outputs(push('refs/heads/main'), stage, wanted)).toMatchObject({ changed: 'false' });
    // As the tests after this one find it.
    await outputs(push('refs/heads/main'), stage, { with: { 'memory-size': 256 } });
  });

  test('gives the options file of the calling repository to the action', async () => {
    const files = { '.github/dynamodb.yml': `tables:\n  ${stage.orders}:\n    idx: x\n` };
    const refused = await run(push('refs/heads/main'), stage, { with: { config: '.github/dynamodb.yml' }, files });
    expect(refused.code).toBe(1);
    expect(refused.log).toContain(`tables.${stage.orders}.idx: unknown key`);
  });

  test('sends branches and tags where its input environments says', async () => {
    const environments = 'branch release/**: STAGE\ntag v*-rc.*: STAGE';
    for (const event of [push('refs/heads/release/1'), release('v2.0.0-rc.1', true)]) {
      const planned = await outputs(event, stage, { with: { environments, 'dry-run': true, 'memory-size': 256 } });
      expect(planned).toMatchObject({ environment: 'STAGE', operation: 'deploy', changed: 'false' });
    }
    expect((await run(push('refs/heads/main'), stage, { with: { environments } })).jobs).toEqual(['Deploy/Resolve the event', 'after']);
  });

  test.each<[string, WorkflowEvent, string]>([
    ['a push to another branch', push('refs/heads/feature'), 'branch feature matches no pattern of environments'],
    ['a prerelease', push('refs/tags/v2.0.0-rc.1'), 'tag v2.0.0-rc.1 is a prerelease, and no pattern of environments names it'],
    ['a pull request from a fork', pullRequest('stranger/repository'), 'gets neither secrets nor a role'],
    ['a schedule', { name: 'schedule' }, 'the event schedule does not select an environment'],
  ])('does nothing for %s, without failing, and says why', async (_name, event, reason) => {
    const idle = await run(event, stage);
    expect(idle).toMatchObject({ code: 0, outputs: {} });
    expect(idle.jobs).not.toContainEqual(expect.stringContaining('STAGE'));
    expect(idle.log).toMatch(new RegExp(`Summary - [^]*Nothing was deployed: [^]*${reason}`));
  });

  test('fails early, with the sentence that fixes it, for what the caller forgot or misspelt', async () => {
    const { AWS_REGION: _, AWS_ROLE_TO_ASSUME: __, ...rest } = variables(stage);
    const without = await run(push('refs/heads/main'), stage, { variables: rest });
    expect(without.code).toBe(1);
    // Of the annotations act may lose the last ones, when the process ends; the summary is a file.
    for (const [input, variable] of [
      ['aws-region', 'AWS_REGION'],
      ['role-to-assume', 'AWS_ROLE_TO_ASSUME'],
    ] as const) {
      expect(without.log).toContain(
        `Set the input \`${input}\` of the workflow, or the variable \`${variable}\` of the GitHub environment STAGE.`,
      );
    }

    const { AWS_PLAN_ROLE_TO_ASSUME: ___, ...deploysAlone } = variables(stage);
    const planless = await run(pullRequest(), stage, { variables: deploysAlone });
    expect(planless.code).toBe(1);
    expect(planless.log).toContain('or the variable `AWS_PLAN_ROLE_TO_ASSUME` of the GitHub environment STAGE-plan.');

    const misspelt = await run(dispatch, stage, { with: { operation: 'refresh', environment: '../PROD' } });
    expect(misspelt.code).toBe(1);
    expect(misspelt.log).toContain(
      'operation: expected one of deploy, refresh-mapping, rollback, backfill, verify, redrive, reindex, found "refresh"',
    );
    expect(misspelt.log).toContain('environment: expected a name of up to 64 letters');

    const nowhere = await run({ name: 'workflow_dispatch', payload: { ref: 'refs/heads/x', inputs: {} } }, stage);
    expect(nowhere.code).toBe(1);
    expect(nowhere.log).toContain('environment: branch x matches no pattern of environments; name the environment to run in');
  });
});

describe('a workflow that calls plan.yml', () => {
  test('plans as the role that can only read', async () => {
    const before = await deployed(stage);
    const planned = await run(pullRequest(), stage, { workflow: 'plan', with: { 'memory-size': 1024 } });
    expect(planned.log).toContain('signed in as arn:aws:iam::123456789012:role/reader');
    expect(planned.outputs).toMatchObject({ environment: 'STAGE', operation: 'deploy', changed: 'true' });
    expect(await deployed(stage)).toEqual(before);
  });

  test('does nothing for a pull request from a fork', async () => {
    expect((await run(pullRequest('stranger/repository'), stage, { workflow: 'plan' })).jobs).toEqual(['Plan/Resolve the event', 'after']);
  });
});
