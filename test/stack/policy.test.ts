import { describe, expect, test } from '@jest/globals';
import { allows, type IamRequest, type Policy, type PolicyStatement } from './policy.ts';

const policy = (...Statement: Omit<PolicyStatement, 'Effect'>[]): Policy => ({
  Version: '2012-10-17',
  Statement: Statement.map((one) => ({ Effect: 'Allow', ...one })),
});
const read = (resource: string, context: IamRequest['context'] = {}): IamRequest => ({ action: 's3:GetObject', resource, context });

describe('a policy', () => {
  test.each<[string, Policy, IamRequest, boolean]>([
    ['allows what it names', policy({ Action: 's3:GetObject', Resource: 'arn:aws:s3:::a/b' }), read('arn:aws:s3:::a/b'), true],
    ['denies what it does not name', policy({ Action: 's3:GetObject', Resource: 'arn:aws:s3:::a/b' }), read('arn:aws:s3:::a/c'), false],
    ['denies another action', policy({ Action: 's3:PutObject', Resource: '*' }), read('arn:aws:s3:::a/b'), false],
    ['looks at all of a list', policy({ Action: ['s3:PutObject', 's3:GetObject'], Resource: ['x', 'y'] }), read('y'), true],
    ['takes * in a resource for any text', policy({ Action: 's3:Get*', Resource: 'arn:aws:s3:::a/*' }), read('arn:aws:s3:::a/b/c'), true],
    [
      'takes ? in a resource for one character',
      policy({ Action: 's3:GetObject', Resource: 'arn:aws:s3:::a/?' }),
      read('arn:aws:s3:::a/bc'),
      false,
    ],
    [
      'takes no other character for a pattern',
      policy({ Action: 's3:GetObject', Resource: 'arn:aws:s3:::a/b.c' }),
      read('arn:aws:s3:::a/bxc'),
      false,
    ],
    ['does not mind the case of an action', policy({ Action: 'S3:getobject', Resource: '*' }), read('x'), true],
    ['minds the case of a resource', policy({ Action: 's3:GetObject', Resource: 'X' }), read('x'), false],
    ['needs all resources for an action without one', policy({ Action: 's3:GetObject', Resource: 'arn:aws:s3:::*' }), read('*'), false],
    ['has all resources in *', policy({ Action: 's3:GetObject', Resource: '*' }), read('*'), true],
  ])('%s', (_, actual, request, expected) => {
    expect(allows(actual, request)).toBe(expected);
  });

  test.each([
    ['StringEquals', 'lambda.amazonaws.com', 'lambda.amazonaws.com', true],
    ['StringEquals', '*.amazonaws.com', 'lambda.amazonaws.com', false],
    ['StringLike', '*.amazonaws.com', 'lambda.amazonaws.com', true],
    ['ArnLike', 'arn:aws:lambda:eu-west-1:1:function:f:*', 'arn:aws:lambda:eu-west-1:1:function:f:live', true],
    ['ArnLike', 'arn:aws:lambda:eu-west-1:1:function:f', 'arn:aws:lambda:eu-west-1:1:function:f:live', false],
    ['ArnLike', 'arn:aws:lambda:*:function:f', 'arn:aws:lambda:eu-west-1:1:function:f', false],
    ['Bool', 'true', 'true', true],
    ['Bool', 'true', 'false', false],
    ['ArnNotEquals', 'arn:aws:iam::1:role/r', 'arn:aws:iam::1:role/r', false],
    ['ArnNotEquals', 'arn:aws:iam::1:role/r', 'arn:aws:iam::1:role/r2', true],
  ])('%s %s of %s: %s', (operator, wanted, actual, expected) => {
    const conditional = policy({ Action: '*', Resource: '*', Condition: { [operator]: { 'a:key': ['other', wanted] } } });
    expect(allows(conditional, read('x', { 'a:key': actual }))).toBe(expected);
  });

  test('with a condition denies a request that lacks its key', () => {
    expect(allows(policy({ Action: '*', Resource: '*', Condition: { StringLike: { 'a:key': '*' } } }), read('x'))).toBe(false);
  });

  test('with a negated condition holds for a request that lacks its key', () => {
    expect(allows(policy({ Action: '*', Resource: '*', Condition: { StringNotEquals: { 'a:key': 'x' } } }), read('x'))).toBe(true);
  });

  test('that denies wins over one that allows', () => {
    const both: Policy = {
      Version: '2012-10-17',
      Statement: [
        { Effect: 'Allow', Action: '*', Resource: '*' },
        { Effect: 'Deny', Action: 's3:*', Resource: 'secret' },
      ],
    };
    expect(allows(both, read('open'))).toBe(true);
    expect(allows(both, read('secret'))).toBe(false);
  });

  test('with something that is not known here is not judged', () => {
    expect(() => allows(policy({ Action: '*', Resource: '*', Condition: { IpAddress: { 'a:key': '::1' } } }), read('x'))).toThrow(
      'IpAddress',
    );
    const strange = { ...policy(), Statement: [{ Effect: 'Allow', NotAction: 'iam:*', Resource: '*' }] } as unknown as Policy;
    expect(() => allows(strange, read('x'))).toThrow('NotAction');
  });
});
