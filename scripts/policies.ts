// The policies of the roles, made of the tables of permissions in the code: statements for the documents and for the template.
import { FUNCTION_PERMISSIONS } from './function-permissions.ts';
import { PERMISSIONS, iamAction, type Action, type Permission } from '../action/aws/permissions.ts';

const FUNCTION = 'arn:${partition}:lambda:${region}:${account}:function:${function-name}';
/** The alias that a trigger calls stands in its function's ARN. */
const ANY_VERSION = [FUNCTION, `${FUNCTION}:*`];

/** One statement: all actions on the same resources that are needed under one condition. */
export interface Statement {
  readonly actions: readonly string[];
  /** With placeholders such as `${function-name}`. */
  readonly resources: readonly string[];
  /** The input or state that asks for it; undefined: always needed. */
  readonly when: string | undefined;
}

/** `refresh-mapping` and `rollback`: a deploying role for that operation alone. */
export type Role = 'deploy' | 'refresh-mapping' | 'rollback' | 'plan' | 'function';

/** What only a change asks for: AWS in the name of who makes it, or the action while it waits for it. */
const AROUND_A_CHANGE =
  /^(?:iam:|ec2:|kms:Encrypt$|kms:CreateGrant$|lambda:(?:GetLayerVersion|GetFunctionConfiguration|GetEventSourceMapping)$)/;

/** What the statements of a role are; AWS asks no permission for GetCallerIdentity. */
export function statementsOf(role: Role): Statement[] {
  if (role === 'function')
    return FUNCTION_PERMISSIONS.map(({ actions, resource, when }) => ({ actions, resources: asList(resource), when }));
  const rows = (Object.entries(PERMISSIONS) as [Action, Permission][])
    .map(([action, row]) => ({ ...row, action: iamAction(action) }))
    .filter((row) => !row.action.startsWith('sts:') && isFor(role, row));
  const groups = new Map<string, { actions: string[]; resources: readonly string[]; when: string | undefined }>();
  for (const { action, resource, when } of rows) {
    const optional = hasPlaceOfItsOwn(when) ? when : undefined;
    const resources = asList(resource);
    const key = JSON.stringify([resources, optional, action === 'iam:PassRole' || isOfTrigger(action)]);
    const group = groups.get(key) ?? { actions: [], resources, when: optional };
    if (!group.actions.includes(action)) group.actions.push(action);
    groups.set(key, group);
  }
  return [...groups.values()];
}

function isFor(role: Exclude<Role, 'function'>, { action, mutates, operations }: Permission & { action: string }): boolean {
  if (role === 'plan') return !mutates && !AROUND_A_CHANGE.test(action);
  return role === 'deploy' || operations.includes(role);
}

/** Statements that a role goes without where what they are about is not used; all others stand in every policy. */
function hasPlaceOfItsOwn(when: string | undefined): boolean {
  return when !== undefined && /subnet-ids|kms-key-arn|layers/.test(when);
}

const asList = (resource: string | readonly string[]): readonly string[] => (typeof resource === 'string' ? [resource] : resource);

const isOfTrigger = (action: string): boolean => /^lambda:(?:Create|Update|Delete)EventSourceMapping$/.test(action);

/** The condition that narrows a statement whose resource cannot. */
export function conditionOf({ actions }: Statement): Readonly<Record<string, unknown>> | undefined {
  if (actions.includes('iam:PassRole')) return { StringEquals: { 'iam:PassedToService': 'lambda.amazonaws.com' } };
  if (!actions.some(isOfTrigger)) return undefined;
  return { ArnLike: { 'lambda:FunctionArn': ANY_VERSION } };
}

/** A policy as IAM takes it. @param fill what stands for each placeholder */
export function policyOf(role: Role, fill: (text: string) => string): unknown {
  return {
    Version: '2012-10-17',
    Statement: statementsOf(role).map((statement) => {
      const condition = conditionOf(statement);
      return {
        Effect: 'Allow',
        Action: [...statement.actions],
        Resource: statement.resources.length === 1 ? fill(statement.resources[0] ?? '*') : statement.resources.map(fill),
        ...(condition === undefined ? {} : { Condition: JSON.parse(fill(JSON.stringify(condition))) as unknown }),
      };
    }),
  };
}
