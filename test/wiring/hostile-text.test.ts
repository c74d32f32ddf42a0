// Foreign text (AWS's descriptions, a deployed package, the cluster, the endpoint file), where the built action shows it.
import { CreateFunctionCommand } from '@aws-sdk/client-lambda';
import { afterAll, expect, test } from '@jest/globals';
import { strToU8, zipSync } from 'fflate';
import type { ActionRun } from '../stack/action-run.ts';
import { useStack } from '../stack/use-stack.ts';
import { prepareDeployment } from './deployment.ts';

const stack = await useStack();
const it = await prepareDeployment(stack);
afterAll(() => it.stop());

const EVIL = 'x ##[add-mask]e\n::set-env name=PATH::x\r::stop-commands::y\u2028::error::z \u202e\u001b[31m';

/** The commands that the runner would find in the log, but for the action's own. */
function strangeCommands({ log }: ActionRun): string[] {
  const lines = log.split(/\r\n|[\r\n\v\f\u0085\u2028\u2029]/);
  return lines.filter((line) => line.includes('##[') || (line.trim().startsWith('::') && !/^::(?:add-mask|warning|error)[ :]/.test(line)));
}

test('no text from outside is a command to the runner, or a control character in its log', async () => {
  const mapping = { [EVIL]: { TableName: EVIL, PrimaryKey: EVIL, Index: EVIL, ReportBatchItemFailures: true } };
  const config = {
    format: 1,
    release: EVIL,
    environment: 'STAGE',
    endpoint: 'https://search.example.com',
    auth: { type: 'none' },
    options: { defaults: { 'index-settings': { [EVIL]: EVIL } }, tables: { [EVIL]: { index: 'x' } } },
  };
  await stack.clients.lambda.send(
    new CreateFunctionCommand({
      FunctionName: it.name,
      Role: it.role,
      Runtime: 'python3.12',
      Handler: 'x.y',
      Description: EVIL,
      Code: {
        ZipFile: zipSync({
          'x.py': strToU8('pass\n'),
          'table_mapping.json': strToU8(JSON.stringify(mapping)),
          'config.json': strToU8(JSON.stringify(config)),
        }),
      },
    }),
  );
  const problems = [{ what: EVIL, remedy: EVIL }];
  for (const ok of [true, false]) {
    it.aws.on('lambda:Invoke', { response: { status: 200, body: { ok, cluster: { distribution: EVIL, version: EVIL }, problems } } });
    const run = await it.run({ description: `of ${String(ok)}` });
    expect(run.code).toBe(ok ? 0 : 1);
    expect(run.log).toContain('## [add-mask]e');
    expect(strangeCommands(run)).toEqual([]);
    for (const text of [run.log, run.summary, run.outputs['plan-markdown']])
      expect(text).not.toMatch(/(?![\n\t])[\p{Cc}\p{Cf}\u2028\u2029]/u);
  }
  it.aws.on('lambda:GetFunction', {
    response: { status: 400, headers: { 'x-amzn-errortype': 'InvalidParameterValueException' }, body: { message: EVIL, Message: EVIL } },
  });
  const refused = await it.run();
  expect(refused.code).toBe(1);
  expect(strangeCommands(refused)).toEqual([]);
});

test('a secret with signs of Markdown, JSON and URLs is in no log, summary or output, in no spelling', async () => {
  const secret = 'p|a*s_s`w<o>r&d[1]~@"x"\\%41';
  const key = Buffer.from('an-id:the-secret-key').toString('base64');
  const basic = Buffer.from(`writer:${secret}`).toString('base64');
  const said = [secret, JSON.stringify(secret), basic, key, 'an-id:the-secret-key', encodeURIComponent(secret)];
  const [words, ofKey] = [/p.{1,6}a.{1,6}s.{1,6}s.{1,6}w.{1,6}o.{1,6}r.{1,6}d/, /the.{1,6}secret.{1,6}key/];
  for (const credentials of [`ES_USERNAME=writer\nES_PASSWORD='${secret}'`, `ES_API_KEY=${key}`]) {
    const problems = said.map((what) => ({ what: `The cluster says ${what}`, remedy: what }));
    it.aws.on('lambda:Invoke', { response: { status: 200, body: { ok: false, problems } } });
    const run = await it.run({ endpoint: `ES_ENDPOINT='${stack.search.url}'\n${credentials}\n`, tags: 'team=search' });
    expect(run.code).toBe(1);
    const log = run.log.replaceAll(/^::add-mask::.*$/gm, '');
    const isBasic = credentials.includes('PASSWORD');
    expect(run.log).toContain(`::add-mask::${isBasic ? basic : 'the-secret-key'}`);
    for (const text of [log, run.summary, JSON.stringify(run.outputs)]) {
      expect(text).not.toMatch(isBasic ? words : ofKey);
      expect(text).not.toContain(isBasic ? basic : key);
    }
  }
});
