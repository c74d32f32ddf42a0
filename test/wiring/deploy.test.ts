import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import {
  CreateEventSourceMappingCommand,
  GetFunctionCommand,
  GetFunctionConfigurationCommand,
  ListEventSourceMappingsCommand,
  UpdateEventSourceMappingCommand,
} from '@aws-sdk/client-lambda';
import { DescribeTableCommand } from '@aws-sdk/client-dynamodb';
import { readPackage, entryText } from '../../action/package/package.ts';
import { useStack } from '../stack/use-stack.ts';
import { createTable, prepareDeployment, type Deployment } from './deployment.ts';

const stack = await useStack();
const { lambda } = stack.clients;

async function deployed(name: string): Promise<Record<string, unknown>> {
  const { Code: code } = await lambda.send(new GetFunctionCommand({ FunctionName: name }));
  const found = readPackage(new Uint8Array(await (await fetch(code?.Location ?? '')).arrayBuffer()));
  return Object.fromEntries(
    ['config.json', 'table_mapping.json'].map((entry) => [entry, JSON.parse(entryText(found, entry) ?? 'null') as unknown]),
  );
}

describe('deploy', () => {
  let it: Deployment;
  let tables: string;
  beforeAll(async () => {
    it = await prepareDeployment(stack, { count: 2 });
    tables = it.tables.join('\n');
  });
  afterAll(() => it.stop());

  test('as a dry run shows the plan of a function that does not exist, and changes nothing', async () => {
    const run = await it.run({ tables, 'dry-run': 'true' });
    expect(run).toMatchObject({ code: 0, outputs: { changed: 'true', created: 'true', operation: 'deploy', environment: 'STAGE' } });
    expect(it.mutations()).toEqual([]);
    expect(it.requests().filter(({ operation }) => operation === 'lambda:Invoke')).toEqual([]);
    const plan = JSON.parse(run.outputs.plan ?? '') as {
      function: string;
      changes: { resource: string; path: string; after: unknown }[];
    };
    expect(plan).toMatchObject({ operation: 'deploy', environment: 'STAGE', function: it.name });
    expect(plan.changes).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ resource: 'function', path: 'memory-size', action: 'create', before: null, after: 128 }),
      ]),
    );
    expect(plan.changes.filter(({ resource }) => resource.startsWith('trigger '))).toHaveLength(2);
    expect(run.summary).toContain('Planned changes');
  });

  test('creates function, streams and triggers, and the function reaches the cluster', async () => {
    const run = await it.run({ tables, description: 'Keeps the search fresh' });
    expect(run.log).toContain('The function reaches the cluster');
    expect(run).toMatchObject({ code: 0, outputs: { changed: 'true', created: 'true', 'function-version': '$LATEST', 'alias-arn': '' } });
    const configuration = await lambda.send(new GetFunctionConfigurationCommand({ FunctionName: it.name }));
    expect(configuration).toMatchObject({
      MemorySize: 128,
      Timeout: 60,
      Runtime: 'nodejs24.x',
      Handler: 'index.handler',
      Description: 'Keeps the search fresh',
      CodeSha256: run.outputs['code-sha256'],
      FunctionArn: run.outputs['function-arn'],
    });
    const hex = Buffer.from(run.outputs['code-sha256'] ?? '', 'base64').toString('hex');
    expect(await it.keys()).toEqual(
      expect.arrayContaining([
        `lambda/${it.name}.zip`,
        `lambda/${it.name}/${hex}.zip`,
        `lambda/${it.name}/history/123456789012-eu-west-1.json`,
      ]),
    );
    const created = it.requests().find(({ operation }) => operation === 'lambda:CreateFunction');
    expect(JSON.parse(created?.body ?? '')).toMatchObject({ Code: { S3Bucket: it.bucket, S3Key: `lambda/${it.name}/${hex}.zip` } });
    for (const table of it.tables) {
      const { Table: found } = await stack.clients.dynamodb.send(new DescribeTableCommand({ TableName: table }));
      expect(found?.StreamSpecification).toEqual({ StreamEnabled: true, StreamViewType: 'NEW_AND_OLD_IMAGES' });
    }
    const { EventSourceMappings: triggers } = await lambda.send(new ListEventSourceMappingsCommand({ FunctionName: it.name }));
    expect(triggers).toHaveLength(2);
    for (const trigger of triggers ?? []) {
      expect(trigger).toMatchObject({
        BatchSize: 1000,
        StartingPosition: 'TRIM_HORIZON',
        BisectBatchOnFunctionError: true,
        MaximumRecordAgeInSeconds: 82_800,
        FunctionResponseTypes: ['ReportBatchItemFailures'],
      });
    }
    const [first = ''] = it.tables;
    expect(JSON.parse(run.outputs.tables ?? '')).toMatchObject({
      [first]: { index: first.toLowerCase(), keys: ['id', 'line'], trigger: 'Enabled' },
    });
    expect(run.summary).toContain('passed: opensearch 2');
  });

  test('a second time makes no mutating call', async () => {
    const run = await it.run({ tables, description: 'Keeps the search fresh' });
    expect(run).toMatchObject({ code: 0, outputs: { changed: 'false', created: 'false', 'plan-markdown': 'Nothing to change.' } });
    expect(it.mutations()).toEqual([]);
    expect(it.requests().filter(({ operation }) => operation === 'lambda:Invoke')).toEqual([]);
  });

  test('sends on update only what is set, and no Environment unless it is', async () => {
    await it.run({ tables, 'environment-variables': 'LEVEL=debug\nTOKEN=first-secret-value' });
    const run = await it.run({ tables, 'memory-size': '256' });
    expect(run.code).toBe(0);
    expect(it.mutations()).toEqual(['s3:PutObject', 'lambda:UpdateFunctionConfiguration', 's3:PutObject']);
    const update = it.requests().find(({ operation }) => operation === 'lambda:UpdateFunctionConfiguration');
    expect(JSON.parse(update?.body ?? '')).toEqual({ MemorySize: 256 });
  });

  test('sets the size of /tmp where an input says so, and leaves it alone otherwise', async () => {
    const run = await it.run({ tables, 'ephemeral-storage': '1024' });
    expect(run).toMatchObject({ code: 0, outputs: { changed: 'true' } });
    const size = async (): Promise<number | undefined> =>
      (await lambda.send(new GetFunctionConfigurationCommand({ FunctionName: it.name }))).EphemeralStorage?.Size;
    expect(await size()).toBe(1024);
    expect(await it.run({ tables })).toMatchObject({ code: 0, outputs: { changed: 'false' } });
    expect(await size()).toBe(1024);
  });

  test('merges environment variables, names them in the plan and never shows a value', async () => {
    const run = await it.run({ tables, 'environment-variables': 'TOKEN=second-secret-value\nMORE=third-secret-value' });
    const { Environment: environment } = await lambda.send(new GetFunctionConfigurationCommand({ FunctionName: it.name }));
    expect(environment?.Variables).toEqual({ LEVEL: 'debug', TOKEN: 'second-secret-value', MORE: 'third-secret-value' });
    expect(run.outputs.plan).toContain('environment-variables.TOKEN');
    for (const text of [run.log, run.summary, JSON.stringify(run.outputs)]) expect(text).not.toMatch(/(first|second|third)-secret-value/);
    const cleared = await it.run({ tables, 'environment-variables': 'LEVEL=info', 'env-strategy': 'overwrite' });
    expect(cleared.code).toBe(0);
    expect((await lambda.send(new GetFunctionConfigurationCommand({ FunctionName: it.name }))).Environment?.Variables).toEqual({
      LEVEL: 'info',
    });
  });

  test('sets, changes and removes tags, and the retention of the logs', async () => {
    await it.run({ tables, tags: 'team=search\nstage=one', 'log-retention-days': '7' });
    expect(it.mutations()).toEqual(['lambda:TagResource', 'logs:CreateLogGroup', 'logs:PutRetentionPolicy']);
    await it.run({ tables, tags: 'team=search\nstage=two', 'log-retention-days': '7' });
    expect(it.mutations()).toEqual(['lambda:TagResource']);
    await it.run({ tables, tags: 'team=search', 'log-retention-days': '7' });
    expect(it.mutations()).toEqual(['lambda:UntagResource']);
    expect((await lambda.send(new GetFunctionCommand({ FunctionName: it.name }))).Tags).toEqual({ team: 'search' });
  });

  test('refuses another environment for the same function', async () => {
    await it.put('PROD_es_creds', `ES_ENDPOINT='${stack.search.url}'\n`);
    const run = await it.run({ environment: 'PROD', tables });
    expect(run.code).toBe(1);
    expect(run.log).toMatch(/::error::Function .* serves environment STAGE, and this run is for PROD/);
    expect(it.mutations()).toEqual([]);
  });

  test('leaves triggers alone without tables, and still maps them', async () => {
    const run = await it.run();
    expect(run.outputs.changed).toBe('false');
    expect(Object.keys(JSON.parse(run.outputs.tables ?? '') as object)).toEqual([...it.tables].sort());
  });
});

describe('deploy of a function without tables', () => {
  const warnings = (log: string): string[] => log.match(/^::warning title=A function without a trigger::.*$/gm) ?? [];

  test('warns once, when it is planned and when it is created, that no trigger calls it; later runs and other functions do not', async () => {
    const it = await prepareDeployment(stack);
    const [table = ''] = it.tables;
    const planned = await it.run({ 'dry-run': 'true' });
    expect(warnings(planned.log)).toHaveLength(1);
    expect(planned.summary).toContain('**A function without a trigger**');
    expect(warnings((await it.run({ 'dry-run': 'true', tables: table })).log)).toEqual([]);
    const created = await it.run();
    expect(created).toMatchObject({ code: 0, outputs: { created: 'true' } });
    expect(warnings(created.log)).toEqual([expect.stringContaining(`No trigger calls the new function ${it.name}, `)]);
    expect(warnings((await it.run({ 'memory-size': '256' })).log)).toEqual([]);
    await it.stop();
  });
});

describe('deploy over triggers made by hand', () => {
  test('updates the package only after the trigger reports batch item failures, so that nothing is lost in between', async () => {
    const it = await prepareDeployment(stack);
    const [table = ''] = it.tables;
    await it.run();
    const stream = await createTable(stack, `${table}.hand`, true);
    const made = await lambda.send(
      new CreateEventSourceMappingCommand({ FunctionName: it.name, EventSourceArn: stream, StartingPosition: 'TRIM_HORIZON' }),
    );
    const refreshed = await it.run({ operation: 'refresh-mapping' });
    expect(refreshed).toMatchObject({ code: 0, outputs: { changed: 'true' } });
    expect(refreshed.log).toContain(`of table ${table}.hand lacks ReportBatchItemFailures`);
    expect(await deployed(it.name)).toMatchObject({
      'table_mapping.json': { [`${table}.hand`.toLowerCase()]: { ReportBatchItemFailures: false } },
    });

    const run = await it.run({ tables: `${table}.hand` });
    expect(run.code).toBe(0);
    expect(it.mutations().filter((operation) => operation.startsWith('lambda:'))).toEqual([
      'lambda:UpdateEventSourceMapping',
      'lambda:UpdateFunctionCode',
    ]);
    expect(await deployed(it.name)).toMatchObject({
      'table_mapping.json': { [`${table}.hand`.toLowerCase()]: { ReportBatchItemFailures: true } },
    });

    await lambda.send(new UpdateEventSourceMappingCommand({ UUID: made.UUID, Enabled: false }));
    const disabled = await it.run({ tables: `${table}.hand` });
    expect(disabled.log).toContain('is disabled and stays so');
    expect(it.mutations()).toEqual([]);
    await it.stop();
  });
});

describe('options for a table that is none', () => {
  let it: Deployment;
  let workspace: string;
  beforeAll(async () => {
    it = await prepareDeployment(stack);
    workspace = mkdtempSync(join(tmpdir(), 'workspace-'));
  });
  afterAll(async () => {
    rmSync(workspace, { recursive: true, force: true });
    await it.stop();
  });

  const run = (options: string, inputs: Readonly<Record<string, string>> = {}): ReturnType<Deployment['run']> => {
    writeFileSync(join(workspace, 'search.yml'), options);
    return it.run({ config: 'search.yml', ...inputs }, { workspace });
  };

  test('are refused before anything is changed, with the table that was meant', async () => {
    const [table = ''] = it.tables;
    const misspelt = await run(`tables:\n  ${table.toLowerCase()}: { exclude: [card] }\n`, { tables: table });
    expect(misspelt.code).toBe(1);
    expect(misspelt.log).toContain(`this deploy has no table ${table.toLowerCase()}; did you mean ${table}?`);
    expect(it.mutations()).toEqual([]);
  });

  test('are not judged while no table is known, which draws a warning, and are once a trigger is there', async () => {
    const table = `${it.tables[0] ?? ''}.Hand`;
    const wrong = `tables:\n  ${table.toLowerCase()}: { exclude: [card] }\n`;
    const unknown = await run(wrong);
    expect(unknown.log).toContain('so that these names were not checked');
    expect(unknown.code).toBe(0);
    const stream = await createTable(stack, table, true);
    await lambda.send(
      new CreateEventSourceMappingCommand({ FunctionName: it.name, EventSourceArn: stream, StartingPosition: 'TRIM_HORIZON' }),
    );
    const refreshed = await it.run({ operation: 'refresh-mapping' });
    expect(refreshed.code).toBe(1);
    expect(refreshed.log).toContain(`The deployed options are for table ${table.toLowerCase()}, and the function reads table ${table}, `);
    const deploy = await run(wrong);
    expect(deploy.code).toBe(1);
    expect(deploy.log).toContain(`did you mean ${table}?`);
    expect(it.mutations()).toEqual([]);
  });
});

describe('the endpoint file', () => {
  test('is read in UTF-16 with a byte order mark, and named where it has none', async () => {
    const it = await prepareDeployment(stack);
    const text = `ES_ENDPOINT='${stack.search.url}'\r\n`;
    await it.put('STAGE_es_creds', Buffer.from(`\uFEFF${text}`, 'utf16le'));
    expect((await it.run({ 'dry-run': 'true' })).code).toBe(0);
    await it.put('STAGE_es_creds', Buffer.from(text, 'utf16le'));
    const run = await it.run({ 'dry-run': 'true' });
    expect(run.code).toBe(1);
    expect(run.log).toContain('it is in UTF-16 without a byte order mark');
    await it.stop();
  });

  test('draws a warning where the deployed package has a value with backslashes that are read now', async () => {
    const it = await prepareDeployment(stack);
    const lines = (password: string): string => `ES_ENDPOINT='${stack.search.url}'\nES_USERNAME=svc\nES_PASSWORD=${password}\n`;
    await it.put('STAGE_es_creds', lines(`'slash\\"quote'`));
    expect((await it.run({ check: 'false' })).code).toBe(0);
    await it.put('STAGE_es_creds', lines(`"slash\\"quote"`));
    const run = await it.run({ 'dry-run': 'true' });
    expect(run.log).toContain('The deployed package has ES_PASSWORD (STAGE_es_creds:3) with all its backslashes');
    expect(run.log.replaceAll(/^::add-mask::.*$/gm, '')).not.toMatch(/slash\\?"quote/);
    await it.stop();
  });
});
