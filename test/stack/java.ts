// Java development kits of this machine, and what Maven and javac make with them.
import { existsSync, globSync, readFileSync, realpathSync } from 'node:fs';
import { copyFile, mkdir, readFile } from 'node:fs/promises';
import { delimiter, dirname, join } from 'node:path';
import { prepared } from './cache.ts';
import { MissingPrerequisite, runCommand } from './processes.ts';
import { hasCode } from './system-error.ts';

export interface Jdk {
  readonly home: string;
  /** Feature release: 17, 21, … */
  readonly version: number;
}

const DEPENDENCY_PLUGIN = 'org.apache.maven.plugins:maven-dependency-plugin:3.8.1';

/**
 * The first JDK of at least the wanted release: `JAVA_HOME`, the `java` on the path, `JAVA_HOME_*`, the usual folders.
 * @param purpose what it is for, said where none is found
 */
export function findJdk(minimum: number, purpose: string): Jdk {
  const found = candidates()
    .map(readJdk)
    .filter((jdk) => jdk !== undefined);
  const fit = found.find((jdk) => jdk.version >= minimum);
  if (fit) return fit;
  const versions = [...new Set(found.map((jdk) => jdk.version))].join(', ');
  throw new MissingPrerequisite(
    `${purpose} needs a Java development kit of release ${minimum} or newer (found: ${versions || 'none'}). Install one, for example from adoptium.net, and set JAVA_HOME or JAVA_HOME_${minimum} to its folder.`,
  );
}

function candidates(): string[] {
  const environment = Object.entries(process.env)
    .filter(([name]) => name.startsWith('JAVA_HOME_'))
    .map(([, home]) => home ?? '');
  const onPath = (process.env.PATH ?? '')
    .split(delimiter)
    .map((folder) => join(folder, executable('java')))
    .filter((file) => existsSync(file))
    .map((file) => dirname(dirname(realpathSync(file))));
  const folders = [
    '/usr/lib/jvm/*',
    '/Library/Java/JavaVirtualMachines/*/Contents/Home',
    'C:/Program Files/{Java,Eclipse Adoptium,Microsoft}/*',
  ].flatMap((pattern) => globSync(pattern));
  return [process.env.JAVA_HOME ?? '', ...onPath, ...environment, ...folders];
}

/** A JDK says its version in a file named release; without javac it is a runtime only. */
function readJdk(home: string): Jdk | undefined {
  if (!home || !existsSync(join(home, 'bin', executable('javac'))) || !existsSync(join(home, 'release'))) return undefined;
  const version = /^JAVA_VERSION="(\d+)/m.exec(readFileSync(join(home, 'release'), 'utf8'))?.[1];
  return version ? { home, version: Number(version) } : undefined;
}

/** Path of one of a JDK's tools. */
export function jdkTool(jdk: Jdk, name: 'java' | 'javac' | 'jar' | 'keytool'): string {
  return join(jdk.home, 'bin', executable(name));
}

function executable(name: string): string {
  return process.platform === 'win32' ? `${name}.exe` : name;
}

/**
 * Resolves the dependencies of a pom and compiles a launcher against them, once per content and Java release.
 * @param name readable name of the part
 * @param sources Java files
 * @returns a folder with `lib/` (jars), `plugin/` (what was in a dependency of type zip) and `classes/`
 */
export async function buildJava(name: string, jdk: Jdk, pom: string, sources: readonly string[]): Promise<string> {
  const content = await Promise.all([pom, ...sources].map((file) => readFile(file, 'utf8')));
  return prepared(name, [String(jdk.version), ...content], async (folder) => {
    const lib = join(folder, 'lib');
    await copyFile(pom, join(folder, 'pom.xml'));
    await maven(jdk, [
      `${DEPENDENCY_PLUGIN}:copy-dependencies`,
      '-f',
      join(folder, 'pom.xml'),
      '-DincludeScope=runtime',
      `-DoutputDirectory=${lib}`,
    ]);
    const plugin = join(folder, 'plugin');
    await mkdir(plugin);
    for (const zip of globSync('*.zip', { cwd: lib })) await runCommand(jdkTool(jdk, 'jar'), ['xf', join(lib, zip)], { cwd: plugin });
    const classpath = [join(lib, '*'), join(plugin, '*')].join(delimiter);
    await runCommand(jdkTool(jdk, 'javac'), ['-proc:none', '-nowarn', '-cp', classpath, '-d', join(folder, 'classes'), ...sources]);
  });
}

/** The class path of what `buildJava` made. */
export function classPath(folder: string): string {
  return [join(folder, 'classes'), join(folder, 'lib', '*'), join(folder, 'plugin', '*')].join(delimiter);
}

async function maven(jdk: Jdk, args: readonly string[]): Promise<void> {
  try {
    await runCommand('mvn', ['-B', '-q', ...args], { env: { ...process.env, JAVA_HOME: jdk.home } });
  } catch (error) {
    if (!hasCode(error, 'ENOENT')) throw error;
    throw new MissingPrerequisite(
      'The search servers and DynamoDB Local are resolved by Maven, and there is no mvn on the path. Install Maven 3.8 or newer, for example from maven.apache.org.',
    );
  }
}
