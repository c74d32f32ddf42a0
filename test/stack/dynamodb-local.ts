// DynamoDB Local with its streams, in memory.
import { join } from 'node:path';
import { buildJava, classPath, findJdk, jdkTool } from './java.ts';
import { startServer } from './processes.ts';

/** A server of the stack other than the search server. */
export interface LocalServer {
  readonly url: string;
  stop(): Promise<void>;
}

/** Starts DynamoDB Local, or uses the one that `AWS_ENDPOINT_URL_DYNAMODB` names. */
export async function startDynamoDb(): Promise<LocalServer> {
  const existing = process.env.AWS_ENDPOINT_URL_DYNAMODB;
  if (existing) return { url: existing, stop: () => Promise.resolve() };
  const jdk = findJdk(17, 'DynamoDB Local');
  const base = join(import.meta.dirname, 'dynamodb-local');
  const folder = await buildJava('dynamodb-local', jdk, join(base, 'pom.xml'), [join(base, 'LocalTables.java')]);
  const server = await startServer({
    name: 'DynamoDB Local',
    command: jdkTool(jdk, 'java'),
    args: [
      ...['-Xmx256m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '--enable-native-access=ALL-UNNAMED'],
      ...[`-Djava.library.path=${join(folder, 'lib')}`, '-cp', classPath(folder), 'LocalTables'],
    ],
  });
  return { url: (server.ready as { url: string }).url, stop: () => server.stop() };
}
