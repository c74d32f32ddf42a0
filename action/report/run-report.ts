// The result of a run on tables, for the report in S3 and for the job summary. Pure.
import type { TableOperation } from '../inputs/operation.ts';
import { COUNTS, type Counts, type Finding, type IgnoredFields } from '../../formats/slice.ts';
import { remainingTable } from './redrive-report.ts';
import { escaped } from './render-plan.ts';

/** The result of a run on a table. */
export interface TableResult {
  /** All work was tried. */
  readonly complete: boolean;
  readonly counts: Counts;
  /** Differences that remain. */
  readonly differences: number;
  /** Why the run has failed; undefined: it has not. */
  readonly failure: string | undefined;
  /** The first differences, for people. */
  readonly findings: readonly Finding[];
  /** What `redrive` has left: its number by type of error. */
  readonly reasons: Readonly<Record<string, number>>;
  /** What could not be read of the index, and what follows; undefined: all of it was. */
  readonly unwalked: string | undefined;
  /** Of the documents that were walked. */
  readonly ignored: IgnoredFields;
}

/** report.json */
export function runReport(operation: string, results: Readonly<Record<string, TableResult>>): object {
  return {
    format: 1,
    operation,
    tables: Object.fromEntries(
      Object.entries(results).map(([name, { complete, counts, differences, failure, unwalked, reasons, ignored }]) => [
        name,
        {
          complete,
          ...(operation === 'redrive' ? { reasons } : { differences }),
          failure: failure ?? null,
          limits: unwalked === undefined ? [] : [unwalked],
          counts,
          ...(operation === 'redrive' ? {} : { ignored }),
        },
      ]),
    ),
  };
}

/** Markdown for the job summary of a reindex. */
export function reindexSection(
  results: Readonly<Record<string, TableResult>>,
  uri: string,
  { table, from, to, serves, writesBoth }: ReindexEnd,
): string {
  const name = escaped(table);
  return [
    runSummary('reindex', results, uri),
    '',
    serves ? `Searches of ${name} use \`${to}\`.` : `Searches of ${name} go on using \`${from}\`.`,
    ...(writesBoth
      ? [
          '',
          `Every change of ${name} is written to both \`${from}\` and \`${to}\`, which doubles the writes and the storage. To go back, run reindex with \`to: ${from}\`; to end it, with \`delete-old-index: true\` or the next reindex.`,
        ]
      : []),
  ].join('\n');
}

/** The state that a run leaves. */
interface ReindexEnd {
  readonly table: string;
  readonly from: string;
  readonly to: string;
  /** Whether searches use `to`. */
  readonly serves: boolean;
  readonly writesBoth: boolean;
}

/** Counts that the summary shows: all but those of the work itself. */
const COLUMNS = COUNTS.filter((count) => count !== 'candidates' && count !== 'pages');
/** Keys of each kind that the summary names. */
const SHOWN_KEYS = 20;

/** Operations whose result is a report per table. */
type Reported = TableOperation | 'reindex';
const HEADINGS: Readonly<Record<Reported, string>> = {
  backfill: 'Items indexed',
  verify: 'Comparison',
  redrive: 'Dead letters',
  reindex: 'Reindex',
};

/** Markdown for the job summary: counts per table, a pie of the result, the first keys of each kind. */
export function runSummary(operation: Reported, results: Readonly<Record<string, TableResult>>, uri: string): string {
  const columns = COLUMNS.filter((column) => Object.values(results).some(({ counts }) => (counts[column] ?? 0) > 0));
  const rows = Object.entries(results).map(
    ([name, { complete, counts }]) =>
      `| ${escaped(name)} | ${complete ? 'yes' : 'no'} | ${columns.map((column) => String(counts[column] ?? 0)).join(' | ')} |`,
  );
  return [
    `### ${HEADINGS[operation]}`,
    '',
    `| Table | Complete | ${columns.join(' | ')} |`,
    `| --- | --- | ${columns.map(() => '---:').join(' | ')} |`,
    ...rows,
    ...pie(operation, results),
    ...(operation === 'redrive' ? remainingTable(results) : []),
    ...keys(results),
    ...ignoredFields(results),
    ...Object.entries(results).flatMap(([name, { unwalked }]) =>
      unwalked === undefined ? [] : ['', `${escaped(name)}: ${escaped(unwalked)}.`],
    ),
    '',
    `Report: \`${uri}\``,
  ].join('\n');
}

/** Lines for the log: the counts of each table, without those that are 0, and the report. */
export function resultLines(results: Readonly<Record<string, TableResult>>, uri: string): string[] {
  const lines = Object.entries(results).map(([name, { complete, counts }]) => {
    const found = COLUMNS.flatMap((count) => (counts[count] === undefined || counts[count] === 0 ? [] : [`${counts[count]} ${count}`]));
    return `Table ${name}: ${complete ? 'complete' : 'not complete'}; ${found.length === 0 ? 'nothing found' : found.join(', ')}`;
  });
  return [...lines, `Report: ${uri}`];
}

function pie(operation: string, results: Readonly<Record<string, TableResult>>): string[] {
  if (operation !== 'verify') return [];
  const parts = (['equal', 'missing', 'different', 'stale'] as const).map(
    (kind) => [kind, Object.values(results).reduce((sum, { counts }) => sum + (counts[kind] ?? 0), 0)] as const,
  );
  return [
    '',
    '```mermaid',
    'pie title Items and documents',
    ...parts.filter(([, number]) => number > 0).map(([kind, number]) => `    "${kind}" : ${number}`),
    '```',
  ];
}

/** Fields that the summary names. */
const SHOWN_FIELDS = 20;

function ignoredFields(results: Readonly<Record<string, TableResult>>): string[] {
  return Object.entries(results).flatMap(([name, { ignored, counts }]) => {
    const fields = Object.entries(ignored)
      .slice(0, SHOWN_FIELDS)
      .map(([field, documents]) => `${escaped(field)} (${documents})`);
    const shown = `${escaped(name)}: the engine ignores a value in ${counts.ignored ?? 0} documents, so that searches of these fields do not find them: ${fields.join(', ')}.`;
    return fields.length === 0 ? [] : ['', shown];
  });
}

function keys(results: Readonly<Record<string, TableResult>>): string[] {
  const all = Object.values(results).flatMap(({ findings }) => findings);
  return (['missing', 'different', 'stale', 'frozen', 'failed-again', 'moving'] as const).flatMap((kind) => {
    const found = all.filter((finding) => finding.kind === kind).slice(0, SHOWN_KEYS);
    return found.length === 0 ? [] : ['', `First ${kind}: ${found.map(({ table, id }) => `${escaped(table)}/${escaped(id)}`).join(', ')}`];
  });
}

const FROZEN =
  ' (another writer gave these documents versions that lie in the future: run operation reindex, or delete them by their ids and run verify with repair: true an hour later)';

/** Of a backfill or a verify: one of all differences, never one per item. @param list URI of the list of differences */
export function runWarnings(operation: 'backfill' | 'verify', name: string, { counts, unwalked }: TableResult, list: string): string[] {
  const { repaired = 0, malformed = 0, frozen = 0 } = counts;
  const kinds = (['missing', 'different', 'stale', 'frozen'] as const).flatMap((kind) =>
    (counts[kind] ?? 0) === 0 ? [] : [`${counts[kind]} ${kind}`],
  );
  const fixed = repaired === 0 ? '' : `; ${repaired} ${repaired === 1 ? 'was' : 'were'} repaired`;
  return [
    ...(kinds.length === 0 ? [] : [`Table ${name}: ${kinds.join(', ')}${frozen === 0 ? '' : FROZEN}${fixed}. The list is ${list}`]),
    ...(malformed === 0
      ? []
      : [`Table ${name}: ${malformed} items cannot have a document${operation === 'backfill' ? ' and became dead letters' : ''}`]),
    ...(unwalked === undefined ? [] : [`Table ${name}: ${unwalked}`]),
  ];
}
