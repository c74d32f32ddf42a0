import {
  CreateFunctionCommand,
  GetFunctionCommand,
  GetFunctionConfigurationCommand,
  UpdateFunctionCodeCommand,
  UpdateFunctionConfigurationCommand,
  type Architecture,
  type CreateFunctionCommandInput,
  type FunctionConfiguration,
  type UpdateFunctionConfigurationCommandInput,
} from '@aws-sdk/client-lambda';
import { UserError } from '../errors.ts';
import { AwsError, isAwsError, isTransient } from './errors.ts';
import { failsWith, retryUntil, TRANSIENT, withRetry } from './retry.ts';
import { RESPONSE_TIMEOUT_MS, type Aws } from './session.ts';

/** Of the function in the account and region of the job, without version or alias. */
export const functionArn = ({ partition, region, account }: Pick<Aws, 'partition' | 'region' | 'account'>, name: string): string =>
  `arn:${partition}:lambda:${region}:${account}:function:${name}`;

/** A function, or one version of it, as AWS shows it. */
export interface DeployedFunction {
  readonly configuration: FunctionConfiguration;
  /** Empty also where the caller may not list them. */
  readonly tags: Readonly<Record<string, string>>;
  /** Presigned link to the package: a secret, good for ten minutes. */
  readonly codeLocation: string | undefined;
  /** Undefined: none is reserved. */
  readonly reservedConcurrency?: number | undefined;
}

/** Where AWS reads a package from, and the hash that it must have. */
export type Code = (
  | {
      readonly bucket: string;
      readonly key: string;
      /** Undefined where the bucket keeps no versions. */
      readonly version: string | undefined;
    }
  | { readonly bytes: Uint8Array }
) & { readonly sha256Base64: string };
export type Configuration = Omit<UpdateFunctionConfigurationCommandInput, 'FunctionName' | 'RevisionId'>;

/** ms: how long a function may be busy with a change; a function in a VPC needs minutes. */
export const READY_TIMEOUT_MS = 10 * 60_000;
/** ms: how long AWS may need to know a fresh role everywhere. */
const ROLE_TIMEOUT_MS = 60_000;

const named = (name: string, qualifier?: string): string => `function ${name}${qualifier === undefined ? '' : `:${qualifier}`}`;

/** The function, or undefined where there is none. @throws {AwsError} */
export async function getFunction(aws: Aws, name: string, qualifier?: string): Promise<DeployedFunction | undefined> {
  try {
    const found = await aws.call('lambda:GetFunction', named(name, qualifier), () =>
      aws.lambda.send(new GetFunctionCommand({ FunctionName: name, ...(qualifier === undefined ? {} : { Qualifier: qualifier }) })),
    );
    return {
      configuration: found.Configuration ?? {},
      tags: found.Tags ?? {},
      codeLocation: found.Code?.Location,
      reservedConcurrency: found.Concurrency?.ReservedConcurrentExecutions,
    };
  } catch (error) {
    if (isAwsError(error, 'ResourceNotFoundException')) return undefined;
    throw error;
  }
}

/** Downloads the package that a function runs. @throws {UserError} */
export async function downloadCode(aws: Aws, name: string, location: string | undefined): Promise<Uint8Array> {
  if (location === undefined) {
    throw new UserError(
      `${named(name)} shows no package to download`,
      'A function built from a container image cannot be taken over: choose another function-name',
    );
  }
  try {
    return await withRetry(
      aws.clock,
      () => aws.download(location),
      (error) => (isTransient(error) ? TRANSIENT : undefined),
    );
  } catch (cause) {
    // The cause's own words may contain the link, which is a key to the package; so the cause itself is not kept.
    const words = cause instanceof Error ? cause.message.replaceAll(location, '').replace(/https?:\/\/\S+/g, '(link)') : 'unknown error';
    throw new UserError(
      `The deployed package of ${named(name)} could not be downloaded: ${words}`,
      'Check that the runner reaches S3 (HTTPS_PROXY behind a proxy)',
    );
  }
}

/** Whether nothing is under way: the function can be changed and invoked. */
function isReady({ State, LastUpdateStatus }: FunctionConfiguration): boolean {
  return State !== 'Pending' && LastUpdateStatus !== 'InProgress';
}

/**
 * Polls until no change is under way. `after`: a change that failed ends the wait at once with AWS's reason; before one, a former
 * failure is the reason for the change. @throws {UserError}
 */
export async function waitUntilReady(
  aws: Aws,
  name: string,
  moment: 'before' | 'after',
  qualifier?: string,
): Promise<FunctionConfiguration> {
  const found = await retryUntil(
    aws.clock,
    aws.clock.now() + READY_TIMEOUT_MS,
    (attempt) => 'value' in attempt && !isReady(attempt.value),
    async () => {
      const shown = await aws.call('lambda:GetFunctionConfiguration', named(name, qualifier), () =>
        aws.lambda.send(
          new GetFunctionConfigurationCommand({ FunctionName: name, ...(qualifier === undefined ? {} : { Qualifier: qualifier }) }),
        ),
      );
      if (moment === 'after') refuseFailed(name, shown);
      return shown;
    },
  );
  if (isReady(found)) return found;
  throw new UserError(
    `${named(name, qualifier)} is still busy after ${READY_TIMEOUT_MS / 60_000} minutes (State ${found.State ?? 'unknown'}, LastUpdateStatus ${found.LastUpdateStatus ?? 'unknown'})`,
    'Look at the function in the console, and run again',
  );
}

function refuseFailed(name: string, found: FunctionConfiguration): void {
  const failed =
    found.LastUpdateStatus === 'Failed'
      ? { what: 'the update', code: found.LastUpdateStatusReasonCode, reason: found.LastUpdateStatusReason }
      : found.State === 'Failed'
        ? { what: 'the function', code: found.StateReasonCode, reason: found.StateReason }
        : undefined;
  if (failed === undefined) return;
  throw new UserError(
    `${named(name)}: ${failed.what} failed: ${failed.code ?? 'no reason code'}${failed.reason === undefined ? '' : `: ${failed.reason.replace(/\.$/, '')}`}`,
    REASONS.find(([codes]) => codes.test(failed.code ?? ''))?.[1],
  );
}

/** https://docs.aws.amazon.com/lambda/latest/api/API_FunctionConfiguration.html, LastUpdateStatusReasonCode */
const REASONS: readonly (readonly [RegExp, string])[] = [
  [/Subnet/, 'Check subnet-ids: each must exist, in one VPC, with free addresses'],
  [/SecurityGroup/, 'Check security-group-ids: each must exist in the VPC of the subnets'],
  [/Eni/i, "Check the EC2 permissions of the function's role (AWSLambdaVPCAccessExecutionRole) and the limit of network interfaces"],
  [/Role|InsufficientRolePermissions/, "Check the function's role and its trust policy"],
  [/KMS/i, 'Check kms-key-arn, the state of the key and its policy'],
  [/Image|Runtime/, 'Choose another function-name, or fix the function by hand'],
];

/** Ready → change → ready; a change that meets another one waits for it and is retried. @throws {UserError} */
function bracket(aws: Aws, name: string, change: () => Promise<FunctionConfiguration>): Promise<FunctionConfiguration> {
  return retryUntil(aws.clock, aws.clock.now() + READY_TIMEOUT_MS, failsWith(isConflict), async () => {
    await waitUntilReady(aws, name, 'before');
    const response = await change();
    // AWS responds with InProgress; where a response says that all is done already there is nothing to wait for.
    if (response.State === 'Active' && response.LastUpdateStatus === 'Successful') return response;
    return waitUntilReady(aws, name, 'after');
  });
}

/** Whether a change met another one of the same function. */
export const isConflict = (error: unknown): boolean => isAwsError(error, 'ResourceConflictException');

/** How Lambda names the place of a package. */
function placeOf(code: Code): { ZipFile: Uint8Array } | { S3Bucket: string; S3Key: string; S3ObjectVersion?: string } {
  if ('bytes' in code) return { ZipFile: code.bytes };
  return { S3Bucket: code.bucket, S3Key: code.key, ...(code.version === undefined ? {} : { S3ObjectVersion: code.version }) };
}

/**
 * AWS reports the hash of the package twice: in its response to the change, and of the function once that is done. Where either is not the
 * hash of the wanted package, that one counts.
 */
function withReportedHash(settled: FunctionConfiguration, reported: string | undefined, { sha256Base64 }: Code): FunctionConfiguration {
  return reported === undefined || reported === sha256Base64 ? settled : { ...settled, CodeSha256: reported };
}

/** A function does not run the package that this run uploaded: someone replaced it on the way. */
export class SwappedPackageError extends UserError {
  override name = 'SwappedPackageError';
}

/** @param resource a function, or a version of it @throws {SwappedPackageError} where AWS reports the hash of another package than the wanted one */
export function requirePackage(resource: string, found: string | undefined, wanted: string): void {
  if (found === wanted) return;
  throw new SwappedPackageError(
    found === undefined
      ? `${resource} was updated to the package ${wanted}, and AWS does not report the SHA-256 of the package that it runs`
      : `${resource} runs another package (SHA-256 ${found}) than the expected one (${wanted})`,
    'Find out who else may write to the packages in the code bucket or deploy this function, and run again',
  );
}

/**
 * Creates the function and waits until it is ready. While AWS does not know a fresh role yet, for up to a minute, the call is retried.
 * @returns undefined where a function of this name exists already: go on as an update
 * @throws {UserError}
 */
export async function createFunction(
  aws: Aws,
  name: string,
  request: Omit<CreateFunctionCommandInput, 'FunctionName' | 'Code'>,
  code: Code,
): Promise<FunctionConfiguration | undefined> {
  const create = async (): Promise<FunctionConfiguration> => {
    const { CodeSha256: reported } = await aws.call('lambda:CreateFunction', named(name), () =>
      aws.lambda.send(new CreateFunctionCommand({ ...request, FunctionName: name, Code: placeOf(code) }), {
        requestTimeout: RESPONSE_TIMEOUT_MS.upload,
      }),
    );
    return withReportedHash(await waitUntilReady(aws, name, 'after'), reported, code);
  };
  try {
    return await retryUntil(aws.clock, aws.clock.now() + ROLE_TIMEOUT_MS, failsWith(isRoleUnknown), create);
  } catch (error) {
    if (isAwsError(error, 'ResourceConflictException') && error.action === 'lambda:CreateFunction') return undefined;
    throw withRole(error, name, request.Role);
  }
}

/** Whether Lambda may not act as the role, perhaps because it does not know it yet. */
function isRoleUnknown(error: unknown): boolean {
  return (
    isAwsError(error, 'InvalidParameterValueException') && /cannot be assumed by Lambda|role defined for the function/.test(error.words)
  );
}

/** AWS's words do not say which role cannot be assumed, and it may be that of another account. */
function withRole(error: unknown, name: string, role: string | undefined): unknown {
  if (role === undefined || !isRoleUnknown(error) || !isAwsError(error)) return error;
  return new AwsError(error.action, `${named(name)} with the role ${role}`, error.cause);
}

/** Puts a package in place. The caller compares it with the package that AWS then runs (`requirePackage`). @throws {UserError} */
export async function updateCode(
  aws: Aws,
  name: string,
  code: Code,
  architecture: Architecture | undefined,
): Promise<FunctionConfiguration> {
  let reported: string | undefined;
  const settled = await bracket(aws, name, async () => {
    const response = await aws.call('lambda:UpdateFunctionCode', named(name), () =>
      aws.lambda.send(
        new UpdateFunctionCodeCommand({
          FunctionName: name,
          ...placeOf(code),
          ...(architecture === undefined ? {} : { Architectures: [architecture] }),
        }),
        { requestTimeout: RESPONSE_TIMEOUT_MS.upload },
      ),
    );
    reported = response.CodeSha256;
    return response;
  });
  return withReportedHash(settled, reported, code);
}

/** Changes these fields, and no others. @throws {UserError} */
export function updateConfiguration(aws: Aws, name: string, configuration: Configuration): Promise<FunctionConfiguration> {
  return bracket(aws, name, async () => {
    try {
      return await aws.call('lambda:UpdateFunctionConfiguration', named(name), () =>
        aws.lambda.send(new UpdateFunctionConfigurationCommand({ ...configuration, FunctionName: name })),
      );
    } catch (error) {
      throw withRole(error, name, configuration.Role);
    }
  });
}
