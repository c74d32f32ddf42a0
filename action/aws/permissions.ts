// The permissions of the deploying role, in one place: every call to AWS names its row here (the types see to it), errors name the
// missing action from it, and the policies in the docs are generated from it.

/** When a permission is needed: by operation, and by what is set. */
export interface Permission {
  /** Whether the call changes something: such a call is never made in a dry run. */
  readonly mutates: boolean;
  /** The call writes down how far a run has come, so that it is made in a cancelled job too. */
  readonly keepsState?: true;
  /** The resource in a minimal policy; `*` where AWS supports no resource for the action. */
  readonly resource: string | readonly string[];
  readonly operations: readonly ('deploy' | 'refresh-mapping' | 'rollback' | 'backfill' | 'verify' | 'redrive' | 'reindex')[];
  /** The input or state that requires it; absent: always. */
  readonly when?: string;
  readonly why: string;
}

/** The operations that change the function. */
const ALL = ['deploy', 'refresh-mapping', 'rollback', 'reindex'] as const;
/** The operations on tables; a reindex changes the function too. */
const ON_TABLES = ['backfill', 'verify', 'redrive', 'reindex'] as const;
const EVERY = ['deploy', 'refresh-mapping', 'rollback', ...ON_TABLES] as const;
const FUNCTION = 'arn:${partition}:lambda:${region}:${account}:function:${function-name}';
/** For calls that name a version or an alias: AWS looks for the ARN with it. */
const ANY_VERSION = [FUNCTION, `${FUNCTION}:*`];
/** Packages under their hash, and the history. Not `lambda/${function-name}*`: that is also where `${function-name}2` keeps its own. */
const PACKAGES = 'arn:${partition}:s3:::${code-bucket}/lambda/${function-name}/*';
const LATEST_PACKAGE = 'arn:${partition}:s3:::${code-bucket}/lambda/${function-name}.zip';
/** Progress, lists and reports of the operations on tables. */
const RUNS = 'arn:${partition}:s3:::${code-bucket}/runs/${function-name}/*';
const TABLE = 'arn:${partition}:dynamodb:${region}:${account}:table/${tables}';
const TRIGGERS = 'arn:${partition}:lambda:${region}:${account}:event-source-mapping:*';
const LOG_GROUP = 'arn:${partition}:logs:${region}:${account}:log-group:/aws/lambda/${function-name}';
/** The service's list of actions names the ARN without `:*`, its API reference says that policies need the one with it. */
const LOG_GROUPS = [LOG_GROUP, `${LOG_GROUP}:*`];

const STATE_MACHINE = 'arn:${partition}:states:${region}:${account}:stateMachine:${state-machine}';
const EXECUTIONS = 'arn:${partition}:states:${region}:${account}:execution:${state-machine}:*';
const MAP_RUNS = 'arn:${partition}:states:${region}:${account}:mapRun:${state-machine}/Slices:*';
const HAS_MACHINE = '`state-machine` is set';

/** Of the operations on tables, and of a deploy for `backfill-new-tables`, where it only warns that the permission is missing. */
const WORKS_ON_TABLES = 'items of a table are indexed or compared (`backfill-new-tables`, or an operation on tables)';

export const PERMISSIONS = {
  'sts:GetCallerIdentity': {
    mutates: false,
    resource: '*',
    operations: EVERY,
    why: 'reads the account; AWS requires no permission for it',
  },

  'lambda:GetFunction': {
    mutates: false,
    resource: ANY_VERSION,
    operations: EVERY,
    why: 'reads the function and the package that is deployed',
  },
  'lambda:GetFunctionConfiguration': { mutates: false, resource: ANY_VERSION, operations: ALL, why: 'waits until the function is ready' },
  'lambda:ListTags': {
    mutates: false,
    resource: FUNCTION,
    operations: ['deploy', 'refresh-mapping'],
    when: '`tags` is set, or `code-bucket` is not',
    why: 'GetFunction shows tags only with it',
  },
  'lambda:ListEventSourceMappings': {
    mutates: false,
    resource: '*',
    operations: ['deploy', 'refresh-mapping', ...ON_TABLES],
    why: 'finds the source tables of the function',
  },
  'lambda:CreateFunction': {
    mutates: true,
    resource: FUNCTION,
    operations: ['deploy'],
    when: 'the function does not exist yet',
    why: 'creates the function',
  },
  'lambda:UpdateFunctionCode': { mutates: true, resource: FUNCTION, operations: ALL, why: 'puts the package in place' },
  'lambda:UpdateFunctionConfiguration': {
    mutates: true,
    resource: FUNCTION,
    operations: ALL,
    why: 'changes the configuration, and puts it back after a failed check',
  },
  'lambda:InvokeFunction': {
    mutates: true,
    resource: ANY_VERSION,
    operations: EVERY,
    when: '`check` is `true`, or items of a table are indexed or compared',
    why: 'checks that the function reaches the cluster; passes it parts of a table',
  },
  'lambda:InvokeFunction (reads)': {
    mutates: false,
    resource: ANY_VERSION,
    operations: ['redrive', 'reindex'],
    when: '`dry-run` is `true`',
    why: 'counts the dead letters, or looks at the indexes, for the plan',
  },
  'lambda:TagResource': {
    mutates: true,
    resource: FUNCTION,
    operations: ['deploy', 'refresh-mapping'],
    when: '`tags` is set, or `code-bucket` is not',
    why: 'sets tags; without a bucket, a tag records which package passed its check',
  },
  'lambda:UntagResource': {
    mutates: true,
    resource: FUNCTION,
    operations: ['deploy'],
    when: '`tags` is set',
    why: 'removes tags that are no longer named',
  },
  'lambda:GetAlias': {
    mutates: false,
    resource: ANY_VERSION,
    operations: EVERY,
    when: '`alias` is set',
    why: 'reads which version serves',
  },
  'lambda:PublishVersion': {
    mutates: true,
    resource: FUNCTION,
    operations: ['deploy', 'refresh-mapping', 'reindex'],
    when: '`alias` is set',
    why: 'publishes the version that the alias will serve',
  },
  'lambda:CreateAlias': { mutates: true, resource: ANY_VERSION, operations: ['deploy'], when: '`alias` is set', why: 'creates the alias' },
  'lambda:UpdateAlias': { mutates: true, resource: ANY_VERSION, operations: ALL, when: '`alias` is set', why: 'moves the alias' },
  'lambda:ListVersionsByFunction': {
    mutates: false,
    resource: FUNCTION,
    operations: ['rollback'],
    when: '`alias` is set',
    why: 'finds the version to go back to',
  },
  'iam:PassRole': {
    mutates: false,
    resource: '${role}',
    operations: ['deploy'],
    when: '`role` is set',
    why: 'assigns the role to the function',
  },
  'lambda:GetLayerVersion': {
    mutates: false,
    resource: '${layers}',
    operations: ['deploy'],
    when: '`layers` is set',
    why: 'AWS checks that the deployer may use the layers',
  },
  'ec2:DescribeSubnets': {
    mutates: false,
    resource: '*',
    operations: ['deploy'],
    when: '`subnet-ids` is set',
    why: 'AWS checks the subnets in the name of the deployer',
  },
  'ec2:DescribeSecurityGroups': {
    mutates: false,
    resource: '*',
    operations: ['deploy'],
    when: '`subnet-ids` is set',
    why: 'AWS checks the security groups in the name of the deployer',
  },
  'ec2:DescribeVpcs': {
    mutates: false,
    resource: '*',
    operations: ['deploy'],
    when: '`subnet-ids` is set',
    why: 'AWS checks the VPC in the name of the deployer',
  },
  'kms:Encrypt': {
    mutates: false,
    resource: '${kms-key-arn}',
    operations: ['deploy'],
    when: '`kms-key-arn` is set',
    why: 'encrypts the environment variables',
  },
  'kms:Decrypt': {
    mutates: false,
    resource: '${kms-key-arn}',
    operations: ['deploy'],
    when: '`kms-key-arn` is set',
    why: 'reads the environment variables that the function has',
  },
  'kms:CreateGrant': {
    mutates: false,
    resource: '${kms-key-arn}',
    operations: ['deploy'],
    when: '`kms-key-arn` is set',
    why: 'lets the function use the key',
  },

  's3:GetObject': {
    mutates: false,
    resource: PACKAGES,
    operations: ALL,
    when: '`code-bucket` is set',
    why: 'AWS reads the package in the name of the deployer; the history of packages',
  },
  's3:GetObjectVersion': {
    mutates: false,
    resource: PACKAGES,
    operations: ALL,
    when: '`code-bucket` is set and keeps versions',
    why: 'AWS reads the version that was uploaded, in the name of the deployer',
  },
  's3:GetObject (endpoint file)': {
    mutates: false,
    resource: 'arn:${partition}:s3:::${code-bucket}/${endpoint-file}',
    operations: ['deploy'],
    when: '`endpoint` is not set',
    why: 'reads the endpoint file',
  },
  's3:ListBucket': {
    mutates: false,
    resource: 'arn:${partition}:s3:::${code-bucket}',
    operations: EVERY,
    when: '`code-bucket` is set',
    why: 'lets S3 distinguish a missing object from a forbidden one',
  },
  's3:PutObject': {
    mutates: true,
    resource: [PACKAGES, LATEST_PACKAGE],
    operations: ALL,
    when: '`code-bucket` is set',
    why: 'uploads the package and the history of packages',
  },

  's3:GetObject (runs)': {
    mutates: false,
    resource: RUNS,
    operations: ['deploy', ...ON_TABLES],
    when: WORKS_ON_TABLES,
    why: 'reads the progress and the lists of a run',
  },
  's3:PutObject (runs)': {
    mutates: true,
    keepsState: true,
    resource: RUNS,
    operations: ['deploy', ...ON_TABLES],
    when: WORKS_ON_TABLES,
    why: 'writes the progress, the lock and the report of a run',
  },
  'cloudwatch:GetMetricData': {
    mutates: false,
    resource: '*',
    operations: ['deploy', ...ON_TABLES],
    when: WORKS_ON_TABLES,
    why: 'reads how far the triggers are behind: parts of a table wait for them; without it they do not, and a warning says so',
  },
  'states:DescribeStateMachine': {
    mutates: false,
    resource: STATE_MACHINE,
    operations: ON_TABLES,
    when: HAS_MACHINE,
    why: 'checks that the state machine is for this function',
  },
  'states:StartExecution': {
    mutates: true,
    resource: STATE_MACHINE,
    operations: ON_TABLES,
    when: HAS_MACHINE,
    why: 'lets the state machine work on the parts of a table',
  },
  'states:DescribeExecution': {
    mutates: false,
    resource: EXECUTIONS,
    operations: ON_TABLES,
    when: HAS_MACHINE,
    why: 'follows that work',
  },
  'states:ListMapRuns': { mutates: false, resource: EXECUTIONS, operations: ON_TABLES, when: HAS_MACHINE, why: 'finds its parts' },
  'states:DescribeMapRun': {
    mutates: false,
    resource: MAP_RUNS,
    operations: ON_TABLES,
    when: HAS_MACHINE,
    why: 'counts the parts that run, and those that failed',
  },
  'states:StopExecution': {
    mutates: true,
    resource: EXECUTIONS,
    operations: ON_TABLES,
    when: HAS_MACHINE,
    why: 'ends that work with `restart: true`',
  },
  'dynamodb:DescribeTable': {
    mutates: false,
    resource: TABLE,
    operations: ['deploy', 'refresh-mapping', ...ON_TABLES],
    why: 'reads keys and stream of each table',
  },
  'dynamodb:UpdateTable': {
    mutates: true,
    resource: TABLE,
    operations: ['deploy'],
    when: '`tables` is set',
    why: 'enables the stream of a table',
  },
  'lambda:CreateEventSourceMapping': {
    mutates: true,
    resource: '*',
    operations: ['deploy'],
    when: '`tables` is set',
    why: 'creates a trigger',
  },
  'lambda:UpdateEventSourceMapping': {
    mutates: true,
    resource: TRIGGERS,
    operations: ['deploy'],
    when: '`tables` is set',
    why: 'brings a trigger to the options',
  },
  'lambda:GetEventSourceMapping': {
    mutates: false,
    resource: TRIGGERS,
    operations: ['deploy'],
    when: '`tables` is set',
    why: 'waits until a trigger is enabled',
  },
  'lambda:DeleteEventSourceMapping': {
    mutates: true,
    resource: TRIGGERS,
    operations: ['deploy'],
    when: '`prune-triggers: true` in the options file',
    why: 'removes triggers that are not listed',
  },

  'logs:DescribeLogGroups': {
    mutates: false,
    resource: '*',
    operations: ['deploy'],
    when: '`log-retention-days` is set',
    why: 'reads the retention',
  },
  'logs:CreateLogGroup': {
    mutates: true,
    resource: LOG_GROUPS,
    operations: ['deploy'],
    when: '`log-retention-days` is set',
    why: 'creates the log group before the first invocation does',
  },
  'logs:PutRetentionPolicy': {
    mutates: true,
    resource: LOG_GROUPS,
    operations: ['deploy'],
    when: '`log-retention-days` is set',
    why: 'sets the retention',
  },
} as const satisfies Record<string, Permission>;

/** An IAM action as the table above names it. */
export type Action = keyof typeof PERMISSIONS;

/** The name in a policy: without the addition that distinguishes two rows of one action. */
export function iamAction(action: Action): string {
  return action.replace(/ .*$/, '');
}

/** One row, as a policy or a page of the docs shows it. */
export interface PermissionRow extends Permission {
  /** The action's name in a policy. */
  readonly action: string;
}

/** The permissions that an operation needs at most, in the order of the table. */
export function permissionsOf(operation: Permission['operations'][number]): PermissionRow[] {
  return (Object.entries(PERMISSIONS) as [Action, Permission][]).flatMap(([action, row]) =>
    row.operations.includes(operation) ? [{ ...row, action: iamAction(action) }] : [],
  );
}
