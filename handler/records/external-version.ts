// Orders the states of an item: the newer one has the higher version.

const COUNTER_BITS = 29n;
const COUNTER_DIGITS = 20;
const COUNTER_RANGE = 2n ** COUNTER_BITS;
/** 10^29 is a multiple of 2^29: digits above it change nothing, whatever their number. */
const SIGNIFICANT_COUNTER_DIGITS = 29;
/** The last second read and where its versions begin: a batch has few different ones. */
let last = { second: -1, version: 0n };

/**
 * The external version of a record's state: `floor(seconds) · 2^29 + (floor(sequenceNumber / 10^20) mod 2^29)`, as exact digits.
 * The time orders states over re-created streams; the counter in the sequence number's upper digits orders them within a second.
 * @param seconds ApproximateCreationDateTime, s since the epoch, below 2^34
 * @param sequenceNumber decimal digits
 */
export function externalVersion(seconds: number, sequenceNumber: string): string {
  const upper = sequenceNumber.slice(0, -COUNTER_DIGITS).slice(-SIGNIFICANT_COUNTER_DIGITS);
  // Up to 15 digits are exact as a number, and cheaper.
  const counter = upper.length <= 15 ? BigInt(Number(upper) % Number(COUNTER_RANGE)) : BigInt(upper) % COUNTER_RANGE;
  const second = Math.floor(seconds);
  if (second !== last.second) last = { second, version: BigInt(second) << COUNTER_BITS };
  return (last.version + counter).toString();
}
