import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { actionFile } from '../../../action/action-file.ts';
import { InputError } from '../../../action/errors.ts';
import type { InputName, Inputs } from '../../../action/inputs/inputs.ts';
import type { InputSource } from '../../../action/inputs/reader.ts';
import { CLEAR, INPUTS, readInputs } from '../../../action/inputs/inputs.ts';

type Values = Partial<Record<InputName, string>>;

/** Reads inputs as the runner gives them, plus other variables. */
function read(values: Values, variables: NodeJS.ProcessEnv = {}): Inputs {
  const inputs = Object.entries({ environment: 'STAGE', 'code-bucket': 'code', ...values });
  return readInputs({ ...variables, ...Object.fromEntries(inputs.map(([name, value]) => [`INPUT_${name.toUpperCase()}`, value])) });
}

function problems(values: Values, variables?: NodeJS.ProcessEnv): string[] {
  try {
    read(values, variables);
  } catch (error) {
    if (error instanceof InputError) return error.problems.map(({ message }) => message);
    throw error;
  }
  return [];
}

const arn = (resource: string): string => `arn:aws:${resource}`;

describe('the inputs of the action', () => {
  test('are those of action.yml, no more and no fewer', () => {
    expect(Object.keys(INPUTS)).toEqual(Object.keys(actionFile().inputs));
  });

  test('have descriptions of one sentence, which name the variable they fall back to', () => {
    for (const [name, { description }] of Object.entries(actionFile().inputs)) {
      expect(description).toMatch(/^[A-Z].*[^.]\.$/);
      const source: InputSource = INPUTS[name as InputName];
      if (source.fallback !== undefined) expect(description).toContain(`\`${source.fallback}\``);
    }
    for (const { description } of Object.values(actionFile().outputs)) expect(description).toMatch(/\.$/);
  });

  test('are also read from names that a shell can export; the name of GitHub’s runner wins', () => {
    const shell = { INPUT_DRY_RUN: 'true', INPUT_MEMORY_SIZE: '256', INPUT_CODE_BUCKET: 'other' };
    expect(read({ 'memory-size': '512' }, shell)).toMatchObject({ dryRun: true, memorySize: 512, codeBucket: 'code' });
    expect(read({ 'memory-size': '' }, shell)).toMatchObject({ memorySize: 256 });
  });

  test('that are not set have the default of action.yml, or stay undefined', () => {
    expect(read({})).toEqual({
      operation: 'deploy',
      dryRun: false,
      environment: 'STAGE',
      functionName: 'DynamoToES',
      codeBucket: 'code',
      endpointFile: 'STAGE_es_creds',
      tables: [],
      tableArns: [],
      envStrategy: 'merge',
      check: true,
      backfillNewTables: 'auto',
      repair: false,
      prune: true,
      deleteLimit: { share: 0.01 },
      failOnDifferences: true,
      sample: 1,
      concurrency: 4,
      timeLimitMinutes: 330,
      stateMachine: undefined,
      restart: false,
      to: undefined,
      deleteOldIndex: false,
      allowedAccountIds: [],
    });
  });

  test('that a workflow passes on as empty count as not set', () => {
    const empty = Object.fromEntries(
      Object.keys(INPUTS)
        .filter((name) => !['environment', 'code-bucket'].includes(name))
        .map((name) => [name, ' \n']),
    );
    expect(read(empty)).toEqual(read({}));
  });

  test('come from the environment variables of the predecessor where no input is set', () => {
    const inputs = readInputs({
      ENV: 'QA',
      AWS_BUCKET_CODE: 'bucket',
      IAM_ROLE: arn('iam::123456789012:role/path/lambda-role'),
      DESC: 'Indexer',
      SUBNET_IDS: 'subnet-0a1b2c3d,subnet-1a1b2c3d',
      SG_IDS: 'sg-0a1b2c3d',
      PROFILE: 'dev',
    });
    expect(inputs).toMatchObject({
      environment: 'QA',
      codeBucket: 'bucket',
      role: 'arn:aws:iam::123456789012:role/path/lambda-role',
      description: 'Indexer',
      subnetIds: ['subnet-0a1b2c3d', 'subnet-1a1b2c3d'],
      securityGroupIds: ['sg-0a1b2c3d'],
      awsProfile: 'dev',
    });
  });

  test('win over the environment variables of the predecessor', () => {
    expect(read({ environment: 'PROD' }, { ENV: 'QA' }).environment).toBe('PROD');
  });

  test('are all read', () => {
    expect(
      read({
        operation: 'rollback',
        'dry-run': 'TRUE',
        'function-name': 'my-indexer_2',
        endpoint: ' https://example.com ',
        'endpoint-file': 's3://creds/path/stage',
        tables: `Orders\n${arn('dynamodb:eu-west-1:123456789012:table/My.Table-2')}\r\n\nOrders, \n`,
        config: '.github/options.yml',
        'memory-size': '256',
        timeout: '900',
        runtime: 'nodejs22.x',
        architecture: 'x86_64',
        'environment-variables': 'AWS_ENDPOINT_URL=http://a/?b=c\n# comment\n\nEMPTY=\n KEY = value with = and spaces ',
        'env-strategy': 'overwrite',
        tags: 'team=search\ncost:center=a b',
        'log-retention-days': '30',
        layers: arn('lambda:eu-west-1:123456789012:layer:insights:53'),
        'kms-key-arn': arn('kms:eu-west-1:123456789012:key/0a1b2c3d-0000-4000-8000-000000000000'),
        tracing: 'Active',
        alias: 'live',
        check: 'false',
        'rollback-to': '17',
        'backfill-new-tables': 'never',
        repair: 'true',
        'allowed-account-ids': '123456789012, 210987654321',
      }),
    ).toMatchObject({
      operation: 'rollback',
      dryRun: true,
      functionName: 'my-indexer_2',
      endpoint: 'https://example.com',
      endpointFile: 's3://creds/path/stage',
      tables: ['Orders', 'My.Table-2'],
      tableArns: ['arn:aws:dynamodb:eu-west-1:123456789012:table/My.Table-2'],
      config: '.github/options.yml',
      memorySize: 256,
      timeout: 900,
      runtime: 'nodejs22.x',
      architecture: 'x86_64',
      environmentVariables: { AWS_ENDPOINT_URL: 'http://a/?b=c', EMPTY: '', KEY: 'value with = and spaces' },
      envStrategy: 'overwrite',
      tags: { team: 'search', 'cost:center': 'a b' },
      logRetentionDays: 30,
      layers: ['arn:aws:lambda:eu-west-1:123456789012:layer:insights:53'],
      tracing: 'Active',
      alias: 'live',
      check: false,
      rollbackTo: '17',
      backfillNewTables: 'never',
      repair: true,
      allowedAccountIds: ['123456789012', '210987654321'],
    });
  });

  test('are cleared by the word none', () => {
    const names = ['description', 'environment-variables', 'tags', 'layers', 'kms-key-arn', 'subnet-ids', 'security-group-ids'] as const;
    const inputs = read(Object.fromEntries(names.map((name) => [name, 'none'])));
    expect(inputs).toMatchObject({
      description: CLEAR,
      environmentVariables: CLEAR,
      tags: CLEAR,
      layers: CLEAR,
      kmsKeyArn: CLEAR,
      subnetIds: CLEAR,
      securityGroupIds: CLEAR,
    });
    expect(read({ 'subnet-ids': 'none' }).subnetIds).toBe(CLEAR);
  });

  test('accept ARNs of the China and GovCloud partitions, of tables and of their streams', () => {
    const arns = [
      'arn:aws-cn:dynamodb:cn-north-1:123456789012:table/Orders',
      'arn:aws-us-gov:dynamodb:us-gov-west-1:123456789012:table/Users/stream/2026-01-01T00:00:00.000',
    ];
    expect(read({ tables: arns.join('\n') }).tables).toEqual(['Orders', 'Users']);
    expect(read({ role: 'arn:aws-us-gov:iam::123456789012:role/r' }).role).toBeDefined();
  });

  test.each<[Values, string]>([
    [
      { operation: 'deplyo' },
      'operation: expected deploy, refresh-mapping, rollback, backfill, verify, redrive or reindex, found "deplyo"; did you mean deploy?',
    ],
    [{ environment: '' }, 'environment: it is required; name the environment, such as STAGE or PROD'],
    [
      { environment: '../PROD' },
      'environment: expected a name of up to 64 letters, digits, _, - and . (such as STAGE or PROD), found "../PROD"',
    ],
    [{ 'memory-size': '128abc' }, 'memory-size: expected a whole number from 128 to 10240 (MiB), found "128abc"'],
    [{ 'ephemeral-storage': '511' }, 'ephemeral-storage: expected a whole number from 512 to 10240 (MiB), found "511"'],
    [{ 'memory-size': '64' }, 'memory-size: expected a whole number from 128 to 10240 (MiB), found "64"'],
    [{ timeout: '901' }, 'timeout: expected a whole number from 1 to 900 (seconds), found "901"'],
    [{ timeout: '1e2' }, 'timeout: expected a whole number from 1 to 900 (seconds), found "1e2"'],
    [{ 'dry-run': 'yes' }, 'dry-run: expected true or false, found "yes"'],
    [
      { 'log-retention-days': '10' },
      'log-retention-days: expected a number of days that CloudWatch allows (next to it: 7 and 14), found "10"',
    ],
    [{ runtime: 'python3.12' }, 'runtime: expected nodejs24.x or nodejs22.x, found "python3.12"'],
    [{ runtime: 'nodejs20.x' }, 'runtime: expected nodejs24.x or nodejs22.x, found "nodejs20.x"'],
    [{ architecture: 'x86-64' }, 'architecture: expected arm64 or x86_64, found "x86-64"; did you mean x86_64?'],
    [{ tracing: 'active' }, 'tracing: expected Active or PassThrough, found "active"; did you mean Active?'],
    [
      { 'code-bucket': 's3://code' },
      `code-bucket: expected a bucket's name alone (3 to 63 lower-case letters, digits, . and -), found "s3://code"`,
    ],
    [{ role: 'lambda-role' }, 'role: expected the ARN of a role, arn:aws:iam::<account>:role/<name>, found "lambda-role"'],
    [{ 'endpoint-file': '../creds' }, 'endpoint-file: expected a key in the code bucket or s3://<bucket>/<key>, found "../creds"'],
    [{ 'endpoint-file': 's3://bucket' }, 'endpoint-file: expected a key in the code bucket or s3://<bucket>/<key>, found "s3://bucket"'],
    [
      { tables: 'Orders Users' },
      'tables: expected one table name (3 to 255 letters, digits, _, - and .) or ARN per line, found "Orders Users"',
    ],
    [{ alias: '12' }, `alias: expected an alias's name of 1 to 128 letters, digits, - and _, not of digits alone, found "12"`],
    [
      { 'subnet-ids': 'subnet-0a1b2c3d' },
      'security-group-ids: it must be set too, because Lambda accepts subnets and security groups only together',
    ],
    [
      { 'security-group-ids': 'sg-0a1b2c3d' },
      'subnet-ids: it must be set too, because Lambda accepts subnets and security groups only together',
    ],
    [{ 'security-group-ids': 'none' }, 'security-group-ids: none alone clears nothing; to leave the VPC, set subnet-ids to none'],
    [
      { layers: 'insights' },
      'layers: expected the ARN of a layer with its version, arn:aws:lambda:<region>:<account>:layer:<name>:<version>, found "insights"',
    ],
    [
      { 'rollback-to': 'latest', operation: 'rollback' },
      'rollback-to: expected the number of a version, or the SHA-256 of a package in hex or base64, found "latest"',
    ],
    [{ 'rollback-to': '3' }, 'rollback-to: it has no meaning with operation deploy; use operation rollback or leave it out'],
    [
      { 'state-machine': 'DynamoToES-slices' },
      'state-machine: expected the ARN of a state machine, arn:aws:states:<region>:<account>:stateMachine:<name>, found "DynamoToES-slices"',
    ],
    [{ concurrency: '101' }, 'concurrency: it can be at most 100 without state-machine'],
    [{ 'allowed-account-ids': '1234' }, 'allowed-account-ids: expected account ids of 12 digits, found "1234"'],
    [{ 'code-bucket': '' }, 'code-bucket: it is required to read the endpoint file STAGE_es_creds; set it, or set the input endpoint'],
    [
      { 'code-bucket': '', operation: 'rollback' },
      'code-bucket: it or alias is required for a rollback, because a former package is kept in the bucket or as a version of the alias',
    ],
    [
      { 'environment-variables': 'AWS_REGION=x' },
      'environment-variables: line 1: expected a name that Lambda does not keep for itself, found "AWS_REGION"',
    ],
    [
      { 'environment-variables': 'PEM=x\nc2VjcmV0.b2Y=' },
      'environment-variables: line 2: expected a name of a letter and then letters, digits and _, found another value',
    ],
    ...['0', '1', ''].map((value): [Record<string, string>, string] => [
      { 'environment-variables': `LEVEL=x\nNODE_TLS_REJECT_UNAUTHORIZED=${value}` },
      'environment-variables: line 2: expected no switch against the checks of certificates (a private authority is named by ES_CA), found "NODE_TLS_REJECT_UNAUTHORIZED"',
    ]),
    [{ 'environment-variables': 'A_B=1\nA_B=2' }, 'environment-variables: line 2: "A_B" is set twice'],
    [
      { tags: 'aws:x=1' },
      `tags: line 1: expected a tag's key of up to 128 letters, digits and _ . : / + - @, not beginning with aws:, found "aws:x"`,
    ],
  ])('%j is refused with one sentence', (values, message) => {
    expect(problems(values)).toEqual([message]);
  });

  test('that came from a variable name it in the problem', () => {
    expect(problems({}, { IAM_ROLE: 'x' })).toEqual([
      'role (from the variable IAM_ROLE): expected the ARN of a role, arn:aws:iam::<account>:role/<name>, found "x"',
    ]);
  });

  test('are judged together: every problem is reported at once, with its input', () => {
    const values: Values = { operation: 'x', 'memory-size': '1', timeout: '0', tables: 'a\nb', check: 'on' };
    expect(problems(values)).toHaveLength(6);
    expect(() => read(values)).toThrow(/operation: .*\ntables: .*\ntables: .*\nmemory-size: .*\ntimeout: .*\ncheck: /);
  });

  test('with values that may be secrets are never shown', () => {
    const variables = problems({ 'environment-variables': 'hunter2\nAWS_REGION=hunter2\nX=hunter2' });
    expect(variables).toHaveLength(3);
    expect(variables.join()).not.toContain('hunter2');
    expect(problems({ 'environment-variables': `BIG=${'x'.repeat(4100)}` }).join()).toMatch(
      /^environment-variables: the environment variables have 4110 bytes together, and Lambda allows 4096; remove or shorten some$/,
    );
  });

  test('of numbers accept exactly the numbers of their range', () => {
    fc.assert(
      fc.property(fc.integer({ min: -20000, max: 20000 }), (n) => {
        const legal = n >= 128 && n <= 10240;
        expect(problems({ 'memory-size': String(n) })).toHaveLength(legal ? 0 : 1);
        if (legal) expect(read({ 'memory-size': String(n) }).memorySize).toBe(n);
      }),
    );
  });

  test('of whatever text end in inputs or in an InputError, each problem naming its input', () => {
    const names = Object.keys(INPUTS) as InputName[];
    fc.assert(
      fc.property(fc.dictionary(fc.constantFrom(...names), fc.string({ unit: 'binary' })), (values) => {
        for (const message of problems(values)) expect(names).toContain(/^[a-z-]+/.exec(message)?.[0]);
      }),
    );
  });
});
