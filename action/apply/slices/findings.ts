// The findings of a run, gathered from the lists of its slices: one object, whatever their number.
import type { Finding } from '../../../formats/slice.ts';
import { inParallel } from '../../aws/retry.ts';
import { READS_AT_ONCE, type RunStore } from './run-store.ts';

/** Findings of a kind that people see in the summary. */
const SHOWN = 20;

/** What the lists of a run come to. */
export interface Findings {
  /** The first of each kind. */
  readonly findings: readonly Finding[];
  /** Dead letters by their type of error. */
  readonly reasons: Readonly<Record<string, number>>;
}

/** Writes an object with all findings. @param lists keys of the lists @throws {AwsError} */
export async function writeFindings(slices: RunStore, lists: readonly string[], table: RunStore, name: string): Promise<Findings> {
  const shown = new Map<Finding['kind'], Finding[]>();
  const reasons = new Map<string, number>();
  await table.writeLines(name, linesOf(slices, lists, shown, reasons));
  return { findings: [...shown.values()].flat(), reasons: Object.fromEntries(reasons) };
}

/** Counts dead letters by their type of error. @param lists keys of the lists @throws {AwsError} */
export async function countReasons(slices: RunStore, lists: readonly string[]): Promise<Findings['reasons']> {
  const reasons = new Map<string, number>();
  await inParallel(lists, READS_AT_ONCE, async (list) => {
    for (const finding of await findingsOf(slices, list)) count(reasons, finding);
  });
  return Object.fromEntries(reasons);
}

/** One list at a time is in memory. */
async function* linesOf(
  slices: RunStore,
  lists: readonly string[],
  shown: Map<Finding['kind'], Finding[]>,
  reasons: Map<string, number>,
): AsyncGenerator<string> {
  for (const list of lists) {
    for (const finding of await findingsOf(slices, list)) {
      const { table, id, keys, kind, type } = finding;
      const first = shown.get(kind) ?? [];
      if (first.length < SHOWN) shown.set(kind, [...first, finding]);
      count(reasons, finding);
      yield `${JSON.stringify({ table, id, keys, kind, type })}\n`;
    }
  }
}

async function findingsOf(slices: RunStore, list: string): Promise<Finding[]> {
  const text = (await slices.readText(list))?.value ?? '';
  return text.split('\n').flatMap((line) => (line === '' ? [] : [JSON.parse(line) as Finding]));
}

function count(reasons: Map<string, number>, { type }: Finding): void {
  if (type !== undefined) reasons.set(type, (reasons.get(type) ?? 0) + 1);
}
