// The code that the job `resolve` of the reusable workflows runs (.github/actions/resolve): a bundle of its own, because it is no part of the
// action that users see, and the action's inputs and outputs stay those that they may set and read.
import { readFile } from 'node:fs/promises';
import * as core from '@actions/core';
import { laneOf, resolveEnvironment } from './environment.ts';
import type { ResolveInputs, Resolution } from './environment.ts';
import { InputError, UserError } from '../errors.ts';
import { logText } from '../log-text.ts';
import { parseEvent } from './event.ts';

/** Reads the event and the inputs, and sets the outputs that the job `deploy` works by. */
export async function runResolve(env: NodeJS.ProcessEnv): Promise<void> {
  try {
    const event = parseEvent(env, await readFile(env.GITHUB_EVENT_PATH ?? '', 'utf8'));
    const resolution = resolveEnvironment(event, readInputs(env));
    core.setOutput('environment', resolution.environment ?? '');
    core.setOutput('github-environment', resolution.githubEnvironment ?? '');
    core.setOutput('operation', resolution.operation);
    core.setOutput('dry-run', resolution.dryRun);
    core.setOutput('lane', laneOf(resolution, env.INPUT_TABLES ?? ''));
    core.setOutput('reason', logText(resolution.reason));
    await report(resolution);
  } catch (error) {
    await fail(error);
  }
}

function readInputs(env: NodeJS.ProcessEnv): ResolveInputs {
  const input = (name: string): string => (env[`INPUT_${name.toUpperCase()}`] ?? '').trim();
  const dryRun = input('dry-run');
  if (!/^(?:true|false)?$/.test(dryRun)) {
    throw new InputError([{ where: 'dry-run', message: `dry-run: expected true or false, found ${JSON.stringify(dryRun)}` }]);
  }
  return {
    environments: input('environments'),
    environment: input('environment'),
    operation: input('operation'),
    dryRun: dryRun === 'true',
  };
}

async function report({ environment, operation, dryRun, reason }: Resolution): Promise<void> {
  if (environment !== undefined) {
    core.info(logText(`${environment}: ${operation}${dryRun ? ', dry run' : ''}, because ${reason}`));
    return;
  }
  core.notice(logText(`Nothing to do: ${reason}`));
  await summary(`Nothing was deployed: ${reason}.`);
}

async function fail(error: unknown): Promise<void> {
  const problems = error instanceof InputError ? error.problems.map(({ message }) => message) : undefined;
  if (problems === undefined && !(error instanceof UserError)) core.debug(logText(error instanceof Error ? (error.stack ?? '') : ''));
  const messages = (problems ?? [error instanceof Error ? error.message : String(error)]).map(logText);
  await summary(`Nothing was deployed.\n\n${messages.map((message) => `- ${message}`).join('\n')}`);
  for (const message of messages.slice(0, -1)) core.error(message);
  core.setFailed(messages.at(-1) ?? 'The event could not be read');
}

/** A summary is worth having, and never worth failing for. */
async function summary(text: string): Promise<void> {
  try {
    // Backslashes keep names of refs, which others choose, from becoming markup.
    await core.summary
      .addHeading('DynamoDB to OpenSearch', 2)
      .addRaw(logText(text).replace(/[<>&`]/g, '\\$&'), true)
      .write();
  } catch (error) {
    core.debug(logText(`The summary could not be written: ${String(error)}`));
  }
}
