// The key mapping, table_mapping.json: the key of each table, and its trigger's settings. The action writes it, the handler reads it.
import { ConfigError, parseObject, shown } from './fields.ts';
import { isObject } from './json.ts';
import { defaultIndex, indexNameProblem } from './index-name.ts';

/** An entry of table_mapping.json: one table. */
export interface TableMapping {
  readonly TableName: string;
  /** Name of the hash key attribute. */
  readonly PrimaryKey: string;
  /** Name of the range key attribute, if the table has one. */
  readonly SortKey?: string;
  readonly Index: string;
  /** Whether the table's trigger has `ReportBatchItemFailures`: without it Lambda ignores the function's response. */
  readonly ReportBatchItemFailures: boolean;
}

/** table_mapping.json: by the table's name in lower case, sorted. */
export type KeyMapping = Readonly<Record<string, TableMapping>>;

/**
 * Parses table_mapping.json, also in the predecessor's form: per table the whole response of DescribeTable, with `PrimaryKey` and
 * `SortKey`; such a file does not contain the trigger's settings. @throws {ConfigError}
 */
export function parseKeyMapping(text: string, file = 'table_mapping.json'): KeyMapping {
  const remedy = 'Run the action with operation: refresh-mapping';
  const root = parseObject(text, file, remedy);
  return Object.fromEntries(
    Object.entries(root).map(([key, entry]) => {
      if (!isObject(entry)) throw new ConfigError(file, key, `expected an object, found ${shown(entry)}`, remedy);
      const described = isObject(entry.Table) ? entry.Table : entry;
      const name = described.TableName ?? entry.TableName ?? key;
      const { PrimaryKey: hash, SortKey: range } = entry;
      if (typeof name !== 'string' || name === '') throw new ConfigError(file, `${key}.TableName`, 'expected a table name', remedy);
      if (typeof hash !== 'string' || hash === '')
        throw new ConfigError(file, `${key}.PrimaryKey`, 'expected the name of the hash key', remedy);
      if (range !== undefined && range !== null && typeof range !== 'string') {
        throw new ConfigError(file, `${key}.SortKey`, 'expected the name of the range key', remedy);
      }
      const index = entry.Index ?? defaultIndex(name);
      if (typeof index !== 'string' || indexNameProblem(index) !== undefined) {
        throw new ConfigError(
          file,
          `${key}.Index`,
          `${shown(entry.Index)} is no index name`,
          'Give the table an index in the options file',
        );
      }
      const mapping: TableMapping = {
        TableName: name,
        PrimaryKey: hash,
        ...(typeof range === 'string' && range !== '' ? { SortKey: range } : {}),
        Index: index,
        ReportBatchItemFailures: entry.ReportBatchItemFailures === true,
      };
      return [key.toLowerCase(), mapping];
    }),
  );
}
