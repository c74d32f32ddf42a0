// Real search servers of every supported engine, one node each on the loopback interface.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { buildJava, classPath, findJdk, jdkTool } from './java.ts';
import { startServer } from './processes.ts';
import { serverKeys } from './server-keys.ts';

/** The sources of each kind, and the Java release it needs. */
const KINDS = {
  'opensearch-1': { sources: ['opensearch-1/Engine.java'], java: 17, secured: false },
  'opensearch-2': { sources: ['opensearch-2/Engine.java'], java: 17, secured: false },
  'opensearch-2-security': { sources: ['opensearch-2-security/Engine.java'], java: 17, secured: true },
  'opensearch-3': { sources: ['opensearch-3/Engine.java'], java: 21, secured: false },
  'elasticsearch-7': { sources: ['elasticsearch-7/Engine.java'], java: 17, secured: false },
  'elasticsearch-8': { sources: ['elasticsearch-8/Engine.java', 'elasticsearch-8/ClassPathPlugins.java'], java: 17, secured: false },
  'elasticsearch-9': { sources: ['elasticsearch-8/Engine.java', 'elasticsearch-8/ClassPathPlugins.java'], java: 21, secured: false },
} as const;

export type SearchKind = keyof typeof KINDS;

export const SEARCH_KINDS = Object.keys(KINDS) as readonly SearchKind[];

export const DEFAULT_KIND: SearchKind = 'opensearch-2';

/** Where a search server is and how to get in. Plain data. */
export interface SearchAddress {
  readonly kind: SearchKind;
  /** `http(s)://127.0.0.1:<port>`, without credentials and without a slash at the end. */
  readonly url: string;
  readonly auth?: { readonly username: string; readonly password: string };
  /** The certificate (PEM) to trust, where the server speaks HTTPS. */
  readonly ca?: string;
}

export interface SearchServer extends SearchAddress {
  stop(): Promise<void>;
}

/** @throws MissingPrerequisite where no fitting Java development kit is installed */
export function requireEngine(kind: SearchKind): void {
  findJdk(KINDS[kind].java, kind);
}

/**
 * Starts one server of the kind with empty, temporary data; the first call on a machine resolves and compiles it.
 * `OPENSEARCH_URL` in the environment (`user:password@` allowed) is used instead of starting the default kind.
 * @throws MissingPrerequisite where Java or Maven is missing
 */
export async function startSearch(kind: SearchKind = DEFAULT_KIND): Promise<SearchServer> {
  const existing = process.env.OPENSEARCH_URL;
  if (existing && kind === DEFAULT_KIND) return existingServer(existing);
  const { sources, java, secured } = KINDS[kind];
  const jdk = findJdk(java, kind);
  const base = join(import.meta.dirname, 'search-servers');
  const folder = await buildJava(kind, jdk, join(base, kind, 'pom.xml'), [
    join(base, 'Launcher.java'),
    ...sources.map((file) => join(base, file)),
  ]);
  const keys = secured ? await serverKeys(jdk) : undefined;
  const server = await startServer({
    name: kind,
    command: jdkTool(jdk, 'java'),
    args: [
      ...['-Xms512m', '-Xmx512m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1'],
      `-Dlog4j2.configurationFile=${join(base, 'log4j2.properties')}`,
      ...['-Dlog4j.shutdownHookEnabled=false', '-Dlog4j2.disable.jmx=true', '-Djava.awt.headless=true'],
      ...(keys ? [`-Dkeys=${keys.store}`, `-Dkeys.password=${keys.password}`, `-Dcertificate=${keys.certificate}`] : []),
      ...['--enable-native-access=ALL-UNNAMED', `-Dplugin=${join(folder, 'plugin')}`, '-cp', classPath(folder), 'Launcher'],
    ],
  });
  const { url } = server.ready as { url: string };
  return {
    kind,
    url,
    ...(keys ? { auth: { username: 'admin', password: 'admin' }, ca: await readFile(keys.certificate, 'utf8') } : {}),
    stop: () => server.stop(),
  };
}

function existingServer(address: string): SearchServer {
  const url = new URL(address);
  const auth = url.username ? { username: decodeURIComponent(url.username), password: decodeURIComponent(url.password) } : undefined;
  url.username = url.password = '';
  return { kind: DEFAULT_KIND, url: url.href.replace(/\/+$/, ''), ...(auth ? { auth } : {}), stop: () => Promise.resolve() };
}
