// AWS without a network: responses that a test provides, against a clock that passes only when someone sleeps.
import type { Clock } from '../../action/aws/retry.ts';
import { caller, type Aws } from '../../action/aws/session.ts';

/** A clock that passes only when someone sleeps; chance always draws the longest delay. */
export function fakeClock(): Clock & { slept: number[] } {
  const slept: number[] = [];
  let time = 0;
  return {
    slept,
    now: () => time,
    random: () => 1,
    sleep: (milliseconds) => {
      slept.push(milliseconds);
      time += milliseconds;
      return Promise.resolve();
    },
  };
}

/** The SDK's error where AWS refuses. */
export const failure = (name: string, message = 'AWS says so.', httpStatusCode = 400): Error =>
  Object.assign(new Error(message), { name, $metadata: { httpStatusCode } });

type Answer = object | Error | ((input: never) => object);

/** AWS whose services send these responses one after the other, and record the calls; the last response stays. */
export function fake(
  responses: Record<string, Answer[]>,
  { dryRun = false, signal = new AbortController().signal } = {},
): Aws & { calls: string[]; inputs: unknown[]; slept: number[] } {
  const clock = fakeClock();
  const calls: string[] = [];
  const inputs: unknown[] = [];
  const send = (command: { constructor: { name: string }; input: unknown }): Promise<object> => {
    const name = command.constructor.name.replace(/Command$/, '');
    calls.push(name);
    inputs.push(command.input);
    const queue = responses[name] ?? [];
    const response = queue.length > 1 ? queue.shift() : queue[0];
    if (response === undefined) return Promise.reject(new Error(`${name} was not expected`));
    if (response instanceof Error) return Promise.reject(response);
    return typeof response === 'function'
      ? new Promise((resolve) => {
          resolve((response as (input: unknown) => object)(command.input));
        })
      : Promise.resolve(response);
  };
  const service = { send } as unknown as Aws['lambda'] & Aws['s3'] & Aws['dynamodb'] & Aws['logs'] & Aws['metrics'] & Aws['states'];
  const call = caller({ dryRun, signal, clock, onChange: () => undefined });
  const download = (): Promise<Uint8Array> => Promise.reject(new Error('GET https://bucket/x?X-Amz-Signature=secret failed'));
  return {
    region: 'eu-west-1',
    account: '1',
    partition: 'aws',
    clock,
    signal,
    call,
    download,
    lambda: service,
    s3: service,
    dynamodb: service,
    logs: service,
    metrics: service,
    states: service,
    calls,
    inputs,
    slept: clock.slept,
  };
}
