// Preloaded into the process of a function: AWS's runtime client fetches events by itself, but sends the two responses through a C++
// module, whose compilation takes a minute of every `npm ci`. Here these two are sent in JavaScript instead.
import { registerHooks } from 'node:module';
import { Worker } from 'node:worker_threads';

registerHooks({
  resolve: (specifier, context, next) =>
    specifier === './rapid-client.node'
      ? { url: new URL('runtime-responses.ts', import.meta.url).href, format: 'module', shortCircuit: true }
      : next(specifier, context),
});

// The function ends with the host, whatever it is busy with, even a loop: a thread of its own waits for the end of standard input.
new Worker(
  `const { Socket } = require('node:net');
   const kill = () => process.kill(process.pid, 'SIGKILL');
   new Socket({ fd: 0, readable: true }).on('end', kill).on('error', kill).resume();`,
  { eval: true },
).unref();
