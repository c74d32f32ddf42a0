// JSON from outside, and JSON that is compared.

/** An object of foreign JSON. */
export type Json = Readonly<Record<string, unknown>>;

/** Whether a foreign value is an object, not a list. */
export const isObject = (value: unknown): value is Json => typeof value === 'object' && value !== null && !Array.isArray(value);

/**
 * JSON with the keys of every object sorted: the same for values that differ only in the order of keys.
 * @param indent as for `JSON.stringify`
 */
export function sortedJson(value: unknown, indent?: number): string {
  const sorted = (_key: string, entry: unknown): unknown =>
    isObject(entry) ? Object.fromEntries(Object.entries(entry).sort(([a], [b]) => (a < b ? -1 : 1))) : entry;
  return JSON.stringify(value, sorted, indent);
}
