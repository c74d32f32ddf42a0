// AWS without a network: answers as a test gives them, against a clock that passes only when someone sleeps.
import type { Pace } from '../../action/aws/retry.ts';
import { caller, type Aws } from '../../action/aws/session.ts';

/** A clock that passes only when someone sleeps; chance always draws the longest delay. */
export function clock(): Pace & { slept: number[] } {
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

/** What the SDK throws where AWS refuses. */
export const failure = (name: string, message = 'AWS says so.', httpStatusCode = 400): Error =>
  Object.assign(new Error(message), { name, $metadata: { httpStatusCode } });

type Answer = object | Error | ((input: never) => object);

/** AWS whose services give these answers one after the other, and record what they were asked; the last answer stays. */
export function fake(
  answers: Record<string, Answer[]>,
  { dryRun = false, signal = new AbortController().signal } = {},
): Aws & { asked: string[]; inputs: unknown[]; slept: number[] } {
  const pace = clock();
  const asked: string[] = [];
  const inputs: unknown[] = [];
  const send = (command: { constructor: { name: string }; input: unknown }): Promise<object> => {
    const name = command.constructor.name.replace(/Command$/, '');
    asked.push(name);
    inputs.push(command.input);
    const queue = answers[name] ?? [];
    const answer = queue.length > 1 ? queue.shift() : queue[0];
    if (answer === undefined) return Promise.reject(new Error(`${name} was not expected`));
    if (answer instanceof Error) return Promise.reject(answer);
    return typeof answer === 'function'
      ? new Promise((resolve) => {
          resolve((answer as (input: unknown) => object)(command.input));
        })
      : Promise.resolve(answer);
  };
  const service = { send } as unknown as Aws['lambda'] & Aws['s3'] & Aws['dynamodb'] & Aws['logs'];
  const call = caller({ dryRun, signal, pace, onChange: () => undefined });
  const download = (): Promise<Uint8Array> => Promise.reject(new Error('GET https://bucket/x?X-Amz-Signature=secret failed'));
  return {
    region: 'eu-west-1',
    account: '1',
    partition: 'aws',
    pace,
    call,
    download,
    lambda: service,
    s3: service,
    dynamodb: service,
    logs: service,
    asked,
    inputs,
    slept: pace.slept,
  };
}
