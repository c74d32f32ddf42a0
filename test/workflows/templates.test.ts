// The templates of CloudFormation say what the code's tables of permissions and metrics say.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { planEnvironment } from '../../action/resolve/environment.ts';
import { Metrics } from '../../handler/telemetry/metrics.ts';
import { verifyMetrics } from '../../handler/telemetry/verify-metrics.ts';
import { conditionOf, statementsOf, type Role } from '../../scripts/policies.ts';
import { accepts, PSEUDO, resolved, template, type Values } from './cloudformation.ts';
import { PROJECT } from '../stack/cache.ts';
import { allows, type IamRequest, type Policy, type PolicyStatement } from '../stack/policy.ts';

interface Statement {
  readonly Effect: 'Allow' | 'Deny';
  readonly Action: string | readonly string[];
  readonly Resource: string | readonly string[];
  readonly Condition?: unknown;
}
const roles = template('roles.yml');
const asList = (value: string | readonly string[]): readonly string[] => (typeof value === 'string' ? [value] : value);

/** A stack with everything that is optional, and the same values in the code's tables. */
const TABLE = 'arn:aws:dynamodb:eu-west-1:123456789012:table/Orders';
const EVERYTHING = {
  DeploySubjects: ['repo:my-org/my-repo:environment:PROD', 'repo:my-org@1/my-repo@2:environment:PROD'],
  PlanSubjects: ['repo:my-org/my-repo:environment:PROD-plan'],
  Environment: 'PROD',
  FunctionName: 'DynamoToES',
  TableArns: [TABLE],
  DomainName: 'orders',
  CollectionId: 'abcdefghij1234567890',
  SecretArn: 'arn:aws:secretsmanager:eu-west-1:123456789012:secret:cluster-AbCdEf',
  InVpc: 'true',
  Tracing: 'true',
  KmsKeyArn: 'arn:aws:kms:eu-west-1:123456789012:key/11111111-2222-3333-4444-555555555555',
  TableKeyArns: ['arn:aws:kms:eu-west-1:123456789012:key/44444444-5555-6666-7777-888888888888'],
  OtherKeyArns: ['arn:aws:kms:eu-west-1:123456789012:key/77777777-8888-9999-0000-111111111111'],
  LayerArns: ['arn:aws:lambda:eu-west-1:123456789012:layer:my-layer:1'],
  OnFailureQueueArn: 'arn:aws:sqs:eu-west-1:123456789012:orders-failed',
  OnFailureTopicArn: 'arn:aws:sns:eu-west-1:123456789012:orders-failed',
  CreateOnFailureBucket: 'true',
  OnFailureBucketName: 'orders-failed',
  StateMachineName: 'DynamoToES-slices',
  StateMachineRoleArn: 'arn:aws:iam::123456789012:role/slices',
  GuardInvocation: 'true',
  AliasName: 'live',
  AccessLogBucketName: 'my-access-logs',
} as const satisfies Values;
const PLACEHOLDERS: Readonly<Record<string, string>> = {
  partition: 'aws',
  region: 'eu-west-1',
  account: '123456789012',
  'function-name': EVERYTHING.FunctionName,
  'endpoint-file': 'PROD_es_creds',
  tables: 'Orders',
  domain: EVERYTHING.DomainName,
  collection: EVERYTHING.CollectionId,
  'code-bucket': 'my-code-bucket',
  role: PSEUDO['FunctionRole.Arn'] ?? '',
  layers: EVERYTHING.LayerArns[0],
  'kms-key-arn': EVERYTHING.KmsKeyArn,
  'table-key-arn': EVERYTHING.TableKeyArns[0],
  'other-key-arn': EVERYTHING.OtherKeyArns[0],
  ES_SECRET_ARN: EVERYTHING.SecretArn,
  'state-machine': EVERYTHING.StateMachineName,
  'on-failure-queue': EVERYTHING.OnFailureQueueArn,
  'on-failure-topic': EVERYTHING.OnFailureTopicArn,
  'on-failure-bucket': EVERYTHING.OnFailureBucketName,
};
const fill = (text: string): string => text.replace(/\$\{([\w-]+)\}/g, (whole, name: string) => PLACEHOLDERS[name] ?? whole);

const properties = (resource: string, values: Values = EVERYTHING): Readonly<Record<string, unknown>> =>
  resolved(roles, roles.Resources[resource]?.Properties, values) as Readonly<Record<string, unknown>>;

/** The policy of a role of the template. */
function policy(resource: string, values: Values = EVERYTHING): { Version: string; Statement: Statement[] } {
  const { Policies: policies } = properties(resource, values) as { Policies: { PolicyDocument: { Statement: Statement[] } }[] };
  return { Version: '2012-10-17', Statement: policies.flatMap(({ PolicyDocument }) => PolicyDocument.Statement) };
}

/** One line for each action on each resource under each condition: how statements are cut does not matter. */
function lines(all: readonly { effect: string; actions: readonly string[]; resources: readonly string[]; condition: unknown }[]): string[] {
  return all
    .flatMap(({ effect, actions, resources, condition }) =>
      actions.flatMap((action) => resources.map((resource) => `${effect} ${action} ${resource} ${JSON.stringify(condition ?? null)}`)),
    )
    .sort();
}

/** What a role of the template may do. */
const allowed = (resource: string, values: Values = EVERYTHING): string[] =>
  lines(
    policy(resource, values).Statement.map(({ Effect, Action, Resource, Condition }) => ({
      effect: Effect,
      actions: asList(Action),
      resources: asList(Resource),
      condition: Condition,
    })),
  );

/** What a role may do as the code says. */
const needed = (statements: ReturnType<typeof statementsOf>): string[] =>
  lines(
    statements.map((one) => ({
      effect: one.effect ?? 'Allow',
      actions: one.actions,
      resources: one.resources.map(fill),
      condition: JSON.parse(fill(JSON.stringify(conditionOf(one) ?? null))) as unknown,
    })),
  );

/** The parameters of roles.yml that a page names: in tables of parameters, for the command line, for Terraform and for CDK. */
function parametersIn(page: string): string[] {
  const text = readFileSync(join(PROJECT, page), 'utf8');
  const named = (parts: RegExp, names: RegExp): string[] =>
    [...text.matchAll(parts)].flatMap(([part]) => [...part.matchAll(names)].map(([, name = '']) => name));
  const inTables = named(/^\| Parameter[^\n]*\n(?:\|.*\n)+/gm, /`([A-Z][A-Za-z]+)`(?=[^|\n]*\|[^|\n]*\|$)/gm);
  const onCommandLines = named(/--parameter-overrides[^`]*```/g, /\s([A-Z]\w+)=/g);
  const inCode = named(/\bparameters(?: =|:) \{[^}]*\}/g, /^ +([A-Z]\w+)(?: *=|:)/gm);
  return [...inTables, ...onCommandLines, ...inCode];
}

describe('docs/cloudformation/roles.yml', () => {
  test.each([
    ['DeployRole', 'deploy'],
    ['PlanRole', 'plan'],
    ['FunctionRole', 'function'],
  ] as const)('%s may do exactly what the code says', (resource, role: Role) => {
    expect(allowed(resource)).toEqual(needed(statementsOf(role)));
  });

  test('without TableOperations the function has exactly the permissions that no operation on tables is for', () => {
    const without = statementsOf('function').filter(({ when }) => when === undefined || !/\boperations? `/.test(when));
    expect(allowed('FunctionRole', { ...EVERYTHING, TableOperations: 'false' })).toEqual(needed(without));
    expect(needed(without).length).toBeLessThan(needed(statementsOf('function')).length - 5);
  });

  test('without TableOperations the roles read no items, no dead letters and no progress', () => {
    const values = { ...EVERYTHING, TableOperations: 'false' };
    for (const role of ['DeployRole', 'PlanRole', 'FunctionRole']) {
      const may = allowed(role, values).filter((line) => /dynamodb:(?:Scan|BatchGetItem)|\/runs\/|GetMetricData|DeleteObject/.test(line));
      expect({ role, may }).toEqual({ role, may: [] });
    }
    const gone = allowed('DeployRole').filter((line) => !allowed('DeployRole', values).includes(line));
    expect(gone).toEqual([
      'Allow cloudwatch:GetMetricData * null',
      'Allow s3:GetObject arn:aws:s3:::my-code-bucket/runs/DynamoToES/* null',
      'Allow s3:PutObject arn:aws:s3:::my-code-bucket/runs/DynamoToES/* null',
    ]);
    // Batches that expire are still written.
    expect(allowed('FunctionRole', values)).toContain('Allow s3:PutObject arn:aws:s3:::orders-failed/aws/lambda/* null');
  });

  test('an on-failure bucket is created if it is wanted, and the function may use it, or the one that is named, or none', () => {
    const bucket = properties('OnFailureBucket');
    expect(bucket).toMatchObject({ BucketName: 'orders-failed', PublicAccessBlockConfiguration: { BlockPublicPolicy: true } });
    expect(bucket.BucketEncryption).toBeDefined();
    const { Rules: rules } = bucket.LifecycleConfiguration as { Rules: { ExpirationInDays: number }[] };
    expect(rules.map(({ ExpirationInDays }) => ExpirationInDays)).toEqual([roles.Parameters.DeadLetterDays?.Default]);
    const may = (create: string, name: string): string[] =>
      allowed('FunctionRole', { ...EVERYTHING, CreateOnFailureBucket: create, OnFailureBucketName: name })
        .filter((line) => /aws\/lambda\/\*|ListBucket/.test(line))
        .map((line) => line.replace(/^Allow (\S+) arn:aws:s3:::(\S+) null$/, '$1 $2'));
    const ofBucket = (name: string): string[] => [
      `s3:DeleteObject ${name}/aws/lambda/*`,
      `s3:GetObject ${name}/aws/lambda/*`,
      's3:ListBucket my-code-bucket',
      `s3:ListBucket ${name}`,
      `s3:PutObject ${name}/aws/lambda/*`,
    ];
    expect(may('true', '')).toEqual(ofBucket('orders-failed'));
    expect(may('false', 'other')).toEqual(ofBucket('other'));
    expect(may('false', '')).toEqual(['s3:ListBucket my-code-bucket']);
    const isMade = (create: string): boolean =>
      resolved(roles, roles.Conditions?.[roles.Resources.OnFailureBucket?.Condition ?? ''], {
        ...EVERYTHING,
        CreateOnFailureBucket: create,
      }) === true;
    expect([isMade('true'), isMade('false')]).toEqual([true, false]);
  });

  test('the parameters that the documents name are those of the template', () => {
    const named = ['README.md', 'docs/iam.md', 'docs/terraform-cdk-sam.md'].flatMap((page) => parametersIn(page));
    expect(named.length).toBeGreaterThan(25);
    expect(named.filter((name) => !(name in roles.Parameters))).toEqual([]);
    const described = parametersIn('docs/iam.md');
    expect(Object.keys(roles.Parameters).filter((name) => !described.includes(name))).toEqual([]);
  });

  test('the planning role changes nothing', () => {
    for (const { actions } of statementsOf('plan'))
      for (const action of actions) expect(action).toMatch(/:(?:Get|List|Describe)|^kms:Decrypt$/);
  });

  test('the roles of GitHub trust exactly the subjects in the parameters, for AWS alone', () => {
    for (const [role, subjects] of [
      ['DeployRole', EVERYTHING.DeploySubjects],
      ['PlanRole', EVERYTHING.PlanSubjects],
    ] as const) {
      expect(properties(role).AssumeRolePolicyDocument).toMatchObject({
        Statement: [
          {
            Action: 'sts:AssumeRoleWithWebIdentity',
            Condition: {
              StringEquals: {
                'token.actions.githubusercontent.com:aud': 'sts.amazonaws.com',
                'token.actions.githubusercontent.com:sub': subjects,
              },
            },
          },
        ],
      });
    }
  });

  test('no subject of a pull request is taken for the deploying role, and none of a deploy for the planning role', () => {
    const repository = 'repo:my-org@1/my-repo@2';
    const deploys = [
      'environment:PROD',
      'environment:PROD:ref:refs/tags/v1',
      'ref:refs/heads/main',
      'environment:plan',
      'environment:planned',
    ];
    const plans = [
      `environment:${planEnvironment('PROD')}`,
      `environment:${planEnvironment('PROD')}:ref:refs/pull/7/merge`,
      'pull_request',
    ];
    for (const [taken, refused, role] of [
      [deploys, plans, 'DeploySubjects'],
      [plans, deploys, 'PlanSubjects'],
    ] as const) {
      for (const subject of taken)
        expect({ subject, accepted: accepts(roles, role, `${repository}:${subject}`) }).toEqual({ subject, accepted: true });
      for (const subject of [...refused, 'environment:*', '*', 'environment:PROD-pla?'])
        expect({ subject, accepted: accepts(roles, role, `${repository}:${subject}`) }).toEqual({ subject, accepted: false });
    }
    expect(accepts(roles, 'PlanSubjects', '')).toBe(true);
    expect(accepts(roles, 'DeploySubjects', '')).toBe(false);
  });

  test('the tables must be named, one by one, and the roles reach these and no others', () => {
    expect(roles.Parameters.TableArns?.Default).toBeUndefined();
    for (const wide of ['', '*', 'Orders', TABLE.replace('Orders', '*'), `${TABLE}*`, TABLE.replace('eu-west-1', '*'), `${TABLE}/stream/*`])
      expect({ wide, accepted: accepts(roles, 'TableArns', wide) }).toEqual({ wide, accepted: false });
    expect(accepts(roles, 'TableArns', TABLE)).toBe(true);
    const values = { ...EVERYTHING, TableArns: [TABLE, `${TABLE}-2`] };
    for (const table of [TABLE, `${TABLE}-2`, `${TABLE}-3`]) {
      const isNamed = values.TableArns.includes(table);
      expect(allows(policy('DeployRole', values) as Policy, { action: 'dynamodb:UpdateTable', resource: table })).toBe(isNamed);
      expect(allows(policy('PlanRole', values) as Policy, { action: 'dynamodb:DescribeTable', resource: table })).toBe(isNamed);
      const stream = { action: 'dynamodb:GetRecords', resource: `${table}/stream/2026-01-02T03:04:05.678` };
      expect(allows(policy('FunctionRole', values) as Policy, stream)).toBe(isNamed);
    }
  });

  test.each(['DeployRole', 'PlanRole'])('%s reads the endpoint file of its own environment alone, unless another is named', (role) => {
    const may = (values: Values, key: string): boolean =>
      allows(policy(role, values) as Policy, { action: 's3:GetObject', resource: `arn:aws:s3:::my-code-bucket/${key}` });
    expect(may(EVERYTHING, 'PROD_es_creds')).toBe(true);
    for (const key of ['STAGE_es_creds', 'x_PROD_es_creds', 'dead-letters/DynamoToES/x.json']) expect(may(EVERYTHING, key)).toBe(false);
    const named = { ...EVERYTHING, EndpointFile: 'search/endpoint' };
    expect([may(named, 'search/endpoint'), may(named, 'PROD_es_creds')]).toEqual([true, false]);
    expect(accepts(roles, 'EndpointFile', '*_es_creds')).toBe(false);
  });

  test('a key is used through Lambda alone, and granted to services of AWS alone', () => {
    const through = { 'kms:ViaService': 'lambda.eu-west-1.amazonaws.com' };
    const key = EVERYTHING.KmsKeyArn;
    for (const [role, actions] of [
      ['DeployRole', ['kms:Encrypt', 'kms:Decrypt']],
      ['PlanRole', ['kms:Decrypt']],
      ['FunctionRole', ['kms:Decrypt']],
    ] as const) {
      for (const action of actions) {
        expect(allows(policy(role) as Policy, { action, resource: key, context: through })).toBe(true);
        expect(allows(policy(role) as Policy, { action, resource: key })).toBe(false);
        const elsewhere = { 'kms:ViaService': 's3.eu-west-1.amazonaws.com' };
        expect(allows(policy(role) as Policy, { action, resource: key, context: elsewhere })).toBe(false);
      }
    }
    const grant = (context: IamRequest['context']): boolean =>
      allows(policy('DeployRole') as Policy, { action: 'kms:CreateGrant', resource: key, ...(context === undefined ? {} : { context }) });
    expect(grant({ ...through, 'kms:GrantIsForAWSResource': 'true' })).toBe(true);
    expect([grant(through), grant({ 'kms:GrantIsForAWSResource': 'true' }), grant(undefined)]).toEqual([false, false, false]);
  });

  test("Lambda makes the function's network interfaces, its own code may not touch them", () => {
    const may = (action: string, context: IamRequest['context'] = {}): boolean =>
      allows(policy('FunctionRole') as Policy, { action: `ec2:${action}`, resource: '*', context });
    const [unqualified, qualified] = ['DynamoToES', 'DynamoToES:live'].map(
      (name) => `arn:aws:lambda:eu-west-1:123456789012:function:${name}`,
    );
    for (const action of ['CreateNetworkInterface', 'DescribeNetworkInterfaces', 'DeleteNetworkInterface', 'AssignPrivateIpAddresses']) {
      expect(may(action)).toBe(true);
      expect(may(action, { 'lambda:SourceFunctionArn': unqualified ?? '' })).toBe(false);
      expect(may(action, { 'lambda:SourceFunctionArn': qualified ?? '' })).toBe(false);
    }
  });

  test('only the deploying role and Lambda itself may invoke the function and its alias, where the stack guards them', () => {
    const FUNCTION = 'arn:aws:lambda:eu-west-1:123456789012:function:DynamoToES';
    for (const [name, resources] of [
      ['FunctionPolicy', [FUNCTION, `${FUNCTION}:7`, `${FUNCTION}:live`]],
      ['AliasPolicy', [`${FUNCTION}:live`]],
    ] as const) {
      const { PolicyDocument: document, ResourceArn: arn } = properties(name) as {
        ResourceArn: string;
        PolicyDocument: { Statement: (PolicyStatement & { Principal: string })[] };
      };
      expect(arn).toBe(name === 'FunctionPolicy' ? FUNCTION : `${FUNCTION}:live`);
      for (const { Effect, Principal } of document.Statement) expect({ Effect, Principal }).toEqual({ Effect: 'Deny', Principal: '*' });
      const denials = document.Statement.map(({ Principal: _, ...rest }) => rest);
      const administrator: PolicyStatement = { Effect: 'Allow', Action: '*', Resource: '*' };
      const may = (action: string, resource: string, context: IamRequest['context']): boolean =>
        allows(
          { Version: '2012-10-17', Statement: [administrator, ...denials] },
          { action, resource, ...(context === undefined ? {} : { context }) },
        );
      for (const action of ['lambda:InvokeFunction', 'lambda:InvokeFunctionUrl']) {
        for (const resource of resources) {
          const by = (principal: string): boolean =>
            may(action, resource, { 'aws:PrincipalArn': principal, 'aws:PrincipalIsAWSService': 'false' });
          expect(by('arn:aws:iam::123456789012:role/developer')).toBe(false);
          expect(by('arn:aws:iam::123456789012:root')).toBe(false);
          expect(by('arn:aws:iam::123456789012:role/deployer2')).toBe(false);
          expect(by(PSEUDO['DeployRole.Arn'] ?? '')).toBe(true);
          expect(by(EVERYTHING.StateMachineRoleArn)).toBe(true);
          expect(may(action, resource, { 'aws:PrincipalIsAWSService': 'true' })).toBe(true);
        }
      }
    }
    for (const role of ['PlanRole', 'FunctionRole'])
      expect(allows(policy(role) as Policy, { action: 'lambda:InvokeFunction', resource: FUNCTION })).toBe(false);
    // The function must exist before it can have a policy.
    const guarded = (values: Values): boolean[] =>
      ['FunctionPolicy', 'AliasPolicy'].map(
        (name) => resolved(roles, roles.Conditions?.[roles.Resources[name]?.Condition ?? ''], values) === true,
      );
    expect(guarded(EVERYTHING)).toEqual([true, true]);
    expect(guarded({ ...EVERYTHING, AliasName: '' })).toEqual([true, false]);
    expect(guarded({ ...EVERYTHING, GuardInvocation: 'false' })).toEqual([false, false]);
  });

  test('a session of the deploying role is no longer than the workflow asks for, unless the stack says so', () => {
    expect(properties('DeployRole').MaxSessionDuration).toBe(3600);
    expect(properties('DeployRole', { ...EVERYTHING, SessionSeconds: '21600' }).MaxSessionDuration).toBe('21600');
    expect(properties('PlanRole').MaxSessionDuration).toBeUndefined();
  });

  test('the code bucket is encrypted, versioned, private, and keeps the packages that rollback needs', () => {
    const bucket = properties('CodeBucket');
    expect(bucket).toMatchObject({
      VersioningConfiguration: { Status: 'Enabled' },
      PublicAccessBlockConfiguration: { BlockPublicPolicy: true },
    });
    expect(bucket.BucketEncryption).toBeDefined();
    const { Rules: rules } = bucket.LifecycleConfiguration as { Rules: { Prefix?: string; ExpirationInDays?: unknown }[] };
    for (const { Prefix, ExpirationInDays } of rules) if (ExpirationInDays !== undefined) expect(Prefix).toBe('dead-letters/');
  });

  test('the access to the code bucket is logged where a bucket for that is named', () => {
    expect(properties('CodeBucket').LoggingConfiguration).toEqual({
      DestinationBucketName: 'my-access-logs',
      LogFilePrefix: 'DynamoToES/',
    });
    expect(properties('CodeBucket', { ...EVERYTHING, AccessLogBucketName: '' })).not.toHaveProperty('LoggingConfiguration');
  });
});

describe('docs/cloudformation/alarms.yml', () => {
  const metrics = new Metrics();
  metrics.request(1, 1);
  metrics.recordAge = 1;
  const line = JSON.parse(metrics.line(0, { FunctionName: 'f', Environment: 'e' })) as {
    _aws: { CloudWatchMetrics: [{ Namespace: string; Dimensions: [string[]]; Metrics: { Name: string }[] }] };
  };
  const [{ Namespace: namespace, Dimensions: dimensions, Metrics: emitted }] = line._aws.CloudWatchMetrics;
  const ofVerify = verifyMetrics({ tables: { Orders: { missing: 1, different: 2, stale: 3 } } }, 0, {
    FunctionName: 'f',
    Environment: 'e',
  }).map((text) => (JSON.parse(text) as typeof line)._aws.CloudWatchMetrics[0]);
  const names = [...emitted, ...(ofVerify[0]?.Metrics ?? [])].map(({ Name }) => Name);

  test('names the metrics that the handler writes, by its namespace and dimensions', () => {
    const alarms = Object.values(template('alarms.yml').Resources).filter(({ Properties }) => Properties.Namespace === namespace);
    expect(alarms.length).toBeGreaterThan(0);
    for (const { Properties } of alarms) {
      expect(names).toContain(Properties.MetricName);
      expect((Properties.Dimensions as { Name: string }[]).map(({ Name }) => Name)).toEqual(dimensions[0]);
    }
  });

  test('alarms when any difference remains after the last comparison, and until the next one', () => {
    const { Metrics: terms, TreatMissingData: missing } = template('alarms.yml').Resources.Differences?.Properties as {
      TreatMissingData: string;
      Metrics: {
        Id: string;
        Expression?: string;
        MetricStat?: { Metric: { Namespace: string; MetricName: string; Dimensions: { Name: string }[] } };
      }[];
    };
    const metrics = terms.flatMap(({ MetricStat: stat }) => stat?.Metric ?? []);
    expect(metrics.map(({ MetricName }) => MetricName)).toEqual(ofVerify[0]?.Metrics.map(({ Name }) => Name));
    for (const { Namespace, Dimensions } of metrics)
      expect([Namespace, Dimensions.map(({ Name }) => Name)]).toEqual([namespace, ofVerify[0]?.Dimensions[0]]);
    const ids = terms.flatMap(({ Id, MetricStat: stat }) => (stat === undefined ? [] : [Id]));
    expect(terms.at(-1)?.Expression).toBe(ids.join(' + '));
    expect(missing).toBe('ignore');
    expect(ofVerify[1]?.Dimensions).toEqual([['FunctionName', 'Environment', 'Table']]);
  });

  test.each([
    ['OnFailureQueueName', 'AWS/SQS', 'ApproximateNumberOfMessagesVisible', { QueueName: 'failed' }],
    ['OnFailureTopicName', 'AWS/SNS', 'NumberOfMessagesPublished', { TopicName: 'failed' }],
    ['OnFailureBucketName', 'AWS/S3', 'PutRequests', { BucketName: 'failed', FilterId: 'expired-batches' }],
  ])('watches a destination of %s, and only that kind', (parameter, space, metric, of) => {
    const alarms = template('alarms.yml');
    const values = { TopicArn: '', [parameter]: 'failed' };
    const watching = Object.values(alarms.Resources).filter(
      ({ Condition }) => Condition !== undefined && resolved(alarms, alarms.Conditions?.[Condition], values) === true,
    );
    expect(watching.map(({ Properties }) => resolved(alarms, Properties, values))).toEqual([
      expect.objectContaining({
        Namespace: space,
        MetricName: metric,
        Dimensions: Object.entries(of).map(([Name, Value]) => ({ Name, Value })),
        Threshold: 0,
      }),
    ]);
  });

  test('has the parameters that the documents name', () => {
    const named = parametersIn('docs/operations.md');
    expect(named).toContain('OnFailureBucketName');
    expect(named.filter((name) => !(name in template('alarms.yml').Parameters))).toEqual([]);
  });

  test('the bucket that roles.yml creates reports the metric that the alarm watches', () => {
    expect(properties('OnFailureBucket').MetricsConfigurations).toEqual([{ Id: 'expired-batches', Prefix: 'aws/lambda/' }]);
  });

  test('the dashboard is JSON, and shows every alarm and every metric of the handler', () => {
    const { Resources: resources } = template('alarms.yml');
    const { DashboardBody: body } = resources.Dashboard?.Properties as { DashboardBody: { 'Fn::Sub': [string, Record<string, unknown>] } };
    const [text, conditional] = body['Fn::Sub'];
    // With all destinations of expired batches.
    const whole = Object.entries(conditional).reduce((json, [name, value]) => {
      const {
        'Fn::If': [, present],
      } = value as { 'Fn::If': [string, { 'Fn::Sub': string }] };
      return json.replace(`\${${name}}`, present['Fn::Sub']);
    }, text);
    const { widgets } = JSON.parse(whole) as {
      widgets: { properties: { alarms?: string[]; metrics?: (string | Readonly<Record<string, unknown>>)[][] } }[];
    };
    const alarms = Object.entries(resources).filter(([, { Type }]) => Type === 'AWS::CloudWatch::Alarm');
    expect(widgets.flatMap(({ properties }) => properties.alarms ?? []).sort()).toEqual(alarms.map(([name]) => `\${${name}.Arn}`).sort());
    const shown = new Set<string>();
    for (const { properties } of widgets) {
      let [space, name]: unknown[] = [];
      for (const metric of properties.metrics ?? []) {
        [space, name] = [metric[0] === '.' ? space : metric[0], metric[1] === '.' ? name : metric[1]];
        if (space === namespace && typeof name === 'string') shown.add(name);
      }
    }
    expect([...shown].sort()).toEqual([...names].sort());
  });
});
