// The check's own invocation: what is waited for, for how long, and what counts as a failed check at once.
import { describe, expect, test } from '@jest/globals';
import { checkFunction } from '../../../action/apply/check-function.ts';
import type { Inputs } from '../../../action/inputs/inputs.ts';
import { CancelledError } from '../../../action/errors.ts';
import { Report } from '../../../action/report/report.ts';
import type { CheckResponse } from '../../../formats/events.ts';
import { failure, fake } from '../fake-aws.ts';

const OK = { ok: true, cluster: {}, environment: 'STAGE', release: '1', tables: {}, problems: [] };
const saying = (response: object): object => ({ Payload: Buffer.from(JSON.stringify(response)) });
const refusal = (status: number, name: string, message: string, fields: object = {}): Error =>
  Object.assign(failure(name, message, status), fields);

interface Checked {
  readonly response: CheckResponse;
  readonly invocations: number;
  /** ms */
  readonly waited: number;
  readonly log: string[];
}

/** Checks against a function whose invocations end so, one after the other; the last one stays. */
async function check(invocations: (object | Error)[], others: Record<string, object[]> = {}): Promise<Checked> {
  const aws = fake({ ...others, Invoke: invocations });
  const log: string[] = [];
  const write = (line: string): void => {
    log.push(line);
  };
  const nothing = (): void => undefined;
  const summarize = (): Promise<void> => Promise.resolve();
  const runner = { info: write, warning: write, error: write, setSecret: nothing, setOutputs: nothing, summarize, fail: write };
  const report = new Report(runner, aws.clock.now, 0);
  const inputs = { functionName: 'Fn' } as Inputs;
  const response = await checkFunction({ aws, inputs, report, env: {} }, { version: undefined, timeout: 60, environment: 'STAGE' });
  return { response, invocations: aws.calls.filter((name) => name === 'Invoke').length, waited: aws.clock.now(), log };
}

const PENDING = 'The operation cannot be performed at this time. The function is currently in the following state: Pending';

describe('what passes by itself is waited for', () => {
  test.each<[string, Error]>([
    ['a function that is pending', refusal(409, 'ResourceConflictException', PENDING)],
    [
      'a function that is being initialized',
      refusal(409, 'CodeArtifactUserPendingException', 'Lambda is initializing your function. It will be ready to invoke shortly.'),
    ],
    ['a function that was idle', refusal(409, 'ResourceConflictException', PENDING.replace('Pending', 'Inactive'))],
    ['a function whose VPC is being attached anew', refusal(502, 'ResourceNotReadyException', 'The function is inactive and its VPC …')],
    ['throttled calls', refusal(429, 'TooManyRequestsException', 'Rate Exceeded.', { Reason: 'CallerRateLimitExceeded' })],
    ['throttled calls of EC2', refusal(502, 'EC2ThrottledException', 'Lambda was throttled by Amazon EC2')],
  ])('%s', async (_, error) => {
    const { response, invocations, log } = await check([error, error, error, saying(OK)]);
    expect(response.ok).toBe(true);
    expect(invocations).toBe(4);
    expect(log.filter((line) => line.startsWith('The check waits for up to 2 minutes'))).toHaveLength(1);
    const never = await check([error]);
    expect(never.response).toMatchObject({ ok: false, problems: [{ what: expect.stringContaining(error.name) as unknown }] });
    expect(never.waited).toBeGreaterThanOrEqual(120_000);
    expect(never.waited).toBeLessThan(130_000);
  });

  test('a cluster that is too busy, as the function says', async () => {
    const busy = saying({ ...OK, ok: false, transient: true, problems: [{ what: 'busy', remedy: 'wait' }] });
    expect(await check([busy, busy, saying(OK)])).toMatchObject({ response: { ok: true }, invocations: 3 });
    const never = await check([busy]);
    expect(never.response.problems).toEqual([{ what: 'busy', remedy: 'wait' }]);
    expect(never.waited).toBeGreaterThanOrEqual(120_000);
  });

  test('not where something else is wrong too', async () => {
    const problems = [
      { what: 'busy', remedy: 'wait' },
      { what: 'denied', remedy: 'allow' },
    ];
    expect(await check([saying({ ...OK, ok: false, problems })])).toMatchObject({ response: { ok: false }, invocations: 1, waited: 0 });
  });
});

describe('what does not pass is a failed check, soon', () => {
  test.each<[string, Error, string]>([
    [
      'a missing permission',
      refusal(403, 'AccessDeniedException', 'User: arn:x is not authorized to perform: lambda:InvokeFunction'),
      'The deploying role needs the permission lambda:InvokeFunction',
    ],
    ['a key that is disabled', refusal(502, 'KMSDisabledException', 'The KMS key used is disabled.'), 'Check the KMS key of the function'],
    [
      'subnets without addresses',
      refusal(502, 'SubnetIPAddressLimitReachedException', 'no available IP addresses.'),
      'The subnets of the function have no free address left',
    ],
    ['a function that failed', refusal(409, 'ResourceConflictException', PENDING.replace('Pending', 'Failed')), 'state: Failed'],
    [
      'a proxy that responds in place of AWS',
      Object.assign(
        new SyntaxError(
          `Unexpected token '<', "<html>no</html>" is not valid JSON\n  Deserialization error: to see the raw response, inspect the hidden field {error}.$response on this object.`,
        ),
        { $metadata: {} },
      ),
      'is not valid JSON. The response is not one of AWS',
    ],
    ['a broken connection', Object.assign(new Error('socket hang up'), { code: 'ECONNRESET' }), 'ECONNRESET'],
  ])('%s', async (_, error, expected) => {
    const { response, waited, log } = await check([error]);
    expect(response.ok).toBe(false);
    expect(response.problems).toEqual([{ what: expect.stringContaining(expected) as unknown, remedy: '' }]);
    expect(log).toEqual([expect.stringContaining(expected)]);
    expect(waited).toBeLessThan(5_000);
  });

  test('a function that is silent for all of its time is not invoked again', async () => {
    const timeOut = (words: string): Error => Object.assign(new Error(words), { name: 'TimeoutError', code: 'ETIMEDOUT' });
    const silent = await check([
      timeOut('@smithy/node-http-handler - [ERROR] a request has exceeded the configured 90000 ms requestTimeout.'),
    ]);
    expect(silent).toMatchObject({ response: { ok: false }, invocations: 1, waited: 0 });
    expect(silent.response.problems[0]?.what).toContain('The connection was made, and nothing came back in time');
    expect(await check([timeOut('connect ETIMEDOUT 192.0.2.1:443')])).toMatchObject({ response: { ok: false }, invocations: 4 });
  });
});

describe('reserved concurrency', () => {
  const reserved = refusal(429, 'TooManyRequestsException', 'Rate Exceeded.', {
    Reason: 'ReservedFunctionConcurrentInvocationLimitExceeded',
  });

  test.each([
    ['that is 0', { Concurrency: { ReservedConcurrentExecutions: 0 } }],
    ['that AWS does not show', {}],
  ])('%s is named at once', async (_, shown) => {
    const { response, invocations, waited } = await check([reserved], { GetFunction: [shown] });
    expect(response.problems[0]?.what).toContain('The reserved concurrency of the function is 0: raise or remove it');
    expect({ invocations, waited }).toEqual({ invocations: 1, waited: 0 });
  });

  test('that is in use is waited for', async () => {
    const shown = { GetFunction: [{ Concurrency: { ReservedConcurrentExecutions: 2 } }] };
    expect(await check([reserved, reserved, saying(OK)], shown)).toMatchObject({ response: { ok: true }, invocations: 3 });
    const never = await check([reserved], shown);
    expect(never.response.problems[0]?.what).toContain('all 2 of its reserved concurrency are in use');
    expect(never.waited).toBeGreaterThanOrEqual(120_000);
  });
});

test('a job that is cancelled while it waits has no failed check', async () => {
  const stop = new AbortController();
  const aws = fake({ Invoke: [refusal(409, 'ResourceConflictException', PENDING)] }, { signal: stop.signal });
  const clock = {
    ...aws.clock,
    sleep: () => {
      stop.abort(new CancelledError());
      return Promise.reject(new CancelledError());
    },
  };
  const report = { info: () => undefined } as unknown as Report;
  const run = { aws: { ...aws, clock }, inputs: { functionName: 'Fn' } as Inputs, report, env: {} };
  await expect(checkFunction(run, { version: '1', timeout: 60, environment: 'STAGE' })).rejects.toThrow(CancelledError);
});
