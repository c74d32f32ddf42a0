// Child processes that never outlive this one: each gets a pipe as standard input and ends when that pipe does, so that even a
// SIGKILL here takes them along; an orderly end is waited for.
import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

/** A tool is missing or too old. The message is one sentence for people: which tool, what was found, how to get it. */
export class MissingPrerequisite extends Error {
  override readonly name = 'MissingPrerequisite';
}

export interface CommandOptions {
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
}

/**
 * Runs a command to its end.
 * @returns what it wrote to standard output
 * @throws Error with the end of its output where it fails
 */
export async function runCommand(command: string, args: readonly string[], options: CommandOptions = {}): Promise<string> {
  const child = spawn(command, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'], shell: needsShell(command) });
  let stdout = '';
  const tail = new Tail();
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
    tail.add(text);
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    tail.add(text);
  });
  const forget = killAtExit(child);
  try {
    await new Promise<void>((resolve, reject) => {
      child.once('error', reject);
      child.once('close', (code, signal) => {
        if (code === 0) resolve();
        else reject(new Error(`${command} ended with ${signal ?? `status ${String(code)}`}:\n${tail.text}`));
      });
    });
  } finally {
    forget();
  }
  return stdout;
}

export interface ServerOptions extends CommandOptions {
  /** Shown in errors. */
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  /** Milliseconds until the server must have said that it is ready. */
  readonly timeoutMs?: number;
}

export interface ServerProcess {
  readonly pid: number;
  /** The JSON after `READY ` on its standard output. */
  readonly ready: unknown;
  /** The end of what it logged. */
  readonly log: string;
  /** Ends it: first by closing its standard input, then by force. Resolves when it is gone. */
  stop(): Promise<void>;
}

const READY = 'READY ';

/**
 * Starts a server that writes `READY <json>` to standard output when it can be used, and that ends when its standard input does.
 * @throws Error with the end of its log where it ends or stays silent instead
 */
export async function startServer(options: ServerOptions): Promise<ServerProcess> {
  const { name, command, args, timeoutMs = 120_000, cwd, env } = options;
  const child = spawn(command, args, { ...(cwd ? { cwd } : {}), ...(env ? { env } : {}), stdio: ['pipe', 'pipe', 'pipe'] });
  const tail = new Tail();
  child.stdin.on('error', () => undefined);
  // Not `close`: a process that the server left behind may hold its output open for ever.
  const gone = new Promise<void>((resolve) => {
    child.once('exit', () => {
      resolve();
    });
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    tail.add(text);
  });
  const stop = async (): Promise<void> => {
    child.stdin.end();
    const force = setTimeout(() => child.kill('SIGKILL'), 10_000);
    await gone;
    clearTimeout(force);
    child.stdout.destroy();
    child.stderr.destroy();
  };
  const ready = await new Promise<unknown>((resolve, reject) => {
    const late = setTimeout(() => {
      child.kill('SIGKILL');
      reject(new Error(`${name} was not ready after ${timeoutMs / 1000} s:\n${tail.text}`));
    }, timeoutMs);
    createInterface({ input: child.stdout }).on('line', (line) => {
      if (!line.startsWith(READY)) {
        tail.add(`${line}\n`);
        return;
      }
      clearTimeout(late);
      resolve(JSON.parse(line.slice(READY.length)));
    });
    child.once('error', (error) => {
      clearTimeout(late);
      reject(new Error(`${name} could not be started`, { cause: error }));
    });
    void gone.then(() => {
      clearTimeout(late);
      reject(new Error(`${name} ended before it was ready:\n${tail.text}`));
    });
  });
  return {
    pid: child.pid ?? 0,
    ready,
    stop,
    get log() {
      return tail.text;
    },
  };
}

/** Kills a child when this process ends. @returns a function that cancels this */
export function killAtExit(child: ChildProcess): () => void {
  const kill = (): void => {
    child.kill('SIGKILL');
  };
  process.once('exit', kill);
  const forget = (): void => {
    process.removeListener('exit', kill);
  };
  child.once('exit', forget);
  return forget;
}

/** On Windows Maven is a script, which only a shell can run. */
function needsShell(command: string): boolean {
  return process.platform === 'win32' && !command.includes('\\');
}

/** The last part of a log, enough to show why something failed. */
class Tail {
  text = '';

  add(more: string): void {
    this.text = (this.text + more).slice(-8000);
  }
}
