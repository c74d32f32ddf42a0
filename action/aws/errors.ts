import { UserError } from '../errors.ts';
import { iamAction, type Action } from './permissions.ts';

/** A call that AWS refused or that never reached it, as one sentence: operation, resource, AWS's own words, likely cause, missing permission. */
export class AwsError extends UserError {
  override name = 'AwsError';
  /** AWS's name of the error (`ResourceConflictException`), or Node's code (`ENOTFOUND`). */
  readonly code: string;
  readonly action: Action;
  /** AWS's own words. */
  readonly words: string;
  /** AWS's field `Reason` of a throttled call: `ReservedFunctionConcurrentInvocationLimitExceeded`. */
  readonly reason: string | undefined;
  /** HTTP */
  readonly status: number | undefined;

  constructor(action: Action, resource: string, cause: unknown) {
    const code = errorCode(cause);
    const words = errorWords(cause);
    const name = iamAction(action);
    const hint = isConcurrencyReserved(cause) ? RESERVED_HINT : hintFor(name, code, words, status(cause));
    super(`${name} of ${resource} failed: ${code}${words === '' || words === code ? '' : `: ${words}`}`, hint, { cause });
    this.code = code;
    this.action = action;
    this.words = words;
    this.reason = reasonOf(cause);
    this.status = status(cause);
  }
}

/** Whether a call failed with one of AWS's `names`. */
export function isAwsError(error: unknown, ...names: string[]): error is AwsError {
  return error instanceof AwsError && (names.length === 0 || names.includes(error.code));
}

/** Whether AWS, reached, said that the caller may not. */
export function isDenied(error: unknown): error is AwsError {
  return error instanceof AwsError && DENIED.test(error.code);
}

/** The credentials have ended, and could not be renewed. */
export class SessionEndedError extends UserError {
  override name = 'SessionEndedError';
}

/** Whether the session of the job's credentials has ended, as it does after an hour or whatever was set. */
export function hasSessionEnded(error: unknown): boolean {
  if (error instanceof SessionEndedError) return true;
  if (!(error instanceof AwsError)) return false;
  if (/^(?:ExpiredToken(?:Exception)?|TokenRefreshRequired)$/.test(error.code)) return true;
  return (
    /^(?:UnrecognizedClientException|InvalidClientTokenId|(?:Credentials|Token)ProviderError)$/.test(error.code) &&
    /expired/i.test(error.words)
  );
}

interface Raw {
  readonly name?: unknown;
  readonly message?: unknown;
  readonly code?: unknown;
  readonly Reason?: unknown;
  readonly $metadata?: { readonly httpStatusCode?: unknown };
  readonly errors?: readonly unknown[];
}

const raw = (error: unknown): Raw => (typeof error === 'object' && error !== null ? error : {});
const status = (error: unknown): number | undefined => {
  const found = raw(error).$metadata?.httpStatusCode;
  return typeof found === 'number' ? found : undefined;
};

const reasonOf = (error: unknown): string | undefined => {
  const { Reason: reason } = raw(error);
  return typeof reason === 'string' ? reason : undefined;
};

function errorCode(error: unknown): string {
  const { name, code, errors } = raw(error);
  if (typeof code === 'string' && (/^E[A-Z_]+$/.test(code) || CERTIFICATE.test(code))) return code;
  // A refused connection to a name with several addresses is an AggregateError without a code of its own.
  if (Array.isArray(errors) && errors.length > 0) return errorCode(errors[0]);
  if (status(error) === 403 && (typeof name !== 'string' || !DENIED.test(name)) && !CREDENTIALS.test(String(name))) return 'AccessDenied';
  return typeof name === 'string' && name !== '' ? name : 'Error';
}

const MAX_WORDS_LENGTH = 600;

function errorWords(error: unknown): string {
  const { message, errors } = raw(error);
  const words = typeof message === 'string' && message !== '' ? message : Array.isArray(errors) ? errorWords(errors[0]) : '';
  // Lambda repeats all environment variables, with their values, when they are too large.
  const short = words
    .replace(/String measured:.*/s, '')
    // The SDK's own advice to programmers.
    .replace(/Deserialization error: to see the raw response.*/s, '')
    .replace(/^@smithy\/node-http-handler - (?:\[\w+\] )?/, '')
    .replace(/\s+/g, ' ')
    .trim()
    .replace(/\.$/, '');
  return short.length > MAX_WORDS_LENGTH ? `${short.slice(0, MAX_WORDS_LENGTH)}…` : short;
}

const DENIED = /^(AccessDenied(Exception)?|UnauthorizedOperation|Forbidden|403|NotAuthorized)$/;
/** Lambda's wording where another service refused a request that Lambda made in someone's name. */
const DELEGATED =
  /denied by (EC2|S3|KMS), please make sure your (request credentials|function execution role) ha(?:ve|s) permission to ([A-Za-z]+)/;
const CREDENTIALS =
  /^(ExpiredToken(Exception)?|InvalidClientTokenId|UnrecognizedClientException|SignatureDoesNotMatch|InvalidSignatureException|InvalidAccessKeyId|TokenRefreshRequired|RequestExpired)$/;
const THROTTLES =
  /^(Throttling(Exception|edException)?|ThrottledException|TooManyRequestsException|RequestLimitExceeded|SlowDown|ProvisionedThroughputExceededException|RequestThrottled(Exception)?|LimitExceededException|EC2ThrottledException|PriorRequestNotComplete)$/;
const CONNECTION =
  /^(ECONNRESET|ECONNREFUSED|ECONNABORTED|EPIPE|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|EAI_AGAIN|ENOTFOUND|EPROTO|TimeoutError|NetworkingError|RequestTimeout)$/;
/** Node's codes of a certificate that is not valid (https://nodejs.org/api/tls.html, X509 certificate error codes). */
const CERTIFICATE = /^(?=[A-Z_]+$)(?:.*CERT|UNABLE_TO_.)/;
const SERVER =
  /^(ServiceException|InternalError|InternalServerError|InternalServerException|InternalFailure|ServiceUnavailable(Exception)?|RequestTimeTooSkewed)$/;

/**
 * Whether an invocation met the function's own reserved concurrency, which may be 0 and stays so.
 * https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html, TooManyRequestsException
 */
export function isConcurrencyReserved(error: unknown): boolean {
  const { reason, words } = error instanceof AwsError ? error : { reason: reasonOf(error), words: errorWords(error) };
  return `${reason ?? ''} ${words}`.includes('ReservedFunctionConcurrentInvocationLimit');
}

/** Throttled: worth trying again for long. Not: a function whose concurrency someone set to 0, which stays so. */
export function isThrottled(error: unknown): boolean {
  const { code, words } = error instanceof AwsError ? error : { code: errorCode(error), words: errorWords(error) };
  if (isConcurrencyReserved(error)) return false;
  // DynamoDB's LimitExceededException, at ten tables that change at once, is transient; that of other services is a quota.
  if (code === 'LimitExceededException') return /simultaneous|subscriber|control plane|rate/i.test(words);
  return THROTTLES.test(code) || status(error instanceof AwsError ? error.cause : error) === 429;
}

/** A broken connection or a failing server: worth a few attempts. */
export function isTransient(error: unknown): boolean {
  const code = error instanceof AwsError ? error.code : errorCode(error);
  return CONNECTION.test(code) || SERVER.test(code) || (status(error instanceof AwsError ? error.cause : error) ?? 0) >= 500;
}

/** Additions to the permission that AWS names. */
const BESIDE: Readonly<Record<string, string>> = {
  'iam:PassRole': " on the function's role, for lambda.amazonaws.com",
  's3:GetObject': ', and s3:GetObjectVersion where the bucket keeps versions',
};

/** The likely cause and its remedy; undefined where none is likely enough to be said. */
function hintFor(action: string, code: string, words: string, http: number | undefined): string | undefined {
  const credentials = CREDENTIALS.test(code);
  if (!credentials && (DENIED.test(code) || http === 403)) {
    // The permission that AWS says is missing is surer than the one of the call: CreateFunction is also refused for want of iam:PassRole.
    const [, service, whose, operation] = DELEGATED.exec(words) ?? [];
    const delegated = service === undefined || operation === undefined ? undefined : `${service.toLowerCase()}:${operation}`;
    if (delegated !== undefined && whose === 'function execution role') return `The function's role needs the permission ${delegated}`;
    const missing = /not authorized to perform:? `?([a-z0-9-]+:[A-Za-z]+)/.exec(words)?.[1] ?? delegated ?? action;
    if (action === 's3:GetObject') {
      return 'The deploying role needs s3:GetObject on it, and s3:ListBucket on the bucket: without that S3 says "denied" also of an object that does not exist';
    }
    return `The deploying role needs the permission ${missing}${BESIDE[missing] ?? ''} (the policies are in docs/permissions.md)`;
  }
  if (credentials)
    return 'The AWS credentials of this job are wrong or have expired: sign in anew, as aws-actions/configure-aws-credentials does';
  return HINTS.find(({ codes, says }) => codes.test(code) && (says === undefined || says.test(words)))?.hint;
}

const RESERVED_HINT = 'The reserved concurrency of the function is 0: raise or remove it, or the function cannot run';

const HINTS: readonly { codes: RegExp; says?: RegExp; hint: string }[] = [
  {
    codes: /^(CredentialsProviderError|TokenProviderError)$/,
    hint: 'No AWS credentials were found: let aws-actions/configure-aws-credentials sign in before this step, or name a profile with aws-profile',
  },
  {
    codes: /^(ENOTFOUND|EAI_AGAIN)$/,
    hint: 'The name was not found: check the region (AWS_REGION), AWS_ENDPOINT_URL, and HTTPS_PROXY if this runner is behind a proxy',
  },
  {
    codes: /^(?:TimeoutError|ETIMEDOUT)$/,
    says: /requestTimeout/,
    hint: 'The connection was made, and nothing came back in time: run again, and check proxies between this runner and AWS',
  },
  {
    codes: CONNECTION,
    hint: 'AWS could not be reached: check AWS_ENDPOINT_URL, the network of the runner, and HTTPS_PROXY if it is behind a proxy',
  },
  {
    codes: CERTIFICATE,
    hint: 'The certificate of AWS, or of a proxy that opens TLS, is not trusted here: name the authority that signs it by NODE_EXTRA_CA_CERTS',
  },
  { codes: /^ERR_INVALID_URL$/, hint: 'Check AWS_ENDPOINT_URL and the variables beside it: each must be a URL, or not be set' },
  {
    codes: /^SyntaxError$/,
    hint: 'The response is not one of AWS, as where a proxy responds in its place: check AWS_ENDPOINT_URL, HTTPS_PROXY and the network of the runner',
  },
  { codes: /^NoSuchBucket$/, hint: 'Check code-bucket (AWS_BUCKET_CODE) and the account: buckets are never created here' },
  {
    codes: /^(PermanentRedirect|AuthorizationHeaderMalformed|IllegalLocationConstraintException)$/,
    hint: 'The bucket is in another region than the function; the code bucket must be in the region of the function',
  },
  {
    codes: /^InvalidParameterValueException$/,
    says: /cannot be assumed by Lambda/,
    hint: 'Either the role was made seconds ago and is not known everywhere yet (run again), or its trust policy does not name the principal lambda.amazonaws.com for sts:AssumeRole',
  },
  {
    codes: /^InvalidParameterValueException$/,
    says: /CreateNetworkInterface/,
    hint: "The function's role needs the EC2 permissions of AWSLambdaVPCAccessExecutionRole",
  },
  {
    codes: /^InvalidParameterValueException$/,
    says: /S3 Error Code: PermanentRedirect|different region/,
    hint: 'The code bucket must be in the region of the function',
  },
  { codes: /^InvalidParameterValueException$/, says: /environment variables|4KB limit/i, hint: 'Check environment-variables' },
  {
    codes: /^InvalidParameterValueException$/,
    says: /(Cannot access stream|Stream not found|GetRecords|DescribeStream|GetShardIterator|ListStreams)/,
    hint: "The function's role needs dynamodb:GetRecords, GetShardIterator, DescribeStream and ListStreams on the stream, and kms:Decrypt on the key of a table that is encrypted with a key of your own",
  },
  {
    codes: /^InvalidParameterValueException$/,
    says: /role does not have permissions? to (?:call|perform)\b.{0,100}\b(?:SQS|SNS|S3)\b/i,
    hint: "The function's role needs sqs:SendMessage, sns:Publish or s3:PutObject on the on-failure destination of the trigger",
  },
  {
    codes: /^CodeStorageExceededException$/,
    hint: 'The code storage of this account and region is full: delete old versions of functions and layers',
  },
  { codes: /^RequestEntityTooLargeException$/, hint: 'The package is too large to be sent inline: name a code-bucket' },
  { codes: /^KMS/, hint: 'Check the KMS key of the function (kms-key-arn), its state and its policy' },
  {
    codes: /^(SubnetIPAddressLimitReachedException|ENILimitReachedException)$/,
    hint: 'The subnets of the function have no free address left: name larger or further subnets in subnet-ids',
  },
];
