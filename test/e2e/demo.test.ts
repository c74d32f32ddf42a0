// The steps of `npm run demo`, each of which fails if it does not show what it says.
import { afterAll, expect, test } from '@jest/globals';
import { Demo } from '../stack/demo-steps.ts';
import { Narrator } from '../stack/narrator.ts';
import { startProxy } from '../stack/proxy.ts';
import { Scenario } from '../stack/scenario.ts';
import { uniqueName, useStack } from '../stack/use-stack.ts';

const stack = await useStack();
const proxy = await startProxy(stack.search.url, { keep: 0 });
const scenario = new Scenario(stack, uniqueName('-demo'), Demo.ITEMS_BEFORE, proxy.url);
const lines: string[] = [];
const narrator = new Narrator((line) => lines.push(line));

afterAll(async () => {
  narrator.end();
  await scenario.stop();
  await proxy.stop();
});

test('the demo shows what it says, in numbered steps', async () => {
  await new Demo(scenario, proxy, narrator).run();
  const steps = lines.flatMap((line) => /^\n== (\d+)\. (.*)\n {3}\S/.exec(line)?.slice(1, 3) ?? []);
  expect(steps.filter((_, at) => at % 2 === 0).map(Number)).toEqual(Array.from({ length: steps.length / 2 }, (_, at) => at + 1));
  expect(steps.length / 2).toBe(11);
  // Neither the outage nor the wrong endpoint meets the first look of verify, which would take minutes longer.
  const at = (text: string): number => lines.findIndex((line) => line.includes(text));
  expect(at('verify has looked once')).toBeGreaterThan(0);
  expect(at('verify has looked once')).toBeLessThan(at('The cluster is down'));
  expect(lines.join('\n')).toContain(`${Demo.ITEMS_BEFORE} items were compared with their documents: ${Demo.ITEMS_BEFORE - 2} equal`);
  expect(lines.join('\n')).toContain('Differences left: 0');
  const { products } = scenario;
  expect(await scenario.count(products)).toBe(Demo.ITEMS_BEFORE);
  expect(await scenario.find(products, 'sku:"sku-7" OR sku:"sku-8" OR sku:"sku-none"')).toEqual(['sku-7', 'sku-8']);
  expect(JSON.parse(await scenario.source(products, 'sku-8'))).toEqual({ sku: 'sku-8', name: 'Product 8', price: 8 });
});
