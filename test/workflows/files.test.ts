// Properties of the workflows that act cannot show are read from their files: pins, permissions, queues, what reaches a shell.
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { parse } from 'yaml';
import { actionFile } from '../../action/action-file.ts';
import { DEFAULT_ENVIRONMENTS } from '../../action/resolve/environment-lines.ts';
import { planEnvironment } from '../../action/resolve/environment.ts';
import { OPERATIONS } from '../../action/inputs/operation.ts';
import { OWN_DESCRIPTIONS } from '../../scripts/generate-docs.ts';
import { PROJECT } from '../stack/cache.ts';

interface Step {
  readonly name?: string;
  readonly id?: string;
  readonly if?: string;
  readonly uses?: string;
  readonly run?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly with?: Readonly<Record<string, string>>;
}
interface Job {
  readonly name?: string;
  readonly if?: string;
  readonly uses?: string;
  readonly needs?: string | readonly string[];
  readonly environment?: string;
  readonly permissions?: Readonly<Record<string, string>>;
  readonly concurrency?: { readonly group: string; readonly 'cancel-in-progress': boolean; readonly queue?: string };
  readonly 'timeout-minutes'?: number;
  readonly outputs?: Readonly<Record<string, string>>;
  readonly steps?: readonly Step[];
}
interface Input {
  readonly description?: string;
  readonly type?: string;
  readonly default?: unknown;
  readonly options?: readonly string[];
}
interface Workflow {
  readonly on: {
    readonly workflow_call?: {
      readonly inputs: Readonly<Record<string, Input>>;
      readonly secrets: Readonly<Record<string, { description?: string; required?: boolean }>>;
      readonly outputs: Readonly<Record<string, { description?: string; value: string }>>;
    };
    readonly workflow_dispatch?: { readonly inputs: Readonly<Record<string, Input>> };
  };
  readonly permissions?: unknown;
  readonly jobs: Readonly<Record<string, Job>>;
}

const FOLDER = join(PROJECT, '.github', 'workflows');
const texts = new Map(
  readdirSync(FOLDER)
    .filter((name) => /\.ya?ml$/.test(name))
    .map((name) => [name, readFileSync(join(FOLDER, name), 'utf8')] as const),
);
const workflows = new Map([...texts].map(([name, text]) => [name, parse(text) as Workflow]));

function workflow(name: string): Workflow {
  const found = workflows.get(name);
  if (found === undefined) throw new Error(`${name} is missing`);
  return found;
}
const product = [
  ['deploy.yml', 'deploy', workflow('deploy.yml')],
  ['plan.yml', 'plan', workflow('plan.yml')],
] as const;
const steps = (file: Workflow): Step[] => Object.values(file.jobs).flatMap((job) => job.steps ?? []);

describe('every workflow of the project', () => {
  test.each([...workflows])('%s pins what it uses by SHA, with the version beside it, and its own actions by $/', (name, file) => {
    const uses = [...steps(file), ...Object.values(file.jobs)].flatMap((step) => step.uses ?? []);
    for (const one of uses) expect(one).toMatch(/^(?:\$\/.*|[\w.-]+\/[\w./-]+@[0-9a-f]{40})$/);
    for (const line of texts
      .get(name)
      ?.split('\n')
      .filter((one) => /uses: [^$]/.test(one)) ?? [])
      expect(line).toMatch(/@[0-9a-f]{40} # v\d/);
  });

  test.each([...workflows])('%s grants nothing at its top, and bounds every job in permissions and time', (_name, file) => {
    expect(file.permissions).toEqual({});
    for (const job of Object.values(file.jobs)) {
      expect(job.permissions).toBeDefined();
      if (job.uses === undefined) expect(job['timeout-minutes']).toEqual(expect.anything());
    }
  });

  test.each([...workflows])('%s lets no expression reach a shell', (_name, file) => {
    for (const { run } of steps(file)) expect(run ?? '').not.toContain('${{');
  });

  test.each([...workflows])('%s leaves no credentials in a checkout', (_name, file) => {
    const checkouts = steps(file).filter(({ uses }) => uses?.startsWith('actions/checkout@'));
    for (const checkout of checkouts) expect(checkout.with).toMatchObject({ 'persist-credentials': false });
  });
});

test('dist is compared with its sources in CI and before a release', () => {
  for (const name of ['ci.yml', 'release.yml']) {
    const compares = Object.values(workflow(name).jobs).filter(({ steps: own = [] }) =>
      own.some(({ run }) => run === 'npm run check:dist'),
    );
    expect({ name, jobs: compares.length }).toEqual({ name, jobs: 1 });
  }
  // Nothing is published before that.
  expect(workflow('release.yml').jobs.publish?.needs).toContain('gate');
});

describe('the reusable workflows', () => {
  test.each(product)('%s may do what it needs and no more', (_name, main, file) => {
    expect(file.jobs.resolve?.permissions).toEqual({});
    expect(file.jobs[main]?.permissions).toEqual({
      contents: 'read',
      'id-token': 'write',
      ...(main === 'plan' ? { 'pull-requests': 'write' } : {}),
    });
  });

  test.each(product)('%s runs in the environment that the event selects, and not at all where there is none', (_name, main, file) => {
    expect(file.jobs[main]).toMatchObject({
      needs: 'resolve',
      if: "needs.resolve.outputs.environment != ''",
      // The subject of the token: plan.yml never has that of a deploy, deploy.yml not where the event is one of a pull request.
      environment: main === 'plan' ? '${{ needs.resolve.outputs.environment }}-plan' : '${{ needs.resolve.outputs.github-environment }}',
    });
    expect(planEnvironment('${{ needs.resolve.outputs.environment }}')).toBe(workflow('plan.yml').jobs.plan?.environment);
  });

  test('deploy.yml drops no waiting deploy, and lets plans and long operations wait apart', () => {
    expect(workflow('deploy.yml').jobs.deploy?.concurrency).toEqual({
      group:
        'dynamodb-to-opensearch/${{ needs.resolve.outputs.lane }}/${{ inputs.function-name || vars.FUNCTION_NAME }}/${{ needs.resolve.outputs.environment }}',
      'cancel-in-progress': false,
      queue: 'max',
    });
  });

  test('plan.yml keeps only the newest plan of a pull request, and stops no deploy', () => {
    const concurrency = workflow('plan.yml').jobs.plan?.concurrency;
    expect(concurrency).toMatchObject({ 'cancel-in-progress': true });
    expect(concurrency?.group).toMatch(/^dynamodb-to-opensearch\/plan\/.*github\.ref/);
  });

  test.each(product)('%s takes every input of the action that makes sense in it, and passes it on', (_name, main, file) => {
    const inputs = Object.keys(actionFile().inputs);
    const passed = file.jobs[main]?.steps?.find(({ uses }) => uses === '$/')?.with ?? {};
    // A profile is of a local credential chain; the token is the job's own, by the action's default.
    expect(Object.keys(passed).sort()).toEqual(inputs.filter((name) => !['aws-profile', 'github-token'].includes(name)).sort());
    expect(passed.endpoint).toBe('${{ secrets.ES_CREDS }}');
    const taken = Object.keys(file.on.workflow_call?.inputs ?? {});
    expect(taken).toEqual(
      expect.arrayContaining(Object.keys(passed).filter((name) => name !== 'endpoint' && !(main === 'plan' && name === 'dry-run'))),
    );
    for (const name of Object.keys(passed)) expect([...inputs, 'dry-run']).toContain(name);
  });

  test.each(product)('%s describes and types every input and output', (_name, _main, file) => {
    const { inputs, secrets, outputs } = file.on.workflow_call ?? { inputs: {}, secrets: {}, outputs: {} };
    for (const input of Object.values(inputs))
      expect(input).toMatchObject({ description: expect.stringMatching(/\.$/), type: expect.any(String) });
    expect(Object.keys(secrets)).toEqual(['ES_CREDS']);
    expect(Object.keys(outputs)).toEqual(Object.keys(actionFile().outputs));
    for (const output of Object.values(outputs)) expect(output.description).toMatch(/\.$/);
  });

  test.each(product)(
    '%s describes inputs and outputs in the words of action.yml, but for those that mean something else in it',
    (_name, _main, file) => {
      const call = file.on.workflow_call;
      const inputs: Readonly<Record<string, Input>> = call?.inputs ?? {};
      const outputs: Readonly<Record<string, Pick<Input, 'description'>>> = call?.outputs ?? {};
      const own = new Set(OWN_DESCRIPTIONS.inputs);
      for (const [name, { description }] of Object.entries(actionFile().inputs)) {
        const input = inputs[name];
        if (input === undefined || own.has(name)) continue;
        // A variable of the GitHub environment, or the default that the workflow leaves to the action, may be put in.
        const words = (input.description ?? '').replace(/\.$/, '').split('; ');
        expect(words).toEqual(expect.arrayContaining(description.replace(/\.$/, '').split('; ')));
        const passed = steps(file).find(({ uses }) => uses === '$/')?.with?.[name] ?? '';
        const variable = /\bvars\.(\w+)/.exec(passed)?.[1];
        if (variable !== undefined) expect(input.description).toContain(`\`${variable}\``);
      }
      for (const [name, { description }] of Object.entries(actionFile().outputs)) {
        if (!OWN_DESCRIPTIONS.outputs.includes(name)) expect(outputs[name]?.description).toBe(description);
      }
    },
  );

  test.each(product)('%s hands on every output of the action', (_name, main, file) => {
    for (const name of Object.keys(actionFile().outputs)) {
      expect(file.jobs[main]?.outputs?.[name]).toBe(`\${{ steps.action.outputs.${name} }}`);
      expect(file.on.workflow_call?.outputs[name]?.value).toBe(`\${{ jobs.${main}.outputs.${name} }}`);
    }
  });

  test.each(product)('%s repeats no default but the table of environments and what a boolean must have', (_name, _main, file) => {
    for (const [name, { type, default: value }] of Object.entries(file.on.workflow_call?.inputs ?? {})) {
      if (name === 'environments') expect(value).toBe(DEFAULT_ENVIRONMENTS);
      else if (name === 'runs-on') expect(value).toBe('ubuntu-24.04');
      else if (type === 'boolean') expect(String(value)).toBe(actionFile().inputs[name]?.default);
      else if (type === 'number') expect(value).toBeUndefined();
      else expect(value).toBe('');
    }
  });

  test('deploy.yml can be started by hand, with every operation to choose from', () => {
    const inputs = workflow('deploy.yml').on.workflow_dispatch?.inputs ?? {};
    expect(Object.keys(inputs)).toEqual([
      'environment',
      'operation',
      'dry-run',
      'aws-region',
      'role-to-assume',
      'function-name',
      'code-bucket',
      'role',
      'tables',
      'rollback-to',
    ]);
    expect([...(inputs.operation?.options ?? [])].sort()).toEqual([...OPERATIONS].sort());
    expect(inputs.operation?.default).toBe('refresh-mapping');
  });

  test('sign in with the role that each is for', () => {
    const roles = (name: string, main: string): (string | undefined)[][] =>
      (workflow(name).jobs[main]?.steps ?? [])
        .filter(({ uses }) => uses?.startsWith('aws-actions/configure-aws-credentials@'))
        .map((step) => [step.if, step.with?.['role-to-assume']]);
    const [deploying, planning] = ['', 'PLAN_'].map((kind) => `\${{ inputs.role-to-assume || vars.AWS_${kind}ROLE_TO_ASSUME }}`);
    expect(roles('deploy.yml', 'deploy')).toEqual([
      ['needs.resolve.outputs.github-environment == needs.resolve.outputs.environment', deploying],
      ['needs.resolve.outputs.github-environment != needs.resolve.outputs.environment', planning],
    ]);
    expect(roles('plan.yml', 'plan')).toEqual([[undefined, planning]]);
  });
});
