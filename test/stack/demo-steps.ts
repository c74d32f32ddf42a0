// The steps that `npm run demo` shows, each checked: a step that does not show what it says ends the demo with an error.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { GetObjectCommand, ListObjectsV2Command } from '@aws-sdk/client-s3';
import { logAsShown, type ActionRun } from './action-run.ts';
import { CUSTOMERS, ORDER } from './items.ts';
import type { Narrator } from './narrator.ts';
import type { Proxy } from './proxy.ts';
import type { Scenario } from './scenario.ts';

/** A new mapping: English words in `title`, so that `keyboard` finds `keyboards`. */
const mappingOf = (table: string): string => `tables:
  ${table}:
    mappings:
      properties:
        title: { type: text, analyzer: english }
`;

export class Demo {
  /** Items of the table of products before the first deploy. */
  static readonly ITEMS_BEFORE = 2_000;
  readonly #it: Scenario;
  readonly #cluster: Proxy;
  readonly #to: Narrator;

  /** @param cluster in front of the cluster */
  constructor(scenario: Scenario, cluster: Proxy, narrator: Narrator) {
    this.#it = scenario;
    this.#cluster = cluster;
    this.#to = narrator;
  }

  async run(): Promise<void> {
    await this.#startingPoint();
    await this.#firstDeploy();
    await this.#sameDeploy();
    await this.#it.follow();
    await this.#changes();
    const compared = await this.#damage();
    await this.#outage();
    await this.#failedCheck();
    await this.#deadLetter();
    const reindexed = await this.#newMapping();
    await reindexed();
    await compared();
  }

  async #startingPoint(): Promise<void> {
    const { orders, customers, products, bucket, endpointFile } = this.#it;
    this.#to.step('The starting point', 'Three tables, one of them full; a bucket with the endpoint file; a role. No stream is on.');
    await this.#to.during('the tables are created and filled', this.#it.prepare());
    this.#to.say(`Tables ${orders} (customer, order) and ${customers} (id)`);
    this.#to.say(`Table ${products} (sku) holds ${Demo.ITEMS_BEFORE} items already: no stream has them`);
    this.#to.say(`s3://${bucket}/STAGE_es_creds: ${endpointFile.trim()}`);
  }

  async #firstDeploy(): Promise<void> {
    const { orders, customers, products } = this.#it;
    this.#to.step(
      'The action deploys to STAGE, as the runner runs it',
      'Look at the plan: each change with its reason. The items that were there are indexed too.',
    );
    const { log } = await this.#action('the action deploys');
    this.#to.quote(planOf(log, products));
    this.#to.say(`The plan says the same of ${orders} and ${customers}`);
    await this.#find(products, 'name:"Product 1234"', 1, ' (an item from before the deploy)');
    this.#to.say(`Search ${this.#it.index(products)} for *: ${await this.#it.count(products)} of ${Demo.ITEMS_BEFORE} found`);
  }

  async #sameDeploy(): Promise<void> {
    this.#to.step('The same deploy again', 'Nothing changes, and the output changed says so.');
    const { outputs } = await this.#action('the action deploys again');
    this.#to.say(`changed=${outputs.changed ?? ''}, code-sha256=${outputs['code-sha256'] ?? ''}`);
    if (outputs.changed !== 'false') throw new Error('The second deploy changed something.');
  }

  async #changes(): Promise<void> {
    const { orders, customers } = this.#it;
    this.#to.step(
      'Items are written, changed and deleted',
      'The deployed package runs as on Lambda, fed by the real streams. Look at the times from a write to its search result.',
    );
    const [alice, ...others] = CUSTOMERS;
    if (alice) await this.#it.put(customers, alice);
    await this.#it.put(orders, { customer: { S: 'alice' }, order: { N: '1000' }, title: { S: 'A first order' } });
    for (const table of [orders, customers]) await this.#find(table, '*', 1);
    await this.#it.put(orders, ORDER);
    await this.#find(orders, 'lines.sku:"kb-1" AND paid:true', 1);
    this.#to.quote(await this.#it.source(orders, 'alice|1001'));
    for (const customer of others) await this.#it.put(customers, customer);
    await this.#find(customers, 'since:>=2020', 2);
    await this.#it.update(customers, { id: { S: 'bob' } }, 'SET vip = :true REMOVE since', { ':true': { BOOL: true } });
    await this.#find(customers, 'vip:true', 2);
    await this.#it.remove(customers, { id: { S: 'carol' } });
    await this.#find(customers, '*', 2, ' (carol was deleted)');
  }

  /** Breaks an index, and begins to compare it. @returns shows the result when it is there */
  async #damage(): Promise<() => Promise<void>> {
    const { products } = this.#it;
    this.#to.step(
      'An index is broken on purpose, and verify begins',
      'It looks twice, 30 s apart, to tell damage from changes on their way. The next steps run meanwhile.',
    );
    await this.#it.damage();
    this.#to.say(`In ${this.#it.index(products)}, one document is deleted, one is changed, and one is added by hand`);
    let hasLooked = (): void => undefined;
    const firstLook = new Promise<void>((resolve) => {
      hasLooked = resolve;
    });
    const running = this.#it.deploy(
      { operation: 'verify', repair: 'true', tables: products },
      {
        onLog: (text) => {
          if (text.includes('are checked again')) hasLooked();
        },
      },
    );
    // The outage and the wrong endpoint of the next steps would interrupt the first look, and the stack runs one invocation at a time.
    await this.#to.during('verify looks for the first time', Promise.race([firstLook, running]));
    this.#to.say('verify has looked once');
    const began = Date.now();
    const waits = (): string => `verify looks again 30 s after the first time; ${Math.round((Date.now() - began) / 1000)} s are over`;
    return async () => {
      this.#to.step('The result of verify', 'Exactly the damage was found and fixed.');
      const run = succeeded(await this.#to.during(waits, running));
      const { [products]: counts = {} } = JSON.parse(run.outputs.counts ?? '{}') as Record<string, Record<string, number>>;
      const { read, equal, missing, different, stale, repaired } = counts;
      this.#to.say(`${read} items were compared with their documents: ${equal} equal`);
      this.#to.say(
        `Found: ${missing} missing, ${different} different, ${stale} stale. Fixed: ${repaired}. Differences left: ${run.outputs.differences}`,
      );
      if (repaired !== 3 || missing !== 1 || different !== 1 || stale !== 1)
        throw new Error('It was not exactly the damage that was done.');
      const names = await this.#it.find(products, '(name:"Product 7" AND sku:"sku-7") OR (name:"Product 8" AND sku:"sku-8")');
      this.#to.say(
        `Search ${this.#it.index(products)}: ${await this.#it.count(products)} documents, among them again ${names.join(' and ')}`,
      );
    };
  }

  async #outage(): Promise<void> {
    const { customers } = this.#it;
    this.#to.step(
      'The cluster is down for two seconds',
      'Nothing is lost: the stream keeps the changes, and the index catches up by itself.',
    );
    this.#cluster.on(() => true, { reset: 'before' }, Infinity);
    for (const n of [1, 2, 3]) await this.#it.put(customers, { id: { S: `during-the-outage-${n}` }, name: { S: 'Outage' } });
    this.#to.say('Every connection to the cluster is cut. Three items are written');
    await this.#to.during('the cluster is down', sleep(2_000));
    this.#cluster.clear();
    this.#to.say('The cluster is back');
    await this.#find(customers, 'name:Outage', 3);
  }

  async #failedCheck(): Promise<void> {
    const { customers } = this.#it;
    this.#to.step(
      'A deploy whose check fails',
      'The endpoint is wrong. The former package is put back, the job fails, and the stream goes on.',
    );
    const run = await this.#to.during(
      'the action deploys with a wrong endpoint',
      this.#it.deploy({ endpoint: 'http://127.0.0.1:9', 'endpoint-file': '' }),
    );
    if (run.code === 0) throw new Error('The deploy with a wrong endpoint succeeded.');
    this.#to.quote(linesOf(run, /^::error.* failed: /));
    await this.#it.put(customers, { id: { S: 'after' }, name: { S: 'Written after the failed deploy' } });
    await this.#find(customers, 'name:failed', 1);
  }

  async #deadLetter(): Promise<void> {
    const { orders } = this.#it;
    const key = { customer: { S: 'mallory' }, order: { N: '1' } };
    this.#to.step(
      'An item that the index cannot take',
      'It becomes a dead letter, and the stream goes on. Then the item is fixed, and redrive works it off.',
    );
    await this.#it.put(orders, { ...key, address: { S: 'not a map, as all other addresses are' } });
    const name = await this.#to.during('the function writes the dead letter', this.#letter());
    this.#to.say(`s3://${this.#it.bucket}/${name}`);
    const letter = await this.#it.stack.clients.s3.send(new GetObjectCommand({ Bucket: this.#it.bucket, Key: name }));
    const { reason = '' } = JSON.parse((await letter.Body?.transformToString()) ?? '{}') as { reason?: string };
    this.#to.quote(`Its reason: ${reason}`);
    await this.#it.caughtUp();
    await this.#it.put(orders, { ...key, address: { M: { city: { S: 'Geneva' } } } });
    await this.#find(orders, 'address.city:Geneva', 1);
    const run = succeeded(await this.#to.during('redrive reads the item again', this.#it.deploy({ operation: 'redrive', tables: orders })));
    const { [orders]: counts = {} } = JSON.parse(run.outputs.counts ?? '{}') as Record<string, Record<string, number>>;
    this.#to.say(`Redriven: ${counts.redriven ?? 0}. Dead letters left: ${(await this.#letters()).length}`);
    if (counts.redriven !== 1 || (await this.#letters()).length > 0) throw new Error('The dead letter was not worked off.');
  }

  /** Plans and deploys another mapping, and begins to reindex. @returns shows the result when it is there */
  async #newMapping(): Promise<() => Promise<void>> {
    const { orders } = this.#it;
    const workspace = await mkdtemp(join(tmpdir(), 'repository-'));
    await writeFile(join(workspace, 'search.yml'), mappingOf(orders));
    const options = { config: 'search.yml' };
    this.#to.step(
      'Another mapping, without downtime',
      'Look at the plan of a pull request: it says what a deploy does not do. Then a reindex builds the index anew beside the live one.',
    );
    this.#to.quote(mappingOf(orders));
    const plan = await this.#action('the action plans', { ...options, 'dry-run': 'true' }, workspace);
    this.#to.quote(linesOf(plan, /mappings|stays as it is/));
    await this.#action('the action deploys the new mapping', options, workspace);
    this.#to.say(`Search ${this.#it.index(orders)} for title:keyboard: ${(await this.#it.find(orders, 'title:keyboard')).length} found`);
    const users = new Users(this.#it);
    const running = this.#it.deploy({ ...options, operation: 'reindex', tables: orders }, { workspace });
    return async () => {
      this.#to.step('The result of the reindex', 'Every search of a reader found what was there, and every write of a writer arrived.');
      const run = await this.#to.during(
        () => `the new index is filled and compared; ${users.searches} searches found every order`,
        running,
      );
      const { before, written } = await users.stop();
      await rm(workspace, { recursive: true, force: true });
      this.#to.quote(linesOf(succeeded(run), / (?:is created|are written to both|searches use) ?/));
      this.#to.say(`${users.searches} searches meanwhile, each of which found all ${before} orders from before`);
      await this.#it.caughtUp();
      await this.#find(orders, 'customer:writer', written, ` of ${written} that were written meanwhile`);
      await this.#find(orders, 'title:keyboard', 1, ': the new analyzer knows that keyboards are more than one keyboard');
    };
  }

  async #action(activity: string, inputs: Readonly<Record<string, string>> = {}, workspace?: string): Promise<ActionRun> {
    return succeeded(await this.#to.during(activity, this.#it.deploy(inputs, workspace === undefined ? {} : { workspace })));
  }

  /** Looks until a search finds so many documents, and says how long that took after the writing. */
  async #find(table: string, query: string, count: number, note = ''): Promise<void> {
    const began = Date.now();
    const found = (async () => {
      for (;;) {
        const ids = await this.#it.find(table, query).catch(() => undefined);
        if (ids?.length === count) return ids;
        if (Date.now() - began > 20_000)
          throw new Error(`A search of ${table} for ${query} found ${ids?.join(', ') ?? 'no index'}, not ${count} documents.`);
        await sleep(10);
      }
    })();
    const ids = await this.#to.during(`searching ${this.#it.index(table)} for ${query}`, found);
    const names = ids.length > 5 ? '' : `: ${ids.join(', ')}`;
    this.#to.say(`Search ${this.#it.index(table)} for ${query}: ${count} found after ${Date.now() - began} ms${note}${names}`);
  }

  async #letters(): Promise<string[]> {
    const prefix = `dead-letters/${this.#it.functionName}/${this.#it.orders}/`;
    const { Contents } = await this.#it.stack.clients.s3.send(new ListObjectsV2Command({ Bucket: this.#it.bucket, Prefix: prefix }));
    return (Contents ?? []).flatMap(({ Key }) => Key ?? []);
  }

  async #letter(): Promise<string> {
    for (let tries = 0; tries < 400; tries++) {
      const [first] = await this.#letters();
      if (first !== undefined) return first;
      await sleep(50);
    }
    throw new Error('There is no dead letter.');
  }
}

/** Somebody who writes orders, and somebody who searches for those that were there before. */
class Users {
  readonly #writing: Promise<number>;
  readonly #searching: Promise<number>;
  searches = 0;
  #isOver = false;

  constructor(scenario: Scenario) {
    const { orders } = scenario;
    this.#writing = (async () => {
      let written = 0;
      for (; !this.#isOver; written++) {
        await scenario.put(orders, { customer: { S: 'writer' }, order: { N: String(written) } });
        await sleep(1_000);
      }
      return written;
    })();
    this.#searching = (async () => {
      const before = (await scenario.find(orders, 'NOT customer:writer')).length;
      for (; !this.#isOver; this.searches++) {
        // The instant in which the engine replaces an index by an alias can fail a search; none may find less.
        const found = await scenario.find(orders, 'NOT customer:writer').catch(() => undefined);
        if (found !== undefined && found.length !== before) throw new Error(`A search found ${found.length} of ${before} orders.`);
        await sleep(20);
      }
      return before;
    })();
    // Reported by stop().
    this.#searching.catch(() => undefined);
    this.#writing.catch(() => undefined);
  }

  /** @returns the orders from before, and those that were written */
  async stop(): Promise<{ before: number; written: number }> {
    this.#isOver = true;
    return { before: await this.#searching, written: await this.#writing };
  }
}

/** The log of a deploy, of whose tables one is shown. */
function planOf(log: string, table: string): string {
  let isOfOther = false;
  const shown = log.split('\n').filter((line) => {
    // A setting on a line of its own belongs to the change above it.
    if (/^ {4,}\S/.test(line)) return !isOfOther;
    isOfOther =
      /^::|parts?$|^$/.test(line) ||
      (/ (?:table|trigger|index|key-mapping|s3:\S*backfill)[ ./]\S/i.test(line) && !line.toLowerCase().includes(table.toLowerCase()));
    return !isOfOther;
  });
  return shown.join('\n');
}

/** The lines of a log that match, as GitHub shows them. */
const linesOf = ({ log }: ActionRun, pattern: RegExp): string =>
  logAsShown(
    log
      .split('\n')
      .filter((line) => pattern.test(line))
      .join('\n'),
  );

/** @throws where it failed, with its log */
function succeeded(run: ActionRun): ActionRun {
  if (run.code !== 0) throw new Error(`The action failed:\n${run.log}`);
  return run;
}
