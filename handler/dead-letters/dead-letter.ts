// Records that can never be written, kept whole in S3 with the reason (contract 6.4).
import { createHash } from 'node:crypto';
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
  /** HTTP status of the engine's answer, where it refused the document. */
  readonly status: number | null;
  readonly type: string;
  readonly reason: string;
  readonly release: string;
  /** The stream record as it came. */
  readonly record: unknown;
}

/**
 * The key of a dead letter: `<prefix>/<table>/<yyyy>/<mm>/<dd>/<first 16 hex of the id's SHA-256>-<sequence number>.json`. A record
 * without an id is named after its own text, so that no letter takes the place of another.
 */
export function deadLetterKey(place: DeadLetterPlace, letter: DeadLetter): string {
  const day = letter.failedAt.slice(0, 10).replaceAll('-', '/');
  const name = createHash('sha256')
    .update(letter.id ?? JSON.stringify(letter.record ?? null))
    .digest('hex')
    .slice(0, 16);
  // What came in a malformed record is data: it must not choose another folder.
  const number = /^\d{1,64}$/.test(letter.sequenceNumber ?? '') ? letter.sequenceNumber : 'none';
  return [place.prefix, letter.table ?? 'unknown-table', day, `${name}-${number}.json`].filter((part) => part !== '').join('/');
}
