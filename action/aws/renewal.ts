// New credentials of the same role for a run that is longer than a session: through OpenID Connect, as the session itself was opened.
import { AssumeRoleWithWebIdentityCommand, STSClient, type STSClientConfig } from '@aws-sdk/client-sts';
import { failureSentence, UserError } from '../errors.ts';
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
  /** The ARN of the session does not show the path of the role: one that has a path has another ARN. */
  readonly isGuess: boolean;
}

/**
 * The role of a session, by the ARN of its identity and, if it is named, its own; undefined where the identity is not a role's. Role names
 * are unique in an account, whatever their paths: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html
 * @throws {UserError} where the role that is named is not that of the session
 */
export function assumedRole(identity: string | undefined, named?: string): AssumedRole | undefined {
  const [, partition = '', account = '', role = '', session = ''] =
    /^arn:([\w-]+):sts::(\d+):assumed-role\/([^/]+)\/([^/]+)$/.exec(identity ?? '') ?? [];
  if (role === '') return undefined;
  const prefix = `arn:${partition}:iam::${account}:role/`;
  if (named === undefined) return { arn: `${prefix}${role}`, session, isGuess: true };
  if (!named.startsWith(prefix) || named.slice(named.lastIndexOf('/') + 1) !== role)
    throw new UserError(
      `role-to-assume: the session of this job is of role ${role} in account ${account}, not of ${named}`,
      'Set it to the ARN with which the job signs in to AWS',
    );
  return { arn: named, session, isGuess: false };
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
  /** Opens a new session of the role; undefined: the job cannot. */
  renewal: { readonly role: AssumedRole; readonly renew: () => Promise<void> } | undefined;
  /** Sessions before this one. */
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
      await this.renewal?.renew();
      this.generation += 1;
    } catch (cause) {
      throw new SessionEndedError(
        `The AWS credentials of this job have ended, and could not be renewed through OpenID Connect: ${failureSentence(cause)}`,
        this.renewal?.role.isGuess === true
          ? `Set role-to-assume to the ARN of the role if it has a path (this job tried ${this.renewal.role.arn}), and check that its trust policy accepts this job`
          : 'Check that the trust policy of the role accepts this job',
        { cause },
      );
    }
  }
}
