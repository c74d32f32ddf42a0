import { describe, expect, test } from '@jest/globals';
import type { FunctionConfiguration } from '@aws-sdk/client-lambda';
import type { Alias } from '../../../action/aws/alias.ts';
import { planConfiguration, patchBack } from '../../../action/plan/configuration.ts';
import { CLEAR, type Inputs } from '../../../action/inputs/inputs.ts';
import { buildPackage, type Package } from '../../../action/package/package.ts';
import {
  planCreation,
  planFunction,
  planLogs,
  planTags,
  type DeployedParts,
  type DesiredFunction,
} from '../../../action/plan/function-plan.ts';
import { provenanceOf } from '../../../action/plan/provenance.ts';
import type { FunctionConfig } from '../../../formats/function-config.ts';

function inputs(overrides: Partial<Inputs> = {}): Inputs {
  return {
    operation: 'deploy',
    dryRun: false,
    environment: 'STAGE',
    functionName: 'DynamoToES',
    codeBucket: 'code',
    role: undefined,
    description: undefined,
    endpoint: undefined,
    endpointFile: 'STAGE_es_creds',
    tables: [],
    tableArns: [],
    config: undefined,
    memorySize: undefined,
    timeout: undefined,
    ephemeralStorage: undefined,
    runtime: undefined,
    architecture: undefined,
    subnetIds: undefined,
    securityGroupIds: undefined,
    environmentVariables: undefined,
    envStrategy: 'merge',
    tags: undefined,
    logRetentionDays: undefined,
    layers: undefined,
    kmsKeyArn: undefined,
    tracing: undefined,
    alias: undefined,
    check: true,
    rollbackTo: undefined,
    deadLetters: undefined,
    backfillNewTables: 'auto',
    repair: false,
    report: undefined,
    prune: true,
    deleteLimit: { share: 0.01 },
    failOnDifferences: true,
    sample: 1,
    maxReadCapacity: undefined,
    concurrency: 4,
    timeLimitMinutes: 330,
    stateMachine: undefined,
    restart: false,
    to: undefined,
    deleteOldIndex: false,
    allowedAccountIds: [],
    roleToAssume: undefined,
    awsProfile: undefined,
    githubToken: undefined,
    ...overrides,
  };
}

const config: FunctionConfig = {
  format: 1,
  release: '1.0.0',
  environment: 'STAGE',
  endpoint: 'https://search.example.com',
  auth: { type: 'none' },
  options: { defaults: {}, tables: {} },
};

function packed(overrides: Partial<FunctionConfig> = {}, mapping = {}, transforms: Record<string, string> = {}): Package {
  return buildPackage({ handler: Buffer.from('export {}'), config: { ...config, ...overrides }, mapping, transforms });
}

/** As AWS responds: with keys that a request does not have. */
function deployed(overrides: FunctionConfiguration = {}): FunctionConfiguration {
  return {
    FunctionName: 'DynamoToES',
    Runtime: 'nodejs24.x',
    Handler: 'index.handler',
    Role: 'arn:aws:iam::123456789012:role/old',
    MemorySize: 128,
    Timeout: 60,
    Description: '',
    Architectures: ['arm64'],
    CodeSha256: packed().sha256Base64,
    State: 'Active',
    LastUpdateStatus: 'Successful',
    VpcConfig: { SubnetIds: [], SecurityGroupIds: [], VpcId: '' },
    TracingConfig: { Mode: 'PassThrough' },
    ...overrides,
  };
}

describe('the configuration', () => {
  test('that no input sets is left as it is: nothing is sent', () => {
    expect(planConfiguration(inputs(), deployed({ MemorySize: 999, Timeout: 3, Layers: [{ Arn: 'l', CodeSize: 3 }] }))).toEqual({
      patch: {},
      architecture: undefined,
      changes: [],
      problems: [],
    });
  });

  const vpc = { SubnetIds: ['subnet-b', 'subnet-a'], SecurityGroupIds: ['sg-1'], VpcId: 'vpc-1', Ipv6AllowedForDualStack: false };
  test.each<[string, Partial<Inputs>, FunctionConfiguration]>([
    ['memory', { memorySize: 128 }, {}],
    ['ephemeral storage', { ephemeralStorage: 512 }, { EphemeralStorage: { Size: 512 } }],
    ['time-out', { timeout: 60 }, {}],
    ['role', { role: 'arn:aws:iam::123456789012:role/old' }, {}],
    ['description that AWS shows as empty', { description: CLEAR }, { Description: '' }],
    [
      'VPC, whose response has a VpcId and another order',
      { subnetIds: ['subnet-a', 'subnet-b'], securityGroupIds: ['sg-1'] },
      { VpcConfig: vpc },
    ],
    ['VPC that was left', { subnetIds: CLEAR }, {}],
    ['VPC that AWS does not show', { subnetIds: CLEAR, securityGroupIds: CLEAR }, { VpcConfig: undefined }],
    [
      'layers, whose response has sizes',
      { layers: ['l1', 'l2'] },
      {
        Layers: [
          { Arn: 'l1', CodeSize: 1 },
          { Arn: 'l2', CodeSize: 2 },
        ],
      },
    ],
    ['layers cleared', { layers: CLEAR }, {}],
    ['key cleared', { kmsKeyArn: CLEAR }, {}],
    ['tracing', { tracing: 'PassThrough' }, { TracingConfig: undefined }],
    ['architecture', { architecture: 'arm64' }, {}],
    ['architecture that AWS does not show', { architecture: 'x86_64' }, { Architectures: undefined }],
    ['variables merged', { environmentVariables: { A: '1' } }, { Environment: { Variables: { A: '1', B: '2' } } }],
    ['variables overwritten', { environmentVariables: { A: '1' }, envStrategy: 'overwrite' }, { Environment: { Variables: { A: '1' } } }],
    ['variables cleared', { environmentVariables: CLEAR }, {}],
    ['runtime of another version that runs the package', {}, { Runtime: 'nodejs22.x' }],
  ])('that is as wanted needs no call: %s', (_name, wanted, state) => {
    const { patch, architecture, changes } = planConfiguration(inputs(wanted), deployed(state));
    expect({ patch, architecture, changes }).toEqual({ patch: {}, architecture: undefined, changes: [] });
  });

  test.each<[string, Partial<Inputs>, FunctionConfiguration, object, object[]]>([
    ['memory', { memorySize: 256 }, {}, { MemorySize: 256 }, [{ path: 'memory-size', before: 128, after: 256 }]],
    [
      'ephemeral storage',
      { ephemeralStorage: 1024 },
      { EphemeralStorage: { Size: 512 } },
      { EphemeralStorage: { Size: 1024 } },
      [{ path: 'ephemeral-storage', before: 512, after: 1024 }],
    ],
    [
      'description',
      { description: 'new' },
      { Description: 'old' },
      { Description: 'new' },
      [{ path: 'description', before: 'old', after: 'new' }],
    ],
    [
      'description cleared',
      { description: CLEAR },
      { Description: 'old' },
      { Description: '' },
      [{ action: 'delete', before: 'old', after: null }],
    ],
    [
      'VPC left',
      { subnetIds: CLEAR },
      { VpcConfig: vpc },
      { VpcConfig: { SubnetIds: [], SecurityGroupIds: [] } },
      [{ path: 'subnet-ids' }, { path: 'security-group-ids' }],
    ],
    [
      'subnets',
      { subnetIds: ['subnet-c'], securityGroupIds: ['sg-1'] },
      { VpcConfig: vpc },
      { VpcConfig: { SubnetIds: ['subnet-c'], SecurityGroupIds: ['sg-1'] } },
      [{ path: 'subnet-ids', after: ['subnet-c'] }],
    ],
    [
      'order of layers',
      { layers: ['l2', 'l1'] },
      { Layers: [{ Arn: 'l1' }, { Arn: 'l2' }] },
      { Layers: ['l2', 'l1'] },
      [{ path: 'layers' }],
    ],
    ['key', { kmsKeyArn: CLEAR }, { KMSKeyArn: 'arn:k' }, { KMSKeyArn: '' }, [{ path: 'kms-key-arn', after: null }]],
    [
      'tracing',
      { tracing: 'Active' },
      {},
      { TracingConfig: { Mode: 'Active' } },
      [{ path: 'tracing', before: 'PassThrough', after: 'Active' }],
    ],
    [
      'Python taken over',
      {},
      { Runtime: 'python3.9', Handler: 'x.y' },
      { Runtime: 'nodejs24.x', Handler: 'index.handler' },
      [{ path: 'handler', reason: 'the package needs it' }, { path: 'runtime' }],
    ],
    [
      'a variable added',
      { environmentVariables: { B: '2' } },
      { Environment: { Variables: { A: '1' } } },
      { Environment: { Variables: { A: '1', B: '2' } } },
      [{ path: 'environment-variables.B', action: 'create' }],
    ],
    [
      'a variable changed',
      { environmentVariables: { A: '2' } },
      { Environment: { Variables: { A: '1' } } },
      { Environment: { Variables: { A: '2' } } },
      [{ path: 'environment-variables.A', before: '(a value)', after: '(another value)' }],
    ],
    [
      'variables overwritten',
      { environmentVariables: { B: '2' }, envStrategy: 'overwrite' },
      { Environment: { Variables: { A: '1' } } },
      { Environment: { Variables: { B: '2' } } },
      [
        { path: 'environment-variables.A', action: 'delete' },
        { path: 'environment-variables.B', action: 'create' },
      ],
    ],
    [
      'variables cleared',
      { environmentVariables: CLEAR },
      { Environment: { Variables: { A: '1' } } },
      { Environment: { Variables: {} } },
      [{ action: 'delete' }],
    ],
  ])('that differs is sent alone: %s', (_name, wanted, state, patch, changes) => {
    const plan = planConfiguration(inputs(wanted), deployed(state));
    expect(plan.patch).toEqual(patch);
    expect(plan.changes).toEqual(changes.map((one) => expect.objectContaining(one) as unknown));
    expect(JSON.stringify(plan.changes)).not.toMatch(/"[12]"/);
  });

  test('with variables that AWS could not decrypt is never merged over', () => {
    const state = deployed({ Environment: { Error: { ErrorCode: 'AccessDeniedException', Message: 'kms:Decrypt' } } });
    expect(planConfiguration(inputs({ environmentVariables: { A: '1' } }), state).problems[0]?.message).toContain(
      'AccessDeniedException: kms:Decrypt',
    );
    expect(planConfiguration(inputs({ environmentVariables: { A: '1' }, envStrategy: 'overwrite' }), state)).toMatchObject({
      problems: [],
      patch: { Environment: { Variables: { A: '1' } } },
    });
    expect(planConfiguration(inputs(), state)).toMatchObject({ problems: [], patch: {} });
  });

  test('with more than 4 KB of variables after merging is refused before any call, without a value', () => {
    const { problems, patch } = planConfiguration(
      inputs({ environmentVariables: { A: 'x'.repeat(3000) } }),
      deployed({ Environment: { Variables: { B: 'y'.repeat(3000) } } }),
    );
    expect(problems[0]?.message).toMatch(/environment-variables: with those that the function has/);
    expect(problems[0]?.message).not.toMatch(/xxx|yyy/);
    expect(patch).toEqual({});
  });

  test('is put back field by field', () => {
    const from = deployed({
      MemorySize: 512,
      Environment: { Variables: { A: '2' } },
      VpcConfig: { SubnetIds: ['s'], SecurityGroupIds: ['g'] },
    });
    const to = deployed({ Environment: { Variables: { A: '1' } }, Handler: 'x.y', Runtime: 'python3.9' });
    expect(patchBack(from, to)).toEqual({
      MemorySize: 128,
      Environment: { Variables: { A: '1' } },
      VpcConfig: { SubnetIds: [], SecurityGroupIds: [] },
      Handler: 'x.y',
      Runtime: 'python3.9',
    });
    expect(patchBack(to, to)).toEqual({});
  });
});

describe('the plan of a function', () => {
  const wanted = packed();
  const desired = (overrides: Partial<DesiredFunction> = {}, more: Partial<Inputs> = {}, state = deployed()): DesiredFunction => ({
    package: wanted,
    provenance: provenanceOf(inputs(), { defaults: {} }),
    configuration: planConfiguration(inputs(more), state),
    alias: undefined,
    check: true,
    ...overrides,
  });
  const state = (overrides: Partial<DeployedParts> = {}): DeployedParts => {
    const latest = overrides.latest ?? deployed();
    return { latest, serving: latest, alias: undefined, package: undefined, passed: true, ...overrides };
  };
  const alias: Alias = { arn: 'a', version: '3', former: ['2'], weighted: false };

  test('that is as wanted and has passed its check has no change', () => {
    expect(planFunction(desired(), state())).toEqual({ changes: [], serves: false, code: false, patch: {}, architecture: undefined });
  });

  test('whose package never passed its check asks for the check, and for no other call', () => {
    expect(planFunction(desired(), state({ passed: false }))).toMatchObject({
      serves: true,
      code: false,
      patch: {},
      changes: [{ resource: 'package', path: 'check', before: 'never passed' }],
    });
    expect(planFunction(desired({ check: false }), state({ passed: false }))).toMatchObject({ serves: false, changes: [] });
  });

  test('whose last update failed is updated again', () => {
    const latest = deployed({ LastUpdateStatus: 'Failed', LastUpdateStatusReasonCode: 'InvalidSubnet' });
    expect(planFunction(desired(), state({ latest }))).toMatchObject({
      code: true,
      serves: true,
      changes: [{ path: 'last-update-status', before: 'Failed (InvalidSubnet)' }],
    });
  });

  test('that failed when it was created is updated again', () => {
    const latest = deployed({ State: 'Failed', StateReasonCode: 'SubnetOutOfIPAddresses' });
    expect(planFunction(desired(), state({ latest }))).toMatchObject({
      code: true,
      serves: true,
      changes: [{ path: 'state', before: 'Failed (SubnetOutOfIPAddresses)', after: 'Active' }],
    });
  });

  test('names what changes in the package', () => {
    const before = packed(
      {
        release: '0.9.0',
        endpoint: 'https://old.example.com',
        auth: { type: 'basic', username: 'writer', password: 'old-secret' },
        options: { defaults: { refresh: false }, tables: {} },
      },
      {
        orders: { TableName: 'Orders', PrimaryKey: 'id', Index: 'orders', ReportBatchItemFailures: false },
        gone: { TableName: 'Gone', PrimaryKey: 'id', Index: 'gone', ReportBatchItemFailures: true },
      },
      { 'transforms/a.mjs': 'export default (d) => d' },
    );
    const after = packed(
      {
        auth: { type: 'basic', username: 'writer', password: 'new-secret' },
        options: { defaults: {}, tables: { Orders: { index: 'orders-v2' } } },
      },
      { orders: { TableName: 'Orders', PrimaryKey: 'id', Index: 'orders', ReportBatchItemFailures: true } },
    );
    const { changes, code } = planFunction(
      desired({ package: after }),
      state({ latest: deployed({ CodeSha256: before.sha256Base64 }), package: before }),
    );
    expect(code).toBe(true);
    expect(changes.map(({ path, action }) => `${action} ${path}`)).toEqual([
      'update code',
      'update endpoint',
      'update auth',
      'delete options.defaults.refresh',
      'create options.tables.Orders.index',
      'delete key-mapping.Gone',
      'update key-mapping.Orders',
      'delete transforms/a.mjs',
    ]);
    expect(changes[1]).toMatchObject({ before: 'old.example.com', after: 'search.example.com' });
    expect(JSON.stringify(changes)).not.toMatch(/old-secret|new-secret|https:/);
  });

  test('compares what the alias serves, and brings $LATEST there with as few calls as possible', () => {
    const serving = deployed({ Version: '3' });
    const ahead = deployed({ CodeSha256: 'of an interrupted run', MemorySize: 512 });
    expect(planFunction(desired({ alias: 'live' }), state({ latest: ahead, serving, alias }))).toMatchObject({
      serves: false,
      changes: [],
    });

    const changed = planFunction(desired({ alias: 'live' }, { timeout: 90 }), state({ latest: ahead, serving, alias, package: wanted }));
    expect(changed).toMatchObject({ serves: true, code: true, patch: { Timeout: 90, MemorySize: 128 } });
    expect(changed.changes.map(({ resource, path }) => `${resource} ${path}`)).toEqual(['function timeout', 'alias live']);

    const there = planFunction(
      desired({ alias: 'live' }, { timeout: 90 }),
      state({ latest: deployed({ Timeout: 90 }), serving, alias, package: wanted }),
    );
    expect(there).toMatchObject({ serves: true, code: false, patch: {} });
  });

  test('makes an alias that is not there, without touching a function that is as wanted', () => {
    expect(planFunction(desired({ alias: 'live' }), state())).toMatchObject({
      serves: true,
      code: false,
      patch: {},
      changes: [{ resource: 'alias', action: 'create', path: 'live', before: null }],
    });
  });

  test('changes the architecture with the code', () => {
    expect(planFunction(desired({}, { architecture: 'x86_64' }), state())).toMatchObject({
      code: true,
      architecture: 'x86_64',
      patch: {},
      changes: [{ path: 'architecture', before: 'arm64', after: 'x86_64' }],
    });
  });

  test('that is to be created shows defaults and inputs', () => {
    const changes = planCreation(
      inputs({ memorySize: 256, role: 'arn:r', environmentVariables: { TOKEN: 'hidden' }, description: CLEAR, alias: 'live' }),
      wanted,
      provenanceOf(inputs(), { defaults: {} }),
    );
    expect(changes.every(({ action, before }) => action === 'create' && before === null)).toBe(true);
    expect(changes).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ path: 'memory-size', after: 256, reason: 'set by the input' }),
        expect.objectContaining({ path: 'timeout', after: 60, reason: 'default' }),
        expect.objectContaining({ resource: 'alias' }),
      ]),
    );
    expect(JSON.stringify(changes)).not.toContain('hidden');
  });
});

describe('tags and logs', () => {
  test.each([
    ['not set', undefined, { a: '1' }, {}, []],
    ['as wanted', { a: '1' }, { a: '1' }, {}, []],
    ['changed, added and removed', { a: '2', b: '3' }, { a: '1', c: '4' }, { a: '2', b: '3' }, ['c']],
    ['cleared', CLEAR, { a: '1' }, {}, ['a']],
    ["AWS's and the action's own stay", CLEAR, { 'aws:cloudformation:stack-name': 's', 'dynamodb-to-opensearch:checked': 'x' }, {}, []],
  ] as const)('%s', (_name, wanted, state, set, remove) => {
    const plan = planTags(wanted, state);
    expect({ set: plan.set, remove: plan.remove }).toEqual({ set, remove });
    expect(plan.changes).toHaveLength(Object.keys(set).length + remove.length);
  });

  test.each([
    [7, { name: 'g', exists: true, retentionDays: 7 }, []],
    [7, { name: 'g', exists: true, retentionDays: undefined }, [{ action: 'update', before: 'never expire', after: 7 }]],
    [7, { name: 'g', exists: false, retentionDays: undefined }, [{ action: 'create', after: 7 }]],
    [undefined, undefined, []],
  ])('retention of %s days over %j', (days, group, changes) => {
    expect(planLogs(days, group)).toEqual(changes.map((one) => expect.objectContaining(one) as unknown));
  });
});
