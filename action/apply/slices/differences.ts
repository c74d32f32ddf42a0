// The list of differences of a run, gathered from the lists of its slices: one object, whatever their number.
import type { Finding } from '../../../formats/slice.ts';
import type { RunStore } from './run-store.ts';

/** Findings of a kind that people see in the summary. */
const SHOWN = 20;

/** Writes `differences.jsonl`. @param lists keys of the lists @returns the first differences of each kind @throws {AwsError} */
export async function writeDifferences(slices: RunStore, lists: readonly string[], table: RunStore): Promise<Finding[]> {
  const shown = new Map<Finding['kind'], Finding[]>();
  await table.writeLines('differences.jsonl', linesOf(slices, lists, shown));
  return [...shown.values()].flat();
}

/** One list at a time is in memory. */
async function* linesOf(slices: RunStore, lists: readonly string[], shown: Map<Finding['kind'], Finding[]>): AsyncGenerator<string> {
  for (const list of lists) {
    const text = (await slices.readText(list))?.value ?? '';
    for (const line of text.split('\n')) {
      if (line === '') continue;
      const finding = JSON.parse(line) as Finding;
      const { table, id, keys, kind } = finding;
      const first = shown.get(kind) ?? [];
      if (first.length < SHOWN) shown.set(kind, [...first, finding]);
      yield `${JSON.stringify({ table, id, keys, kind })}\n`;
    }
  }
}
