// Jest: before the first test file.
import { join } from 'node:path';
import { type ServerProcess, startServer } from './processes.ts';
import { BROKER_VARIABLE } from './use-stack.ts';

declare global {
  var stackBroker: ServerProcess | undefined;
}

export default async function setUp(): Promise<void> {
  const broker = await startServer({
    name: 'The broker of the test servers',
    command: process.execPath,
    args: [join(import.meta.dirname, 'broker.ts')],
  });
  globalThis.stackBroker = broker;
  process.env[BROKER_VARIABLE] = (broker.ready as { url: string }).url;
}
