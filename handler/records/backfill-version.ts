// The version of a state that was read from the table: below that of every stream record that the read may not contain.

/** s: how far the clocks of DynamoDB and the reader, and the approximate time of a stream record, may be apart. */
export const MARGIN_SECONDS = 300;
const COUNTER_RANGE = 2n ** 29n;

/**
 * The version of a state that was read at `sentAt`. A stream record of a later change carries a later time, less the errors of the clocks,
 * which the margin covers, so that it wins whenever it arrives.
 * @param sentAt s since the epoch, floored, when the read was sent @returns exact digits
 */
export const backfillVersion = (sentAt: number): string => (BigInt(sentAt - MARGIN_SECONDS) * COUNTER_RANGE).toString();

/** The greater of two versions, in exact digits. */
export const greaterVersion = (a: string, b: string): string => (BigInt(a) > BigInt(b) ? a : b);

/** Whether a version lies more than a day in the future: another writer's, which no stream record ever comes above. @param now ms since the epoch */
export const isFrozen = (version: string, now: number): boolean =>
  BigInt(version) > BigInt(Math.floor(now / 1000) + 86_400) * COUNTER_RANGE;
