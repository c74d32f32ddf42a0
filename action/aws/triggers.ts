// The function's triggers (Lambda's event source mappings) as AWS has them.
import {
  CreateEventSourceMappingCommand,
  DeleteEventSourceMappingCommand,
  GetEventSourceMappingCommand,
  ListEventSourceMappingsCommand,
  UpdateEventSourceMappingCommand,
  type CreateEventSourceMappingCommandInput,
  type EventSourceMappingConfiguration,
  type UpdateEventSourceMappingCommandInput,
} from '@aws-sdk/client-lambda';
import { UserError } from '../errors.ts';
import { isAwsError, type AwsError } from './errors.ts';
import { failsWith, retryUntil } from './retry.ts';
import type { Aws } from './session.ts';

/** A trigger of the function: an event source mapping, as AWS shows it. */
export interface Trigger {
  readonly uuid: string;
  /** ARN of the stream, or of another kind of source. */
  readonly source: string;
  /** The alias or version it calls; undefined: `$LATEST`. */
  readonly qualifier: string | undefined;
  readonly state: string;
  /** Only where it is: AWS says more than `No records processed` or `OK`. */
  readonly problem: string | undefined;
  readonly reportsBatchItemFailures: boolean;
  readonly configuration: EventSourceMappingConfiguration;
}

/** Of a stream: region, account and table. */
export interface StreamOrigin {
  readonly region: string;
  readonly account: string;
  readonly table: string;
}

/** ms: how long AWS may need to know a fresh stream or policy everywhere. */
const POLICY_TIMEOUT_MS = 2 * 60_000;

/** ms: Lambda needs up to a minute or so to change a trigger. */
const TRIGGER_TIMEOUT_MS = 5 * 60_000;

/** Parses a stream's ARN; undefined where it is not a DynamoDB stream. */
export function streamOrigin(arn: string): StreamOrigin | undefined {
  const match = /^arn:[\w-]+:dynamodb:([\w-]*):(\d*):table\/([^/]+)\/stream\//.exec(arn);
  const [, region, account, table] = match ?? [];
  return region === undefined || account === undefined || table === undefined ? undefined : { region, account, table };
}

/** The alias or version at the end of a function's ARN. */
function qualifierOf(arn: string | undefined): string | undefined {
  return /:function:[^:]+:(.+)$/.exec(arn ?? '')?.[1];
}

export function toTrigger(found: EventSourceMappingConfiguration): Trigger {
  return {
    uuid: found.UUID ?? '',
    source: found.EventSourceArn ?? '',
    qualifier: qualifierOf(found.FunctionArn),
    state: found.State ?? 'unknown',
    problem: /^PROBLEM/i.test(found.LastProcessingResult ?? '') ? found.LastProcessingResult : undefined,
    reportsBatchItemFailures: found.FunctionResponseTypes?.includes('ReportBatchItemFailures') === true,
    configuration: found,
  };
}

/** Every trigger of the function that calls `$LATEST`, and of its alias: AWS lists the two apart. All pages. @throws {AwsError} */
export async function listTriggers(aws: Aws, functionName: string, alias: string | undefined): Promise<Trigger[]> {
  const lists = await Promise.all(
    [functionName, ...(alias === undefined ? [] : [`${functionName}:${alias}`])].map((name) => listOf(aws, name)),
  );
  return [...new Map(lists.flat().map((trigger) => [trigger.uuid, trigger])).values()];
}

async function listOf(aws: Aws, name: string): Promise<Trigger[]> {
  const triggers: Trigger[] = [];
  let marker: string | undefined;
  try {
    do {
      const page = await aws.call('lambda:ListEventSourceMappings', `function ${name}`, () =>
        aws.lambda.send(
          new ListEventSourceMappingsCommand({ FunctionName: name, MaxItems: 100, ...(marker === undefined ? {} : { Marker: marker }) }),
        ),
      );
      triggers.push(...(page.EventSourceMappings ?? []).map(toTrigger));
      marker = page.NextMarker;
    } while (marker !== undefined && marker !== '');
  } catch (error) {
    // A function or alias that does not exist yet has none.
    if (!isAwsError(error, 'ResourceNotFoundException')) throw error;
  }
  return triggers.filter(({ state }) => state !== 'Deleting');
}

/**
 * Creates a trigger, and waits for a fresh stream or policy to be known. @param onWait called with the reason, at most once
 * @returns its id, also where it exists by now: made by a call whose response was lost, or by another run @throws {AwsError}
 */
export async function createTrigger(aws: Aws, request: CreateEventSourceMappingCommandInput, onWait: OnWait): Promise<string> {
  try {
    const made = await settled(aws, undefined, onWait, () =>
      aws.call('lambda:CreateEventSourceMapping', `trigger of ${request.FunctionName ?? ''} on ${request.EventSourceArn ?? ''}`, () =>
        aws.lambda.send(new CreateEventSourceMappingCommand(request)),
      ),
    );
    return made.UUID ?? '';
  } catch (error) {
    const existing = isAwsError(error, 'ResourceConflictException')
      ? /existing mapping with UUID ([0-9a-f-]{36})/i.exec(error.words)?.[1]
      : undefined;
    if (existing === undefined) throw error;
    return existing;
  }
}

/** Changes these fields of a trigger, and waits for a fresh policy to be known. @param onWait called with the reason, at most once @throws {UserError} */
export async function updateTrigger(
  aws: Aws,
  uuid: string,
  changes: Omit<UpdateEventSourceMappingCommandInput, 'UUID'>,
  onWait: OnWait,
): Promise<void> {
  await waitUntilSettled(aws, uuid);
  await settled(aws, uuid, onWait, () =>
    aws.call('lambda:UpdateEventSourceMapping', `trigger ${uuid}`, () =>
      aws.lambda.send(new UpdateEventSourceMappingCommand({ ...changes, UUID: uuid })),
    ),
  );
}

/** Removes a trigger; one that is gone is removed. @throws {UserError} */
export async function deleteTrigger(aws: Aws, uuid: string): Promise<void> {
  try {
    await settled(aws, uuid, undefined, () =>
      aws.call('lambda:DeleteEventSourceMapping', `trigger ${uuid}`, () =>
        aws.lambda.send(new DeleteEventSourceMappingCommand({ UUID: uuid })),
      ),
    );
  } catch (error) {
    if (!isAwsError(error, 'ResourceNotFoundException')) throw error;
  }
}

/** Called with AWS's words while it does not know a fresh stream or policy yet. */
export type OnWait = (words: string) => void;

/** A change of a trigger that is busy, or whose function is, is retried; so is one that depends on something that AWS does not know yet. */
function settled<T>(aws: Aws, uuid: string | undefined, onWait: OnWait | undefined, change: () => Promise<T>): Promise<T> {
  const known = aws.clock.now() + POLICY_TIMEOUT_MS;
  let waits = false;
  const isBusy = (error: unknown): boolean => {
    if (isInUse(error)) return true;
    if (onWait === undefined || !isNotKnownYet(error) || aws.clock.now() >= known) return false;
    if (!waits) onWait(error.words);
    waits = true;
    return true;
  };
  return retryUntil(aws.clock, aws.clock.now() + TRIGGER_TIMEOUT_MS, failsWith(isBusy), async (before) => {
    if (before > 0 && uuid !== undefined) await waitUntilSettled(aws, uuid);
    return change();
  });
}

/**
 * Whether AWS refused a trigger for something that it may only not know yet: the stream of a table, a policy of the function's role that
 * lets Lambda read it or write to the on-failure destination. IAM is eventually consistent:
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot.html, "Changes that I make are not always immediately visible"
 */
function isNotKnownYet(error: unknown): error is AwsError {
  return isAwsError(error, 'InvalidParameterValueException', 'ResourceNotFoundException') && NOT_KNOWN_YET.test(error.words);
}

const NOT_KNOWN_YET =
  /cannot access stream|ensure the role can perform|role(?: defined for the function)? does not have permissions? to|cannot be assumed by Lambda|^(?!function).*\bstream\b:?(?: arn:\S+)?:? (?:was |is |could |can)?(?:not (?:be )?found|does not exist)/i;

function isInUse(error: unknown): boolean {
  return (
    isAwsError(error, 'ResourceInUseException') || (isAwsError(error, 'ResourceConflictException') && !/already exists/i.test(error.words))
  );
}

/** Polls until the trigger is neither being made nor changed. @throws {UserError} */
export async function waitUntilSettled(aws: Aws, uuid: string): Promise<Trigger> {
  const isChanging = ({ state }: Trigger): boolean => state.endsWith('ing');
  const found = await retryUntil(
    aws.clock,
    aws.clock.now() + TRIGGER_TIMEOUT_MS,
    (attempt) => 'value' in attempt && isChanging(attempt.value),
    async () =>
      toTrigger(
        await aws.call('lambda:GetEventSourceMapping', `trigger ${uuid}`, () =>
          aws.lambda.send(new GetEventSourceMappingCommand({ UUID: uuid })),
        ),
      ),
  );
  if (!isChanging(found)) return found;
  throw new UserError(
    `trigger ${uuid} is still ${found.state} after ${TRIGGER_TIMEOUT_MS / 60_000} minutes`,
    'Look at the trigger in the console, and run again',
  );
}
