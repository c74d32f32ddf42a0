// `npm run demo -- --keep`: everything goes on running, batches and log lines are printed live, and `npm run play` works on it.
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { dirname, join } from 'node:path';
import { PROJECT } from './cache.ts';
import { listen } from './loopback.ts';
import type { Proxy } from './proxy.ts';
import type { Scenario } from './scenario.ts';
import type { StartedStack } from './stack.ts';

/** Where `npm run play` finds the running playground. */
export const PLAYGROUND_FILE = join(PROJECT, '.cache', 'playground.json');

/** What `npm run play` needs to know. */
export interface Playground {
  /** Variables that lead to the stack's AWS. */
  readonly env: Readonly<Record<string, string>>;
  readonly addresses: { readonly dynamodb: string; readonly aws: string };
  readonly search: string;
  /** Inputs of the action. */
  readonly inputs: Readonly<Record<string, string>>;
  /** POST `/stop` and `/resume`: the cluster. */
  readonly control: string;
}

/** Prints the menu, and each batch from now on. */
export async function openPlayground(scenario: Scenario, cluster: Proxy, stack: StartedStack): Promise<void> {
  const control = await listen(
    createServer((request, response) => {
      cluster.clear();
      if (request.url === '/stop') cluster.on(() => true, { reset: 'before' }, Infinity);
      response.end(request.url === '/stop' ? 'Every connection of the function to the cluster is cut.\n' : 'The cluster is back.\n');
    }),
  );
  const playground: Playground = {
    env: stack.env,
    addresses: { dynamodb: stack.dynamodb.url, aws: stack.aws.url },
    search: stack.search.url,
    inputs: scenario.inputs,
    control: control.url,
  };
  await mkdir(dirname(PLAYGROUND_FILE), { recursive: true });
  await writeFile(PLAYGROUND_FILE, JSON.stringify(playground, null, 2));
  stack.beforeStop(async () => {
    await control.stop();
    await rm(PLAYGROUND_FILE, { force: true });
  });
  console.log(menu(scenario, stack));
  scenario.onBatch = showBatch;
}

/** The function's log lines of a batch, without its metrics, as short as a terminal is wide. */
function showBatch(records: number, logs: string): void {
  console.log(`batch of ${records}:`);
  for (const line of logs.split('\n')) {
    const start = line.indexOf('{');
    if (start < 0 || line.includes('"_aws"')) continue;
    console.log(`  ${line.slice(start)}`);
  }
}

function menu(scenario: Scenario, { search, dynamodb, aws, env }: StartedStack): string {
  return `
== The playground: everything keeps running until Ctrl-C, and each batch is printed here
   OpenSearch ${search.url}   DynamoDB Local ${dynamodb.url}   moto (S3, Lambda, …) ${aws.url}

   In another terminal, in this folder:
${thingsToTry(scenario, search.url)
  .map(([what, ...commands]) => `\n   ${what}:\n${commands.map((command) => `      ${command}`).join('\n')}`)
  .join('\n')}

   For the AWS CLI or an SDK:
   export ${Object.entries(env)
     .map(([name, value]) => `${name}=${value}`)
     .join(' ')}
`;
}

/** Each with its commands, in their order. */
function thingsToTry(scenario: Scenario, search: string): (readonly [what: string, ...commands: string[]])[] {
  const { orders, customers, products } = scenario;
  const play = 'npm run play --';
  return [
    [
      'An item that is written, found and deleted',
      `${play} put ${customers} '{"id": "dave", "name": "Dave Dörig"}'`,
      `${play} search ${customers} name:dave`,
      `${play} delete ${customers} '{"id": "dave"}'`,
    ],
    [
      'An item that the index cannot take; once it is put right, its dead letter is worked off',
      `${play} put ${orders} '{"customer": "eve", "order": 1, "address": "no map"}'`,
      `${play} dead-letters`,
      `${play} put ${orders} '{"customer": "eve", "order": 1, "address": {"city": "Bern"}}'`,
      `${play} redrive`,
    ],
    [
      'An outage, and a change that arrives after it',
      `${play} stop-cluster`,
      `${play} put ${customers} '{"id": "erin", "name": "Erin"}'`,
      `${play} resume-cluster`,
      `${play} search ${customers} name:erin`,
    ],
    [
      'An index that is damaged, compared and fixed',
      `curl -X DELETE '${search}/${scenario.index(products)}/_doc/sku-7'`,
      `${play} verify tables=${products} repair=true`,
    ],
    ['A table of your own (name, hash key, range key), which a deploy gives a trigger', `${play} create-table Mine id`, `${play} deploy`],
    [
      'An options file: the plan alone, a deploy with it, and back to the former package',
      `echo 'tables: {${orders}: {exclude: [note]}}' > search.yml`,
      `${play} deploy config=search.yml dry-run=true`,
      `${play} deploy config=search.yml`,
      `${play} rollback`,
    ],
    ['All commands', 'npm run play'],
  ];
}
