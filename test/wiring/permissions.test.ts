// The action under exactly the policy that its table of permissions gives. moto enforces policies for a whole server, so this file has one
// of its own; it knows neither iam:PassRole nor conditions.
import { afterAll, describe, expect, test } from '@jest/globals';
import { CreateTableCommand } from '@aws-sdk/client-dynamodb';
import {
  AttachUserPolicyCommand,
  CreateAccessKeyCommand,
  CreatePolicyCommand,
  CreateRoleCommand,
  CreateUserCommand,
} from '@aws-sdk/client-iam';
import { CreateBucketCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { permissionsOf } from '../../action/permissions.ts';
import { runAction, type ActionRun } from '../stack/action-run.ts';
import { awsEnvironment, connect } from '../stack/clients.ts';
import { startMoto } from '../stack/moto.ts';

delete process.env.AWS_ENDPOINT_URL;
const moto = await startMoto('http://127.0.0.1:9');
const addresses = { aws: moto.url, dynamodb: moto.url };
const { iam, s3, dynamodb } = connect(addresses);
afterAll(async () => {
  await moto.stop();
});

const enforce = (after: string): Promise<Response> => fetch(`${moto.url}/moto-api/reset-auth`, { method: 'POST', body: after });
/** moto cannot run the function here, so the check is left out; so is what needs an alias, a VPC, a layer, a key or the options file. */
const NEEDED = permissionsOf('deploy')
  .filter(({ when }) => when === undefined || /`(tags|tables|log-retention-days|code-bucket|endpoint)`|does not exist yet/.test(when))
  .map(({ action }) => action);

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

/** Credentials that may do these actions and nothing else. */
async function deployer(name: string, actions: readonly string[]): Promise<Record<string, string>> {
  const { Policy: policy } = await iam.send(
    new CreatePolicyCommand({
      PolicyName: name,
      PolicyDocument: JSON.stringify({
        Version: '2012-10-17',
        Statement: [{ Effect: 'Allow', Action: [...new Set(actions)], Resource: '*' }],
      }),
    }),
  );
  await iam.send(new CreateUserCommand({ UserName: name }));
  await iam.send(new AttachUserPolicyCommand({ UserName: name, PolicyArn: policy?.Arn }));
  const { AccessKey: key } = await iam.send(new CreateAccessKeyCommand({ UserName: name }));
  return { ...awsEnvironment(addresses), AWS_ACCESS_KEY_ID: key?.AccessKeyId ?? '', AWS_SECRET_ACCESS_KEY: key?.SecretAccessKey ?? '' };
}

/** Deploys a function of this name for a table of its own, under a policy of these actions: created, then with other tags. */
async function deployTwice(name: string, actions: readonly string[]): Promise<ActionRun> {
  await dynamodb.send(
    new CreateTableCommand({
      TableName: name,
      BillingMode: 'PAY_PER_REQUEST',
      AttributeDefinitions: [{ AttributeName: 'id', AttributeType: 'S' }],
      KeySchema: [{ AttributeName: 'id', KeyType: 'HASH' }],
    }),
  );
  const env = await deployer(name, actions);
  await enforce('0');
  // Both runs deploy one package: under enforcement moto does not serve its own presigned links, by which another would be compared.
  try {
    const inputs = {
      environment: 'STAGE',
      'function-name': name,
      'code-bucket': 'code',
      role: role?.Arn ?? '',
      tables: name,
      'log-retention-days': '7',
      check: 'false',
    };
    const first = await runAction({ ...inputs, tags: 'a=1\nb=2' }, { env });
    if (first.code !== 0) return first;
    return await runAction({ ...inputs, tags: 'a=2', architecture: 'x86_64', 'memory-size': '256' }, { env });
  } finally {
    await enforce('inf');
  }
}

describe('the policy of the deploying role', () => {
  test('is enough', async () => {
    const run = await deployTwice('whole', NEEDED);
    expect({ code: run.code, log: run.code === 0 ? '' : run.log }).toEqual({ code: 0, log: '' });
  });

  // A mapping that is as wanted needs no update, a stream no second look, and moto asks neither for the tags of a function nor for
  // what S3 reads in the deployer's name.
  const unasked = [
    'sts:GetCallerIdentity',
    'iam:PassRole',
    'lambda:ListTags',
    'lambda:UpdateEventSourceMapping',
    's3:ListBucket',
    'lambda:TagResource on create',
  ];
  test.each([...new Set(NEEDED)].filter((action) => !unasked.includes(action)))(
    'without %s the run fails with a sentence that names it',
    async (left) => {
      const run = await deployTwice(
        left.replace(/\W/g, '-'),
        NEEDED.filter((action) => action !== left),
      );
      expect(run.code).toBe(1);
      expect(run.log).toMatch(/::error::/);
      expect(run.log).toContain(left);
    },
  );
});
