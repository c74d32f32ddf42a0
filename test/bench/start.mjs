// How long a function takes from nothing to its first response, and how much memory one large event takes: a process per measurement.
// Plain JavaScript: what strips types from TypeScript takes 15 MB of its own. argv: folder of the function, name of a file with the event.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { pathToFileURL } from 'node:url';
import { peakMemory } from './peak-memory.mjs';

const [, , folder = '', file = ''] = process.argv;
const started = performance.now();
const { handler } = await import(pathToFileURL(join(folder, 'index.mjs')).href);
await handler(JSON.parse(readFileSync(file, 'utf8')), { functionName: 'bench', getRemainingTimeInMillis: () => 60_000 });
process.send?.({ responded: performance.now() - started, peak: peakMemory() });
process.exit(0);
