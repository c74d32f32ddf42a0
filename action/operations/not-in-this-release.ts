import type { Run } from '../run.ts';
import { UserError } from '../errors.ts';
import { RELEASE } from '../release.ts';

/** Operations that a later release will have. @throws {UserError} */
export function notInThisRelease({ inputs: { operation } }: Run): Promise<void> {
  return Promise.reject(
    new UserError(
      `operation: ${operation} is not in this release (${RELEASE})`,
      'This release has deploy, refresh-mapping, rollback, backfill and verify',
    ),
  );
}
