import { expect, test } from '@jest/globals';
import { SessionEndedError } from '../../../action/aws/errors.ts';
import { assumedRole, canRenew, Renewable } from '../../../action/aws/renewal.ts';
import { caller } from '../../../action/aws/session.ts';
import { failure, fakeClock } from '../fake-aws.ts';

test.each([
  ['a session of a role', 'arn:aws:sts::123456789012:assumed-role/Deployer/run-7', 'arn:aws:iam::123456789012:role/Deployer', 'run-7'],
  ['one in another partition', 'arn:aws-cn:sts::1:assumed-role/D/s@x.y', 'arn:aws-cn:iam::1:role/D', 's@x.y'],
])('the role of %s is known by its ARN', (_, identity, arn, session) => {
  expect(assumedRole(identity)).toEqual({ arn, session, isGuess: true });
});

test('a role with a path, which the ARN of its session does not show, is named by an input', () => {
  const identity = 'arn:aws:sts::123456789012:assumed-role/Deployer/run-7';
  const arn = 'arn:aws:iam::123456789012:role/teams/search/Deployer';
  expect(assumedRole(identity, arn)).toEqual({ arn, session: 'run-7', isGuess: false });
  expect(assumedRole('arn:aws:iam::123456789012:user/somebody', arn)).toBeUndefined();
});

test.each([
  'arn:aws:iam::123456789012:role/Other',
  'arn:aws:iam::210987654321:role/Deployer',
  'arn:aws:iam::123456789012:role/teams/Deployer2',
])('the role %s is refused for the session of another one', (arn) => {
  expect(() => assumedRole('arn:aws:sts::123456789012:assumed-role/Deployer/run-7', arn)).toThrow(
    `role-to-assume: the session of this job is of role Deployer in account 123456789012, not of ${arn}. Set it to the ARN with which the job signs in to AWS`,
  );
});

test.each(['arn:aws:iam::123456789012:user/somebody', 'arn:aws:sts::1:federated-user/somebody', 'arn:aws:iam::1:root', '', undefined])(
  'the identity %s is not a session of a role',
  (identity) => {
    expect(assumedRole(identity)).toBeUndefined();
  },
);

test('a job can renew its session if it has the permission id-token: write', () => {
  const env = { ACTIONS_ID_TOKEN_REQUEST_URL: 'https://token', ACTIONS_ID_TOKEN_REQUEST_TOKEN: 'token' };
  expect(canRenew(env)).toBe(true);
  expect(canRenew({ ...env, ACTIONS_ID_TOKEN_REQUEST_URL: '' })).toBe(false);
  expect(canRenew({})).toBe(false);
});

const expired = failure('ExpiredTokenException', 'The security token included in the request is expired', 403);

/** Calls that fail until the session is renewed. */
function calls(renew?: () => Promise<void>, isGuess = false): { call: (until: number) => Promise<string>; session: Renewable } {
  const session = new Renewable();
  const role = { arn: 'arn:aws:iam::123456789012:role/Deployer', session: 'run-7', isGuess };
  session.renewal = renew && { role, renew };
  const call = caller({ dryRun: false, signal: new AbortController().signal, clock: fakeClock(), onChange: () => undefined, session });
  return {
    session,
    call: (until) =>
      call('dynamodb:DescribeTable', 'table Orders', () =>
        session.generation < until ? Promise.reject(expired) : Promise.resolve('done'),
      ),
  };
}

test('calls that meet the end of a session renew it once, together, and are made again', async () => {
  let renewals = 0;
  const { call } = calls(() => {
    renewals += 1;
    return new Promise(setImmediate);
  });
  expect(await Promise.all([call(1), call(1), call(1)])).toEqual(['done', 'done', 'done']);
  expect(renewals).toBe(1);
});

test('a session that ends at once again is not renewed for ever', async () => {
  let renewals = 0;
  const { call } = calls(() => Promise.resolve(void (renewals += 1)));
  await expect(call(Infinity)).rejects.toThrow(/ExpiredTokenException/);
  expect(renewals).toBe(1);
});

test('a renewal that is refused is one sentence with the reason', async () => {
  const { call } = calls(() => Promise.reject(new SessionEndedError('Not authorized to perform sts:AssumeRoleWithWebIdentity')));
  await expect(call(1)).rejects.toThrow(
    'The AWS credentials of this job have ended, and could not be renewed through OpenID Connect: Not authorized to perform sts:AssumeRoleWithWebIdentity. Check that the trust policy of the role accepts this job',
  );
});

test('where the ARN of the role could only be guessed, the sentence says how to name it', async () => {
  const { call } = calls(() => Promise.reject(new SessionEndedError('Not authorized')), true);
  await expect(call(1)).rejects.toThrow(
    'Not authorized. Set role-to-assume to the ARN of the role if it has a path (this job tried arn:aws:iam::123456789012:role/Deployer), and check that its trust policy accepts this job',
  );
});

test('without a way to renew it, the end of a session is the error of the call', async () => {
  await expect(calls().call(1)).rejects.toThrow(/^dynamodb:DescribeTable of table Orders failed: ExpiredTokenException/);
});
