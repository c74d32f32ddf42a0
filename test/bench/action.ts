// npm run bench:action: what a run of the action costs, against moto and DynamoDB Local. A table of figures; nothing here is asserted.
import { spawnSync } from 'node:child_process';
import { cpus } from 'node:os';
import { CreateEventSourceMappingCommand } from '@aws-sdk/client-lambda';
import { inParallel } from '../../action/aws/retry.ts';
import { runAction } from '../stack/action-run.ts';
import { startProxy, type RecordedRequest } from '../stack/proxy.ts';
import { startStack } from '../stack/stack.ts';
import { prepareDeployment, type Deployment } from '../wiring/deployment.ts';

const RUNS = 7;
const rows: [what: string, measured: string, aim: string][] = [];
const ms = (value: number): string => `${value.toFixed(0)} ms`;
const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? NaN;

const stack = await startStack({ progress: console.log });
try {
  await start();
  await nothingToChange();
  await crowd();
} finally {
  await stack.stop();
}
console.log(`\nNode ${process.versions.node}, ${cpus().length} cores (${cpus()[0]?.model ?? 'unknown'})\n`);
const widths = [0, 1, 2].map((at) => Math.max(...rows.map((row) => row[at]?.length ?? 0)));
for (const row of rows) console.log(row.map((cell, at) => cell.padEnd(widths[at] ?? 0)).join('  '));
process.exit(0);

/** From the start of the process to its first call, and how much of it is Node itself. */
async function start(): Promise<void> {
  const proxy = await startProxy(stack.aws.url);
  const times: number[] = [];
  const bare: number[] = [];
  for (let run = 0; run < RUNS; run += 1) {
    let began = 0;
    let first: number | undefined;
    proxy.clear();
    proxy.on(
      () => {
        first ??= performance.now();
        return false;
      },
      {},
      Infinity,
    );
    await runAction(
      { environment: 'STAGE', endpoint: stack.search.url, 'allowed-account-ids': '111111111111' },
      {
        env: { ...stack.env, AWS_ENDPOINT_URL: proxy.url },
        onStart: () => {
          began = performance.now();
        },
      },
    );
    times.push((first ?? NaN) - began);
    const empty = performance.now();
    spawnSync(process.execPath, ['-e', '']);
    bare.push(performance.now() - empty);
  }
  await proxy.stop();
  rows.push(['start to the first call to AWS', ms(median(times)), '≤ 250 ms']);
  rows.push(['  of it Node itself (an empty script)', ms(median(bare)), '']);
}

interface Call {
  readonly operation: string;
  readonly from: number;
  to: number;
}

/** Delays every call, and records the times of each request and response. */
function watch({ aws, dynamodb }: Deployment, delayMs: number): Call[] {
  const calls: Call[] = [];
  for (const proxy of [aws, dynamodb]) {
    proxy.clear();
    proxy.on(
      () => true,
      ({ operation }) => {
        const call: Call = { operation, from: performance.now(), to: NaN };
        calls.push(call);
        return {
          delayMs,
          rewrite: (body) => {
            call.to = performance.now();
            return body;
          },
        };
      },
      Infinity,
    );
  }
  return calls;
}

/** A deploy that has nothing to do, of twenty tables, with 50 ms added to each call. */
async function nothingToChange(): Promise<void> {
  const it = await prepareDeployment(stack, { count: 20 });
  const tables = it.tables.join('\n');
  const first = await it.run({ tables });
  if (first.code !== 0) throw new Error(first.log);
  const ratios: number[] = [];
  const totals: number[] = [];
  const chains: number[] = [];
  let amount = 0;
  for (let run = 0; run < RUNS; run += 1) {
    const calls = watch(it, 50);
    const done = await it.run({ tables });
    if (done.code !== 0 || done.outputs.changed !== 'false') throw new Error(done.log);
    const longest = (...operations: string[]): number =>
      Math.max(...calls.filter(({ operation }) => operations.includes(operation)).map(({ from, to }) => to - from));
    // Identity → the function's triggers → their tables: each call needs the response before it.
    const chain =
      longest('sts:GetCallerIdentity') +
      longest('lambda:ListEventSourceMappings', 'lambda:GetFunction', 's3:GetObject') +
      longest('dynamodb:DescribeTable');
    const total = Math.max(...calls.map(({ to }) => to)) - Math.min(...calls.map(({ from }) => from));
    amount = calls.length;
    totals.push(total);
    chains.push(chain);
    ratios.push(total / chain);
  }
  await it.stop();
  rows.push([`nothing to change, 20 tables: ${amount} calls, first to last`, ms(median(totals)), '']);
  rows.push(['  longest chain of dependent calls', ms(median(chains)), '']);
  rows.push(['  ratio', median(ratios).toFixed(2), '≤ 1.5']);
}

/** Five hundred triggers on two hundred tables, and an AWS that refuses every third call. */
async function crowd(): Promise<void> {
  const it = await prepareDeployment(stack, { count: 200 });
  const first = await it.run();
  if (first.code !== 0) throw new Error(first.log);
  await inParallel(
    Array.from({ length: 500 }, (_, at) => at),
    10,
    async (at) => {
      const table = it.tables[at % it.tables.length] ?? '';
      await stack.clients.lambda.send(
        new CreateEventSourceMappingCommand({
          FunctionName: it.name,
          StartingPosition: 'TRIM_HORIZON',
          EventSourceArn: `arn:aws:dynamodb:eu-west-1:123456789012:table/${table}/stream/2026-01-01T00:00:00.${at}`,
        }),
      );
    },
  );
  let seen = 0;
  let refused = 0;
  let checked = 0;
  for (const [proxy, name] of [
    [it.aws, 'TooManyRequestsException'],
    [it.dynamodb, 'ThrottlingException'],
  ] as const) {
    proxy.clear();
    proxy.on(
      ({ operation }: RecordedRequest) => operation.startsWith('lambda:') || operation.startsWith('dynamodb:'),
      ({ operation }: RecordedRequest) => {
        seen += 1;
        if (seen % 3 !== 0) {
          if (operation !== 'lambda:Invoke') return undefined;
          const from = performance.now();
          return {
            rewrite: (body) => {
              checked = performance.now() - from;
              return body;
            },
          };
        }
        refused += 1;
        return {
          response: {
            status: name === 'ThrottlingException' ? 400 : 429,
            headers: { 'x-amzn-errortype': name },
            body: { __type: name, message: 'Rate exceeded' },
          },
        };
      },
      Infinity,
    );
  }
  const began = performance.now();
  const run = await it.run({ operation: 'refresh-mapping' });
  const took = performance.now() - began;
  const mapped = Object.keys(JSON.parse(run.outputs.tables ?? '{}') as object).length;
  await it.stop();
  rows.push([
    `500 triggers, 200 tables, ${refused} of ${seen} calls throttled: exit ${run.code}, ${mapped} tables mapped`,
    ms(took),
    'exit 0, 200 tables',
  ]);
  rows.push(['  of it the check of the function, which creates 200 indexes', ms(checked), '']);
}
