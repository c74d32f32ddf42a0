// Where a run reports to: GitHub's runner, or a shell and the log of another CI system.
import { writeFileSync } from 'node:fs';
import type * as core from '@actions/core';

/** The part of a text that GitHub shows beside a file, or above the message. */
interface Annotation {
  readonly title?: string;
  readonly file?: string;
  readonly startLine?: number;
}

export interface Runner {
  readonly info: (line: string) => void;
  readonly warning: (message: string, annotation?: Annotation) => void;
  readonly error: (message: string, annotation?: Annotation) => void;
  readonly setSecret: (secret: string) => void;
  /** All outputs of the run, once. */
  readonly setOutputs: (outputs: Readonly<Record<string, string>>) => void;
  /** Writes the job summary. */
  readonly summarize: (markdown: string) => Promise<void>;
  /** Ends the run as failed, with one sentence. */
  readonly fail: (sentence: string) => void;
}

/** Whether the process runs in GitHub Actions, or in a server that understands its commands. */
export const isOnGitHub = (env: NodeJS.ProcessEnv): boolean => env.GITHUB_ACTIONS === 'true';

/** GitHub's runner. */
export function runnerOf(toolkit: typeof core): Runner {
  const { info, warning, error, setSecret, setOutput, setFailed, summary } = toolkit;
  return {
    info,
    warning,
    error,
    setSecret,
    setOutputs: (outputs) => {
      for (const [name, value] of Object.entries(outputs)) setOutput(name, value);
    },
    summarize: async (markdown) => {
      await summary.addRaw(markdown).write();
    },
    fail: setFailed,
  };
}

/** The streams of the process, and its exit code. */
export interface Shell {
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
  readonly exit: (code: number) => void;
}

const processShell: Shell = {
  out: (text) => process.stdout.write(text),
  err: (text) => process.stderr.write(text),
  exit: (code) => {
    process.exitCode = code;
  },
};

/**
 * A shell: plain lines, none of GitHub's commands. Secrets need no registration, because the report hides them itself; a command to mask
 * one would print it. The variables OUTPUTS_FILE (JSON) and SUMMARY_FILE (Markdown) name files for the results; see docs/elsewhere.md.
 */
export function plainRunner(env: NodeJS.ProcessEnv, { out, err, exit }: Shell = processShell): Runner {
  const line = (kind: string, message: string, { title, file }: Annotation = {}): void => {
    err(`${[kind, title, file].filter((part) => part !== undefined).join(': ')}: ${message}\n`);
  };
  const fail = (sentence: string): void => {
    exit(1);
    line('Error', sentence);
  };
  const write = (variable: 'OUTPUTS_FILE' | 'SUMMARY_FILE', text: string): void => {
    const path = env[variable] ?? '';
    if (path === '') return;
    try {
      writeFileSync(path, text);
    } catch (error) {
      fail(`${variable}: the file ${path} cannot be written (${(error as NodeJS.ErrnoException).code ?? 'unknown reason'})`);
    }
  };
  return {
    info: (text) => {
      out(`${text}\n`);
    },
    warning: (message, annotation) => {
      line('Warning', message, annotation);
    },
    error: (message, annotation) => {
      line('Error', message, annotation);
    },
    setSecret: () => undefined,
    setOutputs: (outputs) => {
      write('OUTPUTS_FILE', `${JSON.stringify(outputs, null, 2)}\n`);
    },
    summarize: (markdown) => {
      write('SUMMARY_FILE', markdown);
      return Promise.resolve();
    },
    fail,
  };
}
