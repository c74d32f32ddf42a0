// The callers that the documents give to copy: what they pass exists, what is needed is granted, and the options file is one.
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { execFile } from 'node:child_process';
import { describe, expect, test } from '@jest/globals';
import { parse } from 'yaml';
import { actionFile } from '../../action/action-file.ts';
import { resolveEnvironment } from '../../action/resolve/environment.ts';
import { loadOptions } from '../../action/options/load.ts';
import { goTool } from '../../scripts/workflow-tools.ts';
import { PROJECT } from '../stack/cache.ts';

type Values = Readonly<Record<string, unknown>>;
interface Job {
  readonly uses?: string;
  readonly with?: Values;
  readonly secrets?: Values | string;
  readonly permissions?: Values;
  readonly environment?: string;
  readonly steps?: readonly { readonly uses?: string; readonly with?: Values }[];
}
interface Caller {
  readonly on: Values;
  readonly permissions: unknown;
  readonly jobs: Readonly<Record<string, Job>>;
}
interface Called {
  readonly on: { readonly workflow_call: { readonly inputs: Readonly<Record<string, { type: string }>>; readonly secrets: Values } };
  readonly jobs: Readonly<Record<string, Job>>;
}

// Built before any test: the first time may take longer than a test may.
const ACTIONLINT = await goTool('actionlint');

const FOLDER = join(PROJECT, 'docs/examples');
const SELF = 'OWNER/dynamodb-to-opensearch';
const read = (path: string): string => readFileSync(join(PROJECT, path), 'utf8');
const callers = readdirSync(FOLDER)
  .filter((name) => name !== 'options.yml')
  .map((name) => ({ source: `docs/examples/${name}`, text: read(`docs/examples/${name}`) }));
const readme = /```yaml\n(name: Search\n[\s\S]*?)```/.exec(read('README.md'))?.[1] ?? '';
const all = [...callers, { source: 'README.md', text: readme }].map(({ source, text }) => [source, parse(text) as Caller] as const);
const workflow = (name: string): Called => parse(read(`.github/workflows/${name}`)) as Called;

/** An input of a called workflow accepts a value of its type; an expression is of whatever type it comes to. */
function fits(value: unknown, type: string): boolean {
  return typeof value === type || (typeof value === 'string' && value.startsWith('${{'));
}

describe('the example callers', () => {
  test('are those that the documents name', () => {
    const names = callers.map(({ source }) => source);
    expect(names.length).toBeGreaterThanOrEqual(9);
    for (const name of names.filter((one) => one !== 'docs/examples/minimal.yml')) expect(read('README.md')).toContain(`(${name})`);
  });

  test('README.md shows the minimal one, in under 20 lines of YAML', () => {
    expect(readme.split('\n').filter((line) => line.trim() !== '').length).toBeLessThan(20);
    const minimal = parse(read('docs/examples/minimal.yml')) as Caller;
    const shown = parse(readme) as Caller;
    expect(shown.on).toEqual(minimal.on);
    expect(shown.jobs.deploy).toMatchObject({ uses: minimal.jobs.deploy?.uses, permissions: minimal.jobs.deploy?.permissions });
  });

  test('are pinned by commit, with the tag beside it', () => {
    const lines = [...callers, { source: 'README.md', text: read('README.md') }].flatMap(({ text }) =>
      text.split('\n').filter((line) => /^\s*(?:- )?uses: (?!\$\/|\.\/)/.test(line)),
    );
    expect(lines.length).toBeGreaterThan(callers.length);
    for (const line of lines) expect(line).toMatch(/uses: [\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/);
  });

  test.each(all)('%s passes inputs that the called workflow accepts, and grants the permissions it needs', (_source, caller) => {
    expect(caller.permissions).toEqual({});
    const calls = Object.values(caller.jobs).filter(({ uses }) => uses !== undefined);
    for (const call of calls) {
      const [, file = ''] =
        /^OWNER\/dynamodb-to-opensearch\/\.github\/workflows\/(deploy|plan)\.yml@[0-9a-f]{40}$/.exec(call.uses ?? '') ?? [];
      const called = workflow(`${file}.yml`);
      const { inputs, secrets } = called.on.workflow_call;
      for (const [name, value] of Object.entries(call.with ?? {})) {
        expect(Object.keys(inputs)).toContain(name);
        expect({ name, fits: fits(value, inputs[name]?.type ?? '') }).toEqual({ name, fits: true });
      }
      if (typeof call.secrets === 'object') for (const name of Object.keys(call.secrets)) expect(Object.keys(secrets)).toContain(name);
      else expect(call.secrets).toBeUndefined();
      expect(call.permissions).toEqual(called.jobs[file]?.permissions);
    }
    const steps = Object.values(caller.jobs).flatMap((job) => (job.steps ?? []).map((step) => ({ job, step })));
    const own = steps.filter(({ step }) => step.uses?.startsWith(`${SELF}@`));
    for (const { job, step } of own) {
      for (const name of Object.keys(step.with ?? {})) expect(Object.keys(actionFile().inputs)).toContain(name);
      expect(job.permissions).toEqual({ contents: 'read', 'id-token': 'write' });
      expect(step.with?.environment).toBe(job.environment);
    }
    expect(calls.length + own.length).toBeGreaterThan(0);
  });

  test.each(all)('%s reads only variables that the documents name', (source) => {
    const text = source === 'README.md' ? readme : read(source);
    const known = `${read('.github/workflows/deploy.yml')}${read('.github/workflows/plan.yml')}`;
    for (const [name] of text.matchAll(/\bvars\.[A-Z_]+/g)) expect(known).toContain(name);
  });

  test('the table of environments of the approvals leads every ref where it says', () => {
    const { environments } = (parse(read('docs/examples/approvals.yml')) as Caller).jobs.deploy?.with ?? {};
    const to = (ref: string): string | undefined =>
      resolveEnvironment({ name: 'push', ref }, { environments: String(environments), environment: '', operation: '', dryRun: false })
        .environment;
    expect(['refs/heads/develop', 'refs/heads/main', 'refs/tags/v2.0.0-rc.1', 'refs/tags/v2.0.0', 'refs/heads/other'].map(to)).toEqual([
      'DEV',
      'STAGE',
      'QA',
      'PROD',
      undefined,
    ]);
  });

  test('the comparison of every night runs verify in STAGE, changes nothing, and is red where it did not end', () => {
    const { on, jobs } = parse(read('docs/examples/verify-nightly.yml')) as Caller;
    const inputs = jobs.verify?.with ?? {};
    expect(Object.keys(on)).toContain('schedule');
    expect(inputs).not.toHaveProperty('repair');
    expect(inputs).not.toHaveProperty('fail-on-differences');
    expect(
      resolveEnvironment(
        { name: 'schedule', ref: 'refs/heads/main' },
        { environments: '', environment: String(inputs.environment), operation: String(inputs.operation), dryRun: false },
      ),
    ).toMatchObject({ environment: 'STAGE', operation: 'verify', dryRun: false });
    expect(JSON.stringify(jobs.complete?.steps)).toContain("needs.verify.outputs.complete != 'true'");
  });

  test('have the inputs that the steps after an outage set', () => {
    const { on } = parse(read('docs/examples/backfill-and-verify.yml')) as {
      on: { workflow_dispatch: { inputs: Record<string, { options?: string[] }> } };
    };
    const { inputs } = on.workflow_dispatch;
    const set = [...read('docs/outage.md').matchAll(/-f ([\w-]+)=([\w%-]+)/g)].map(([, name = '', value = '']) => ({ name, value }));
    expect(set.length).toBeGreaterThan(10);
    for (const { name, value } of set) {
      expect(Object.keys(inputs)).toContain(name);
      expect({ name, value, accepted: inputs[name]?.options?.includes(value) ?? true }).toEqual({ name, value, accepted: true });
    }
  });

  test('are workflows that actionlint passes', async () => {
    const files = callers.map(({ source }) => source);
    const { stdout } = await promisify(execFile)(ACTIONLINT, ['-no-color', ...files], { cwd: PROJECT });
    expect(stdout).toBe('');
  });
});

describe('docs/examples/options.yml', () => {
  test.each(['STAGE', 'PROD'])('is a legal options file for %s', async (environment) => {
    const options = await loadOptions('docs/examples/options.yml', { workspace: PROJECT, environment });
    expect(options.warnings).toEqual([]);
    expect(options.tables.Orders?.index).toBe(environment === 'PROD' ? 'orders-live' : 'orders-v2');
    expect(options.defaults['index-settings']).toEqual({ number_of_shards: 1, number_of_replicas: environment === 'PROD' ? 2 : 1 });
    expect(options.triggers.tables.Orders).toMatchObject({ 'batch-size': 500, parallelization: 4 });
  });
});
