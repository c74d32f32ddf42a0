// Records that can never be written, stored whole in S3 with the reason (docs/failures.md#dead-letters).
import { createHash } from 'node:crypto';
import type { MalformedRecord } from '../records/malformed-record.ts';
import type { DeadLetterPlace } from '../tables.ts';

export interface DeadLetter {
  readonly version: 1;
  readonly table: string | null;
  readonly index: string | null;
  readonly id: string | null;
  readonly keys: unknown;
  readonly eventName: unknown;
  readonly sequenceNumber: string | null;
  readonly approximateCreationDateTime: unknown;
  /** ISO 8601, UTC */
  readonly failedAt: string;
  /** HTTP status of the engine's response, if it refused the document. */
  readonly status: number | null;
  readonly type: string;
  readonly reason: string;
  readonly release: string;
  /** The unchanged stream record. */
  readonly record: unknown;
}

/** The fields of a dead letter about the failure of its item. @param now ms since the epoch */
export const failureFields = (
  { status, type, message, detail }: MalformedRecord,
  now: number,
): Pick<DeadLetter, 'failedAt' | 'status' | 'type' | 'reason'> => ({
  failedAt: new Date(now).toISOString(),
  status: status ?? null,
  type,
  reason: detail === undefined ? message : `${message}: ${detail}`,
});

/**
 * The key of a dead letter: `<prefix>/<table>/<yyyy>/<mm>/<dd>/<first 16 hex of the id's SHA-256>-<sequence number>.json`. A record
 * without an id is named after its own text, so that no dead letter replaces another.
 * @param isSecond of the second index of a table that is reindexed, which ends the name: `…-<index>.json`
 */
export function deadLetterKey(place: DeadLetterPlace, deadLetter: DeadLetter, isSecond = false): string {
  const day = deadLetter.failedAt.slice(0, 10).replaceAll('-', '/');
  const name = createHash('sha256')
    .update(deadLetter.id ?? JSON.stringify(deadLetter.record ?? null))
    .digest('hex')
    .slice(0, 16);
  // The sequence number of a malformed record may be any text: it must not choose another folder.
  const number = /^\d{1,64}$/.test(deadLetter.sequenceNumber ?? '') ? deadLetter.sequenceNumber : 'none';
  const suffix = isSecond && deadLetter.index !== null ? `-${deadLetter.index}` : '';
  return [place.prefix, deadLetter.table ?? 'unknown-table', day, `${name}-${number}${suffix}.json`]
    .filter((part) => part !== '')
    .join('/');
}
