// The policies of the roles, built from the tables of permissions in the code: statements for the documents and for the template.
import { FUNCTION_PERMISSIONS } from './function-permissions.ts';
import { PERMISSIONS, iamAction, type Action, type Permission } from '../action/aws/permissions.ts';

const FUNCTION = 'arn:${partition}:lambda:${region}:${account}:function:${function-name}';
/** The alias that a trigger invokes is in its function's ARN. */
const ANY_VERSION = [FUNCTION, `${FUNCTION}:*`];

/** One statement: all actions on the same resources that are needed under one condition. */
export interface Statement {
  readonly actions: readonly string[];
  /** With placeholders such as `${function-name}`. */
  readonly resources: readonly string[];
  /** The input or state that requires it; undefined: always needed. */
  readonly when: string | undefined;
  /** `Deny` for what a role may not do although another statement allows it; absent: `Allow`. */
  readonly effect?: 'Deny';
}

/** `refresh-mapping` and `rollback`: a deploying role for that operation alone. */
export type Role = 'deploy' | 'refresh-mapping' | 'rollback' | 'backfill' | 'verify' | 'redrive' | 'reindex' | 'plan' | 'function';

/**
 * Permissions that only a change requires (AWS in the name of the deployer, or the action while it waits, or reads the progress of a run),
 * and the one to invoke the function for a plan: whoever may do that may have it do anything.
 */
const AROUND_A_CHANGE =
  /^(?:iam:|ec2:|kms:Encrypt$|kms:CreateGrant$|s3:GetObjectVersion$|s3:GetObject \(runs\)$|cloudwatch:|states:(?:DescribeExecution|ListMapRuns|DescribeMapRun)$|lambda:(?:InvokeFunction \(reads\)|GetLayerVersion|GetFunctionConfiguration|GetEventSourceMapping)$)/;

/** The statements of a role; AWS requires no permission for GetCallerIdentity. */
export function statementsOf(role: Role): Statement[] {
  if (role === 'function')
    return FUNCTION_PERMISSIONS.flatMap(({ actions, resource, when }) => {
      const allowed = { actions, resources: asList(resource), when };
      if (!actions.some(isOfNetwork)) return [allowed];
      return [allowed, { ...allowed, actions: [...actions, 'ec2:DetachNetworkInterface'], effect: 'Deny' as const }];
    });
  const rows = (Object.entries(PERMISSIONS) as [Action, Permission][])
    .filter(([action, row]) => !action.startsWith('sts:') && isFor(role, { ...row, action }))
    .map(([action, row]) => ({ ...row, action: iamAction(action) }));
  const groups = new Map<string, { actions: string[]; resources: readonly string[]; when: string | undefined }>();
  for (const { action, resource, when } of rows) {
    const optional = hasPlaceOfItsOwn(when) ? when : undefined;
    const resources = asList(resource);
    const condition = conditionOf({ actions: [action], resources, when });
    const key = JSON.stringify([resources, optional, condition]);
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

/** Statements that a role goes without where what they are about is not used; all others are in every policy. */
function hasPlaceOfItsOwn(when: string | undefined): boolean {
  return when !== undefined && /subnet-ids|kms-key-arn|layers|state-machine/.test(when);
}

const asList = (resource: string | readonly string[]): readonly string[] => (typeof resource === 'string' ? [resource] : resource);

/** Services through which the function's role uses the keys of its secret and of its on-failure destination. */
const OF_OTHER_KEYS = ['secretsmanager', 'sqs', 'sns', 's3'];

const isOfTrigger = (action: string): boolean => /^lambda:(?:Create|Update|Delete)EventSourceMapping$/.test(action);
const isOfNetwork = (action: string): boolean => action.startsWith('ec2:') && action.endsWith('NetworkInterface');

/**
 * The condition that narrows a statement whose resource cannot: roles are passed to Lambda alone, keys are used through the services that
 * they are for, alone, and granted to AWS's services alone, and network interfaces are Lambda's to make, not the function's own code's.
 * https://docs.aws.amazon.com/kms/latest/developerguide/conditions-kms.html, https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html
 */
export function conditionOf({ actions, resources, effect }: Statement): Readonly<Record<string, unknown>> | undefined {
  if (effect === 'Deny') return { ArnLike: { 'lambda:SourceFunctionArn': ANY_VERSION } };
  if (actions.includes('iam:PassRole')) return { StringEquals: { 'iam:PassedToService': 'lambda.amazonaws.com' } };
  if (actions.some((action) => action.startsWith('kms:'))) {
    if (resources.includes('${table-key-arn}')) return { StringEquals: { 'kms:ViaService': 'dynamodb.${region}.amazonaws.com' } };
    if (resources.includes('${other-key-arn}'))
      return { StringEquals: { 'kms:ViaService': OF_OTHER_KEYS.map((service) => `${service}.\${region}.amazonaws.com`) } };
    const throughLambda = { StringEquals: { 'kms:ViaService': 'lambda.${region}.amazonaws.com' } };
    return actions.includes('kms:CreateGrant') ? { ...throughLambda, Bool: { 'kms:GrantIsForAWSResource': 'true' } } : throughLambda;
  }
  if (!actions.some(isOfTrigger)) return undefined;
  return { ArnLike: { 'lambda:FunctionArn': ANY_VERSION } };
}

/** A policy in IAM's form. @param fill replaces each placeholder */
export function policyOf(role: Role, fill: (text: string) => string): unknown {
  return {
    Version: '2012-10-17',
    Statement: statementsOf(role).map((statement) => {
      const condition = conditionOf(statement);
      return {
        Effect: statement.effect ?? 'Allow',
        Action: [...statement.actions],
        Resource: statement.resources.length === 1 ? fill(statement.resources[0] ?? '*') : statement.resources.map(fill),
        ...(condition === undefined ? {} : { Condition: JSON.parse(fill(JSON.stringify(condition))) as unknown }),
      };
    }),
  };
}
