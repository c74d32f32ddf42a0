// The built action outside GitHub, as docs/elsewhere.md shows it: inputs that a shell can export, plain output, files for the results.
import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PutItemCommand } from '@aws-sdk/client-dynamodb';
import { afterAll, describe, expect, test } from '@jest/globals';
import { parse } from 'yaml';
import { actionFile } from '../../action/action-file.ts';
import { variablesOf } from '../../action/inputs/variables.ts';
import { PROJECT } from '../stack/cache.ts';
import { useStack } from '../stack/use-stack.ts';
import { prepareDeployment } from './deployment.ts';

const stack = await useStack();
const it = await prepareDeployment(stack);
const [table = ''] = it.tables;
const folder = mkdtempSync(join(tmpdir(), 'shell-'));
const DIST = join(process.env.DYNAMODB_TO_OPENSEARCH_DIST ?? join(PROJECT, 'dist'), 'index.js');
afterAll(async () => {
  await it.stop();
  rmSync(folder, { recursive: true, force: true });
});

const page = readFileSync(join(PROJECT, 'docs/elsewhere.md'), 'utf8');
const [, script = ''] = /```sh\n(export[\s\S]*?)```/.exec(page) ?? [];
const [, gitlab = ''] = /```yaml\n([\s\S]*?)```/.exec(page) ?? [];

interface Ended {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** The script of the page with the values of this deployment, in a shell without any variable of GitHub. */
function run(env: Readonly<Record<string, string>> = {}, changes: readonly (readonly [from: string, to: string])[] = []): Promise<Ended> {
  const values = [
    ['my-code-bucket', it.bucket],
    ['arn:aws:iam::123456789012:role/DynamoToES', it.role],
    ['Orders,Customers', table],
    ['dynamodb-to-opensearch/dist/index.js', `'${DIST}'`],
    ...changes,
  ] as const;
  const text = values.reduce((all, [from, to]) => {
    expect(all).toContain(from);
    return all.replace(from, to);
  }, script);
  const variables = {
    PATH: process.env.PATH,
    HOME: folder,
    ...stack.env,
    AWS_ENDPOINT_URL: it.aws.url,
    INPUT_FUNCTION_NAME: it.name,
    ...env,
  };
  return new Promise((resolve) => {
    execFile('sh', ['-eu', '-c', text], { cwd: folder, env: variables }, (error, out, err) => {
      resolve({ code: typeof error?.code === 'number' ? error.code : 0, out, err });
    });
  });
}

const outputs = (): Record<string, string> => JSON.parse(readFileSync(join(folder, 'outputs.json'), 'utf8')) as Record<string, string>;
/** A command of GitHub's runner. */
const COMMAND = /^\s*::|##\[/m;

describe('the shell of docs/elsewhere.md', () => {
  test('plans with INPUT_DRY_RUN, changes nothing, and prints no command of GitHub', async () => {
    const { code, out, err } = await run();
    expect({ code, commands: COMMAND.test(out + err) }).toEqual({ code: 0, commands: false });
    expect(out).toContain(`deploy (dry run): function ${it.name}, environment STAGE`);
    expect(out).toContain(`+ trigger ${table}`);
    expect(outputs()).toMatchObject({ changed: 'true', created: 'true', operation: 'deploy' });
    expect(readFileSync(join(folder, 'summary.md'), 'utf8')).toContain('### Planned changes');
    expect((await it.keys()).filter((key) => key.startsWith('lambda/'))).toEqual([]);
  });

  test('deploys without it', async () => {
    const { code, out, err } = await run({}, [['INPUT_DRY_RUN=true', 'INPUT_DRY_RUN=false']]);
    expect({ code, commands: COMMAND.test(out + err) }).toEqual({ code: 0, commands: false });
    expect(err).toMatch(/^Warning: No on-failure destination: /m);
    expect(outputs()).toMatchObject({ changed: 'true', created: 'true' });
  });

  test('shows the result of an operation on tables in its output', async () => {
    const keys = { id: { S: 'a' }, line: { N: '1' } };
    await stack.clients.dynamodb.send(new PutItemCommand({ TableName: table, Item: keys }));
    const { code, out, err } = await run({ INPUT_OPERATION: 'backfill' }, [['INPUT_DRY_RUN=true', 'INPUT_DRY_RUN=false']]);
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out).toMatch(new RegExp(`^Table ${table.replaceAll('.', '\\.')}: complete; 1 read, 1 written`, 'm'));
    expect(out).toContain(`\nReport: ${outputs()['report-uri']}\n`);
  });

  test('signs in with a token in a file, as the job of GitLab does', async () => {
    const token = join(folder, 'token');
    writeFileSync(token, 'a token of the identity provider');
    const { code, out, err } = await run({
      ...{ AWS_ACCESS_KEY_ID: '', AWS_SECRET_ACCESS_KEY: '', AWS_SESSION_TOKEN: '' },
      ...{ AWS_ROLE_ARN: it.role, AWS_WEB_IDENTITY_TOKEN_FILE: token },
    });
    expect({ code, err: err.replace(/^Warning: .*\n/gm, '') }).toEqual({ code: 0, err: '' });
    expect(out).toContain(`deploy (dry run): function ${it.name}`);
    expect(it.aws.requests.some(({ body }) => body.startsWith('Action=AssumeRoleWithWebIdentity&'))).toBe(true);
  });

  test('writes no file that no variable names', async () => {
    for (const name of ['outputs.json', 'summary.md']) rmSync(join(folder, name));
    const { code } = await run({}, [['export OUTPUTS_FILE=outputs.json SUMMARY_FILE=summary.md', '']]);
    expect(code).toBe(0);
    expect(['outputs.json', 'summary.md'].filter((name) => existsSync(join(folder, name)))).toEqual([]);
  });

  test('fails with one line and exit status 1, and names a variable that is no input', async () => {
    const { code, out, err } = await run({ INPUT_TABELS: 'Orders', INPUT_MEMORY_SIZE: '64' });
    expect(code).toBe(1);
    expect(COMMAND.test(out + err)).toBe(false);
    expect(err.trim().split('\n')).toEqual([
      'Warning: An unknown input: INPUT_TABELS has no effect, because the action has no such input; did you mean INPUT_TABLES?',
      'Error: memory-size: expected a whole number from 128 to 10240 (MiB), found "64"',
    ]);
  });

  test('prints no secret of the endpoint file, not even to mask it', async () => {
    const endpoint = `ES_ENDPOINT='${stack.search.url}'\nES_USERNAME='somebody'\nES_PASSWORD='a secret that nobody sees'\n`;
    const { out, err } = await run({ INPUT_ENDPOINT: endpoint });
    expect(out).toContain('deploy (dry run)');
    expect(out + err).not.toContain('a secret that nobody sees');
  });
});

test('an older Node ends the run with one sentence, whatever else it lacks', async () => {
  const old = join(folder, 'old-node.cjs');
  writeFileSync(old, "Object.defineProperty(process.versions, 'node', { value: '20.20.2' });");
  const { code, err } = await run({ NODE_OPTIONS: `--require=${old}`, INPUT_MEMORY_SIZE: '64' });
  expect({ code, err }).toEqual({
    code: 1,
    err: 'Error: The action needs Node 24 or newer, and this is Node 20.20.2. Run dist/index.js with Node 24\n',
  });
});

test('the job of GitLab sets inputs that the action has, and results that the job keeps', () => {
  const { 'deploy-search': job } = parse(gitlab) as {
    'deploy-search': { variables: Record<string, string>; artifacts: { paths: string[] } };
  };
  const known = Object.keys(actionFile().inputs).map((name) => variablesOf(name)[1]);
  const inputs = Object.keys(job.variables).filter((name) => name.startsWith('INPUT_'));
  expect(inputs.length).toBeGreaterThan(2);
  for (const name of inputs) expect(known).toContain(name);
  expect([job.variables.OUTPUTS_FILE, job.variables.SUMMARY_FILE]).toEqual(job.artifacts.paths);
});
