// The first look of a run: the indexes of its tables, and whether the function may read the tables and keep its progress.
import type { CheckProblem } from '../../../formats/events.ts';
import type { SliceTable, SurveyResponse, SurveyedIndex, SurveySlice } from '../../../formats/slice.ts';
import { AwsError, isDenied } from '../../aws/error.ts';
import { isTableThrottled } from '../../aws/dynamodb.ts';
import { isNotRead, type NotRead } from '../../cluster/reader.ts';
import { surveyIndex } from '../../cluster/walk.ts';
import type { AttributeMap } from '../../records/attribute.ts';
import { keyOfItem } from '../../records/item-key.ts';
import type { Runtime } from '../../runtime.ts';
import { withoutValues } from '../../telemetry/redaction.ts';
import { readsPlace } from './place.ts';

/** Without `create` it changes nothing in the cluster. */
export async function survey(runtime: Runtime, slice: SurveySlice, signal: AbortSignal): Promise<SurveyResponse> {
  const tables: Record<string, SurveyedIndex> = {};
  const problems: CheckProblem[] = [];
  const kept = await keepsProgress(runtime, slice, signal);
  if (kept !== undefined) return { tables, problems: [kept] };
  for (const place of slice.places ?? []) {
    const problem = await readsPlace(runtime.objects, place, signal);
    if (problem !== undefined) problems.push(problem);
  }
  if (problems.length > 0) return { tables, problems };
  for (const table of slice.tables) {
    const problem = await readsTable(runtime, table, signal);
    if (problem !== undefined) {
      problems.push(problem);
      continue;
    }
    const found = await indexOf(runtime, table.name, slice, signal);
    if ('what' in found) problems.push(found);
    else tables[table.name] = found;
  }
  return { tables, problems };
}

async function indexOf(
  runtime: Runtime,
  name: string,
  { create, index: target }: Pick<SurveySlice, 'create' | 'index'>,
  signal: AbortSignal,
): Promise<SurveyedIndex | CheckProblem> {
  const table = runtime.tables.get(name);
  const index = target ?? table.index;
  const { serverless } = runtime.cluster;
  if (index === undefined) return { what: `the table ${name} has no index`, remedy: 'Give it one with the option index and deploy again' };
  if (!table.versioned)
    return {
      what: `the table ${name} has versioning: none, with which an item that was read could not be told from newer changes`,
      remedy: 'Set versioning: external in the options file and deploy again',
    };
  const problem = ({ kind, reason, ...rest }: NotRead): CheckProblem => ({
    what: `the index ${index} of ${name} cannot be used: ${withoutValues(reason)}`,
    remedy: kind === 'configuration' && 'remedy' in rest ? rest.remedy : 'Run again when the cluster has calmed down',
  });
  const ready = create ? await runtime.indexes.ensure({ ...table, index }, signal) : await runtime.indexes.find(index, signal);
  if (ready === undefined) return { name: index, index, uuid: '', documents: 0, shards: [], serverless };
  if (isNotRead(ready)) return problem(ready);
  const found = await surveyIndex({ cluster: runtime.cluster, now: runtime.now, signal }, index);
  return isNotRead(found) ? problem(found) : { name: index, serverless, ...found };
}

/** Reads one item in the two ways that a run does, so that a missing permission is known before anything is written. */
async function readsTable({ dynamodb }: Runtime, { name, keys }: SliceTable, signal: AbortSignal): Promise<CheckProblem | undefined> {
  let action = 'dynamodb:Scan';
  try {
    const { items } = await dynamodb.scan({ table: name, segment: 0, totalSegments: 1, after: undefined, limit: 1 }, signal);
    action = 'dynamodb:BatchGetItem';
    await dynamodb.batchGet(name, [items[0] === undefined ? anyKey(keys) : keyOfItem(items[0], keys)], { consistent: false }, signal);
    return undefined;
  } catch (error) {
    // A table that is busy is one that may be read.
    if (!(error instanceof AwsError) || error.transient || isTableThrottled(error)) return undefined;
    if (isDenied(error))
      return {
        what: `the function's role may not read the table ${name} (${action}: ${error.name})`,
        remedy:
          "Allow the function's role dynamodb:Scan and dynamodb:BatchGetItem on the table, and kms:Decrypt on its key if it has one of its own",
      };
    return {
      what: `the table ${name} cannot be read: ${error.name}: ${withoutValues(error.message)}`,
      remedy: 'Check the table and run again',
    };
  }
}

const anyKey = (keys: SliceTable['keys']): AttributeMap =>
  Object.fromEntries(keys.map(({ name, type }) => [name, { [type]: { S: 'x', N: '0', B: 'AA==' }[type] }]));

/** Writes and reads an object as a slice does with its checkpoint. */
async function keepsProgress(
  { objects }: Runtime,
  { bucket, prefix }: Pick<SurveySlice, 'bucket' | 'prefix'>,
  signal: AbortSignal,
): Promise<CheckProblem | undefined> {
  const key = `${prefix}/survey.json`;
  let action = 's3:PutObject';
  try {
    await objects.put(bucket, key, '{}', signal);
    action = 's3:GetObject';
    await objects.get(bucket, key, signal);
    return undefined;
  } catch (error) {
    if (!(error instanceof AwsError) || !isDenied(error)) return undefined;
    return {
      what: `the function's role may not keep the progress of a run in s3://${bucket}/${prefix}/ (${action}: ${error.name})`,
      remedy:
        "Allow the function's role s3:GetObject and s3:PutObject on runs/<function-name>/ of the code bucket, and s3:ListBucket on the bucket",
    };
  }
}
