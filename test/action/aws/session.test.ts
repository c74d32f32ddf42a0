import { describe, expect, test } from '@jest/globals';
import { describeFormer, parseFormer } from '../../../action/aws/alias.ts';
import { uploadPackage } from '../../../action/aws/code-bucket.ts';
import { AwsError, isDenied, isThrottled, isTransient } from '../../../action/aws/errors.ts';
import {
  createFunction,
  downloadCode,
  requirePackage,
  updateCode,
  updateConfiguration,
  waitUntilReady,
} from '../../../action/aws/function.ts';
import { inParallel, withRetry } from '../../../action/aws/retry.ts';
import { pathStyle } from '../../../action/aws/session.ts';
import { enableStream } from '../../../action/aws/tables.ts';
import { UserError } from '../../../action/errors.ts';
import { fakeClock, failure, fake } from '../fake-aws.ts';

const ready = { State: 'Active', LastUpdateStatus: 'Successful' };
const busy = { State: 'Active', LastUpdateStatus: 'InProgress' };

describe('a change of the function', () => {
  test('waits before, is made, and waits after', async () => {
    const aws = fake({ GetFunctionConfiguration: [busy, ready, busy, { ...ready, MemorySize: 256 }], UpdateFunctionConfiguration: [busy] });
    expect(await updateConfiguration(aws, 'Fn', { MemorySize: 256 })).toMatchObject({ MemorySize: 256 });
    expect(aws.calls).toEqual([
      'GetFunctionConfiguration',
      'GetFunctionConfiguration',
      'UpdateFunctionConfiguration',
      'GetFunctionConfiguration',
      'GetFunctionConfiguration',
    ]);
    expect(aws.inputs[2]).toEqual({ FunctionName: 'Fn', MemorySize: 256 });
  });

  test('does not poll where the response says that all is done', async () => {
    const aws = fake({ GetFunctionConfiguration: [ready], UpdateFunctionConfiguration: [ready] });
    await updateConfiguration(aws, 'Fn', { MemorySize: 256 });
    expect(aws.calls).toEqual(['GetFunctionConfiguration', 'UpdateFunctionConfiguration']);
  });

  test('is retried after a conflict, as often as necessary, and not for ever', async () => {
    const conflict = failure('ResourceConflictException', 'An update is in progress', 409);
    const aws = fake({ GetFunctionConfiguration: [ready], UpdateFunctionConfiguration: [conflict, conflict, ready] });
    await updateConfiguration(aws, 'Fn', { MemorySize: 256 });
    expect(aws.calls.filter((name) => name.startsWith('Update'))).toHaveLength(3);
    const never = fake({ GetFunctionConfiguration: [ready], UpdateFunctionConfiguration: [conflict] });
    await expect(updateConfiguration(never, 'Fn', {})).rejects.toThrow(/ResourceConflictException/);
    expect(never.clock.now()).toBeLessThan(11 * 60_000);
  });

  test('that fails ends the wait at once with the reason; a former failure does not stop the change that fixes it', async () => {
    const failed = {
      State: 'Active',
      LastUpdateStatus: 'Failed',
      LastUpdateStatusReasonCode: 'EniLimitExceeded',
      LastUpdateStatusReason: 'Too many.',
    };
    const aws = fake({ GetFunctionConfiguration: [failed, busy, failed], UpdateFunctionConfiguration: [busy] });
    await expect(updateConfiguration(aws, 'Fn', {})).rejects.toThrow(
      'function Fn: the update failed: EniLimitExceeded: Too many. Check the EC2 permissions',
    );
    expect(aws.calls).toHaveLength(4);
  });

  test('that never ends is reported with its state', async () => {
    const aws = fake({ GetFunctionConfiguration: [{ State: 'Pending' }] });
    await expect(waitUntilReady(aws, 'Fn', 'after')).rejects.toThrow(
      'function Fn is still busy after 10 minutes (State Pending, LastUpdateStatus unknown)',
    );
    expect(Math.max(...aws.slept)).toBeLessThanOrEqual(5_000);
  });
});

describe('creating the function', () => {
  const request = { Role: 'arn:r', Handler: 'index.handler', Runtime: 'nodejs24.x' as const };
  const unknownRole = failure('InvalidParameterValueException', 'The role defined for the function cannot be assumed by Lambda.');
  const code = { bucket: 'b', key: 'k', version: undefined, sha256Base64: 'wanted' };

  test('waits up to a minute for a fresh role, and then explains', async () => {
    const aws = fake({ CreateFunction: [unknownRole, unknownRole, {}], GetFunctionConfiguration: [{ State: 'Pending' }, ready] });
    expect(await createFunction(aws, 'Fn', request, code)).toMatchObject(ready);
    const never = fake({ CreateFunction: [unknownRole] });
    await expect(createFunction(never, 'Fn', request, code)).rejects.toThrow(
      /^lambda:CreateFunction of function Fn with the role arn:r failed: .*cannot be assumed by Lambda\. Either the role was made seconds ago.*trust policy.*lambda\.amazonaws\.com/,
    );
    expect(never.clock.now()).toBeGreaterThanOrEqual(60_000);
    expect(never.clock.now()).toBeLessThan(70_000);
  });

  test('or updating it names the role that cannot be assumed', async () => {
    const aws = fake({ UpdateFunctionConfiguration: [unknownRole], GetFunctionConfiguration: [ready] });
    await expect(updateConfiguration(aws, 'Fn', { Role: 'arn:other' })).rejects.toThrow(
      /^lambda:UpdateFunctionConfiguration of function Fn with the role arn:other failed: .*trust policy/,
    );
  });

  test('says that it exists where it does, and fails at once on anything else', async () => {
    expect(
      await createFunction(
        fake({ CreateFunction: [failure('ResourceConflictException', 'Function already exist: Fn', 409)] }),
        'Fn',
        request,
        code,
      ),
    ).toBeUndefined();
    const other = fake({ CreateFunction: [failure('InvalidParameterValueException', 'Unzipped size must be smaller')] });
    await expect(createFunction(other, 'Fn', request, code)).rejects.toThrow(/Unzipped size/);
    expect(other.calls).toHaveLength(1);
  });
});

describe('the package that AWS runs', () => {
  const code = { bucket: 'b', key: 'k', version: 'v1', sha256Base64: 'wanted' };
  const wanted = { ...ready, CodeSha256: 'wanted' };
  const other = { ...ready, CodeSha256: 'other' };

  test('is taken from exactly the version that was uploaded, where the bucket keeps versions', async () => {
    const aws = fake({
      PutObject: [{ VersionId: 'v1' }, { VersionId: 'null' }, {}],
      GetFunctionConfiguration: [wanted],
      UpdateFunctionCode: [wanted],
      CreateFunction: [wanted],
    });
    const upload = (): Promise<string | undefined> => uploadPackage(aws, 'b', 'k', new Uint8Array());
    expect([await upload(), await upload(), await upload()]).toEqual(['v1', undefined, undefined]);
    aws.inputs.length = 0;
    await updateCode(aws, 'Fn', code, undefined);
    await createFunction(aws, 'Fn', { Role: 'r' }, code);
    const place = { S3Bucket: 'b', S3Key: 'k', S3ObjectVersion: 'v1' };
    expect(aws.inputs).toContainEqual({ FunctionName: 'Fn', ...place });
    expect(aws.inputs).toContainEqual({ FunctionName: 'Fn', Role: 'r', Code: place });
  });

  test('is another one where AWS says so, in its response or of the function afterwards', async () => {
    for (const [told, settled, expected] of [
      [wanted, wanted, 'wanted'],
      [other, wanted, 'other'],
      [{ ...wanted, LastUpdateStatus: 'InProgress' }, other, 'other'],
      [busy, wanted, 'wanted'],
    ]) {
      const aws = fake({
        GetFunctionConfiguration: [settled as object],
        UpdateFunctionCode: [told as object],
        CreateFunction: [told as object],
      });
      expect(await updateCode(aws, 'Fn', code, undefined)).toMatchObject(told === busy ? ready : { CodeSha256: expected });
      expect(await createFunction(aws, 'Fn', { Role: 'r' }, code)).toMatchObject({ CodeSha256: expected });
    }
    expect(() => {
      requirePackage('function Fn', 'other', 'wanted');
    }).toThrow('function Fn runs another package (SHA-256 other) than the expected one (wanted). Find out who');
    expect(() => {
      requirePackage('function Fn', undefined, 'wanted');
    }).toThrow(/does not report/);
  });
});

describe('a call', () => {
  test('is retried with full jitter while AWS throttles', async () => {
    const aws = fake({
      GetFunctionConfiguration: [failure('TooManyRequestsException', 'Rate exceeded', 429), failure('ThrottlingException'), ready],
    });
    await waitUntilReady(aws, 'Fn', 'after');
    expect(aws.slept).toEqual([400, 800]);
  });

  test('that is denied is made once, and names the permission AWS misses', async () => {
    const words =
      'User: arn:aws:iam::1:user/x is not authorized to perform: iam:PassRole on resource: arn:aws:iam::1:role/r because no identity-based policy allows it';
    const aws = fake({ CreateFunction: [failure('AccessDeniedException', words, 403)] });
    const denied = await createFunction(aws, 'Fn', { Role: 'r' }, { bytes: new Uint8Array(), sha256Base64: '' }).catch(
      (error: unknown) => error,
    );
    expect(isDenied(denied)).toBe(true);
    expect(String(denied)).toContain("needs the permission iam:PassRole on the function's role, for lambda.amazonaws.com");
    expect(aws.calls).toHaveLength(1);
  });

  test('that changes something never leaves a dry run, nor a run that was cancelled', async () => {
    await expect(updateConfiguration(fake({ GetFunctionConfiguration: [ready] }, { dryRun: true }), 'Fn', {})).rejects.toThrow(/dry run/);
    const stopped = new AbortController();
    stopped.abort(new UserError('The job was cancelled'));
    await expect(updateConfiguration(fake({ GetFunctionConfiguration: [ready] }, { signal: stopped.signal }), 'Fn', {})).rejects.toThrow(
      'The job was cancelled',
    );
  });

  test.each([
    ['TooManyRequestsException', 'Rate exceeded', 429, true],
    ['TooManyRequestsException', 'Rate Exceeded. ReservedFunctionConcurrentInvocationLimitExceeded', 429, false],
    ['LimitExceededException', 'Subscriber limit exceeded: only 10 tables can be changed simultaneously', 400, true],
    ['CodeStorageExceededException', 'Code storage limit exceeded.', 400, false],
    ['SlowDown', 'Please reduce your request rate.', 503, true],
    ['ResourceNotFoundException', 'Function not found', 404, false],
  ])('%s (%s) is throttled: %s', (name, message, status, expected) => {
    expect(isThrottled(failure(name, message, status))).toBe(expected);
  });

  test('that breaks is distinguished from one that is refused', () => {
    expect(isTransient(Object.assign(new Error('x'), { code: 'ECONNRESET' }))).toBe(true);
    expect(isTransient(failure('ServiceException', 'x', 500))).toBe(true);
    expect(isTransient(failure('ValidationException'))).toBe(false);
    expect(isTransient(new AggregateError([Object.assign(new Error('refused'), { code: 'ECONNREFUSED' })], ''))).toBe(true);
  });

  test.each<[string, Error, RegExp]>([
    [
      'without credentials',
      failure('CredentialsProviderError', 'Could not load credentials from any providers'),
      /configure-aws-credentials/,
    ],
    ['with old ones', failure('ExpiredTokenException', 'The security token included in the request is expired', 403), /have expired/],
    [
      'to no address',
      Object.assign(new Error('getaddrinfo ENOTFOUND lambda.eu-west-9.amazonaws.com'), { code: 'ENOTFOUND' }),
      /check the region/,
    ],
    ['to a bucket that is not there', failure('NoSuchBucket', 'The specified bucket does not exist', 404), /code-bucket/],
    ['to a bucket elsewhere', failure('PermanentRedirect', 'x', 301), /region/],
    [
      'with too many variables',
      failure('InvalidParameterValueException', 'exceeded the 4KB limit. String measured: {"TOKEN":"hidden"}'),
      /environment-variables/,
    ],
  ])('%s ends in one sentence with its remedy', (_name, cause, expected) => {
    const error = new AwsError('lambda:UpdateFunctionConfiguration', 'function Fn', cause);
    expect(error.message).toMatch(expected);
    expect(error.message).not.toMatch(/hidden|\n/);
  });

  test('for an object that may be missing or forbidden says both', () => {
    expect(new AwsError('s3:GetObject (endpoint file)', 's3://b/k', failure('AccessDenied', 'Access Denied', 403)).message).toBe(
      's3:GetObject of s3://b/k failed: AccessDenied: Access Denied. The deploying role needs s3:GetObject on it, and s3:ListBucket on the bucket: without that S3 says "denied" also of an object that does not exist',
    );
  });

  test('for the package never shows the presigned link', async () => {
    const error: unknown = await downloadCode(fake({}), 'Fn', 'https://bucket/x?X-Amz-Signature=secret').catch((one: unknown) => one);
    expect(String(error)).toMatch(/could not be downloaded/);
    expect(String(error)).not.toContain('secret');
  });
});

describe('retries and crowds', () => {
  test('an error that is not worth it is thrown as it is', async () => {
    let made = 0;
    const attempt = (): Promise<never> => {
      made += 1;
      return Promise.reject(new Error('no'));
    };
    await expect(withRetry(fakeClock(), attempt, () => undefined)).rejects.toThrow('no');
    await expect(withRetry(fakeClock(), attempt, () => ({ attempts: 3, base: 10, cap: 15 }))).rejects.toThrow('no');
    expect(made).toBe(4);
  });

  test('at most so many work at a time, results keep their order, and the first error ends it', async () => {
    let now = 0;
    let most = 0;
    const work = async (item: number): Promise<number> => {
      most = Math.max(most, (now += 1));
      await new Promise((resolve) => setTimeout(resolve, (10 - item) % 4));
      now -= 1;
      return item * 2;
    };
    expect(await inParallel([0, 1, 2, 3, 4, 5, 6, 7, 8, 9], 3, work)).toEqual([0, 2, 4, 6, 8, 10, 12, 14, 16, 18]);
    expect(most).toBe(3);
    await expect(inParallel([1, 2, 3], 2, () => Promise.reject(new Error('first')))).rejects.toThrow('first');
    expect(await inParallel([], 3, work)).toEqual([]);
  });
});

describe('a stream', () => {
  const off = {
    Table: {
      TableName: 'T',
      KeySchema: [{ AttributeName: 'id', KeyType: 'HASH' }],
      LatestStreamArn: 'old',
      StreamSpecification: { StreamEnabled: false },
    },
  };
  const on = {
    Table: {
      ...off.Table,
      LatestStreamArn: 'new',
      LatestStreamLabel: '2026-11-22T00:00:00.000',
      StreamSpecification: { StreamEnabled: true, StreamViewType: 'NEW_AND_OLD_IMAGES' },
    },
  };

  test('is enabled once, waited for, and never mistaken for one that was switched off', async () => {
    const aws = fake({ DescribeTable: [off, off, on], UpdateTable: [{}] });
    expect(await enableStream(aws, 'T')).toEqual({ arn: 'new', viewType: 'NEW_AND_OLD_IMAGES', since: Date.parse('2026-11-22T00:00:00Z') });
    expect(aws.calls.filter((name) => name === 'UpdateTable')).toHaveLength(1);
  });

  test('of a table that is being changed is enabled when that is done', async () => {
    const aws = fake({ DescribeTable: [off, off, on], UpdateTable: [failure('ResourceInUseException'), {}] });
    expect((await enableStream(aws, 'T')).arn).toBe('new');
  });
});

describe('the state that AWS keeps for the action', () => {
  test('the versions that an alias served are in its description', () => {
    expect(parseFormer(describeFormer(['7', '5']))).toEqual(['7', '5']);
    expect(parseFormer(describeFormer([]))).toEqual([]);
    expect(parseFormer('made by hand')).toBeUndefined();
    expect(parseFormer(undefined)).toBeUndefined();
    expect(describeFormer(Array.from({ length: 99 }, (_, at) => String(1_000_000 - at))).length).toBeLessThanOrEqual(256);
  });

  test.each([
    [{ AWS_ENDPOINT_URL: 'http://127.0.0.1:5000' }, true],
    [{ AWS_ENDPOINT_URL: 'http://[::1]:5000' }, true],
    [{ AWS_ENDPOINT_URL_S3: 'http://s3.localhost:5000' }, true],
    [{ AWS_ENDPOINT_URL_S3: 'https://bucket.vpce-1.s3.eu-west-1.vpce.amazonaws.com', AWS_ENDPOINT_URL: 'http://127.0.0.1' }, false],
    [{}, false],
  ])('%j: the bucket is in the path: %s', (env, expected) => {
    expect(pathStyle(env)).toBe(expected);
  });
});
