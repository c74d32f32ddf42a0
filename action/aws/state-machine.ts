// AWS Step Functions: the state machine that passes slices to the function, and its executions.
import {
  DescribeExecutionCommand,
  DescribeMapRunCommand,
  DescribeStateMachineCommand,
  ListMapRunsCommand,
  StartExecutionCommand,
  StopExecutionCommand,
} from '@aws-sdk/client-sfn';
import { UserError } from '../errors.ts';
import { isAwsError } from './errors.ts';
import { functionArn } from './function.ts';
import type { Aws } from './session.ts';

/** The first words of a definition of docs/cloudformation/state-machine.yml that this release can use. */
const COMMENT = 'Slices of dynamodb-to-opensearch, format 1';
const TEMPLATE = 'docs/cloudformation/state-machine.yml';

export interface StateMachine {
  readonly arn: string;
  readonly name: string;
}

/** The parts of a definition that a run depends on. */
interface Definition {
  readonly Comment?: string;
  readonly States?: {
    readonly Slices?: {
      readonly ItemReader?: { readonly Parameters?: { readonly Bucket?: string } };
      readonly ItemProcessor?: { readonly States?: { readonly Invoke?: { readonly Parameters?: { readonly FunctionName?: string } } } };
    };
  };
}

/** The function, and the bucket of its runs, that a state machine must be for. */
export interface StateMachineUse {
  readonly functionName: string;
  readonly alias: string | undefined;
  readonly bucket: string;
}

/** The state machine of the input, which is of this account and region, and for this function. @throws {UserError} with the input's name */
export async function readStateMachine(aws: Aws, arn: string, { functionName, alias, bucket }: StateMachineUse): Promise<StateMachine> {
  const [, , , region = '', account = '', , name = ''] = arn.split(':');
  const problem = (what: string, remedy: string): UserError => new UserError(`state-machine: ${what}`, remedy);
  if (account !== aws.account || region !== aws.region)
    throw problem(
      `${name} is in account ${account}, region ${region}, and this job works in account ${aws.account}, region ${aws.region}`,
      'Name the state machine of this account and region, or sign in to the other one',
    );
  const found = await describeStateMachine(aws, arn, name);
  if (found === undefined)
    throw problem(
      `there is no state machine ${name} in account ${account}, region ${region}`,
      `Create it with ${TEMPLATE}, or check the ARN`,
    );
  const definition = parsed(found.definition);
  if (found.type !== 'STANDARD' || definition.Comment !== COMMENT)
    throw problem(`${name} is not a state machine for slices of this release`, `Create or update it with ${TEMPLATE} of this release`);
  const wanted = `${functionArn(aws, functionName)}${alias === undefined ? '' : `:${alias}`}`;
  const { ItemReader: reader, ItemProcessor: processor } = definition.States?.Slices ?? {};
  const invoked = processor?.States?.Invoke?.Parameters?.FunctionName ?? 'no function';
  if (invoked !== wanted)
    throw problem(
      `${name} invokes ${invoked}, and this run needs ${wanted}`,
      `Name the state machine of this function, or update its stack (FunctionName, AliasName)`,
    );
  const read = reader?.Parameters?.Bucket ?? 'no bucket';
  if (read !== bucket)
    throw problem(
      `${name} reads the bucket ${read}, and this run is in the bucket ${bucket}`,
      'Set code-bucket to that one, or update its stack (CodeBucketName)',
    );
  return { arn, name };
}

async function describeStateMachine(aws: Aws, arn: string, name: string): Promise<{ type: string; definition: string } | undefined> {
  try {
    const found = await aws.call('states:DescribeStateMachine', `state machine ${name}`, () =>
      aws.states.send(new DescribeStateMachineCommand({ stateMachineArn: arn })),
    );
    return found.status === 'DELETING' ? undefined : { type: found.type ?? '', definition: found.definition ?? '' };
  } catch (error) {
    if (isAwsError(error, 'StateMachineDoesNotExist')) return undefined;
    throw error;
  }
}

function parsed(definition: string): Definition {
  try {
    return JSON.parse(definition) as Definition;
  } catch {
    return {};
  }
}

/** The ARN of an execution, which AWS makes of the names. */
export const executionArn = ({ arn }: StateMachine, name: string): string => `${arn.replace(':stateMachine:', ':execution:')}:${name}`;

/** Starts an execution, or finds it started: its name is that of the work. @returns its ARN @throws {AwsError} */
export async function startExecution(aws: Aws, machine: StateMachine, name: string, input: object): Promise<string> {
  try {
    const { executionArn: arn } = await aws.call('states:StartExecution', `state machine ${machine.name}`, () =>
      aws.states.send(new StartExecutionCommand({ stateMachineArn: machine.arn, name, input: JSON.stringify(input) })),
    );
    return arn ?? executionArn(machine, name);
  } catch (error) {
    if (isAwsError(error, 'ExecutionAlreadyExists')) return executionArn(machine, name);
    throw error;
  }
}

export interface Execution {
  readonly status: 'RUNNING' | 'SUCCEEDED' | 'FAILED' | 'TIMED_OUT' | 'ABORTED' | 'PENDING_REDRIVE';
  readonly error: string | undefined;
  readonly cause: string | undefined;
}

const nameOf = (arn: string): string => `execution ${arn.split(':').at(-1) ?? ''}`;

/** Undefined where there is no such execution. @throws {AwsError} */
export async function describeExecution(aws: Aws, arn: string): Promise<Execution | undefined> {
  try {
    const {
      status = 'RUNNING',
      error,
      cause,
    } = await aws.call('states:DescribeExecution', nameOf(arn), () => aws.states.send(new DescribeExecutionCommand({ executionArn: arn })));
    return { status, error, cause };
  } catch (error) {
    if (isAwsError(error, 'ExecutionDoesNotExist')) return undefined;
    throw error;
  }
}

/** Invocations under way go on to their end. @throws {AwsError} */
export async function stopExecution(aws: Aws, arn: string, cause: string): Promise<void> {
  await aws.call('states:StopExecution', nameOf(arn), () => aws.states.send(new StopExecutionCommand({ executionArn: arn, cause })));
}

/** How many slices of an execution run, and how many have failed; undefined where its map has not begun. @throws {AwsError} */
export async function mapCounts(aws: Aws, arn: string): Promise<{ running: number; failed: number } | undefined> {
  const { mapRuns } = await aws.call('states:ListMapRuns', nameOf(arn), () =>
    aws.states.send(new ListMapRunsCommand({ executionArn: arn })),
  );
  const mapRunArn = mapRuns?.[0]?.mapRunArn;
  if (mapRunArn === undefined) return undefined;
  const { itemCounts: counts } = await aws.call('states:DescribeMapRun', nameOf(arn), () =>
    aws.states.send(new DescribeMapRunCommand({ mapRunArn })),
  );
  return { running: counts?.running ?? 0, failed: (counts?.failed ?? 0) + (counts?.timedOut ?? 0) };
}
