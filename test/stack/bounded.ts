/** Adds to a list that a long run must not let grow: of more than `limit` entries the oldest half goes. @param limit Infinity keeps all */
export function pushBounded<Entry>(list: Entry[], entry: Entry, limit: number): void {
  list.push(entry);
  if (list.length > limit) list.splice(0, list.length - Math.ceil(limit / 2));
}
