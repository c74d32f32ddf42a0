import * as core from '@actions/core';
import type { Run } from './apply.ts';
import { realPace } from './aws/retry.ts';
import { openSession } from './aws/session.ts';
import { readGiven } from './deployment.ts';
import { UserError, failureSentence } from './errors.ts';
import type { Inputs, Operation } from './inputs.ts';
import { deploy } from './operations/deploy.ts';
import { notInThisRelease } from './operations/not-in-this-release.ts';
import { refreshMapping } from './operations/refresh-mapping.ts';
import { rollback } from './operations/rollback.ts';
import { RELEASE } from './package.ts';
import { commentOnPullRequest } from './plan-comment.ts';
import { Report } from './report.ts';

const OPERATIONS: Record<Operation, (run: Run) => Promise<void>> = {
  deploy,
  'refresh-mapping': refreshMapping,
  rollback,
  backfill: notInThisRelease,
  verify: notInThisRelease,
  redrive: notInThisRelease,
};

/** Inputs → session → operation → report. Nothing is changed before all of what was given has been checked. */
export async function run(env: NodeJS.ProcessEnv = process.env): Promise<void> {
  const stop = new AbortController();
  const pace = realPace(stop.signal);
  const report = new Report(
    {
      ...core,
      summarize: (text) =>
        core.summary
          .addRaw(text)
          .write()
          .then(() => undefined),
    },
    pace.now,
  );
  // The runner cancels with SIGINT: the call under way is finished, no further change begins, and the summary is still written.
  const cancel = (): void => {
    stop.abort(new UserError('The job was cancelled', 'What is in place is whole; the next run finishes what this one began'));
  };
  process.once('SIGINT', cancel).once('SIGTERM', cancel);
  let failure: string | undefined;
  try {
    const inputs = await readGiven(env);
    report.begin(inputs, inputs.dryRun);
    await perform(inputs, env, report, pace, stop.signal);
  } catch (error) {
    failure = report.redact(failureSentence(error));
  }
  await report.finish(failure);
  if (failure !== undefined) core.setFailed(failure);
}

async function perform(
  inputs: Inputs,
  env: NodeJS.ProcessEnv,
  report: Report,
  pace: ReturnType<typeof realPace>,
  signal: AbortSignal,
): Promise<void> {
  const { operation, dryRun, environment, functionName } = inputs;
  const userAgent = `dynamodb-to-opensearch/${RELEASE}`;
  const aws = await openSession({
    env,
    profile: inputs.awsProfile,
    allowedAccountIds: inputs.allowedAccountIds,
    dryRun,
    pace,
    signal,
    userAgent,
    onChange: (action) => {
      if (action !== 'lambda:InvokeFunction' && !action.startsWith('s3:')) report.changed(true);
    },
  });
  report.info(`Account ${aws.account}, region ${aws.region}`);
  await OPERATIONS[operation]({ inputs, aws, report, env });
  if (!dryRun) return;
  const note = await commentOnPullRequest(env, inputs.githubToken, { functionName, environment, markdown: report.markdown });
  if (note !== undefined) report.note(note);
}
