// The deployed function in a process of its own, which works on slices until each is done. Plain JavaScript: what strips types from TypeScript
// takes 15 MB of its own. argv: folder of the function.
import { performance } from 'node:perf_hooks';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { peakMemory } from './peak-memory.mjs';

const [, , folder = ''] = process.argv;
const { handler } = await import(pathToFileURL(join(folder, 'index.mjs')).href);
process.stdout.write = () => true;

process.on('message', async ({ slice, remaining, forMs = Infinity }) => {
  const started = performance.now();
  const deadline = () => started + forMs - performance.now() + 1000;
  let result = { done: false };
  try {
    while (!result.done && performance.now() - started < forMs) {
      const until = performance.now() + remaining;
      result = await handler(
        { slice },
        { functionName: 'bench', getRemainingTimeInMillis: () => Math.min(until - performance.now(), deadline() * 1.3) },
      );
      if (result.problem !== undefined) throw new Error(result.problem);
    }
    process.send?.({ ms: performance.now() - started, counts: result.counts, peak: peakMemory() });
  } catch (error) {
    process.send?.({ error: String(error) });
  }
});
process.send?.('ready');
