import { readFile } from 'node:fs/promises';
import type { getOctokit } from '@actions/github';

type Octokit = Pick<ReturnType<typeof getOctokit>, 'rest' | 'paginate'>;

/** One comment a function and environment, known by a line that readers do not see. */
export interface PlanComment {
  readonly functionName: string;
  readonly environment: string;
  readonly markdown: string;
}

export interface PullRequest {
  readonly owner: string;
  readonly repo: string;
  readonly number: number;
}

/** The pull request that this run is for; undefined on any other event. */
export async function pullRequestOf(env: NodeJS.ProcessEnv): Promise<PullRequest | undefined> {
  const { GITHUB_EVENT_NAME: event, GITHUB_EVENT_PATH: path, GITHUB_REPOSITORY: repository } = env;
  if (event !== 'pull_request' || path === undefined || repository === undefined) return undefined;
  const [owner, repo] = repository.split('/');
  const payload = JSON.parse(await readFile(path, 'utf8')) as { pull_request?: { number?: unknown } };
  const number = payload.pull_request?.number;
  return owner === undefined || repo === undefined || typeof number !== 'number' ? undefined : { owner, repo, number };
}

/** The user that a token without a user of its own writes as: the job's `github.token`. */
const JOB_USER = 'github-actions[bot]';

/** The login that the token's comments have. */
async function ownLogin(octokit: Octokit): Promise<string> {
  try {
    const { data } = await octokit.rest.users.getAuthenticated();
    return (data as Partial<typeof data> | null)?.login ?? JOB_USER;
  } catch {
    // GitHub reports no user of a token that an app has for a repository, as the job's own is.
    return JOB_USER;
  }
}

/**
 * Writes the plan into the pull request, over the comment of a former run. Anyone may write a comment that begins with the marker: only one
 * of the token's own user counts. @throws {Error} where the token may not
 */
export async function writePlanComment(octokit: Octokit, { owner, repo, number }: PullRequest, comment: PlanComment): Promise<void> {
  const marker = `<!-- dynamodb-to-opensearch plan ${comment.functionName} ${comment.environment} -->`;
  const body =
    `${marker}\n### ${comment.functionName}, ${comment.environment}: changes that a deploy would make\n\n${comment.markdown}`.slice(
      0,
      65_000,
    );
  const [login, comments] = await Promise.all([
    ownLogin(octokit),
    octokit.paginate(octokit.rest.issues.listComments, { owner, repo, issue_number: number, per_page: 100 }),
  ]);
  const marked = comments.filter((one) => one.body?.startsWith(marker) === true);
  const former = marked.find(({ user }) => user?.login === login);
  const update = async (id: number): Promise<void> => {
    await octokit.rest.issues.updateComment({ owner, repo, comment_id: id, body });
  };
  if (former !== undefined) {
    if (former.body !== body) await update(former.id);
    return;
  }
  const { data: made } = await octokit.rest.issues.createComment({ owner, repo, issue_number: number, body });
  // The token of an app of the user's own: its user is known from the comment it wrote.
  const author = (made as Partial<typeof made> | null)?.user?.login;
  const older = author === undefined ? undefined : marked.find(({ user }) => user?.login === author);
  if (older === undefined) return;
  await update(older.id);
  await octokit.rest.issues.deleteComment({ owner, repo, comment_id: made.id });
}

/**
 * Writes the comment where this is a pull request and the token may. @returns why not, as a sentence for the summary; undefined where
 * there is nothing to say
 */
export async function commentOnPullRequest(
  env: NodeJS.ProcessEnv,
  token: string | undefined,
  comment: PlanComment,
): Promise<string | undefined> {
  try {
    const pullRequest = await pullRequestOf(env);
    if (pullRequest === undefined) return undefined;
    if (token === undefined) return 'No comment was written on the pull request: github-token is empty.';
    const { getOctokit: connect } = await import(/* webpackMode: "eager" */ '@actions/github');
    await writePlanComment(connect(token), pullRequest, comment);
    return undefined;
  } catch (error) {
    const status =
      typeof error === 'object' && error !== null && 'status' in error ? ` (GitHub responded with ${String(error.status)})` : '';
    return `No comment was written on the pull request: github-token may not${status}. Grant the job pull-requests: write; a fork's pull request never has it.`;
  }
}
