// The permissions that AWS requires for a recorded call: the call's own, and those in the caller's name, which no recording shows.
import { ACCOUNT, REGION } from '../stack/clients.ts';
import type { IamRequest } from '../stack/policy.ts';
import type { RecordedRequest } from '../stack/proxy.ts';

/** Facts about a call that it does not contain itself. */
export interface RunContext {
  /** ARN of the function by the id of a trigger. */
  readonly triggers: ReadonlyMap<string, string>;
  /** The key of the function's environment variables, before the run. */
  readonly key?: string | undefined;
  /** Whether the run deals with environment variables and with tags: what it may not read of them AWS leaves out. */
  readonly reads: { readonly variables: boolean; readonly tags: boolean };
}

interface Body {
  readonly [name: string]: unknown;
  readonly Role?: string;
  readonly Layers?: readonly string[];
  readonly VpcConfig?: { readonly SubnetIds?: readonly string[] };
  readonly KMSKeyArn?: string;
  readonly Environment?: unknown;
  readonly Tags?: unknown;
  readonly Code?: Body;
  readonly S3Bucket?: string;
  readonly S3Key?: string;
  readonly S3ObjectVersion?: string;
  readonly TableName?: string;
  readonly FunctionName?: string;
  readonly Name?: string;
  readonly logGroupName?: string;
  readonly stateMachineArn?: string;
  readonly executionArn?: string;
  readonly mapRunArn?: string;
}

const arn = (service: string, resource: string): string => `arn:aws:${service}:${REGION}:${ACCOUNT}:${resource}`;
const functionArn = (name: string): string => (name.startsWith('arn:') ? name : arn('lambda', `function:${name}`));
const object = (bucket: string, key: string): string => `arn:aws:s3:::${bucket}/${key}`;
/** The context that AWS sends to KMS with a request that Lambda makes in the caller's name. */
export const THROUGH_LAMBDA = { 'kms:ViaService': `lambda.${REGION}.amazonaws.com` };
const ask = (action: string, resource: string, context?: IamRequest['context']): IamRequest => ({
  action,
  resource,
  ...(context === undefined ? {} : { context }),
});

/** All that must be allowed for the call. @throws {Error} on a call that is not known here */
export function iamRequests(request: RecordedRequest, runContext: RunContext): IamRequest[] {
  const { operation } = request;
  if (operation === 'sts:GetCallerIdentity') return []; // AWS asks no permission for it.
  if (operation.startsWith('s3:')) return ofS3(request);
  const body = (/^[{]/.test(request.body) ? JSON.parse(request.body) : {}) as Body;
  if (operation.startsWith('dynamodb:')) {
    const name = body.TableName ?? '';
    return [ask(operation, name.startsWith('arn:') ? name : arn('dynamodb', `table/${name}`))];
  }
  if (operation === 'logs:DescribeLogGroups' || operation === 'cloudwatch:GetMetricData') return [ask(operation, '*')];
  if (operation.startsWith('states:')) return [ask(operation, body.stateMachineArn ?? body.executionArn ?? body.mapRunArn ?? '')];
  if (operation.startsWith('logs:')) {
    const group = arn('logs', `log-group:${body.logGroupName ?? ''}`);
    return [ask(operation, group), ask(operation, `${group}:*`)];
  }
  return ofLambda(request, body, runContext);
}

/** Addresses are path-style in the stack. */
function ofS3({ operation, path, status }: RecordedRequest): IamRequest[] {
  const [, bucket = '', ...key] = new URL(path, 'http://localhost').pathname.split('/').map(decodeURIComponent);
  if (operation === 's3:ListObjectsV2') return [ask('s3:ListBucket', `arn:aws:s3:::${bucket}`)];
  return [
    ask(operation, object(bucket, key.join('/'))),
    // Without it S3 says "denied" of what does not exist.
    ...(status === 404 ? [ask('s3:ListBucket', `arn:aws:s3:::${bucket}`)] : []),
  ];
}

function ofLambda({ operation, path }: RecordedRequest, body: Body, runContext: RunContext): IamRequest[] {
  const { pathname, searchParams } = new URL(path, 'http://localhost');
  const [, , , id = '', , alias = ''] = pathname.split('/').map(decodeURIComponent);
  const { triggers, key, reads } = runContext;
  const qualifier = searchParams.get('Qualifier');
  const named = functionArn(qualifier === null ? id : `${id}:${qualifier}`);
  const code = operation === 'lambda:CreateFunction' ? body.Code : body;
  // https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html: a version has a permission of its own.
  const read = code?.S3ObjectVersion === undefined ? 's3:GetObject' : 's3:GetObjectVersion';
  const fromBucket = code?.S3Key === undefined ? [] : [ask(read, object(code.S3Bucket ?? '', code.S3Key))];
  switch (operation) {
    case 'lambda:GetFunction':
      return [
        ask(operation, named),
        ...(reads.tags ? [ask('lambda:ListTags', functionArn(id))] : []),
        ...(reads.variables && key !== undefined ? [ask('kms:Decrypt', key, THROUGH_LAMBDA)] : []),
      ];
    case 'lambda:Invoke':
      return [ask('lambda:InvokeFunction', named)];
    case 'lambda:CreateFunction': {
      const created = functionArn(body.FunctionName ?? '');
      return [
        ask(operation, created),
        ...fromBucket,
        ...inCallersName(body),
        ...(body.Tags === undefined ? [] : [ask('lambda:TagResource', created)]),
      ];
    }
    case 'lambda:UpdateFunctionConfiguration': {
      // Variables that change are encrypted anew, with the key that the function has.
      const encrypts = body.Environment !== undefined && body.KMSKeyArn === undefined && key !== undefined;
      return [ask(operation, named), ...inCallersName(body), ...(encrypts ? [ask('kms:Encrypt', key, THROUGH_LAMBDA)] : [])];
    }
    case 'lambda:UpdateFunctionCode':
      return [ask(operation, named), ...fromBucket];
    case 'lambda:GetAlias':
    case 'lambda:CreateAlias':
    case 'lambda:UpdateAlias':
      // The service's list of actions says: function; its ARNs of functions: with the alias too. Either must do.
      return [ask(operation, named), ask(operation, `${named}:${operation === 'lambda:CreateAlias' ? (body.Name ?? '') : alias}`)];
    case 'lambda:GetFunctionConfiguration':
    case 'lambda:PublishVersion':
    case 'lambda:ListVersionsByFunction':
    case 'lambda:TagResource':
    case 'lambda:UntagResource':
      return [ask(operation, named)];
    case 'lambda:ListEventSourceMappings':
      return [ask(operation, '*')];
    case 'lambda:CreateEventSourceMapping':
      return [ask(operation, '*', { 'lambda:FunctionArn': functionArn(body.FunctionName ?? '') })];
    case 'lambda:GetEventSourceMapping':
    case 'lambda:UpdateEventSourceMapping':
    case 'lambda:DeleteEventSourceMapping':
      return [ask(operation, arn('lambda', `event-source-mapping:${id}`), { 'lambda:FunctionArn': triggers.get(id) ?? '' })];
    default:
      throw new Error(`It is not known what AWS asks for on ${operation}`);
  }
}

/** https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html, …/configuration-envvars-encryption.html, …/permissions-user-function.html */
function inCallersName({ Role: role, Layers: layers = [], VpcConfig: vpc, KMSKeyArn: key = '' }: Body): IamRequest[] {
  const network = ['ec2:DescribeSubnets', 'ec2:DescribeSecurityGroups', 'ec2:DescribeVpcs'];
  return [
    ...(role === undefined ? [] : [ask('iam:PassRole', role, { 'iam:PassedToService': 'lambda.amazonaws.com' })]),
    ...layers.map((layer) => ask('lambda:GetLayerVersion', layer)),
    ...((vpc?.SubnetIds ?? []).length === 0 ? [] : network.map((action) => ask(action, '*'))),
    ...(key === ''
      ? []
      : [ask('kms:Encrypt', key, THROUGH_LAMBDA), ask('kms:CreateGrant', key, { ...THROUGH_LAMBDA, 'kms:GrantIsForAWSResource': 'true' })]),
  ];
}
