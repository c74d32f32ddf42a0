// From the start to the first call to AWS little more is loaded than that call needs: what the operations import comes after it.
import { TLS_SWITCH } from './inputs/aws-rules.ts';
import { realClock, type Clock } from './aws/retry.ts';
import { openSession, type Aws } from './aws/session.ts';
import { CancelledError, failureSentence } from './errors.ts';
import { checkNode } from './node-version.ts';
import { readInputsOrAllProblems, unknownInputWarnings, validNames } from './read-inputs.ts';
import type { Inputs } from './inputs/inputs.ts';
import { runWarnings } from './plan/transport-warnings.ts';
import type { Report } from './report/report.ts';

/** Inputs → session → operation → report. Nothing is changed before all inputs and files have been checked. */
export async function run(env: NodeJS.ProcessEnv = process.env): Promise<void> {
  const transport = runWarnings(env);
  // Node reads the variable at each connection: the ones to a proxy that speaks TLS, to GitHub and of the SDK's own have no other switch.
  Reflect.deleteProperty(env, TLS_SWITCH);
  const stop = new AbortController();
  const clock = realClock(stop.signal);
  // The runner cancels with SIGINT: the call under way is finished, no further change begins, and the summary is still written.
  const cancel = (): void => {
    if (stop.signal.aborted) return;
    process.stdout.write('Cancelled: the call under way is finished, and no further change begins\n');
    stop.abort(new CancelledError());
  };
  process.once('SIGINT', cancel).once('SIGTERM', cancel);
  const started = clock.now();
  const opened = await open(env, clock, stop.signal);
  const [core, { Report }, { isOnGitHub, plainRunner, runnerOf }] = await loadReport();
  const runner = isOnGitHub(env) ? runnerOf(core) : plainRunner(env);
  const report = new Report(runner, clock.now, started);
  let failure: string | undefined;
  try {
    if (opened.inputs !== undefined) report.begin(opened.inputs, opened.inputs.dryRun);
    else report.beginWithout(validNames(env));
    for (const warning of transport) report.warn(warning);
    if (!isOnGitHub(env)) for (const warning of unknownInputWarnings(env)) report.warn(warning);
    if ('error' in opened) throw opened.error;
    await perform(opened, env, report);
  } catch (error) {
    report.annotate(error, env.GITHUB_WORKSPACE);
    failure = failureSentence(error);
  }
  await report.finish(failure);
  if (failure !== undefined) runner.fail(report.redact(failure));
}

function loadReport() {
  return Promise.all([
    import(/* webpackMode: "eager" */ '@actions/core'),
    import(/* webpackMode: "eager" */ './report/report.ts'),
    import(/* webpackMode: "eager" */ './report/runner.ts'),
  ]);
}

interface Opened {
  readonly inputs: Inputs;
  readonly aws: Aws;
  /** Called when something in AWS has changed. */
  readonly watch: { changed: () => void };
}

/** Inputs and session; where one of them fails, the part that is there and the error. */
async function open(env: NodeJS.ProcessEnv, clock: Clock, signal: AbortSignal): Promise<Opened | { inputs?: Inputs; error: unknown }> {
  let inputs: Inputs | undefined;
  try {
    checkNode(process.versions.node);
    inputs = await readInputsOrAllProblems(env);
    const watch: Opened['watch'] = { changed: () => undefined };
    const onChange = (action: string): void => {
      // The check changes nothing, and a package in the bucket alone changes nothing that runs.
      if (action !== 'lambda:InvokeFunction' && !action.startsWith('s3:')) watch.changed();
    };
    return { inputs, watch, aws: await openSession(inputs, { env, clock, signal, onChange, meanwhile: loadTheRest }) };
  } catch (error) {
    return { ...(inputs === undefined ? {} : { inputs }), error };
  }
}

/** Loads the rest of the code while the first response is on its way. */
function loadTheRest(): Promise<unknown> {
  return Promise.all([
    import(/* webpackMode: "eager" */ '@actions/core'),
    import(/* webpackMode: "eager" */ './report/report.ts'),
    import(/* webpackMode: "eager" */ './operations/operations.ts'),
  ]);
}

async function perform({ inputs, aws, watch }: Opened, env: NodeJS.ProcessEnv, report: Report): Promise<void> {
  const { operation, dryRun, environment, functionName, githubToken } = inputs;
  watch.changed = () => {
    report.changed(true);
  };
  report.info(`Account ${aws.account}, region ${aws.region}`);
  const { IMPLEMENTATIONS } = await import(/* webpackMode: "eager" */ './operations/operations.ts');
  await IMPLEMENTATIONS[operation]({ inputs, aws, report, env });
  if (!dryRun) return;
  const { commentOnPullRequest } = await import(/* webpackMode: "eager" */ './report/pull-request-comment.ts');
  const note = await commentOnPullRequest(env, githubToken, { functionName, environment, markdown: report.comment });
  if (note !== undefined) report.note(note);
}
