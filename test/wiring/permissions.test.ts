// The action under exactly the actions that its table of permissions gives, enforced by moto. It enforces for a whole server, so this file
// has one of its own, and knows neither iam:PassRole nor conditions nor what AWS asks in the caller's name: those are in policies.test.ts.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { text } from 'node:stream/consumers';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from '@jest/globals';
import { CreateTableCommand } from '@aws-sdk/client-dynamodb';
import { CreateAccessKeyCommand, CreateRoleCommand, CreateUserCommand, PutUserPolicyCommand } from '@aws-sdk/client-iam';
import { CreateBucketCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { AwsError } from '../../action/aws/errors.ts';
import { inParallel } from '../../action/aws/retry.ts';
import { permissionsOf, type Action } from '../../action/aws/permissions.ts';
import { runAction, type ActionRun } from '../stack/action-run.ts';
import { awsEnvironment, connect } from '../stack/clients.ts';
import { listen } from '../stack/loopback.ts';
import { startMoto } from '../stack/moto.ts';
import { sliceResponse } from './recorded-subject.ts';

delete process.env.AWS_ENDPOINT_URL;
/** The function, in place of one that runs: what counts here is who may invoke it. */
const runner = await listen(
  createServer((request, response) => {
    void text(request).then((body) => {
      const { event } = JSON.parse(body) as { event: string };
      response.end(JSON.stringify({ payload: JSON.stringify(sliceResponse(event) ?? { ok: true, problems: [] }), logResult: '' }));
    });
  }),
);
const moto = await startMoto(runner.url);
const workspace = await mkdtemp(join(tmpdir(), 'workspace-'));
afterAll(async () => {
  await Promise.all([moto.stop(), runner.stop(), rm(workspace, { recursive: true })]);
});
const addresses = { aws: moto.url, dynamodb: moto.url };
const { iam, s3, dynamodb } = connect(addresses);

/** All but what needs a VPC, a layer or a key, which moto does not ask for. */
const NEEDED = [
  ...new Set(
    [...permissionsOf('deploy'), ...permissionsOf('rollback')]
      .filter(({ when }) => when === undefined || !/subnet-ids|layers|kms-key-arn/.test(when))
      .map(({ action }) => action),
  ),
];
/** moto asks neither for these, nor for the tags of a function, nor for what S3 says of a missing object or Lambda reads of it. */
const UNASKED = ['sts:GetCallerIdentity', 'iam:PassRole', 'lambda:ListTags', 's3:ListBucket', 's3:GetObjectVersion'];
/** A run does without it, and warns. */
const OPTIONAL = 'cloudwatch:GetMetricData';
const ENFORCED = NEEDED.filter((action) => !UNASKED.includes(action) && action !== OPTIONAL);

/** moto names the permission after the call. */
const asMotoHasIt = (action: string): string => (action === 'lambda:InvokeFunction' ? 'lambda:Invoke' : action);

/** A deployer who may do these actions and nothing else, with two tables. */
interface Deployer {
  readonly name: string;
  readonly env: Readonly<Record<string, string>>;
}

async function prepare(name: string, actions: readonly string[]): Promise<Deployer> {
  await iam.send(new CreateUserCommand({ UserName: name }));
  const statement = { Effect: 'Allow', Action: actions.map(asMotoHasIt), Resource: '*' };
  await iam.send(
    new PutUserPolicyCommand({
      UserName: name,
      PolicyName: 'deploy',
      PolicyDocument: JSON.stringify({ Version: '2012-10-17', Statement: [statement] }),
    }),
  );
  const { AccessKey: key } = await iam.send(new CreateAccessKeyCommand({ UserName: name }));
  for (const table of [name, `${name}-2`]) {
    await dynamodb.send(
      new CreateTableCommand({
        TableName: table,
        BillingMode: 'PAY_PER_REQUEST',
        AttributeDefinitions: [{ AttributeName: 'id', AttributeType: 'S' }],
        KeySchema: [{ AttributeName: 'id', KeyType: 'HASH' }],
      }),
    );
  }
  const credentials = { AWS_ACCESS_KEY_ID: key?.AccessKeyId ?? '', AWS_SECRET_ACCESS_KEY: key?.SecretAccessKey ?? '' };
  return { name, env: { ...awsEnvironment(addresses), ...credentials } };
}

const { Role: role } = await iam.send(
  new CreateRoleCommand({
    RoleName: 'function',
    AssumeRolePolicyDocument: JSON.stringify({
      Version: '2012-10-17',
      Statement: [{ Effect: 'Allow', Principal: { Service: 'lambda.amazonaws.com' }, Action: 'sts:AssumeRole' }],
    }),
  }),
);
await s3.send(new CreateBucketCommand({ Bucket: 'code', CreateBucketConfiguration: { LocationConstraint: 'eu-west-1' } }));
await s3.send(new PutObjectCommand({ Bucket: 'code', Key: 'STAGE_es_creds', Body: "ES_ENDPOINT='https://search.example.com'\n" }));
await writeFile(join(workspace, 'search.yml'), 'prune-triggers: true\ndefaults:\n  trigger:\n    batch-size: 10\n');

/** Creates a function with everything, changes all of it, prunes a trigger and rolls back; the run that failed, or the last one. */
async function deployAndRollBack({ name, env }: Deployer): Promise<ActionRun> {
  const common = { environment: 'STAGE', 'function-name': name, 'code-bucket': 'code', alias: 'live' };
  const deploy = { ...common, role: role?.Arn ?? '', 'log-retention-days': '7' };
  const steps = [
    { ...deploy, tables: `${name}\n${name}-2`, tags: 'a=1\nb=2' },
    { ...deploy, tables: name, tags: 'a=2', 'memory-size': '256', config: 'search.yml' },
    { ...common, operation: 'rollback' },
  ];
  for (const inputs of steps.slice(0, -1)) {
    const run = await runAction(inputs, { env, workspace });
    if (run.code !== 0) return run;
  }
  return runAction(steps.at(-1) ?? {}, { env, workspace });
}

const whole = await prepare('whole', NEEDED);
/** Another one, who gives the first one's table a new index. */
const reindexer = await prepare(
  'reindexer',
  permissionsOf('reindex').map(({ action }) => action),
);
const lacking = new Map<string, Deployer>();
for (const left of ENFORCED) {
  const rest = NEEDED.filter((action) => action !== left);
  lacking.set(left, await prepare(left.replace(/\W/g, '-'), rest));
}
// From here on nobody may do anything without a policy.
await fetch(`${moto.url}/moto-api/reset-auth`, { method: 'POST', body: '0' });
const MAX_PARALLEL = 4;
const [enough, ...short] = await inParallel([whole, ...lacking.values()], MAX_PARALLEL, deployAndRollBack);

const reindexed = await runAction(
  { environment: 'STAGE', 'function-name': 'whole', 'code-bucket': 'code', alias: 'live', operation: 'reindex', tables: 'whole' },
  { env: reindexer.env, workspace },
);

test('the rows of reindex are enough for a role that does nothing else', () => {
  expect({ code: reindexed.code, log: reindexed.code === 0 ? '' : reindexed.log }).toEqual({ code: 0, log: '' });
});

describe('the policy of the deploying role', () => {
  test('is enough', () => {
    expect({ code: enough?.code, log: enough?.code === 0 ? '' : enough?.log }).toEqual({ code: 0, log: '' });
  });

  test.each(ENFORCED.map((left, at) => [left, short[at]] as const))(
    'without %s the run fails with a sentence that names it',
    (left, run) => {
      expect(run?.code).toBe(1);
      const sentence = run?.log.split('\n').find((line) => line.startsWith('::error'));
      expect(sentence).toMatch(new RegExp(`${left}\\b`));
    },
  );
});

/** Lambda's wording where it may not do something in another's name; moto never says it. */
const DELEGATED: readonly (readonly [permission: string, called: Action, words: string])[] = [
  [
    'the permission iam:PassRole',
    'lambda:CreateFunction',
    'User: arn:aws:sts::1:assumed-role/d/s is not authorized to perform: iam:PassRole on resource: arn:aws:iam::1:role/r because no identity-based policy allows the iam:PassRole action',
  ],
  [
    'the permission lambda:GetLayerVersion',
    'lambda:UpdateFunctionConfiguration',
    'User: arn:aws:sts::1:assumed-role/d/s is not authorized to perform: lambda:GetLayerVersion on resource: arn:aws:lambda:eu-west-1:1:layer:l:1',
  ],
  [
    'the permission s3:GetObject',
    'lambda:UpdateFunctionCode',
    'Your access has been denied by S3, please make sure your request credentials have permission to GetObject for code/lambda/f/x.zip. S3 Error Code: AccessDenied. S3 Error Message: Access Denied',
  ],
  ...['DescribeSecurityGroups', 'DescribeSubnets', 'DescribeVpcs'].map(
    (operation) =>
      [
        `the permission ec2:${operation}`,
        'lambda:UpdateFunctionConfiguration',
        `Your access has been denied by EC2, please make sure your request credentials have permission to ${operation} for sg-1. EC2 Error Code: UnauthorizedOperation. EC2 Error Message: You are not authorized to perform this operation.`,
      ] as const,
  ),
  [
    "The function's role needs the permission ec2:CreateNetworkInterface",
    'lambda:CreateFunction',
    'Your access has been denied by EC2, please make sure your function execution role have permission to CreateNetworkInterface. EC2 Error Code: UnauthorizedOperation. EC2 Error Message: You are not authorized to perform this operation.',
  ],
];

describe('a call that AWS refuses for want of another permission', () => {
  test.each(DELEGATED)('names %s (%s)', (permission, called, words) => {
    const cause = Object.assign(new Error(words), { name: 'AccessDeniedException', $metadata: { httpStatusCode: 403 } });
    const { message } = new AwsError(called, 'function DynamoToES', cause);
    expect(message).toContain(permission);
    expect(message).not.toContain(`the permission ${called}`);
  });
});
