// The templates of CloudFormation say what the code's tables of permissions and metrics say.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { parse, type CollectionTag, type ScalarTag } from 'yaml';
import { Metrics } from '../../handler/telemetry/metrics.ts';
import { conditionOf, statementsOf, type Role } from '../../scripts/policies.ts';
import { PROJECT } from '../stack/cache.ts';

/** What stands for the placeholders of the code in the template. */
const PLACEHOLDERS: Readonly<Record<string, string>> = {
  partition: '${AWS::Partition}',
  region: '${AWS::Region}',
  account: '${AWS::AccountId}',
  'function-name': '${FunctionName}',
  'endpoint-file': '${EndpointFile}',
  tables: '${TablePattern}',
  domain: '${DomainName}',
  collection: '${CollectionId}',
  'code-bucket': '${CodeBucket}',
  role: '${FunctionRole.Arn}',
  layers: '${LayerArns}',
  'kms-key-arn': '${KmsKeyArn}',
  ES_SECRET_ARN: '${SecretArn}',
  'on-failure-queue': '${OnFailureQueueArn}',
  'on-failure-topic': '${OnFailureTopicArn}',
};
const fill = (text: string): string => text.replace(/\$\{([\w-]+)\}/g, (whole, name: string) => PLACEHOLDERS[name] ?? whole);

/** CloudFormation's short forms, as far as the templates use them: every reference becomes `${Name}`, every condition holds. */
const text = (tag: string, resolve: (value: string) => unknown): ScalarTag => ({ tag, resolve });
const list = (tag: string): CollectionTag => ({ tag, collection: 'seq' });
const customTags = [
  text('!Ref', (name) => `\${${name}}`),
  text('!Sub', (value) => value.replaceAll('${CodeBucket.Arn}', 'arn:${AWS::Partition}:s3:::${CodeBucket}')),
  text('!GetAtt', (name) => (name === 'CodeBucket.Arn' ? 'arn:${AWS::Partition}:s3:::${CodeBucket}' : `\${${name}}`)),
  ...['!If', '!Not', '!Equals', '!Join'].map(list),
];

interface Statement {
  readonly Effect: string;
  readonly Action: string | readonly string[];
  readonly Resource: string | readonly string[];
  readonly Condition?: unknown;
}
interface Template {
  readonly Resources: Readonly<Record<string, { readonly Properties: Readonly<Record<string, unknown>> }>>;
}

const source = (name: string): string => readFileSync(join(PROJECT, 'docs/cloudformation', name), 'utf8');
const template = (name: string): Template => parse(source(name), { customTags }) as Template;
const asList = (value: string | readonly string[]): readonly string[] => (typeof value === 'string' ? [value] : value);

/** The statements of a role, with every optional one. */
function statements(resource: string): Statement[] {
  const { Policies: policies } = template('roles.yml').Resources[resource]?.Properties as {
    Policies: { PolicyDocument: { Statement: (Statement | { 'Fn::If': [string, Statement, string] })[] } }[];
  };
  return policies.flatMap(({ PolicyDocument }) => PolicyDocument.Statement.map((one) => ('Fn::If' in one ? one['Fn::If'][1] : one)));
}

/** One line for each action on each resource under each condition: how statements are cut does not matter. */
function lines(all: readonly { actions: readonly string[]; resources: readonly string[]; condition: unknown }[]): string[] {
  return all
    .flatMap(({ actions, resources, condition }) =>
      actions.flatMap((action) => resources.map((resource) => `${action} ${resource} ${JSON.stringify(condition ?? null)}`)),
    )
    .sort();
}

describe('docs/cloudformation/roles.yml', () => {
  test.each([
    ['DeployRole', 'deploy'],
    ['PlanRole', 'plan'],
    ['FunctionRole', 'function'],
  ] as const)('%s may do exactly what the code says', (resource, role: Role) => {
    const found = statements(resource);
    for (const { Effect } of found) expect(Effect).toBe('Allow');
    expect(
      lines(
        found.map(({ Action, Resource, Condition }) => ({
          actions: asList(Action),
          resources: asList(Resource),
          condition: Condition,
        })),
      ),
    ).toEqual(
      lines(
        statementsOf(role).map((one) => ({
          actions: one.actions,
          resources: one.resources.map(fill),
          condition: JSON.parse(fill(JSON.stringify(conditionOf(one) ?? null))) as unknown,
        })),
      ),
    );
  });

  test('the planning role changes nothing', () => {
    for (const { actions } of statementsOf('plan'))
      for (const action of actions) expect(action).toMatch(/:(?:Get|List|Describe)|^kms:Decrypt$/);
  });

  test('the roles of GitHub trust exactly the subjects that are given, for AWS alone', () => {
    for (const [role, subjects] of [
      ['DeployRole', 'DeploySubjects'],
      ['PlanRole', 'PlanSubjects'],
    ] as const) {
      expect(template('roles.yml').Resources[role]?.Properties.AssumeRolePolicyDocument).toMatchObject({
        Statement: [
          {
            Action: 'sts:AssumeRoleWithWebIdentity',
            Condition: {
              StringEquals: {
                'token.actions.githubusercontent.com:aud': 'sts.amazonaws.com',
                'token.actions.githubusercontent.com:sub': `\${${subjects}}`,
              },
            },
          },
        ],
      });
    }
  });

  test('the code bucket is encrypted, versioned, private, and keeps the packages that rollback needs', () => {
    const { Properties: bucket } = template('roles.yml').Resources.CodeBucket ?? { Properties: {} };
    expect(bucket).toMatchObject({
      VersioningConfiguration: { Status: 'Enabled' },
      PublicAccessBlockConfiguration: { BlockPublicPolicy: true },
    });
    expect(bucket.BucketEncryption).toBeDefined();
    const { Rules: rules } = bucket.LifecycleConfiguration as { Rules: { Prefix?: string; ExpirationInDays?: unknown }[] };
    for (const { Prefix, ExpirationInDays } of rules) if (ExpirationInDays !== undefined) expect(Prefix).toBe('dead-letters/');
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
  const names = emitted.map(({ Name }) => Name);

  test('names the metrics that the handler writes, by its namespace and dimensions', () => {
    const alarms = Object.values(template('alarms.yml').Resources).filter(({ Properties }) => Properties.Namespace === namespace);
    expect(alarms.length).toBeGreaterThan(0);
    for (const { Properties } of alarms) {
      expect(names).toContain(Properties.MetricName);
      expect((Properties.Dimensions as { Name: string }[]).map(({ Name }) => Name)).toEqual(dimensions[0]);
    }
  });

  test('the dashboard is JSON, and shows every metric of the handler', () => {
    const { DashboardBody: body } = template('alarms.yml').Resources.Dashboard?.Properties as { DashboardBody: string };
    const { widgets } = JSON.parse(body) as { widgets: { properties: { metrics?: (string | Readonly<Record<string, unknown>>)[][] } }[] };
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
