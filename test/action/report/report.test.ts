import { describe, expect, test } from '@jest/globals';
import { change } from '../../../action/plan/change.ts';
import { InputError, UserError, failureSentence } from '../../../action/errors.ts';
import { escaped, planJson, planMarkdown, planText } from '../../../action/report/render-plan.ts';
import { Report } from '../../../action/report/report.ts';
import type { Runner } from '../../../action/report/runner.ts';

function runner(): Runner & { log: string[]; outputs: Record<string, string>; summary: string } {
  const state = { log: [] as string[], outputs: {} as Record<string, string>, summary: '' };
  const line =
    (level: string) =>
    (message: string, properties?: { title?: string; file?: string; startLine?: number }): void => {
      state.log.push(`${level}${properties === undefined ? '' : JSON.stringify(properties)} ${message}`);
    };
  return Object.assign(state, {
    info: line('info'),
    warning: line('warning'),
    error: line('error'),
    setSecret: line('mask'),
    setOutputs: (outputs: Readonly<Record<string, string>>) => {
      Object.assign(state.outputs, outputs);
    },
    summarize: (markdown: string) => {
      state.summary = markdown;
      return Promise.resolve();
    },
    fail: line('fail'),
  });
}

/** A name that makes the settings longer than a line. */
const QUEUE = `arn:aws:sqs:eu-west-1:123456789012:${'q'.repeat(100)}`;

const changes = [
  change('function', 'memory-size', 128, 256, 'set by the input'),
  change('package', 'endpoint', 'old.example.com', 'new|`<b>`.example.com', 'the endpoint\nfile'),
  change('trigger Orders', 'trigger', undefined, { 'batch-size': 1000, 'on-failure': QUEUE }, 'the table has no trigger'),
  change('package', 'key-mapping.Orders', undefined, { TableName: 'Orders', PrimaryKey: 'id' }, 'a source table'),
  change('tags', 'team', 'search', undefined, 'the input does not name it'),
];

describe('a plan', () => {
  test('is log text, JSON and Markdown of one model', () => {
    expect(planText(changes)).toEqual([
      '~ function, memory-size: 128 → 256 (set by the input)',
      '~ package, endpoint: old.example.com → new|`<b>`.example.com (the endpoint\nfile)',
      '+ trigger Orders, trigger (the table has no trigger)',
      '    batch-size: 1000',
      `    on-failure: ${QUEUE}`,
      '+ package, key-mapping.Orders: {"TableName":"Orders","PrimaryKey":"id"} (a source table)',
      '- tags, team: search (the input does not name it)',
    ]);
    expect(JSON.parse(planJson({ operation: 'deploy', environment: 'STAGE', functionName: 'Fn' }, changes.slice(0, 1)))).toEqual({
      operation: 'deploy',
      environment: 'STAGE',
      function: 'Fn',
      changes: [{ resource: 'function', action: 'update', path: 'memory-size', before: 128, after: 256, reason: 'set by the input' }],
    });
    expect(planMarkdown(changes).split('\n')).toHaveLength(7);
    expect(planMarkdown(changes)).toContain(`|  | batch-size: 1000<br>on-failure: ${QUEUE} | the table has no trigger |`);
    expect(planMarkdown([])).toBe('Nothing to change.');
  });

  test('is cut before a summary or a comment is too long', () => {
    const many = Array.from({ length: 500 }, (_, at) => change('package', `key-mapping.T${at}`, undefined, 'x'.repeat(1_000), 'r'));
    expect(planMarkdown(many)).toContain('… and 200 more.');
    expect(planMarkdown(many).length).toBeLessThan(1024 * 1024);
  });

  test('shows what others wrote as text, never as markup', () => {
    expect(escaped('a|b <img> @team [x](y)\n# z')).toBe('a\\|b &lt;img&gt; &#64;team \\[x\\](y) # z');
  });
});

describe('the report', () => {
  test('of a run that fails has every output, the plan so far, the sentence, and no secret', async () => {
    const to = runner();
    const report = new Report(to, () => 3_500, 1_000);
    report.begin({ operation: 'deploy', environment: 'STAGE', functionName: 'Fn' }, false);
    report.mask('pass"word', '  ');
    report.plan(changes.slice(0, 1));
    report.warn({ title: 'T', message: 'about pass"word' });
    report.warn({ title: 'T', message: 'about pass"word' });
    report.changed(true);
    report.tables({ Orders: { index: 'orders', keys: ['id'], trigger: null } });
    await report.finish('It failed with pass"word');
    expect(Object.keys(to.outputs)).toEqual([
      'function-arn',
      'function-version',
      'alias-arn',
      'code-sha256',
      'created',
      'changed',
      'environment',
      'operation',
      'plan',
      'plan-markdown',
      'tables',
      'complete',
      'differences',
      'counts',
      'report-uri',
    ]);
    expect(to.outputs).toMatchObject({ changed: 'true', created: 'false', environment: 'STAGE', operation: 'deploy' });
    expect(to.summary).toContain('> It failed with');
    expect(to.summary).toContain('| Orders | orders | id | none |');
    expect(to.summary).toContain('2.5 s');
    expect(to.log.filter((line) => line.startsWith('warning'))).toHaveLength(1);
    expect([to.summary, ...Object.values(to.outputs), ...to.log.filter((line) => !line.startsWith('mask'))].join('\n')).not.toContain(
      'pass"word',
    );
  });

  test('of a failure says changed only where something is other than before; a dry run where it would be', async () => {
    const changed = async (dryRun: boolean, failure: string | undefined, done?: boolean): Promise<string | undefined> => {
      const to = runner();
      const report = new Report(to, () => 0, 0);
      report.begin({ operation: 'deploy', environment: 'STAGE', functionName: 'Fn' }, dryRun);
      report.plan(changes);
      if (done !== undefined) report.changed(done);
      await report.finish(failure);
      return to.outputs.changed;
    };
    expect(await changed(false, undefined, true)).toBe('true');
    expect(await changed(true, undefined)).toBe('true');
    expect(await changed(false, 'x')).toBe('false');
    expect(await changed(false, 'x', true)).toBe('true');
    expect(await changed(false, 'x', false)).toBe('false');
  });

  test('survives a summary that cannot be written', async () => {
    const to = { ...runner(), summarize: () => Promise.reject(new Error('no file')) };
    await new Report(to, () => 0, 0).finish(undefined);
    expect(to.outputs.changed).toBe('false');
  });

  test('shows problems of files in the workspace at their place, and of others not', () => {
    const to = runner();
    new Report(to, () => 0, 0).annotate(
      new InputError([
        { where: 'scripts', message: 'wrong', place: { file: 'package.json', line: 7 } },
        { where: 'ES_ENDPOINT', message: 'wrong', place: { file: 'STAGE_es_creds', line: 1 } },
      ]),
      process.cwd(),
    );
    expect(to.log).toEqual(['error{"title":"scripts","file":"package.json","startLine":7} wrong']);
  });

  test('distinguishes an expected error from a defect', () => {
    expect(failureSentence(new UserError('It is so', 'Do this'))).toBe('It is so. Do this');
    expect(failureSentence(new TypeError('x is undefined'))).toBe(
      'This is a defect of the action, please report it: TypeError: x is undefined',
    );
    expect(failureSentence('thrown')).toContain('thrown');
  });

  test('with a secret of one letter, or one that is a common word, keeps its outputs what they are', async () => {
    const to = runner();
    const report = new Report(to, () => 0, 0);
    report.begin({ operation: 'deploy', environment: 'STAGE', functionName: 'search' }, false);
    report.mask('1', 'search');
    report.outputs({ 'function-arn': 'arn:aws:lambda:eu-west-1:123456789012:function:search', 'code-sha256': 'a1b1=' });
    report.plan([change('function', 'memory-size', 128, 1024, 'for search')]);
    report.info('about search');
    await report.finish(undefined);
    expect(to.outputs).toMatchObject({
      'function-arn': 'arn:aws:lambda:eu-west-1:123456789012:function:search',
      'code-sha256': 'a1b1=',
    });
    expect(JSON.parse(to.outputs.plan ?? '')).toMatchObject({ function: 'search', changes: [{ before: 128, reason: 'for ***' }] });
    expect(to.log.at(-1)).toBe('info about ***');
  });

  test('names the place of a warning about a file that is not in the workspace', () => {
    const to = runner();
    const report = new Report(to, () => 0, 0);
    const warning = { where: 'ES_AUHT', message: 'this key is not known', place: { file: 'STAGE_es_creds', line: 3 } };
    report.warnAbout([warning, { ...warning, place: { file: 'package.json', line: 1 } }], process.cwd());
    expect(to.log).toEqual([
      'warning{"title":"ES_AUHT"} STAGE_es_creds:3: this key is not known',
      'warning{"title":"ES_AUHT","file":"package.json","startLine":1} this key is not known',
    ]);
  });

  test('hides a secret that has signs of Markdown in log, annotations, summary, comment and outputs', async () => {
    const secret = 'p|a*s_s<w>`[o]~r@d';
    const to = runner();
    const report = new Report(to, () => 0, 0);
    report.mask(secret);
    report.begin({ operation: 'deploy', environment: 'STAGE', functionName: 'Fn' }, false);
    report.plan([change('function', `tags.${secret}`, { [secret]: secret }, `a ${secret}`, `because ${secret}`)]);
    report.warn({ title: `About ${secret}`, message: `about ${secret}` });
    report.warnAbout([{ where: secret, message: secret, place: { file: 'x', line: 1 } }], undefined);
    report.annotate(new InputError([{ where: secret, message: secret, place: { file: 'package.json' } }]), process.cwd());
    report.note(`A note on ${secret}`);
    report.items({ [secret]: secret });
    report.checked({
      ok: false,
      cluster: {},
      endpoint: '',
      environment: '',
      release: '',
      tables: {},
      problems: [{ what: secret, remedy: secret }],
    });
    report.tables({ [secret]: { index: secret, keys: [secret], trigger: secret } });
    const comment = report.comment;
    await report.finish(`It failed: ${secret}\nand ${secret}`);
    const written = [comment, to.summary, ...Object.values(to.outputs), ...to.log.filter((line) => !line.startsWith('mask'))];
    const words = secret.split(/[^a-z]/);
    for (const text of written) {
      expect(text).not.toContain(secret);
      expect(text).not.toMatch(new RegExp(words.join('.{1,6}')));
    }
  });

  test('lets no text from outside be a command to the runner, wherever it shows it', async () => {
    const evil = 'x ##[add-mask]e\n::set-output name=a::b\u202e\u001b[31m';
    const to = runner();
    const report = new Report(to, () => 0, 0);
    report.info(evil);
    report.plan([change(evil, evil, evil, undefined, evil), change('package', evil, { [evil]: evil }, evil, evil)]);
    report.warn({ title: evil, message: evil });
    report.items({ [evil]: evil });
    report.warnAbout([{ where: evil, message: evil }], undefined);
    report.annotate(new InputError([{ where: evil, message: evil, place: { file: 'package.json' } }]), process.cwd());
    report.checked({
      ok: true,
      cluster: { distribution: evil, version: evil },
      endpoint: evil,
      environment: evil,
      release: evil,
      tables: {},
      problems: [{ what: evil, remedy: evil }],
    });
    report.tables({ [evil]: { index: evil, keys: [evil], trigger: evil } });
    await report.finish(evil);
    for (const text of [...to.log, to.summary, ...Object.values(to.outputs), report.redact(evil)]) {
      expect(text).not.toContain('##[');
      expect(text).not.toMatch(/^\s*::/m);
      expect(text).not.toMatch(/(?![\n\t])[\p{Cc}\p{Cf}]/u);
    }
    for (const line of to.log.filter((one) => one.startsWith('info'))) expect(line).not.toContain('\n');
  });

  test('masks the longest secret first', () => {
    const to = runner();
    new Report(to, () => 0, 0).mask('pass', 'user:password', 'password');
    expect(to.log).toEqual(['mask user:password', 'mask password', 'mask pass']);
  });
});
