// Starts the servers of a test run when a test first needs them, so that unit tests alone cost nothing; jest's workers request them over HTTP.
// A process of its own (see global-setup.ts) that ends, and stops all servers, when its standard input does.
import { createServer } from 'node:http';
import { listen } from './loopback.ts';
import { Parts } from './parts.ts';
import { SEARCH_KINDS, type SearchAddress } from './search.ts';

const parts = new Parts((line) => {
  console.error(line);
});

/** GET: the server's address, started where it is not yet running. DELETE: stops a search server, or kills a function. */
async function addressOf(method: string, name: string): Promise<SearchAddress | { url: string }> {
  if (name === 'dynamodb') return { url: (await parts.dynamodb()).url };
  if (name === 'aws') return { url: (await parts.aws()).url };
  if (method === 'DELETE' && name.startsWith('function/')) {
    await parts.killFunction(name.slice('function/'.length));
    return { url: '' };
  }
  const kind = SEARCH_KINDS.find((known) => known === name);
  if (!kind) throw new Error(`There is no server named ${name}.`);
  if (method === 'DELETE') {
    await parts.stopSearch(kind);
    return { url: '' };
  }
  const { stop: _stop, ...address } = await parts.search(kind);
  return address;
}

const server = await listen(
  createServer((request, response) => {
    addressOf(request.method ?? 'GET', (request.url ?? '').slice(1)).then(
      (address) => response.end(JSON.stringify(address)),
      (error: unknown) => response.writeHead(500).end(error instanceof Error ? error.message : String(error)),
    );
  }),
);

// eslint-disable-next-line @typescript-eslint/no-misused-promises -- the process ends with it
process.stdin.resume().once('end', async () => {
  await parts.stop();
  await server.stop();
  process.exit(0);
});
// A Ctrl-C goes to every process of the terminal; jest's end is what counts here.
process.on('SIGINT', () => undefined);

console.log(`READY ${JSON.stringify({ url: server.url })}`);
