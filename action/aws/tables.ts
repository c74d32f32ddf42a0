import type { KeyAttribute } from '../../formats/slice.ts';
import { DescribeTableCommand, UpdateTableCommand, type StreamViewType, type TableDescription } from '@aws-sdk/client-dynamodb';
import { UserError } from '../errors.ts';
import { isAwsError } from './errors.ts';
import { retryUntil } from './retry.ts';
import type { Aws } from './session.ts';

/** The facts of a table that the action needs. */
export interface Table {
  readonly name: string;
  readonly hashKey: string;
  readonly rangeKey: string | undefined;
  /** Undefined where the table has no stream, or had one that is switched off. */
  readonly stream: Stream | undefined;
  /** Absent: of a table that is gone. */
  readonly size?: TableSize;
}

/** As DynamoDB counted it, up to six hours ago. */
export interface TableSize {
  readonly items: number;
  readonly bytes: number;
}

export interface Stream {
  readonly arn: string;
  readonly viewType: StreamViewType | undefined;
  /** ms since 1970, from the stream's label */
  readonly since: number | undefined;
}

/** ms */
const STREAM_TIMEOUT_MS = 5 * 60_000;

/** The table, or undefined where there is none. @param name or ARN, of a table of another account @throws {UserError} */
export async function describeTable(aws: Aws, name: string): Promise<Table | undefined> {
  try {
    const { Table: found } = await aws.call('dynamodb:DescribeTable', `table ${name}`, () =>
      aws.dynamodb.send(new DescribeTableCommand({ TableName: name })),
    );
    return found === undefined ? undefined : toTable(name, found);
  } catch (error) {
    if (isAwsError(error, 'ResourceNotFoundException')) return undefined;
    throw error;
  }
}

export function toTable(name: string, found: TableDescription): Table {
  const key = (type: 'HASH' | 'RANGE'): string | undefined => found.KeySchema?.find(({ KeyType }) => KeyType === type)?.AttributeName;
  const hashKey = key('HASH');
  if (hashKey === undefined) throw new UserError(`table ${name}: AWS shows no hash key`);
  // A stream that was switched off still has an ARN; only an enabled one is followed.
  const enabled = found.StreamSpecification?.StreamEnabled === true && found.LatestStreamArn !== undefined;
  return {
    name: found.TableName ?? name,
    hashKey,
    rangeKey: key('RANGE'),
    stream: enabled
      ? { arn: found.LatestStreamArn ?? '', viewType: found.StreamSpecification?.StreamViewType, since: labelTime(found.LatestStreamLabel) }
      : undefined,
    size: { items: found.ItemCount ?? 0, bytes: found.TableSizeBytes ?? 0 },
  };
}

/** The facts of a table that a run needs. */
export interface RunTable extends TableSize {
  readonly name: string;
  /** Another one where the table was created anew. */
  readonly id: string;
  /** Hash key first. */
  readonly keys: readonly KeyAttribute[];
  /** Read capacity units per second; undefined: on demand. */
  readonly provisionedRead: number | undefined;
  readonly stream: Stream | undefined;
}

/** The table for a run, or undefined where there is none. @throws {UserError} */
export async function describeRunTable(aws: Aws, name: string): Promise<RunTable | undefined> {
  try {
    const { Table: found } = await aws.call('dynamodb:DescribeTable', `table ${name}`, () =>
      aws.dynamodb.send(new DescribeTableCommand({ TableName: name })),
    );
    if (found === undefined) return undefined;
    const typeOf = (attribute: string | undefined): KeyAttribute['type'] =>
      found.AttributeDefinitions?.find(({ AttributeName }) => AttributeName === attribute)?.AttributeType ?? 'S';
    const keys = (found.KeySchema ?? [])
      .toSorted((a) => (a.KeyType === 'HASH' ? -1 : 1))
      .map(({ AttributeName: key = '' }) => ({ name: key, type: typeOf(key) }));
    const read = found.BillingModeSummary?.BillingMode === 'PAY_PER_REQUEST' ? 0 : (found.ProvisionedThroughput?.ReadCapacityUnits ?? 0);
    const { stream, size = { items: 0, bytes: 0 } } = toTable(name, found);
    return {
      name: found.TableName ?? name,
      // Emulators show no id.
      id: found.TableId ?? String(found.CreationDateTime?.getTime() ?? ''),
      keys,
      ...size,
      provisionedRead: read > 0 ? read : undefined,
      stream,
    };
  } catch (error) {
    if (isAwsError(error, 'ResourceNotFoundException')) return undefined;
    throw error;
  }
}

/** A stream's label is the time it was made, in UTC without saying so: `2026-11-22T20:32:57.123`. */
function labelTime(label: string | undefined): number | undefined {
  const time = Date.parse(`${label ?? ''}Z`);
  return Number.isNaN(time) ? undefined : time;
}

/** Enables the table's stream with `NEW_AND_OLD_IMAGES` and waits for it. @throws {UserError} */
export async function enableStream(aws: Aws, name: string): Promise<Stream> {
  let enabled = false;
  const streamOf = async (): Promise<Stream | undefined> => (await describeTable(aws, name))?.stream;
  const stream = await retryUntil(
    aws.clock,
    aws.clock.now() + STREAM_TIMEOUT_MS,
    (attempt) => ('value' in attempt ? attempt.value === undefined : isBeingChanged(attempt.error)),
    async () => {
      const found = await streamOf();
      if (found !== undefined || enabled) return found;
      await aws.call('dynamodb:UpdateTable', `table ${name}`, () =>
        aws.dynamodb.send(
          new UpdateTableCommand({ TableName: name, StreamSpecification: { StreamEnabled: true, StreamViewType: 'NEW_AND_OLD_IMAGES' } }),
        ),
      );
      enabled = true;
      return streamOf();
    },
  );
  if (stream !== undefined) return stream;
  throw new UserError(`table ${name}: its stream is not there ${STREAM_TIMEOUT_MS / 60_000} minutes after it was enabled`, 'Run again');
}

/** Whether another change of the table is under way, or someone enabled the stream in the meantime. */
function isBeingChanged(error: unknown): boolean {
  return (
    isAwsError(error, 'ResourceInUseException') ||
    (isAwsError(error, 'ValidationException') && /already has an enabled stream/i.test(error.words))
  );
}
