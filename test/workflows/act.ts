// Runs the reusable workflows as GitHub does, on this machine: act, in a scratch repository that contains the workflows, the action and its
// build. Features that act does not know are replaced: `$/` becomes `./`, and the actions of others, which it would have to fetch, become
// actions beside the workflows that do what matters of them.
import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { goTool } from '../../scripts/workflow-tools.ts';
import { PROJECT } from '../stack/cache.ts';

export const REPOSITORY = 'owner/repository';

// Built before any test: the first time takes longer than a test may.
const ACT = await goTool('act');

const EVENTS = [
  'push',
  'release',
  'workflow_dispatch',
  'pull_request',
  'pull_request_review',
  'pull_request_review_comment',
  'issue_comment',
  'schedule',
] as const;

export interface WorkflowEvent {
  readonly name: (typeof EVENTS)[number];
  /** The event's payload, as GitHub sends it. */
  readonly payload?: Readonly<Record<string, unknown>>;
}

export interface WorkflowRun {
  readonly code: number;
  readonly log: string;
  /** Names of the jobs that ran. */
  readonly jobs: readonly string[];
  /** Outputs of the called workflow, as a job after it sees them. */
  readonly outputs: Readonly<Record<string, string>>;
}

export interface WorkflowOptions {
  readonly workflow?: 'deploy' | 'plan';
  /** Inputs that the caller gives. */
  readonly with?: Readonly<Record<string, string | number | boolean>>;
  readonly secrets?: Readonly<Record<string, string>>;
  /** Variables of the repository; act knows no environments. */
  readonly variables?: Readonly<Record<string, string>>;
  /** Variables of all steps: the way to the stack's AWS. */
  readonly env?: Readonly<Record<string, string>>;
  /** Files of the calling repository. */
  readonly files?: Readonly<Record<string, string>>;
}

/** A step of the real action that matters here: credentials and region for the steps after it. */
const SIGN_IN = `name: sign in
description: stand-in
inputs:
  aws-region: { description: region, required: true }
  role-to-assume: { description: role, required: true }
  role-duration-seconds: { description: length of the session }
runs:
  using: composite
  steps:
    - shell: bash
      env:
        REGION: \${{ inputs.aws-region }}
        ROLE: \${{ inputs.role-to-assume }}
      run: |
        echo "signed in as $ROLE"
        { echo "AWS_REGION=$REGION"; echo "AWS_ACCESS_KEY_ID=local"; echo "AWS_SECRET_ACCESS_KEY=local"; } >> "$GITHUB_ENV"
`;
const OUTPUTS = ['function-arn', 'function-version', 'changed', 'created', 'environment', 'operation', 'tables'];

function caller({ workflow = 'deploy', with: inputs = {}, secrets = {} }: WorkflowOptions): string {
  const jobs = {
    called: {
      permissions: { 'id-token': 'write', contents: 'read', 'pull-requests': 'write' },
      uses: `./.github/workflows/${workflow}.yml`,
      with: inputs,
      secrets: Object.fromEntries(Object.keys(secrets).map((name) => [name, `\${{ secrets.${name} }}`])),
    },
    after: {
      needs: 'called',
      'runs-on': 'ubuntu-24.04',
      env: Object.fromEntries(OUTPUTS.map((name) => [name.replaceAll('-', '_'), `\${{ needs.called.outputs.${name} }}`])),
      steps: [{ run: OUTPUTS.map((name) => `echo "output ${name}=$${name.replaceAll('-', '_')}"`).join('\n'), shell: 'bash' }],
    },
  };
  // JSON is YAML.
  return JSON.stringify({
    name: 'caller',
    on: EVENTS,
    permissions: {},
    jobs,
  });
}

/** The workflow files, with replacements for references that act cannot resolve. */
async function copyWorkflows(to: string): Promise<void> {
  const from = join(PROJECT, '.github', 'workflows');
  await mkdir(to, { recursive: true });
  for (const name of ['deploy.yml', 'plan.yml']) {
    const text = await readFile(join(from, name), 'utf8');
    const rewritten = text
      .replace(/uses: \$\//g, 'uses: ./')
      .replace(/uses: aws-actions\/configure-aws-credentials@\S+/g, 'uses: ./.github/stand-ins/sign-in')
      // In place of this action, which needs no network then, act copies the repository to where the steps run.
      .replace(/^( +)steps:\n/gm, '$1steps:\n$1  - uses: actions/checkout@v7\n')
      // act refuses what it does not know.
      .replace(/^ +queue: max\n/gm, '');
    await writeFile(join(to, name), rewritten);
  }
}

/** Runs a workflow that calls one of the product's, for one event. */
export async function runWorkflow(event: WorkflowEvent, options: WorkflowOptions = {}): Promise<WorkflowRun> {
  const scratch = await mkdtemp(join(tmpdir(), 'workflow-'));
  const repository = join(scratch, 'repository');
  try {
    await mkdir(repository);
    const dist = process.env.DYNAMODB_TO_OPENSEARCH_DIST ?? join(PROJECT, 'dist');
    await cp(dist, join(repository, 'dist'), { recursive: true });
    await cp(join(PROJECT, 'action.yml'), join(repository, 'action.yml'));
    await cp(join(PROJECT, '.github', 'actions'), join(repository, '.github', 'actions'), { recursive: true });
    await copyWorkflows(join(repository, '.github', 'workflows'));
    const files = {
      '.github/stand-ins/sign-in/action.yml': SIGN_IN,
      '.github/workflows/caller.yml': caller(options),
      ...options.files,
    };
    for (const [path, text] of Object.entries(files)) {
      await mkdir(dirname(join(repository, path)), { recursive: true });
      await writeFile(join(repository, path), text);
    }
    await commit(repository);
    const payload = join(scratch, 'event.json');
    await writeFile(payload, JSON.stringify(event.payload ?? {}));
    return await act(event, payload, repository, scratch, options);
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

async function commit(repository: string): Promise<void> {
  const git = (...args: string[]): Promise<unknown> =>
    promisify(execFile)('git', ['-c', 'user.name=test', '-c', 'user.email=test@example.com', ...args], { cwd: repository });
  await git('init', '--quiet', '--initial-branch=main');
  await git('remote', 'add', 'origin', `https://github.com/${REPOSITORY}.git`);
  await git('add', '--all', '--force');
  await git('commit', '--quiet', '--message', 'scratch');
}

async function act(
  event: WorkflowEvent,
  payload: string,
  repository: string,
  scratch: string,
  options: WorkflowOptions,
): Promise<WorkflowRun> {
  const { env = {}, secrets = {}, variables = {} } = options;
  const pairs = (flag: string, values: Readonly<Record<string, string>>): string[] =>
    Object.entries(values).flatMap(([name, value]) => [flag, `${name}=${value}`]);
  const args = [
    event.name,
    ...['--workflows', '.github/workflows/caller.yml', '--eventpath', payload, '--platform', 'ubuntu-24.04=-self-hosted'],
    ...['--no-cache-server', '--action-offline-mode'],
    ...pairs('--env', env),
    ...pairs('--secret', secrets),
    ...pairs('--var', variables),
  ];
  const { code, log } = await new Promise<{ code: number; log: string }>((resolve) => {
    execFile(
      ACT,
      args,
      {
        cwd: repository,
        maxBuffer: 64 * 1024 * 1024,
        // act copies the checkout into its cache and leaves it there.
        env: {
          PATH: `${dirname(process.execPath)}${delimiter}${process.env.PATH ?? ''}`,
          HOME: scratch,
          XDG_CACHE_HOME: join(scratch, 'cache'),
          XDG_CONFIG_HOME: join(scratch, 'config'),
        },
      },
      (error, stdout, stderr) => {
        resolve({ code: error === null ? 0 : typeof error.code === 'number' ? error.code : 1, log: stdout + stderr });
      },
    );
  });
  const outputs = [...log.matchAll(/\| output ([\w-]+)=(.*)$/gm)].map(([, name = '', value = '']) => [name, value.trim()] as const);
  const jobs = new Set([...log.matchAll(/^\[[^/\]]+\/([^\]]+?)\s*\]/gm)].map(([, name = '']) => name));
  return { code, log, jobs: [...jobs], outputs: Object.fromEntries(outputs.filter(([, value]) => value !== '')) };
}
