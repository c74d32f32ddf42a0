// The event of a workflow run, read and checked: its name, branch, tag and release.
import { type Json, isObject } from '../../formats/json.ts';
import type { WorkflowEvent } from './environment.ts';
import { UserError } from '../errors.ts';

/**
 * The event as the runner provides it: its name and ref in the environment, its payload as a file.
 * @param env of the runner: GITHUB_EVENT_NAME, GITHUB_REF, GITHUB_REPOSITORY, GITHUB_ACTOR @throws {UserError} where there is no event
 */
export function parseEvent(env: NodeJS.ProcessEnv, payloadText: string): WorkflowEvent {
  const name = env.GITHUB_EVENT_NAME;
  const payload = object(parseJson(payloadText));
  if (name === undefined || name === '') throw new UserError('There is no event to act on', 'Run this in a GitHub workflow');
  const release = object(payload.release);
  const pullRequest = object(payload.pull_request);
  const tag = text(release.tag_name);
  const base = text(object(pullRequest.base).ref) ?? env.GITHUB_BASE_REF;
  const head = text(object(object(pullRequest.head).repo).full_name);
  return {
    name,
    ref: env.GITHUB_REF ?? '',
    action: text(payload.action),
    deleted: payload.deleted === true,
    isOfPullRequest: isOfPullRequest(env, payload) ? true : undefined,
    release: tag === undefined ? undefined : { tag, prerelease: release.prerelease === true },
    pullRequest:
      base === undefined || base === ''
        ? undefined
        : {
            base,
            // Without a head repository the fork was deleted.
            withoutSecrets: head?.toLowerCase() !== env.GITHUB_REPOSITORY?.toLowerCase() || env.GITHUB_ACTOR === 'dependabot[bot]',
          },
  };
}

/**
 * A review or a comment has the pull request in its payload, a run that another workflow started has that workflow's event; a merge queue
 * runs what is not merged yet. GITHUB_HEAD_REF and GITHUB_BASE_REF are set for pull requests alone.
 * https://docs.github.com/actions/reference/workflows-and-actions/events-that-trigger-workflows
 */
function isOfPullRequest(env: NodeJS.ProcessEnv, payload: Json): boolean {
  const { pull_request: pullRequest, issue, workflow_run: run, merge_group: mergeGroup } = payload;
  return (
    (text(env.GITHUB_HEAD_REF) ?? text(env.GITHUB_BASE_REF)) !== undefined ||
    isObject(pullRequest) ||
    isObject(object(issue).pull_request) ||
    text(object(run).event)?.startsWith('pull_request') === true ||
    isObject(mergeGroup)
  );
}

function parseJson(value: string): unknown {
  try {
    return JSON.parse(value);
  } catch (cause) {
    throw new UserError('The event file is not valid JSON', 'Run this in a GitHub workflow', { cause });
  }
}

const object = (value: unknown): Json => (isObject(value) ? value : {});
const text = (value: unknown): string | undefined => (typeof value === 'string' && value !== '' ? value : undefined);
