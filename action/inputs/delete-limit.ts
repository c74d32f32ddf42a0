// The input `delete-limit`, and the number of deletes that it allows; action/apply/slices/run-table.ts compares it with those of a run.
/** How many documents a run may delete from an index: a share of them, or a number. */
export type DeleteLimit = { readonly share: number } | { readonly number: number };

/** Deletes that are always allowed if the limit is a share. */
const ALWAYS_ALLOWED = 100;

/** `1%`, `0.5%` or `250`; undefined for anything else. */
export function parseDeleteLimit(text: string): DeleteLimit | undefined {
  const [, share] = /^(\d{1,3}(?:\.\d{1,3})?)\s*%$/.exec(text) ?? [];
  if (share !== undefined) return Number(share) <= 100 ? { share: Number(share) / 100 } : undefined;
  return /^\d{1,12}$/.test(text) ? { number: Number(text) } : undefined;
}

/** How many documents may be deleted from an index. @param documents that it has */
export const deletesAllowed = (limit: DeleteLimit, documents: number): number =>
  'number' in limit ? limit.number : Math.max(ALWAYS_ALLOWED, Math.floor(limit.share * documents));

/** The limit as the input says it. */
export const shownLimit = (limit: DeleteLimit): string =>
  'number' in limit ? String(limit.number) : `${Number((limit.share * 100).toFixed(3))}%`;
