import type { Run } from '../run.ts';
import { UserError } from '../errors.ts';
import { RELEASE } from '../release.ts';

/** The operations beside the stream (contract 7). @throws {UserError} */
export function notInThisRelease({ inputs: { operation } }: Run): Promise<void> {
  return Promise.reject(
    new UserError(
      `operation: ${operation} is not in this release (${RELEASE})`,
      'This release has deploy, refresh-mapping, rollback, backfill and verify',
    ),
  );
}
