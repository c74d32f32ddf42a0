// What redrive has left, for people. Pure.
import type { Counts } from '../../formats/slice.ts';
import { escaped } from './render-plan.ts';

interface Result {
  readonly counts: Counts;
  readonly reasons: Readonly<Record<string, number>>;
}

/** Markdown: what remains, by table and type of error; nothing where nothing remains. */
export function remainingTable(results: Readonly<Record<string, Result>>): string[] {
  const rows = Object.entries(results).flatMap(([name, { reasons }]) =>
    sorted(reasons).map(([type, number]) => `| ${escaped(name)} | ${escaped(type)} | ${number} |`),
  );
  return rows.length === 0 ? [] : ['', '| Table | Type of error | Failed again |', '| --- | --- | ---: |', ...rows];
}

/** One sentence per kind, never per item. @param list URI of the list of what remains */
export function redriveWarnings(name: string, { counts, reasons }: Result, list: string): string[] {
  const { 'failed-again': failed = 0, moving = 0, frozen = 0, foreign = 0, malformed = 0 } = counts;
  const types = sorted(reasons).map(([type, number]) => `${number} ${type}`);
  return [
    ...(failed === 0 ? [] : [`Table ${name}: ${of(failed, 'dead letter')} failed again (${types.join(', ')}). The list is ${list}`]),
    ...(moving === 0
      ? []
      : [
          `Table ${name}: ${of(moving, 'item')} could not be written yet, because a delete of the last five minutes forbids it. Run redrive again in a few minutes. The list is ${list}`,
        ]),
    ...(frozen === 0
      ? []
      : [
          `Table ${name}: ${of(frozen, 'item')} could not be written, because another writer gave the document a version that lies in the future. Run operation reindex, then redrive again. The list is ${list}`,
        ]),
    ...(foreign === 0
      ? []
      : [
          `Table ${name}: ${of(foreign, 'object')} ${foreign === 1 ? 'is not a dead letter' : 'are not dead letters'} of this table, and ${foreign === 1 ? 'was' : 'were'} left unchanged`,
        ]),
    ...(malformed === 0
      ? []
      : [
          `Table ${name}: ${of(malformed, 'item')} of expired batches cannot have a document and became ${malformed === 1 ? 'a dead letter' : 'dead letters'}`,
        ]),
  ];
}

const of = (number: number, noun: string): string => (number === 1 ? `1 ${noun}` : `${number} ${noun}s`);

const sorted = (reasons: Readonly<Record<string, number>>): [string, number][] =>
  Object.entries(reasons).toSorted(([a], [b]) => (a < b ? -1 : 1));
