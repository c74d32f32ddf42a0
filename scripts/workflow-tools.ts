// The tools that workflows and templates are checked and run with: built once, kept in the cache of the test's real parts.
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { prepared } from '../test/stack/cache.ts';

const run = promisify(execFile);

/** Go's name of a tool and its version. */
const GO_TOOLS = {
  act: 'github.com/nektos/act@v0.2.89',
  actionlint: 'github.com/rhysd/actionlint/cmd/actionlint@v1.7.12',
} as const;
const ZIZMOR = 'zizmor==1.32.0';
const CFN_LINT = 'cfn-lint==1.58.0';

/** Path of a tool that Go builds. Needs Go on the path; act takes a minute and a half the first time. */
export async function goTool(name: keyof typeof GO_TOOLS): Promise<string> {
  const source = GO_TOOLS[name];
  const folder = await prepared(name, [source], async (bin) => {
    await explained(
      `Go could not build ${source}; is go on the path?`,
      run('go', ['install', source], { env: { ...process.env, GOBIN: bin } }),
    );
  });
  return join(folder, process.platform === 'win32' ? `${name}.exe` : name);
}

const isWindows = process.platform === 'win32';
const PYTHON = isWindows ? 'python' : 'python3';

/** Path of zizmor in a Python environment of its own. Needs Python 3.10 or newer. */
export async function zizmor(): Promise<string> {
  const folder = await pythonPackage('zizmor', ZIZMOR);
  return join(folder, isWindows ? 'Scripts' : 'bin', isWindows ? 'zizmor.exe' : 'zizmor');
}

/** How to run cfn-lint, which is a module of Python's. Needs Python 3.10 or newer. */
export async function cfnLint(): Promise<{ command: string; args: readonly string[]; env: NodeJS.ProcessEnv }> {
  const folder = await pythonPackage('cfn-lint', CFN_LINT);
  return {
    command: PYTHON,
    args: ['-c', 'import sys; from cfnlint.runner import main; sys.exit(main())'],
    env: { ...process.env, PYTHONPATH: folder },
  };
}

/** Environments cannot be moved, and a part gets its final name when it is done: a folder of packages alone can. */
function pythonPackage(name: string, requirement: string): Promise<string> {
  return prepared(name, [requirement], async (target) => {
    const pip = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '--target', target, requirement];
    await explained(`pip could not install ${requirement}; is Python 3.10 or newer on the path?`, run(PYTHON, pip));
  });
}

async function explained(message: string, work: Promise<unknown>): Promise<void> {
  try {
    await work;
  } catch (cause) {
    throw new Error(`${message}\n${cause instanceof Error ? cause.message : String(cause)}`, { cause });
  }
}
