// The plan of redrive: where it finds what could not be written, and what there is. Pure.
import type { Counts, ObjectPlace, RedriveSlice } from '../../formats/slice.ts';
import { parseS3Uri } from '../../formats/s3-uri.ts';
import type { RunTable } from '../aws/tables.ts';
import type { Trigger } from '../aws/triggers.ts';
import { change, type Change } from './change.ts';
import { preconditions, problem, type RunPlan, type RunPlanContext } from './run-plan.ts';

/** Where `redrive` finds what could not be written. */
type Source = Pick<RedriveSlice, 'form' | 'from' | 'functionArn'>;

/** Everything that the plan depends on beside the table, its triggers and the place. */
export interface RedriveContext extends RunPlanContext {
  /** Without version or alias. */
  readonly functionArn: string;
}

/** The plan for a table, with its sources. */
export interface RedrivePlan extends RunPlan {
  readonly sources: readonly Source[];
}

/**
 * @param place `s3://bucket/prefix` of the dead letters of all tables, or of batches that Lambda discarded; undefined: none is in use
 * @param triggers of the function on the table's streams
 */
export function planRedrive(
  table: RunTable,
  place: string | undefined,
  triggers: readonly Trigger[],
  context: RedriveContext,
): RedrivePlan {
  const { name } = table;
  const sources = [...placed(name, place, context), ...triggers.flatMap(failedBatches)];
  const { problems, warnings } = preconditions(table, triggers, context);
  const row = (path: string, after: string, reason: string): Change => change(`table ${name}`, path, undefined, after, reason);
  return {
    sources,
    problems: sources.length > 0 ? problems : [...problems, problem(withoutPlace(name))],
    warnings,
    changes: [
      ...sources.map(({ form, from }) => row(FORMS[form].name, uriOf(from), FORMS[form].reason)),
      ...triggers.flatMap(positionsOnly).map((arn) => row('expired batches', arn, POSITIONS_ONLY)),
      change(`index ${context.index}`, 'documents', undefined, 'written or deleted, as the items are now', 'live changes always win'),
      change(context.place, 'objects', undefined, 'progress, list of what remains and report', 'a later run resumes it'),
    ],
  };
}

/** What was counted, as rows of the plan. */
export function countedChanges(table: string, counts: Counts, reasons: Readonly<Record<string, number>>): Change[] {
  const { 'dead-letters': letters = 0, 'failed-batches': batches = 0, foreign = 0 } = counts;
  const row = (path: string, after: number, reason: string): Change => change(`table ${table}`, path, undefined, after, reason);
  return [
    row(FORMS['dead-letters'].name, letters, letters === 0 ? 'nothing to do' : FORMS['dead-letters'].reason),
    ...(batches === 0 ? [] : [row(FORMS['failed-batches'].name, batches, FORMS['failed-batches'].reason)]),
    ...Object.entries(reasons)
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([type, number]) =>
        type === 'failed_batch'
          ? row('items of expired batches', number, 'each is read once')
          : row(`type ${type}`, number, 'dead letters of this type'),
      ),
    ...(foreign === 0 ? [] : [row('other objects', foreign, 'they are not dead letters of this table, and stay')]),
  ];
}

const FORMS = {
  'dead-letters': {
    name: 'dead letters',
    reason: 'each item is read again and its present state written, then its dead letter is deleted',
  },
  'failed-batches': {
    name: 'expired batches',
    reason: 'their items are read again and written, then the object of the on-failure destination is deleted',
  },
} as const;
const POSITIONS_ONLY =
  'the destination receives positions, not records, so there is nothing to work off: operation verify with repair: true finds what these batches left';

const uriOf = ({ bucket, prefix }: ObjectPlace): string => `s3://${bucket}/${prefix}`;

const withoutPlace = (table: string): string =>
  `table ${table} has no place for dead letters, and no trigger of it has an S3 bucket as on-failure destination, so there is nothing to work off. Name a place with the input dead-letters, or deploy with code-bucket or the option dead-letters`;

/**
 * Lambda writes `aws/lambda/<id of the trigger>/<shard>/<yyyy>/<mm>/<dd>/…` with the whole event into an S3 bucket.
 * https://docs.aws.amazon.com/lambda/latest/dg/services-dynamodb-errors.html
 */
const BATCHES = 'aws/lambda';

/** Below `aws/lambda` are batches, those of other functions too, and of triggers that were deleted; elsewhere are dead letters. */
function placed(table: string, place: string | undefined, { functionArn }: RedriveContext): Source[] {
  const found = place === undefined ? undefined : parseS3Uri(place);
  if (found === undefined) return [];
  const { bucket } = found;
  const folder = found.prefix.replace(/\/$/, '');
  if (folder === BATCHES || folder.startsWith(`${BATCHES}/`))
    return [{ form: 'failed-batches', from: { bucket, prefix: `${folder}/` }, functionArn }];
  const prefix = [found.prefix, table, ''].filter((part, at) => part !== '' || at === 2).join('/');
  return [{ form: 'dead-letters', from: { bucket, prefix } }];
}

function failedBatches({ uuid, configuration }: Trigger): Source[] {
  const bucket = /^arn:[\w-]+:s3:::([^/]+)$/.exec(destinationOf(configuration) ?? '')?.[1];
  if (bucket === undefined) return [];
  return [{ form: 'failed-batches', from: { bucket, prefix: `${BATCHES}/${uuid}/` } }];
}

function positionsOnly({ configuration }: Trigger): string[] {
  const destination = destinationOf(configuration);
  return destination === undefined || destination === '' || /^arn:[\w-]+:s3:/.test(destination) ? [] : [destination];
}

const destinationOf = ({ DestinationConfig: config }: Trigger['configuration']): string | undefined => config?.OnFailure?.Destination;
