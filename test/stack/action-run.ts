// Runs the built action, dist/index.js (or the build in the folder DYNAMODB_TO_OPENSEARCH_DIST), as GitHub's runner does: inputs and their defaults as variables, files for outputs and summary.
import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse } from 'yaml';
import { nearest } from '../../formats/nearest.ts';
import { PROJECT } from './cache.ts';
import { killAtExit } from './processes.ts';

export interface ActionRun {
  /** Exit status of the process. */
  readonly code: number;
  /** Standard output and standard error, as they came. */
  readonly log: string;
  readonly outputs: Readonly<Record<string, string>>;
  /** The job summary: markdown. */
  readonly summary: string;
}

export interface ActionOptions {
  /** Variables of the job: the stack's `env`, and what the workflow sets. */
  readonly env?: Readonly<Record<string, string>>;
  /** The event, as in the file that `GITHUB_EVENT_PATH` names. */
  readonly event?: { readonly name: string; readonly payload: unknown };
  /** Default `refs/heads/main`. */
  readonly ref?: string;
  /** The checked-out repository; default an empty folder. */
  readonly workspace?: string;
  /** Gets the log while it is written. */
  readonly onLog?: (text: string) => void;
  /** Gets, at the start, what sends the process a signal: to cancel or to kill the run. */
  readonly onStart?: (kill: (signal: NodeJS.Signals) => void) => void;
}

/** The inputs as the runner gives them to the action: those that are set, and the defaults of action.yml. */
async function inputVariables(inputs: Readonly<Record<string, string>>): Promise<Record<string, string>> {
  const metadata = parse(await readFile(join(PROJECT, 'action.yml'), 'utf8')) as { inputs: Record<string, { default?: string }> };
  const unknown = Object.keys(inputs).filter((name) => !(name in metadata.inputs));
  const [first] = unknown;
  if (first !== undefined) {
    const near = nearest(first, Object.keys(metadata.inputs));
    throw new Error(`action.yml has no input ${first}${near === undefined ? '' : `; did you mean ${near}?`}`);
  }
  return Object.fromEntries(
    Object.entries(metadata.inputs).map(([name, { default: fallback = '' }]) => {
      // The expression has no token here.
      const value = inputs[name] ?? (fallback.includes('${{') ? '' : fallback);
      return [`INPUT_${name.replaceAll(' ', '_').toUpperCase()}`, value];
    }),
  );
}

/** Runs the action once. Never rejects for what the action does. */
export async function runAction(inputs: Readonly<Record<string, string>>, options: ActionOptions = {}): Promise<ActionRun> {
  const { env = {}, event = { name: 'push', payload: {} }, ref = 'refs/heads/main', onLog } = options;
  const folder = await mkdtemp(join(tmpdir(), 'runner-'));
  const file = (name: string): string => join(folder, name);
  try {
    await Promise.all(['output', 'summary', 'state', 'env', 'path'].map((name) => writeFile(file(name), '')));
    await writeFile(file('event.json'), JSON.stringify(event.payload));
    const child = spawn(process.execPath, [join(process.env.DYNAMODB_TO_OPENSEARCH_DIST ?? join(PROJECT, 'dist'), 'index.js')], {
      cwd: options.workspace ?? folder,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: {
        PATH: process.env.PATH,
        HOME: folder,
        CI: 'true',
        GITHUB_ACTIONS: 'true',
        GITHUB_EVENT_NAME: event.name,
        GITHUB_EVENT_PATH: file('event.json'),
        GITHUB_OUTPUT: file('output'),
        GITHUB_STEP_SUMMARY: file('summary'),
        GITHUB_STATE: file('state'),
        GITHUB_ENV: file('env'),
        GITHUB_PATH: file('path'),
        GITHUB_REF: ref,
        GITHUB_REF_NAME: ref.replace(/^refs\/[^/]+\//, ''),
        GITHUB_REPOSITORY: 'owner/repository',
        GITHUB_RUN_ID: '1',
        GITHUB_SERVER_URL: 'https://github.com',
        GITHUB_SHA: '0'.repeat(40),
        GITHUB_WORKSPACE: options.workspace ?? folder,
        RUNNER_TEMP: folder,
        ...env,
        ...(await inputVariables(inputs)),
      },
    });
    const forget = killAtExit(child);
    options.onStart?.((signal) => {
      child.kill(signal);
    });
    let log = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        log += text;
        onLog?.(text);
      });
    }
    const code = await new Promise<number>((resolve, reject) => {
      child.once('error', reject);
      child.once('close', (status) => {
        resolve(status ?? 1);
      });
    });
    forget();
    return { code, log, outputs: readOutputs(await readFile(file('output'), 'utf8')), summary: await readFile(file('summary'), 'utf8') };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** The log as GitHub shows it: `warning: title: message`, without escapes, groups and what only the runner reads. */
export const logAsShown = (log: string): string =>
  log
    .replaceAll(/^::(?:(?:end)?group|debug|add-mask)::.*\n/gm, '')
    .replaceAll(/^::(warning|error|notice)(?: ([^\n]*?))?::(.*)$/gm, (_, kind: string, properties = '', message = '') => {
      const title = /(?:^|,)title=([^,]*)/.exec(String(properties))?.[1];
      return unescaped(`${kind}: ${title === undefined ? '' : `${title}: `}${String(message)}`);
    });

const ESCAPES: Readonly<Record<string, string>> = { '%25': '%', '%0D': '\r', '%0A': '\n', '%3A': ':', '%2C': ',' };
const unescaped = (text: string): string => text.replaceAll(/%(?:25|0D|0A|3A|2C)/g, (escape) => ESCAPES[escape] ?? escape);

/** The file has `name<<delimiter`, lines of the value, `delimiter`, or `name=value`. */
export function readOutputs(text: string): Record<string, string> {
  const outputs: Record<string, string> = {};
  const lines = text.split('\n');
  for (let at = 0; at < lines.length; at += 1) {
    const line = lines[at] ?? '';
    const [, name = '', delimiter] = /^([^=<]+)<<(.+)$/.exec(line) ?? [];
    if (delimiter === undefined) {
      const equals = line.indexOf('=');
      if (equals > 0) outputs[line.slice(0, equals)] = line.slice(equals + 1);
      continue;
    }
    const end = lines.indexOf(delimiter, at + 1);
    if (end < 0) throw new Error(`The output ${name} has no end.`);
    outputs[name] = lines.slice(at + 1, end).join('\n');
    at = end;
  }
  return outputs;
}
