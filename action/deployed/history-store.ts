// Keeps the history of deployed packages in the code bucket, or in a tag of the function.
import { randomUUID } from 'node:crypto';
import { EMPTY, historyText, parseHistory, type History, type PackageRecord } from './package-history.ts';
import { historyKey, readHistory, writeHistory } from '../aws/code-bucket.ts';
import type { DeployedFunction } from '../aws/function.ts';
import type { Aws } from '../aws/session.ts';
import { changeTags } from '../aws/tags.ts';

/** Where the history of packages is kept. */
export interface HistoryStore {
  /** As it was when the run began. */
  readonly history: History;
  /**
   * Before the first mutating call: from now on, the package in place has not passed its check.
   * @param known packages that served @param variables names of the environment variables that the run changes
   * @param rollbackTo SHA-256 (hex) of the package that a rollback puts back
   */
  readonly begin: (known: readonly PackageRecord[], variables: readonly string[], rollbackTo?: string) => Promise<void>;
  /** After the check, or after the former state was put back. */
  readonly end: (history: History) => Promise<void>;
}

/** An alias is moved only after a good check, in one call with its own history: nothing else need be recorded. */
export const NO_HISTORY: HistoryStore = { history: EMPTY, begin: () => Promise.resolve(), end: () => Promise.resolve() };

/** The history in the code bucket. @throws {AwsError} */
export async function bucketHistory(aws: Aws, bucket: string, functionName: string): Promise<HistoryStore> {
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
    // Variables that an interrupted run may have changed are as uncertain as those that this one changes.
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

/** The tag that replaces a history where there is no bucket: the SHA-256 of the last package that passed its check, or `pending`. */
export const CHECKED_TAG = 'dynamodb-to-opensearch:checked';
const PENDING = 'pending';

/**
 * The history as a tag: enough to know whether the package in place passed its check, and no package to go back to. A function that is being
 * created gets the tag in the same call (`tagsOnCreate`).
 */
export function tagHistory(aws: Aws, deployed: DeployedFunction | undefined, arn: string): HistoryStore {
  const value = deployed?.tags[CHECKED_TAG];
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
      if (deployed !== undefined) await write(PENDING);
    },
    end: async ({ pending, packages: [serving] }) => {
      if (!pending && serving?.checked === true) await write(serving.sha256);
    },
  };
}

/** For CreateFunction, where the tag replaces the history. */
export const tagsOnCreate: Readonly<Record<string, string>> = { [CHECKED_TAG]: PENDING };
