// The main job: the built action deploys, and the function that it deployed keeps the indexes equal to the tables.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { DescribeTableCommand } from '@aws-sdk/client-dynamodb';
import { GetFunctionCommand } from '@aws-sdk/client-lambda';
import type { ActionRun } from '../stack/action-run.ts';
import { CUSTOMERS, ORDER, ORDER_FIELDS } from '../stack/items.ts';
import type { LambdaHost } from '../stack/lambda-host.ts';
import type { Player } from '../stack/player.ts';
import { Scenario } from '../stack/scenario.ts';
import { uniqueName, useStack } from '../stack/use-stack.ts';

const stack = await useStack();
const ITEMS_BEFORE = 2_000;
const scenario = new Scenario(stack, uniqueName('-e2e'), ITEMS_BEFORE);

let first: ActionRun;
let second: ActionRun;
let host: LambdaHost;
let players: readonly Player[];

beforeAll(async () => {
  await scenario.prepare();
  first = await scenario.deploy();
  second = await scenario.deploy();
  ({ host, players } = await scenario.run());
});

afterAll(() => scenario.stop());

describe('the deploy', () => {
  test('succeeds and reports what it made', () => {
    expect({ code: first.code, log: first.code === 0 ? '' : first.log }).toEqual({ code: 0, log: '' });
    expect(first.outputs).toMatchObject({ changed: 'true', created: 'true', environment: 'STAGE', operation: 'deploy' });
    expect(JSON.parse(first.outputs.tables ?? '')).toEqual({
      [scenario.orders]: { index: scenario.index(scenario.orders), keys: ['customer', 'order'], trigger: 'Enabled' },
      [scenario.customers]: { index: scenario.index(scenario.customers), keys: ['id'], trigger: 'Enabled' },
      [scenario.products]: { index: scenario.index(scenario.products), keys: ['sku'], trigger: 'Enabled' },
    });
    expect(first.summary).toContain(scenario.functionName);
  });

  test('indexes the items that a table held before it', async () => {
    expect(await scenario.count(scenario.products)).toBe(ITEMS_BEFORE);
    expect(await scenario.find(scenario.products, 'name:"Product 1234"')).toEqual(['sku-1234']);
  });

  test('makes a function of 128 MB from the package in the code bucket', async () => {
    const { Configuration } = await stack.clients.lambda.send(new GetFunctionCommand({ FunctionName: scenario.functionName }));
    expect(Configuration).toMatchObject({
      MemorySize: 128,
      Timeout: 60,
      Runtime: 'nodejs24.x',
      Architectures: ['arm64'],
      Role: scenario.role,
    });
    expect(Configuration?.CodeSha256).toBe(first.outputs['code-sha256']);
  });

  test('switches the streams on and makes a trigger per table that reports single failures', async () => {
    for (const TableName of scenario.tables) {
      const { Table } = await stack.clients.dynamodb.send(new DescribeTableCommand({ TableName }));
      expect(Table?.StreamSpecification).toEqual({ StreamEnabled: true, StreamViewType: 'NEW_AND_OLD_IMAGES' });
    }
    const mappings = await scenario.mappings();
    expect(mappings).toHaveLength(3);
    for (const mapping of mappings) {
      expect(mapping).toMatchObject({
        BatchSize: 1000,
        BisectBatchOnFunctionError: true,
        FunctionResponseTypes: ['ReportBatchItemFailures'],
      });
    }
  });

  test('changes nothing when it is run again', () => {
    expect({ code: second.code, log: second.code === 0 ? '' : second.log }).toEqual({ code: 0, log: '' });
    expect(second.outputs).toMatchObject({ changed: 'false', created: 'false', 'code-sha256': first.outputs['code-sha256'] });
  });
});

describe('the deployed function', () => {
  test('responds to a check', async () => {
    const { payload } = await host.invoke({ check: true });
    expect(JSON.parse(payload)).toMatchObject({ ok: true, environment: 'STAGE', problems: [] });
  });

  test('indexes an item of every attribute type under both its keys, every digit kept', async () => {
    await scenario.put(scenario.orders, ORDER);
    await scenario.caughtUp();
    expect(await scenario.find(scenario.orders, 'lines.sku:"kb-1" AND paid:true')).toEqual(['alice|1001']);
    const source = await scenario.source(scenario.orders, 'alice|1001');
    const document = JSON.parse(source) as Record<string, unknown>;
    expect(source).toContain(`"exact":${ORDER_FIELDS.exact ?? ''}`);
    for (const [name, json] of Object.entries(ORDER_FIELDS)) expect([name, document[name]]).toEqual([name, JSON.parse(json)]);
    expect(Object.keys(document).sort()).toEqual(Object.keys(ORDER).sort());
    expect(document.tags).toEqual(expect.arrayContaining(['gift', 'express']));
    expect(document.ratings).toEqual(expect.arrayContaining([4.5, 5]));
    expect(document.scans).toEqual(expect.arrayContaining(['AQ==', 'AgM=']));
    expect(document.tiny).toBe(-1.5e-100);
  });

  test('follows writes, changes and deletes of a table with digits, dots and dashes in its name', async () => {
    for (const customer of CUSTOMERS) await scenario.put(scenario.customers, customer);
    await scenario.caughtUp();
    expect(await scenario.find(scenario.customers)).toEqual(['alice', 'bob', 'carol']);
    expect(await scenario.find(scenario.customers, 'since:>=2020')).toEqual(['bob', 'carol']);
    await scenario.update(scenario.customers, { id: { S: 'bob' } }, 'SET vip = :true REMOVE since', { ':true': { BOOL: true } });
    await scenario.remove(scenario.customers, { id: { S: 'carol' } });
    await scenario.caughtUp();
    expect(await scenario.find(scenario.customers)).toEqual(['alice', 'bob']);
    expect(JSON.parse(await scenario.source(scenario.customers, 'bob'))).toEqual({
      id: 'bob',
      name: 'Bob Bächler',
      vip: true,
      languages: ['it'],
    });
  });

  test('comes to the same documents when the whole past is played again', async () => {
    const before = await Promise.all(scenario.tables.map((table) => scenario.find(table)));
    const sources = await scenario.source(scenario.customers, 'bob');
    for (const player of players) {
      for (const { payload } of await Promise.all(player.records.map((record) => player.replay([record])))) {
        expect(JSON.parse(payload)).toEqual({ batchItemFailures: [] });
      }
    }
    expect(await Promise.all(scenario.tables.map((table) => scenario.find(table)))).toEqual(before);
    expect(await scenario.source(scenario.customers, 'bob')).toBe(sources);
  });
});
