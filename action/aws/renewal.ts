// New credentials of the same role for a run that is longer than a session: through OpenID Connect, as the session itself was opened.
import { AssumeRoleWithWebIdentityCommand, STSClient, type STSClientConfig } from '@aws-sdk/client-sts';
import { failureSentence } from '../errors.ts';
import { SessionEndedError } from './errors.ts';

/** The audience that the trust policies of roles for GitHub name. */
const AUDIENCE = 'sts.amazonaws.com';

/** Credentials of a session. */
export interface SessionCredentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}

/** A role, and the name of its session. */
export interface AssumedRole {
  readonly arn: string;
  readonly session: string;
}

/**
 * The role of a session, by the ARN of its identity; undefined where that is not a role's. Role names are unique in an account, so the ARN
 * is right for a role without a path, and that of no role for one with a path.
 */
export function assumedRole(identity: string | undefined): AssumedRole | undefined {
  const [, partition = '', account = '', role = '', session = ''] =
    /^arn:([\w-]+):sts::(\d+):assumed-role\/([^/]+)\/([^/]+)$/.exec(identity ?? '') ?? [];
  return role === '' ? undefined : { arn: `arn:${partition}:iam::${account}:role/${role}`, session };
}

/** Whether this job can get a token of GitHub's: it has the permission `id-token: write`. */
export const canRenew = (env: NodeJS.ProcessEnv): boolean =>
  (env.ACTIONS_ID_TOKEN_REQUEST_URL ?? '') !== '' && (env.ACTIONS_ID_TOKEN_REQUEST_TOKEN ?? '') !== '';

/** Opens a new session of a role. @param options of the client @throws {Error} where GitHub gives no token, or the role does not trust it */
export async function renewed(role: AssumedRole, options: STSClientConfig): Promise<SessionCredentials> {
  const { getIDToken } = await import(/* webpackMode: "eager" */ '@actions/core');
  const WebIdentityToken = await getIDToken(AUDIENCE);
  const { Credentials: found } = await new STSClient(options).send(
    new AssumeRoleWithWebIdentityCommand({ RoleArn: role.arn, RoleSessionName: role.session, WebIdentityToken }),
  );
  if (found?.AccessKeyId === undefined || found.SecretAccessKey === undefined) throw new Error('STS returned no credentials');
  return {
    accessKeyId: found.AccessKeyId,
    secretAccessKey: found.SecretAccessKey,
    ...(found.SessionToken === undefined ? {} : { sessionToken: found.SessionToken }),
  };
}

/** A session that ends, and may be opened again: once for all calls that meet its end. */
export class Renewable {
  /** Opens a new one; undefined: the job cannot. */
  renew: (() => Promise<void>) | undefined;
  /** How many there were before this one. */
  generation = 0;
  #renewing: Promise<void> | undefined;

  /** @param generation the one that has ended @throws {SessionEndedError} where it cannot be renewed */
  async after(generation: number): Promise<void> {
    if (generation !== this.generation) return;
    this.#renewing ??= this.#renewed().finally(() => (this.#renewing = undefined));
    await this.#renewing;
  }

  async #renewed(): Promise<void> {
    try {
      await this.renew?.();
      this.generation += 1;
    } catch (cause) {
      throw new SessionEndedError(
        `The AWS credentials of this job have ended, and could not be renewed through OpenID Connect: ${failureSentence(cause)}`,
        'Check that the trust policy of the role accepts this job',
        { cause },
      );
    }
  }
}
