// Objects that others have written: dead letters, and the batches in an S3 on-failure destination. Refusals say which permission is missing.
import type { CheckProblem } from '../../../formats/events.ts';
import type { ObjectPlace } from '../../../formats/slice.ts';
import { AwsError, isDenied } from '../../aws/error.ts';
import type { ObjectStore } from '../../aws/s3.ts';
import { SliceProblem } from './context.ts';

/** Lists and reads as a run does, so that what is missing is known before anything is changed. */
export async function readsPlace(objects: ObjectStore, place: ObjectPlace, signal: AbortSignal): Promise<CheckProblem | undefined> {
  const { bucket, prefix } = place;
  let action: Action = 's3:ListBucket';
  try {
    const [first = `${prefix}none`] = await objects.list(bucket, prefix, signal);
    action = 's3:GetObject';
    await objects.get(bucket, first, signal);
    return undefined;
  } catch (error) {
    return problemOf(error, action, place);
  }
}

/** The same objects, whose refusals are problems of the slice with their remedy. */
export function placeObjects(objects: ObjectStore, place: ObjectPlace): ObjectStore {
  const guarded = async <T>(action: Action, request: Promise<T>): Promise<T> => {
    try {
      return await request;
    } catch (error) {
      const problem = problemOf(error, action, place);
      throw problem === undefined ? error : new SliceProblem(`${problem.what}. ${problem.remedy}`);
    }
  };
  return {
    get: (...request) => guarded('s3:GetObject', objects.get(...request)),
    put: (...request) => guarded('s3:PutObject', objects.put(...request)),
    delete: (...request) => guarded('s3:DeleteObject', objects.delete(...request)),
    list: (...request) => guarded('s3:ListBucket', objects.list(...request)),
  };
}

type Action = 's3:ListBucket' | 's3:GetObject' | 's3:PutObject' | 's3:DeleteObject';

function problemOf(error: unknown, action: Action, { bucket, prefix }: ObjectPlace): CheckProblem | undefined {
  if (!(error instanceof AwsError)) return undefined;
  if (error.name === 'NoSuchBucket')
    return {
      what: `there is no bucket ${bucket}, in which dead letters or expired batches are looked for`,
      remedy: 'Check the input dead-letters, the option dead-letters and the on-failure destination of the trigger',
    };
  if (!isDenied(error)) return undefined;
  return {
    what: `the function's role may not work off the objects in s3://${bucket}/${prefix} (${action}: ${error.name})`,
    remedy: "Allow the function's role s3:GetObject, s3:PutObject and s3:DeleteObject on them, and s3:ListBucket on the bucket",
  };
}
