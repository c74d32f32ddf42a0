import { indexNameProblem } from '../../formats/index-name.ts';
import { parseDeleteLimit } from './delete-limit.ts';
// Rules of AWS, checked before any call. Each rule names its source; for a text that breaks one, the message says what was expected.
import { parseS3Uri } from '../../formats/s3-uri.ts';
import type { Rule } from './reader.ts';
import { matching } from './reader.ts';

const PARTITION = 'aws(?:-[a-z]+)*';

/** Lambda API, CreateFunction: FunctionName without ARN forms. */
export const functionName = matching(/^[A-Za-z0-9_-]{1,64}$/, "a function's name of 1 to 64 letters, digits, - and _ (not an ARN)");
/** Lambda API, CreateAlias: a name of digits alone would be read as a version. */
export const aliasName = matching(
  /^(?!\d+$)[A-Za-z0-9_-]{1,128}$/,
  "an alias's name of 1 to 128 letters, digits, - and _, not of digits alone",
);
/** IAM: role ARNs have no region; the path may contain slashes. */
export const roleArn = matching(
  new RegExp(`^arn:${PARTITION}:iam::\\d{12}:role/[\\w+=,.@/-]+$`),
  'the ARN of a role, arn:aws:iam::<account>:role/<name>',
);
export const layerArn = matching(
  new RegExp(`^arn:${PARTITION}:lambda:[a-z0-9-]+:\\d{12}:layer:[A-Za-z0-9_-]+:\\d+$`),
  'the ARN of a layer with its version, arn:aws:lambda:<region>:<account>:layer:<name>:<version>',
);
/** Step Functions API, CreateStateMachine: the name; not the ARN of a version or an alias, which has a colon more. */
export const stateMachineArn = matching(
  new RegExp(`^arn:${PARTITION}:states:[a-z0-9-]+:\\d{12}:stateMachine:[A-Za-z0-9_-]{1,80}$`),
  'the ARN of a state machine, arn:aws:states:<region>:<account>:stateMachine:<name>',
);
export const kmsKeyArn = matching(
  new RegExp(`^arn:${PARTITION}:kms:[a-z0-9-]+:\\d{12}:(?:key|alias)/[\\w/-]+$`),
  'the ARN of a KMS key, arn:aws:kms:<region>:<account>:key/<id>, or none',
);
export const subnetId = matching(/^subnet-[0-9a-f]{8,17}$/, 'subnet ids (subnet-…) or none');
export const securityGroupId = matching(/^sg-[0-9a-f]{8,17}$/, 'security group ids (sg-…) or none');
export const accountId = matching(/^\d{12}$/, 'account ids of 12 digits');
/** Lambda API, CreateFunction: Description. */
export const description: Rule = (value) => (value.length <= 256 ? undefined : 'at most 256 characters');

/** S3 user guide, "General purpose bucket naming rules". */
export const bucketName: Rule = (value) =>
  /^(?!xn--)[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/.test(value) && !value.includes('..') && !/^\d+(?:\.\d+){3}$/.test(value)
    ? undefined
    : "a bucket's name alone (3 to 63 lower-case letters, digits, . and -)";

/** A key in the code bucket or a whole S3 URI. S3 accepts any key, but one with `..` is never meant. */
export const objectLocation: Rule = (value) => {
  const location = parseObjectLocation(value);
  const key = location?.key ?? '';
  // eslint-disable-next-line no-control-regex -- control characters are what must not be there
  const legal = key !== '' && !/[\u0000-\u001f\u007f]/.test(key) && Buffer.byteLength(key) <= 1024 && !key.split('/').includes('..');
  return legal && !key.startsWith('/') ? undefined : 'a key in the code bucket or s3://<bucket>/<key>';
};

/** `s3://bucket/key` → both; any other text is a key in the code bucket. Undefined where the URI names no bucket or no key. */
export function parseObjectLocation(value: string): { readonly bucket?: string; readonly key: string } | undefined {
  if (!/^s3:/i.test(value)) return /^[a-z]+:\/\//i.test(value) ? undefined : { key: value };
  const [, bucket, key] = /^s3:\/\/([^/]+)\/(.+)$/s.exec(value) ?? [];
  return bucket === undefined || key === undefined || bucketName(bucket) !== undefined ? undefined : { bucket, key };
}

/** A bucket, with or without a prefix. */
export const objectPrefix: Rule = (value) => {
  const { bucket = '', prefix = '' } = parseS3Uri(value) ?? {};
  // eslint-disable-next-line no-control-regex -- control characters are what must not be there
  const legal = !/[\u0000-\u001f\u007f]/.test(prefix) && Buffer.byteLength(prefix) <= 900 && !prefix.split('/').includes('..');
  return bucketName(bucket) === undefined && legal ? undefined : 's3://<bucket>/<prefix>';
};

/** An object of any bucket. */
export const objectUri: Rule = (value) =>
  value.startsWith('s3://') && objectLocation(value) === undefined ? undefined : 's3://<bucket>/<key>';

/** The package runs on Node 22 and later; a list of names would go stale, the form does not. */
export const runtime: Rule = (value) => (Number(/^nodejs(\d+)\.x$/.exec(value)?.[1] ?? 0) >= 22 ? undefined : 'nodejs24.x or nodejs22.x');

const TABLE = /^[A-Za-z0-9_.-]{3,255}$/;
const TABLE_ARN = new RegExp(`^arn:${PARTITION}:dynamodb:[a-z0-9-]+:\\d{12}:table/([A-Za-z0-9_.-]{3,255})(?:/stream/[^/]+)?$`);

/** DynamoDB API: TableName; the ARN of a table or of its stream. */
export const table: Rule = (value) =>
  tableOf(value) !== undefined ? undefined : `one table name (3 to 255 letters, digits, _, - and .) or ARN per line`;

/** The table that a name, a table's ARN or a stream's ARN means; undefined for any other text. */
export function tableOf(value: string): string | undefined {
  return TABLE.test(value) ? value : TABLE_ARN.exec(value)?.[1];
}

/** Lambda developer guide, "Defined runtime environment variables": reserved. */
const RESERVED_VARIABLES = new Set([
  '_HANDLER',
  '_X_AMZN_TRACE_ID',
  'AWS_DEFAULT_REGION',
  'AWS_REGION',
  'AWS_EXECUTION_ENV',
  'AWS_LAMBDA_FUNCTION_NAME',
  'AWS_LAMBDA_FUNCTION_MEMORY_SIZE',
  'AWS_LAMBDA_FUNCTION_VERSION',
  'AWS_LAMBDA_INITIALIZATION_TYPE',
  'AWS_LAMBDA_LOG_GROUP_NAME',
  'AWS_LAMBDA_LOG_STREAM_NAME',
  'AWS_ACCESS_KEY',
  'AWS_ACCESS_KEY_ID',
  'AWS_SECRET_ACCESS_KEY',
  'AWS_SESSION_TOKEN',
  'AWS_LAMBDA_RUNTIME_API',
  'LAMBDA_TASK_ROOT',
  'LAMBDA_RUNTIME_DIR',
]);

/** Node turns all checks of certificates off where this variable is `0` (https://nodejs.org/api/cli.html). */
export const TLS_SWITCH = 'NODE_TLS_REJECT_UNAUTHORIZED';

/** Lambda API, Environment: names of at least two characters, and none that Lambda sets itself. */
export const variableName: Rule = (value) => {
  if (RESERVED_VARIABLES.has(value)) return 'a name that Lambda does not keep for itself';
  // For any value: there is no use of it but to turn the checks off, today or with the next change of the value.
  if (value === TLS_SWITCH) return 'no switch against the checks of certificates (a private authority is named by ES_CA)';
  return /^[A-Za-z][A-Za-z0-9_]+$/.test(value) ? undefined : 'a name of a letter and then letters, digits and _';
};

/** Bytes that all environment variables of a function may have together; Lambda measures their JSON text. */
export const MAX_VARIABLES_BYTES = 4096;

/** Why Lambda would refuse these variables together, or undefined where it accepts them. Names no value. */
export function variablesProblem(variables: Readonly<Record<string, string>>): string | undefined {
  const size = Buffer.byteLength(JSON.stringify(variables));
  return size <= MAX_VARIABLES_BYTES
    ? undefined
    : `the environment variables have ${size} bytes together, and Lambda allows ${MAX_VARIABLES_BYTES}; remove or shorten some`;
}

/** AWS tagging rules: at most 128 and 256 characters, and `aws:` is Amazon's own. */
export const tagKey = matching(
  /^(?!aws:)[\p{L}\p{Z}\p{N}_.:/+@-]{1,128}$/u,
  "a tag's key of up to 128 letters, digits and _ . : / + - @, not beginning with aws:",
);
export const tagValue = matching(/^[\p{L}\p{Z}\p{N}_.:/=+@-]{0,256}$/u, 'up to 256 letters, digits and _ . : / = + - @');
export const MAX_TAGS = 50;
export const MAX_LAYERS = 5;

/** CloudWatch Logs API, PutRetentionPolicy: retentionInDays. */
const RETENTION_DAYS = [1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653];

export const retentionDays: Rule = (value) => {
  if (!/^\d{1,5}$/.test(value)) return 'a whole number of days';
  if (RETENTION_DAYS.includes(Number(value))) return undefined;
  const near = RETENTION_DAYS.toSorted((a, b) => Math.abs(a - Number(value)) - Math.abs(b - Number(value))).slice(0, 2);
  return `a number of days that CloudWatch allows (next to it: ${near.sort((a, b) => a - b).join(' and ')})`;
};

/** Lambda's version numbers, or SHA-256 in hex or base64. */
export const versionOrHash = matching(
  /^(?:[1-9]\d{0,8}|[0-9a-fA-F]{64}|[A-Za-z0-9+/]{43}=)$/,
  'the number of a version, or the SHA-256 of a package in hex or base64',
);

/** It names a file in S3 and a GitHub environment, and is in logs: a form that is safe in all of them. */
export const environmentName: Rule = (value) =>
  /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}$/.test(value) && !value.includes('..')
    ? undefined
    : 'a name of up to 64 letters, digits, _, - and . (such as STAGE or PROD)';

/** A share of the documents of an index, or a number of them. */
export const deleteLimit = (value: string): string | undefined =>
  parseDeleteLimit(value) === undefined ? 'a share such as 1% (up to 100%) or a number of documents' : undefined;

/** A concrete index. */
export const indexName = (value: string): string | undefined =>
  indexNameProblem(value) === undefined ? undefined : "an index's name, in lower case";

/** A share of what there is to compare. */
export const sample = (value: string): string | undefined =>
  /^\d{1,3}(?:\.\d{1,3})?%$/.test(value) && Number(value.slice(0, -1)) > 0 && Number(value.slice(0, -1)) <= 100
    ? undefined
    : 'a share above 0% and up to 100%, such as 5%';
