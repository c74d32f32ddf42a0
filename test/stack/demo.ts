// npm run demo: the main job from end to end on this machine, with nothing but real parts. See README.md.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { PROJECT } from './cache.ts';
import { Demo } from './demo-steps.ts';
import { Narrator } from './narrator.ts';
import { openPlayground } from './playground.ts';
import { MissingPrerequisite } from './processes.ts';
import { startProxy } from './proxy.ts';
import { Scenario } from './scenario.ts';
import { startStack } from './stack.ts';

const USAGE = 'npm run demo [-- --keep]    --keep leaves everything running for npm run play until Ctrl-C';

/** @returns undefined for options that there are not */
function optionsOf(): { readonly keep: boolean; readonly help: boolean } | undefined {
  try {
    return parseArgs({ options: { keep: { type: 'boolean', default: false }, help: { type: 'boolean', default: false } } }).values;
  } catch {
    return undefined;
  }
}

async function run(keep: boolean): Promise<void> {
  if (!existsSync(join(PROJECT, 'dist/index.js')))
    throw new Error('dist/index.js is missing: check out the whole repository, or run `npm run build`.');
  const narrator = new Narrator();
  narrator.step('Real servers start', 'OpenSearch, DynamoDB Local with streams, and moto for all other AWS services.');
  const starting = startStack({
    progress: (line) => {
      narrator.say(line);
    },
  });
  const stack = await narrator.during('the servers are starting', starting);
  // In front of the cluster, so that an outage can be shown.
  const proxy = await startProxy(stack.search.url, { ...(stack.search.ca ? { ca: stack.search.ca } : {}), keep: 0 });
  const scenario = new Scenario(stack, '', Demo.ITEMS_BEFORE, proxy.url);
  stack.beforeStop(async () => {
    await scenario.stop();
    await proxy.stop();
  });
  const demo = new Demo(scenario, proxy, narrator);
  await demo.run();
  narrator.end();
  if (keep) {
    // The playground begins without the options of the last step.
    await scenario.deploy();
    await openPlayground(scenario, proxy, stack);
    await new Promise(() => setInterval(() => undefined, 60_000));
  }
  await stack.stop();
  console.log(`
To try next:
  npm run demo -- --keep    leaves all of it running: a playground, also for tables of your own
  npm test                  asserts what was seen here, and much more
  README.md                 the workflow that does this in your repository`);
}

const options = optionsOf();
if (options === undefined) {
  console.error(USAGE);
  process.exitCode = 1;
} else if (options.help) {
  console.log(USAGE);
} else {
  try {
    await run(options.keep);
  } catch (error) {
    if (error instanceof MissingPrerequisite) console.error(`\n${error.message}`);
    else console.error(error);
    process.exitCode = 1;
  }
  process.exit();
}
