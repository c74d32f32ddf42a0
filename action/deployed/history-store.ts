import { randomUUID } from 'node:crypto';
import { EMPTY, historyText, parseHistory, type History, type PackageRecord } from './package-history.ts';
import { historyKey, readHistory, writeHistory } from '../aws/code-bucket.ts';
import type { DeployedFunction } from '../aws/function.ts';
import type { Aws } from '../aws/session.ts';
import { changeTags } from '../aws/tags.ts';

/** Where the history of packages is kept. */
export interface PackageMemory {
  /** As it was when the run began. */
  readonly history: History;
  /**
   * Before the first mutating call: what is in place from now on has not passed its check.
   * @param known packages that served @param variables names of the environment variables that the run changes
   * @param rollbackTo SHA-256 (hex) of the package that a rollback puts back
   */
  readonly begin: (known: readonly PackageRecord[], variables: readonly string[], rollbackTo?: string) => Promise<void>;
  /** After the check, or after what served was put back. */
  readonly end: (history: History) => Promise<void>;
}

/** An alias is moved only after a good check, in one call with its own history: nothing else need be remembered. */
export const NO_MEMORY: PackageMemory = { history: EMPTY, begin: () => Promise.resolve(), end: () => Promise.resolve() };

/** The history in the code bucket. @throws {AwsError} */
export async function bucketMemory(aws: Aws, bucket: string, functionName: string): Promise<PackageMemory> {
  const key = historyKey(functionName, aws.account, aws.region);
  const stored = await readHistory(aws, bucket, key);
  const run = randomUUID();
  let etag = stored?.etag;
  const write = async (history: History): Promise<void> => {
    etag = await writeHistory(aws, bucket, key, historyText({ ...history, run }), etag);
  };
  const history = parseHistory(stored?.text);
  return {
    history,
    // What an interrupted run may have changed is as uncertain as what this one changes.
    begin: (known, changed, rollbackTo) => {
      const variables = [...new Set([...(history.variables ?? []), ...changed])].sort();
      return write({
        format: 1,
        pending: true,
        packages: known,
        ...(variables.length === 0 ? {} : { variables }),
        ...(rollbackTo === undefined ? {} : { rollbackTo }),
      });
    },
    end: write,
  };
}

/** The tag that stands in for a history where there is no bucket: the SHA-256 of the last package that passed its check, or `pending`. */
export const CHECKED_TAG = 'dynamodb-to-opensearch:checked';
const PENDING = 'pending';

/**
 * The history as a tag: enough to know whether what is in place passed its check, and no package to go back to. A function that is being
 * created gets the tag in the same call (`tagsOnCreate`).
 */
export function tagMemory(aws: Aws, actual: DeployedFunction | undefined, arn: string): PackageMemory {
  const value = actual?.tags[CHECKED_TAG];
  let written = value;
  const write = async (next: string): Promise<void> => {
    if (next === written) return;
    await changeTags(aws, arn, { [CHECKED_TAG]: next }, []);
    written = next;
  };
  return {
    history: {
      format: 1,
      pending: value === PENDING,
      packages:
        value === undefined || value === PENDING
          ? []
          : [{ sha256: value, release: undefined, environment: undefined, deployedAt: '', checked: true, configuration: {} }],
    },
    begin: async () => {
      if (actual !== undefined) await write(PENDING);
    },
    end: async ({ pending, packages: [serving] }) => {
      if (!pending && serving?.checked === true) await write(serving.sha256);
    },
  };
}

/** For CreateFunction, where the tag stands in for the history. */
export const tagsOnCreate: Readonly<Record<string, string>> = { [CHECKED_TAG]: PENDING };
