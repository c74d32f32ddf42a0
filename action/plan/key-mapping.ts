import { tableOf } from '../inputs/aws-rules.ts';
import { defaultIndex, indexNameProblem } from '../../formats/index-name.ts';
import type { FunctionConfig } from '../../formats/function-config.ts';
import type { KeyMapping } from '../../formats/key-mapping.ts';
import { inParallel } from '../aws/retry.ts';
import type { Aws } from '../aws/session.ts';
import { describeTable, type Table } from '../aws/tables.ts';
import { streamOrigin, type Trigger } from '../aws/triggers.ts';
import type { Warning } from './change.ts';
import type { Problem } from '../errors.ts';

/** A table whose stream the function reads, or is to read. */
export interface SourceTable {
  readonly table: Table;
  /** Those of the function that read a stream of this table. */
  readonly triggers: readonly Trigger[];
  /** Named by the input `tables`. */
  readonly listed: boolean;
}

export interface SourceTables {
  readonly sources: readonly SourceTable[];
  readonly problems: readonly Problem[];
  readonly warnings: readonly Warning[];
}

/** DescribeTable calls in parallel: DynamoDB's control plane accepts a few hundred a second in all. */
const MAX_PARALLEL = 20;

/**
 * Reads every table that a trigger of the function or the input `tables` names. A table that was deleted leaves a stream for a day, and
 * its keys to the key mapping that is deployed. @param deployed reads that mapping @throws {AwsError}
 */
export async function findSourceTables(
  aws: Aws,
  triggers: readonly Trigger[],
  listed: readonly string[],
  deployed: () => Promise<KeyMapping>,
): Promise<SourceTables> {
  const problems: Problem[] = [];
  const warnings: Warning[] = [];
  // By the name or ARN that DescribeTable accepts: a table of another account or region is described by its ARN.
  const requested = new Map<string, { triggers: Trigger[]; listed: boolean }>(listed.map((name) => [name, { triggers: [], listed: true }]));
  for (const trigger of triggers) {
    const origin = streamOrigin(trigger.source);
    if (origin === undefined) {
      warnings.push({
        title: 'A trigger that is not a DynamoDB stream',
        message: `The function is also called from ${trigger.source || `trigger ${trigger.uuid}`}, whose records it cannot use; remove that trigger`,
      });
      continue;
    }
    // DynamoDB Local has an account and a region of its own.
    const own = (origin.account === aws.account && origin.region === aws.region) || origin.region === 'ddblocal';
    const name = own ? origin.table : trigger.source.replace(/\/stream\/.*$/, '');
    const entry = requested.get(name) ?? { triggers: [], listed: false };
    entry.triggers.push(trigger);
    requested.set(name, entry);
  }
  const found = await inParallel([...requested], MAX_PARALLEL, async ([name, entry]) => ({
    name,
    entry,
    table: await describeTable(aws, name),
  }));
  const former = found.some(({ table, entry }) => table === undefined && !entry.listed) ? await deployed() : {};
  const sources = found.flatMap(({ name, entry, table }) => {
    if (table !== undefined) return [{ table, ...entry }];
    if (entry.listed) {
      problems.push({
        where: 'tables',
        message: `tables: there is no table ${name} in account ${aws.account}, region ${aws.region}. Check the name, and the region of the job`,
      });
      return [];
    }
    const known = former[(tableOf(name) ?? name).toLowerCase()];
    warnings.push({
      title: 'A trigger whose table is gone',
      message: `There is no table ${name} any more, which trigger ${entry.triggers.map(({ uuid }) => uuid).join(', ')} reads; ${
        known === undefined
          ? 'it is left out of the key mapping'
          : 'it stays in the key mapping for what is left of its stream. Remove the trigger a day after the table was deleted'
      }`,
    });
    return known === undefined ? [] : [{ table: formerTable(known), ...entry }];
  });
  return { sources, problems, warnings };
}

function formerTable({ TableName: name, PrimaryKey: hashKey, SortKey: rangeKey }: KeyMapping[string]): Table {
  return { name, hashKey, rangeKey, stream: undefined };
}

/**
 * The key mapping of these tables. A table without any trigger counts as one whose trigger reports batch item failures, since that is how
 * the action makes it; a table with triggers only where all of them do: Lambda ignores the function's response otherwise, and records that it
 * reports as failed would be lost.
 * @param options of the package: its `index` wins
 */
export function keyMapping(
  sources: readonly SourceTable[],
  options: FunctionConfig['options'],
): { mapping: KeyMapping; problems: readonly Problem[] } {
  const problems: Problem[] = [];
  const byName = new Map<string, string>();
  const byIndex = new Map<string, { table: string; explicit: boolean }>();
  const entries: [string, KeyMapping[string]][] = [];
  for (const { table, triggers } of [...sources].sort((a, b) => (a.table.name < b.table.name ? -1 : 1))) {
    const where = `tables.${table.name}.index`;
    const explicit = options.tables[table.name]?.index;
    const index = explicit ?? defaultIndex(table.name);
    const problem = index === undefined ? 'nothing is left of its name without leading _, - and +' : indexNameProblem(index);
    if (index === undefined || problem !== undefined) {
      problems.push({
        where,
        message: `Table ${table.name} has no index: ${problem ?? ''}. Give it one in the options file: tables.${table.name}.index`,
      });
      continue;
    }
    const other = byIndex.get(index);
    if (other !== undefined && !(explicit !== undefined && other.explicit)) {
      problems.push({
        where,
        message: `Tables ${other.table} and ${table.name} would share the index ${index}. Give one of them another index in the options file (tables.${table.name}.index), or name this index for both`,
      });
    }
    byIndex.set(index, { table: table.name, explicit: explicit !== undefined });
    const key = table.name.toLowerCase();
    const twin = byName.get(key);
    if (twin !== undefined) {
      problems.push({
        where: 'tables',
        message: `Tables ${twin} and ${table.name} differ in case alone, and the key mapping knows tables by their lower-cased names. Use another function for one of them`,
      });
    }
    byName.set(key, table.name);
    entries.push([
      key,
      {
        TableName: table.name,
        PrimaryKey: table.hashKey,
        ...(table.rangeKey === undefined ? {} : { SortKey: table.rangeKey }),
        Index: index,
        ReportBatchItemFailures: triggers.every(({ reportsBatchItemFailures }) => reportsBatchItemFailures),
      },
    ]);
  }
  return { mapping: Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1))), problems };
}
