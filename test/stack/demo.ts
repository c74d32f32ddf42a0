// npm run demo: the main job from end to end on this machine, with nothing but real parts. See README.md.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { type ActionRun } from './action-run.ts';
import { PROJECT } from './cache.ts';
import { playground } from './playground.ts';
import { CUSTOMERS, ORDER } from './items.ts';
import { MissingPrerequisite } from './processes.ts';
import { Scenario } from './scenario.ts';
import { startStack } from './stack.ts';

const { values: options } = parseArgs({
  options: { keep: { type: 'boolean', default: false }, help: { type: 'boolean', default: false } },
});
const began = Date.now();

function say(line = ''): void {
  console.log(line && `[${((Date.now() - began) / 1000).toFixed(1).padStart(5)} s] ${line}`);
}

function title(text: string): void {
  console.log(`\n== ${text}`);
}

function indented(text: string): void {
  for (const line of text.trimEnd().split('\n')) console.log(`          ${line}`);
}

function showDeploy(run: ActionRun): void {
  indented(run.log.replaceAll(/^::(end)?group::/gm, '').replaceAll(/^::(?:debug|add-mask)::.*\n/gm, ''));
  if (run.code !== 0) throw new Error('The deploy failed; its log is above.');
  const { 'function-arn': arn = '', 'code-sha256': sha256 = '', changed = '', tables = '{}' } = run.outputs;
  say(`Outputs: changed=${changed}, code-sha256=${sha256}`);
  say(`         function-arn=${arn}`);
  for (const [table, report] of Object.entries(JSON.parse(tables) as Record<string, unknown>))
    say(`         ${table}: ${JSON.stringify(report)}`);
}

/** Looks until a search finds so many documents, and says how long that took after the writing. */
async function searchFor(scenario: Scenario, table: string, query: string, count: number, note = ''): Promise<void> {
  const written = Date.now();
  for (;;) {
    const ids = await scenario.find(table, query).catch(() => undefined);
    if (ids?.length === count) {
      say(`Search ${scenario.index(table)} for ${query}: ${count} found after ${Date.now() - written} ms${note}: ${ids.join(', ')}`);
      return;
    }
    if (Date.now() - written > 20_000)
      throw new Error(`A search of ${table} for ${query} found ${ids?.join(', ') ?? 'no index'}, not ${count} documents.`);
    await sleep(10);
  }
}

const ITEMS_BEFORE = 2_000;

/** Compares the products with their index and fixes what differs; begins at once, and shows the result when it is asked for. */
function comparison(scenario: Scenario): () => Promise<void> {
  const began = Date.now();
  const running = scenario.deploy({ operation: 'verify', repair: 'true', tables: scenario.products });
  return async () => {
    const run = await running;
    if (run.code !== 0) throw new Error(`The comparison failed:\n${run.log}`);
    const { [scenario.products]: counts = {} } = JSON.parse(run.outputs.counts ?? '{}') as Record<string, Record<string, number>>;
    const { read, equal, missing, different, stale, repaired } = counts;
    say(`${read} items and their documents were compared in ${Math.round((Date.now() - began) / 1000)} s: ${equal} equal`);
    say(
      `Found: ${missing} missing, ${different} different, ${stale} stale; fixed: ${repaired}. Differences left: ${run.outputs.differences}`,
    );
    say(`The list of them: ${run.outputs['report-uri']?.replace('report.json', `${scenario.products}/differences.jsonl`)}`);
    if (repaired !== 3 || missing !== 1 || different !== 1 || stale !== 1) throw new Error('It was not exactly the damage that was done.');
    const found = await scenario.count(scenario.products);
    const names = await scenario.find(scenario.products, '(name:"Product 7" AND sku:"sku-7") OR (name:"Product 8" AND sku:"sku-8")');
    say(`Search ${scenario.index(scenario.products)}: ${found} documents, among them again ${names.join(' and ')}`);
  };
}

async function demo(): Promise<void> {
  if (!existsSync(join(PROJECT, 'dist/index.js')))
    throw new Error('dist/index.js is missing: check out the whole repository, or run `npm run build`.');
  title('1. Real servers: OpenSearch, DynamoDB Local with streams, moto for all other AWS services');
  const stack = await startStack({ progress: say });
  const scenario = new Scenario(stack, '', ITEMS_BEFORE);
  stack.beforeStop(() => scenario.stop());

  title('2. The starting point: three tables, a role, a bucket with the endpoint file STAGE_es_creds');
  await scenario.prepare();
  say(`Tables ${scenario.orders} (customer, order) and ${scenario.customers} (id), streams off`);
  say(`Table ${scenario.products} (sku) holds ${ITEMS_BEFORE} items already: no stream has them`);
  say(`s3://${scenario.bucket}/STAGE_es_creds: ${scenario.endpointFile.trim()}`);

  title('3. The action deploys to STAGE, as the runner runs it');
  showDeploy(await scenario.deploy());

  await searchFor(scenario, scenario.products, 'name:"Product 1234"', 1, ' (the deploy indexed what the table held)');
  say(`Search ${scenario.index(scenario.products)} for *: ${await scenario.count(scenario.products)} of ${ITEMS_BEFORE} found`);

  title('4. The same deploy again: nothing changes');
  const again = await scenario.deploy();
  showDeploy(again);
  if (again.outputs.changed !== 'false') throw new Error('The second deploy changed something.');

  title('5. The deployed package runs as on Lambda, fed from the real streams');
  const { host, players } = await scenario.run();
  const { payload } = await host.invoke({ check: true });
  say(`${players.length} triggers; the package was downloaded from the function's code location and its SHA-256 checked`);
  say(`Its response to a check: ${payload}`);

  title('6. Something is broken on purpose, and verify with repair: true starts');
  await scenario.damage();
  say(`In the index of ${scenario.products}, one document is deleted, one changed, and one added by hand`);
  say('It looks twice, 30 s apart, to tell damage from changes on their way. Meanwhile:');
  const compared = comparison(scenario);

  title('7. Items of every attribute type are written, changed and deleted');
  const [alice, ...others] = CUSTOMERS;
  await scenario.put(scenario.orders, { customer: { S: 'alice' }, order: { N: '1000' }, title: { S: 'A first order' } });
  if (alice) await scenario.put(scenario.customers, alice);
  for (const table of [scenario.orders, scenario.customers]) await searchFor(scenario, table, '*', 1, '');
  await scenario.put(scenario.orders, ORDER);
  await searchFor(scenario, scenario.orders, 'lines.sku:"kb-1" AND paid:true', 1);
  indented(await scenario.source(scenario.orders, 'alice|1001'));
  for (const customer of others) await scenario.put(scenario.customers, customer);
  await searchFor(scenario, scenario.customers, 'since:>=2020', 2);
  await scenario.update(scenario.customers, { id: { S: 'bob' } }, 'SET vip = :true REMOVE since', { ':true': { BOOL: true } });
  await searchFor(scenario, scenario.customers, 'vip:true', 2);
  await scenario.remove(scenario.customers, { id: { S: 'carol' } });
  await searchFor(scenario, scenario.customers, '*', 2);
  await scenario.remove(scenario.orders, { customer: { S: 'alice' }, order: { N: '1000' } });
  await searchFor(scenario, scenario.orders, '*', 1);
  await scenario.caughtUp();
  for (const table of [scenario.orders, scenario.customers])
    say(
      `${table}: ${(await scenario.find(table)).length} documents in ${scenario.index(table)}: ${(await scenario.find(table)).join(', ')}`,
    );
  say('Log lines of the function, without its metrics:');
  indented(
    host.log
      .split('\n')
      .filter((line) => line && !line.startsWith('{"_aws"'))
      .slice(-4)
      .join('\n'),
  );

  title('8. The result of the comparison: exactly the damage was found and fixed');
  await compared();

  if (options.keep) {
    title('Everything keeps running until Ctrl-C. To play with it:');
    console.log(playground(scenario));
    await new Promise(() => setInterval(() => undefined, 60_000));
  }
  await stack.stop();
  title('Done. To try next:');
  console.log(`  npm run demo -- --keep    leaves all of it running, with addresses and example commands
  npm test                  what was seen here, and much more, asserted
  README.md                 the workflow that does this in your repository`);
}

if (options.help) {
  console.log('npm run demo [-- --keep]    --keep leaves everything running for play until Ctrl-C');
} else {
  try {
    await demo();
  } catch (error) {
    if (error instanceof MissingPrerequisite) console.error(`\n${error.message}`);
    else console.error(error);
    process.exitCode = 1;
  }
  process.exit();
}
