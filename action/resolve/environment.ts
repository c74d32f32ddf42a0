// Which event deploys to which environment: a push to STAGE, a release to PROD, a pull request to nothing.
import { createHash } from 'node:crypto';
import { InputError } from '../errors.ts';
import type { Problem } from '../errors.ts';
import { quoted } from '../inputs/reader.ts';
import { OPERATIONS } from '../inputs/operation.ts';
import type { Operation } from '../inputs/operation.ts';
import { deployableName, parseEnvironments, PLAN_SUFFIX } from './environment-lines.ts';
import type { Rule } from './environment-lines.ts';
import { isPrerelease, matchesPatterns, parseRef, withoutSuffix } from './ref-patterns.ts';
import type { Ref } from './ref-patterns.ts';
import { nearest } from '../../formats/nearest.ts';

/** The event that started the workflow, as GitHub describes it. */
export interface WorkflowEvent {
  /** `push`, `release`, `workflow_dispatch`, `pull_request`, … */
  readonly name: string;
  /** `refs/heads/main`, `refs/tags/v1.2.3` */
  readonly ref: string;
  /** Of a release or a pull request: `published`, `opened`, … */
  readonly action?: string | undefined;
  /** Of a release. */
  readonly release?: { readonly tag: string; readonly prerelease: boolean } | undefined;
  /** Whether it is about a pull request, under whatever name: its code, its words or its run may be those of somebody who may not deploy. */
  readonly isOfPullRequest?: boolean | undefined;
  /** Of a pull request: the branch it goes to, and whether its run gets no secrets (a fork's, Dependabot's). */
  readonly pullRequest?: { readonly base: string; readonly withoutSecrets: boolean } | undefined;
  /** Of a push: the branch or tag was deleted. */
  readonly deleted?: boolean | undefined;
}

/** The inputs of the workflow's caller; empty where the event decides. */
export interface ResolveInputs {
  /** Lines `branch main: STAGE`, `tag v*: PROD`. */
  readonly environments: string;
  readonly environment: string;
  readonly operation: string;
  readonly dryRun: boolean;
}

/** The operation of a run, and where it runs. */
export interface Resolution {
  /** Undefined: nothing is done. */
  readonly environment: string | undefined;
  /** The GitHub environment that the job runs in: its name is the subject of the job's token, and so decides which role it may assume. */
  readonly githubEnvironment: string | undefined;
  readonly operation: Operation;
  readonly dryRun: boolean;
  /** Why, for the log and the summary: one sentence without its full stop. */
  readonly reason: string;
}

/**
 * The environment and operation of an event. The caller's inputs win; an event that is not in the table does nothing unless
 * the caller names an environment for it (a nightly `verify`, say). No event of a pull request changes anything, whatever the caller names.
 * @throws {InputError} for the caller's inputs, and for a manual run whose ref has no environment
 */
export function resolveEnvironment(event: WorkflowEvent, inputs: ResolveInputs): Resolution {
  const problems: Problem[] = [];
  const rules = parseEnvironments(inputs.environments, problems);
  const operation = parseOperation(inputs.operation, problems);
  if (inputs.environment !== '') {
    const expected = deployableName(inputs.environment);
    if (expected !== undefined) note(problems, 'environment', `expected ${expected}, found ${quoted(inputs.environment)}`);
  }
  if (problems.length > 0) throw new InputError(problems);

  const nothing = (reason: string): Resolution => ({
    environment: undefined,
    githubEnvironment: undefined,
    operation: operation ?? 'deploy',
    dryRun: inputs.dryRun,
    reason,
  });
  const idle = idleReason(event);
  if (idle !== undefined) return nothing(idle);
  const ref = refOf(event);
  const rule = ref === undefined ? undefined : rules.find((one) => matches(one, ref, event));
  const environment = inputs.environment === '' ? rule?.environment : inputs.environment;
  const what = ref === undefined ? event.name : `${event.name} of ${ref.kind} ${ref.name}`;
  if (environment === undefined) {
    if (event.name === 'workflow_dispatch') {
      throw new InputError([
        { where: 'environment', message: `environment: ${missing(ref, event, rules)}; name the environment to run in` },
      ]);
    }
    return nothing(ref === undefined ? `the event ${event.name} does not select an environment` : missing(ref, event, rules));
  }
  const because =
    inputs.environment === '' && rule !== undefined
      ? `${what} matches ${rule.kind} ${rule.patterns.join(' ')}`
      : `the input names it (${what})`;
  const ofPullRequest = isOfPullRequest(event);
  return {
    environment,
    githubEnvironment: ofPullRequest ? planEnvironment(environment) : environment,
    operation: operation ?? (event.name === 'workflow_dispatch' ? 'refresh-mapping' : 'deploy'),
    dryRun: inputs.dryRun || ofPullRequest,
    reason: because,
  };
}

/**
 * The GitHub environment of plans: one of its own, so that no token of a pull request has the subject that the deploying role trusts.
 * `plan.yml` appends the same suffix, and docs/cloudformation/roles.yml trusts it for the planning role alone.
 */
export function planEnvironment(environment: string): string {
  return `${environment}${PLAN_SUFFIX}`;
}

/** By its name, what its payload says and its ref: GitHub has more events of pull requests than `pull_request`, and may add others. */
function isOfPullRequest({ name, ref, isOfPullRequest: fromPayload, pullRequest }: WorkflowEvent): boolean {
  return name.startsWith('pull_request') || fromPayload === true || pullRequest !== undefined || ref.startsWith('refs/pull/');
}

/** Operations that take as long as their tables are large. */
const LONG_OPERATIONS: readonly Resolution['operation'][] = ['backfill', 'verify', 'redrive', 'reindex'];

/**
 * The group that a run waits in, beside function and environment: what changes the function waits for each other, plans and long
 * operations delay only their own kind, and of those only the ones on the same tables.
 * @param tables as the caller names them; a hash of them keeps the name of the group short
 */
export function laneOf({ operation, dryRun }: Pick<Resolution, 'operation' | 'dryRun'>, tables: string): string {
  if (dryRun) return 'plan';
  if (!LONG_OPERATIONS.includes(operation)) return 'deploy';
  const names = tables
    .split(/[\n,]/)
    .map((name) => name.trim())
    .filter((name) => name !== '');
  if (names.length === 0) return operation;
  return `${operation}/${createHash('sha256')
    .update([...new Set(names)].sort().join('\n'))
    .digest('hex')
    .slice(0, 12)}`;
}

/** Why an event does nothing, whatever the caller's inputs. */
function idleReason(event: WorkflowEvent): string | undefined {
  if (event.deleted === true) return `${event.ref} was deleted`;
  if (event.name === 'pull_request_target')
    return 'pull_request_target runs with secrets on code that nobody has reviewed; use pull_request';
  if (event.name === 'pull_request_review' || event.name === 'pull_request_review_comment')
    return `${event.name} is a remark on a pull request, and nothing is planned or deployed for one; use pull_request`;
  if (event.name === 'pull_request' && event.action === 'closed') return 'the pull request is closed';
  if (event.name === 'pull_request' && event.pullRequest?.withoutSecrets === true) {
    return 'a pull request from a fork or from Dependabot gets neither secrets nor a role, so nothing can be planned for it';
  }
  // Only `released` reports a prerelease that became a release: https://docs.github.com/webhooks/webhook-events-and-payloads#release
  if (event.name === 'release' && event.action !== 'published' && event.action !== 'released')
    return `a release was ${event.action ?? 'changed'}, and only one that is published or released is deployed`;
  return undefined;
}

function refOf(event: WorkflowEvent): Ref | undefined {
  if (event.name === 'release') return event.release === undefined ? undefined : { kind: 'tag', name: event.release.tag };
  if (event.name === 'pull_request') return event.pullRequest === undefined ? undefined : { kind: 'branch', name: event.pullRequest.base };
  return event.name === 'push' || event.name === 'workflow_dispatch' ? parseRef(event.ref) : undefined;
}

/** A prerelease matches only patterns that mean prereleases: that would not match the release itself, as `v*` does. */
function matches({ kind, patterns }: Rule, ref: Ref, event: WorkflowEvent): boolean {
  if (kind !== ref.kind || !matchesPatterns(ref.name, patterns)) return false;
  if (!marksPrerelease(ref, event)) return true;
  const release = withoutSuffix(ref.name);
  return release === undefined ? patterns.some((one) => one.replace(/\\(.)/g, '$1') === ref.name) : !matchesPatterns(release, patterns);
}

/** Of a release GitHub's own flag decides, whatever its tag looks like; of a pushed tag, its name. */
function marksPrerelease(ref: Ref, event: WorkflowEvent): boolean {
  return ref.kind === 'tag' && (event.release?.prerelease ?? isPrerelease(ref.name));
}

function missing(ref: Ref | undefined, event: WorkflowEvent, rules: readonly Rule[]): string {
  if (ref === undefined) return `${event.ref} is neither a branch nor a tag`;
  const fits = rules.some(({ kind, patterns }) => kind === ref.kind && matchesPatterns(ref.name, patterns));
  if (!fits || !marksPrerelease(ref, event)) return `${ref.kind} ${ref.name} matches no pattern of environments`;
  return event.release === undefined
    ? `tag ${ref.name} is a prerelease, and no pattern of environments names it`
    : `release ${ref.name} is marked as a prerelease on GitHub, and no pattern of environments names it`;
}

function parseOperation(text: string, problems: Problem[]): Operation | undefined {
  const operation = OPERATIONS.find((one) => one === text);
  if (text === '' || operation !== undefined) return operation;
  const near = nearest(text, OPERATIONS);
  const hint = near === undefined ? '' : `; did you mean ${near}?`;
  note(problems, 'operation', `expected one of ${OPERATIONS.join(', ')}, found ${quoted(text)}${hint}`);
  return undefined;
}

function note(problems: Problem[], where: string, message: string): void {
  problems.push({ where, message: `${where}: ${message}` });
}
