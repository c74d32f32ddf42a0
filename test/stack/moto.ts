// The AWS services other than DynamoDB: the moto server, corrected where its responses differ from AWS's documentation.
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { prepared } from './cache.ts';
import type { LocalServer } from './dynamodb-local.ts';
import { MissingPrerequisite, runCommand, startServer } from './processes.ts';

const BASE = join(import.meta.dirname, 'moto');
const NAMES = ['python3', 'python3.14', 'python3.13', 'python3.12', 'python3.11', 'python'];
const OLDEST = [3, 11] as const;

/**
 * Starts moto, or uses the server that `AWS_ENDPOINT_URL` names.
 * @param invokeUrl what runs a function when Lambda's Invoke is called, see `FunctionRunner`
 */
export async function startMoto(invokeUrl: string): Promise<LocalServer> {
  const existing = process.env.AWS_ENDPOINT_URL;
  if (existing) return { url: existing, stop: () => Promise.resolve() };
  const server = await startServer({
    name: 'moto',
    command: await environmentPython(),
    args: ['-B', join(BASE, 'server.py')],
    env: { ...process.env, STACK_INVOKE_URL: invokeUrl, AWS_ACCESS_KEY_ID: 'local', AWS_SECRET_ACCESS_KEY: 'local' },
  });
  return { url: (server.ready as { url: string }).url, stop: () => server.stop() };
}

/** The Python of a virtual environment that has moto, made when it is not there yet. */
async function environmentPython(): Promise<string> {
  const python = await findPython();
  const requirements = join(BASE, 'requirements.txt');
  const folder = await prepared('moto', [python.version, python.path, await readFile(requirements, 'utf8')], async (unfinished) => {
    try {
      await runCommand(python.path, ['-m', 'venv', unfinished]);
    } catch (error) {
      throw new MissingPrerequisite(
        `${python.path} cannot make a virtual environment. On Debian and Ubuntu install the package python3-venv.`,
        { cause: error },
      );
    }
    await runCommand(venvPython(unfinished), ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '-r', requirements]);
  });
  return venvPython(folder);
}

function venvPython(folder: string): string {
  const windows = join(folder, 'Scripts', 'python.exe');
  return existsSync(windows) ? windows : join(folder, 'bin', 'python');
}

interface Python {
  readonly path: string;
  readonly version: string;
}

async function findPython(): Promise<Python> {
  const found: string[] = [];
  for (const name of NAMES) {
    const response = await runCommand(name, ['-c', 'import sys; print("%d.%d.%d" % sys.version_info[:3], sys.executable)']).catch(() => '');
    const [, version = '', path = ''] = /^(\S+) (.+)$/m.exec(response) ?? [];
    if (!version) continue;
    found.push(version);
    const [major = 0, minor = 0] = version.split('.').map(Number);
    if (major > OLDEST[0] || (major === OLDEST[0] && minor >= OLDEST[1])) return { path, version };
  }
  throw new MissingPrerequisite(
    `moto, which plays S3 and Lambda, needs Python ${OLDEST.join('.')} or newer (found: ${found.join(', ') || 'none'}). Install it, for example from python.org, so that python3 is on the path.`,
  );
}
