// The built action under the policies of docs/permissions.md: everything that AWS asks IAM for its calls is allowed, and nothing in a policy is
// there for nothing. permissions.test.ts shows what is said where something is missing.
import { describe, expect, test } from '@jest/globals';
import { permissionsOf } from '../../action/aws/permissions.ts';
import { conditionOf, policyOf, type Role } from '../../scripts/policies.ts';
import { allows, type IamRequest, type Policy, type PolicyStatement } from '../stack/policy.ts';
import { REGION } from '../stack/clients.ts';
import { useStack } from '../stack/use-stack.ts';
import { recordRuns } from './recorded-runs.ts';
import { KEY, type RecordedRun } from './recorded-subject.ts';

const stack = await useStack();
const runs = await recordRuns(stack);

/** A policy as a user fills it in: a statement once for each table or layer. */
function filled(policy: Policy, values: RecordedRun['values']): Policy {
  const fill = (text: string): string[] => {
    const name = /\$\{([\w-]+)\}/.exec(text)?.[1];
    if (name === undefined) return [text];
    const found = values[name];
    if (found === undefined) throw new Error(`Nothing replaces \${${name}}`);
    return found.flatMap((value) => fill(text.replace(`\${${name}}`, value)));
  };
  const fillAll = (value: string | readonly string[]): string[] => [value].flat().flatMap(fill);
  return {
    ...policy,
    Statement: policy.Statement.map(({ Condition: condition, ...statement }) => ({
      ...statement,
      Resource: fillAll(statement.Resource),
      ...(condition === undefined
        ? {}
        : {
            Condition: Object.fromEntries(
              Object.entries(condition).map(([operator, keys]) => [
                operator,
                Object.fromEntries(Object.entries(keys).map(([key, wanted]) => [key, fillAll(wanted)])),
              ]),
            ),
          }),
    })),
  };
}

const policyFor = (role: Role, values: RecordedRun['values']): Policy => filled(policyOf(role, (text) => text) as Policy, values);

const worksOnTables = ({ inputs, operation }: RecordedRun): boolean =>
  ['backfill', 'verify', 'redrive', 'reindex'].includes(operation) || (isSet(inputs.tables) && inputs['backfill-new-tables'] === 'auto');

/** The conditions of the table. */
const WHEN: Readonly<Record<string, (run: RecordedRun) => boolean>> = {
  '`tags` is set, or `code-bucket` is not': ({ inputs }) => isSet(inputs.tags) || !isSet(inputs['code-bucket']),
  'the function does not exist yet': ({ existed }) => !existed,
  '`check` is `true`, or items of a table are indexed or compared': (run) => run.inputs.check !== 'false' || worksOnTables(run),
  'items of a table are indexed or compared (`backfill-new-tables`, or an operation on tables)': worksOnTables,
  '`dry-run` is `true`': ({ dryRun }) => dryRun,
  '`endpoint` is not set': ({ inputs }) => !isSet(inputs.endpoint),
  '`code-bucket` is set and keeps versions': ({ inputs }) => isSet(inputs['code-bucket']),
  '`prune-triggers: true` in the options file': ({ prunes }) => prunes,
  ...Object.fromEntries(
    ['alias', 'role', 'layers', 'subnet-ids', 'kms-key-arn', 'code-bucket', 'tables', 'tags', 'log-retention-days', 'state-machine'].map(
      (name) => [`\`${name}\` is set`, ({ inputs }: RecordedRun) => isSet(inputs[name])],
    ),
  ),
};
const isSet = (value: string | undefined): boolean => value !== undefined && value !== '';

/** The rows of the table for exactly this operation and these inputs. */
function narrowest(run: RecordedRun): Policy {
  const rows = permissionsOf(run.operation).filter(({ when }) => {
    if (when === undefined) return true;
    const applies = WHEN[when];
    if (applies === undefined) throw new Error(`It is not known when this applies: ${when}`);
    return applies(run);
  });
  const statements = rows.map(({ action, resource, when }) => {
    const condition = conditionOf({ actions: [action], resources: [], when });
    return { Effect: 'Allow', Action: action, Resource: resource, ...(condition === undefined ? {} : { Condition: condition }) };
  });
  return filled({ Version: '2012-10-17', Statement: statements as PolicyStatement[] }, run.values);
}

const refused = (policy: Policy, requests: readonly IamRequest[]): IamRequest[] => requests.filter((request) => !allows(policy, request));

/** Operations that invoke the function in a dry run, where the role may. */
const INVOKING: readonly string[] = ['redrive', 'reindex'];

/** Which runs a role is for. */
const RUNS: Readonly<Record<Exclude<Role, 'function'>, readonly RecordedRun[]>> = {
  deploy: runs,
  'refresh-mapping': runs.filter(({ operation }) => operation === 'refresh-mapping'),
  rollback: runs.filter(({ operation }) => operation === 'rollback'),
  backfill: runs.filter(({ operation }) => operation === 'backfill'),
  verify: runs.filter(({ operation }) => operation === 'verify'),
  redrive: runs.filter(({ operation }) => operation === 'redrive'),
  reindex: runs.filter(({ operation }) => operation === 'reindex'),
  // A plan of these two invokes the function to count, or to look: with this role it is a plan that says what it does not know.
  plan: runs.filter(({ dryRun, operation, byPlanner }) => dryRun && (byPlanner || !INVOKING.includes(operation))),
};
const ROLES = Object.keys(RUNS) as (keyof typeof RUNS)[];

describe('the policies are enough', () => {
  test.each(ROLES.flatMap((role) => RUNS[role].map((run) => [role, run.title, run] as const)))('%s: %s', (role, _, run) => {
    expect(run.requests.length).toBeGreaterThan(0);
    expect(refused(policyFor(role, run.values), run.requests)).toEqual([]);
  });

  test.each(runs.map((run) => [run.title, run] as const))('so is what the table says of one operation and its inputs: %s', (_, run) => {
    expect(refused(narrowest(run), run.requests)).toEqual([]);
  });
});

/** One by one: an action on a resource, under the condition of its statement. */
const single = (policy: Policy): PolicyStatement[] =>
  policy.Statement.flatMap((statement) =>
    [statement.Action]
      .flat()
      .flatMap((action) => [statement.Resource].flat().map((resource) => ({ ...statement, Action: action, Resource: resource }))),
  );

/** Actions that are in a policy all the same. */
const REASONS: Readonly<Record<string, string>> = {
  'rollback: lambda:GetFunctionConfiguration on a version':
    'only what publishes a version waits for it; one row of the table serves all operations, and it is the same function',
};

describe('the policies contain nothing more', () => {
  test.each(ROLES)('%s: without any one action on one resource, a run is refused', (role) => {
    const statements = single(policyOf(role, (text) => text) as Policy);
    const unused = statements.filter((left) =>
      RUNS[role].every(({ requests, values }) => {
        const of = (some: readonly PolicyStatement[]): Policy => filled({ Version: '2012-10-17', Statement: some }, values);
        const [alone, rest] = [of([left]), of(statements.filter((one) => one !== left))];
        return !requests.some((request) => allows(alone, request) && !allows(rest, request));
      }),
    );
    const named = unused.map(({ Action, Resource }) => {
      const resource = [Resource].flat().join();
      return `${role}: ${[Action].flat().join()} on ${resource.endsWith('${function-name}:*') ? 'a version' : resource}`;
    });
    expect(named).toEqual(Object.keys(REASONS).filter((reason) => reason.startsWith(`${role}: `)));
  });

  test('each value of a condition is used', () => {
    const requests = runs.flatMap((run) => run.requests.map((request) => ({ ...request, name: run.values['function-name']?.[0] ?? '' })));
    const functions = requests.filter(({ action }) => /(?:Create|Update|Delete)EventSourceMapping$/.test(action));
    expect(functions.some(({ context, name }) => context?.['lambda:FunctionArn']?.endsWith(`:function:${name}`))).toBe(true);
    expect(functions.some(({ context, name }) => context?.['lambda:FunctionArn']?.endsWith(`:function:${name}:live`))).toBe(true);
  });
});

describe('the deploying role', () => {
  // The last run: by then all tables, layers and roles of the function are known.
  const run = runs.findLast(({ title }) => title.startsWith('alias: '));
  if (run === undefined) throw new Error('The run is missing');
  const policy = policyFor('deploy', run.values);
  const [name = '', bucket = ''] = [run.values['function-name']?.[0], run.values['code-bucket']?.[0]];
  /** Requests of these actions, each with something else put in. */
  const changed = (actions: RegExp, change: (request: IamRequest) => IamRequest): IamRequest[] => {
    const found = runs
      .filter(({ values }) => values['function-name']?.[0] === name)
      .flatMap(({ requests }) => requests)
      .filter(({ action }) => actions.test(action));
    expect(found.length).toBeGreaterThan(0);
    expect(refused(policy, found)).toEqual([]);
    return found.map(change).filter((request) => allows(policy, request));
  };
  const instead =
    (from: string, to: string) =>
    ({ resource, ...rest }: IamRequest): IamRequest => {
      expect(resource).toContain(from);
      return { ...rest, resource: resource.replace(from, to) };
    };

  test('may not touch another function, not even one whose name begins alike', () => {
    const actions = /^lambda:(?!.*EventSourceMapping|GetLayerVersion)/;
    for (const other of ['other', `${name}2`, `${name}-2`])
      expect(changed(actions, instead(`:function:${name}`, `:function:${other}`))).toEqual([]);
    const requested = ({ context, ...rest }: IamRequest): IamRequest => ({
      ...rest,
      context: { 'lambda:FunctionArn': (context?.['lambda:FunctionArn'] ?? '').replace(name, `${name}2`) },
    });
    expect(changed(/^lambda:(?:Create|Update|Delete)EventSourceMapping$/, requested)).toEqual([]);
  });

  test('may pass no other role, and its own to no other service', () => {
    expect(changed(/^iam:PassRole$/, instead(':role/', ':role/admin-'))).toEqual([]);
    expect(changed(/^iam:PassRole$/, (request) => ({ ...request, context: { 'iam:PassedToService': 'ec2.amazonaws.com' } }))).toEqual([]);
    expect(changed(/^iam:PassRole$/, ({ action, resource }) => ({ action, resource }))).toEqual([]);
  });

  test('may read and write nothing else in the bucket, and no other bucket', () => {
    expect(changed(/^s3:/, instead(bucket, `${bucket}-2`))).toEqual([]);
    const object = (key: string): string => `arn:aws:s3:::${bucket}/${key}`;
    const others = [`lambda/${name}2.zip`, `lambda/${name}2/abc.zip`, `lambda/other.zip`, `dead-letters/${name}/x.json`, 'PROD_es_creds'];
    for (const key of others) {
      expect(allows(policy, { action: 's3:GetObject', resource: object(key) })).toBe(false);
      expect(allows(policy, { action: 's3:PutObject', resource: object(key) })).toBe(false);
    }
    expect(allows(policy, { action: 's3:PutObject', resource: object('STAGE_es_creds') })).toBe(false);
  });

  test('may use no other table, layer, key or log group', () => {
    expect(changed(/^dynamodb:/, instead(':table/', ':table/Other'))).toEqual([]);
    expect(changed(/^lambda:GetLayerVersion$/, instead(':layer:', ':layer:other-'))).toEqual([]);
    expect(changed(/^kms:/, instead(KEY.slice(-12), '000000000000'))).toEqual([]);
    expect(changed(/^kms:/, ({ action, resource }) => ({ action, resource }))).toEqual([]);
    const service = (name: string): string => `${name}.${REGION}.amazonaws.com`;
    expect(changed(/^kms:/, ({ context, ...rest }) => ({ ...rest, context: { ...context, 'kms:ViaService': service('s3') } }))).toEqual([]);
    expect(
      changed(/^kms:CreateGrant$/, ({ context, ...rest }) => ({ ...rest, context: { ...context, 'kms:GrantIsForAWSResource': 'false' } })),
    ).toEqual([]);
    expect(changed(/^logs:(?!Describe)/, instead(`/aws/lambda/${name}`, `/aws/lambda/${name}2`))).toEqual([]);
  });

  test('may use no other state machine', () => {
    const machine = run.values['state-machine']?.[0] ?? '';
    const arn = (kind: string, rest: string): string => `arn:aws:states:${REGION}:123456789012:${kind}:${rest}`;
    for (const [name, allowed] of [
      [machine, true],
      [`${machine}2`, false],
      ['other', false],
    ] as const) {
      const may = (action: string, resource: string): boolean => allows(policy, { action: `states:${action}`, resource });
      expect(may('StartExecution', arn('stateMachine', name))).toBe(allowed);
      expect(may('StopExecution', arn('execution', `${name}:1`))).toBe(allowed);
      expect(may('DescribeMapRun', arn('mapRun', `${name}/Slices:1`))).toBe(allowed);
    }
  });

  test('may use nothing in another account or region', () => {
    const actions = /^(?:lambda:(?!ListEvent|CreateEvent)|dynamodb:|kms:|logs:(?!Describe))/;
    expect(changed(actions, instead(':123456789012:', ':999999999999:'))).toEqual([]);
    expect(changed(actions, instead(':eu-west-1:', ':us-east-1:'))).toEqual([]);
  });
});

describe('a change of the role', () => {
  test('needs the former one too while the check may fail: it is put back', () => {
    const run = runs.find(({ title }) => title === 'alias: a check that fails');
    const [former = '', next = ''] = run?.values.role ?? [];
    const roles = [next, former].map((resource) => ({ resource, context: { 'iam:PassedToService': 'lambda.amazonaws.com' } }));
    const passed = run?.requests.filter(({ action }) => action === 'iam:PassRole');
    expect(passed).toEqual(roles.map((one) => ({ action: 'iam:PassRole', ...one })));
    expect(refused(policyFor('deploy', { ...run?.values, role: [next] }), passed ?? [])).toEqual(passed?.slice(1));
  });
});

describe('the planning role', () => {
  test('may make no call of the deploy that changes something', () => {
    for (const run of runs.filter(({ dryRun }) => !dryRun)) {
      const policy = policyFor('plan', run.values);
      const changes = run.requests.filter(({ action }) =>
        /:(?:Create|Update|Delete|Put|Publish|Tag|Untag|Invoke|Pass|Encrypt)/.test(action),
      );
      expect(changes.filter((request) => allows(policy, request))).toEqual([]);
    }
  });

  test('may not invoke the function, which could be made to change anything, not even for a plan', () => {
    const planned = runs.filter(({ dryRun, operation, byPlanner }) => dryRun && !byPlanner && INVOKING.includes(operation));
    expect(new Set(planned.map(({ operation }) => operation))).toEqual(new Set(INVOKING));
    for (const { requests, values } of planned)
      expect(refused(policyFor('plan', values), requests)).toContainEqual(expect.objectContaining({ action: 'lambda:InvokeFunction' }));
  });
});
