// The list of differences of an earlier run, cut into lists that slices look at: however long it is, one of them is in memory.
import type { Readable } from 'node:stream';
import { createInterface } from 'node:readline';
import { GetObjectCommand } from '@aws-sdk/client-s3';
import { isObject } from '../../../formats/json.ts';
import { hasKeyShape } from '../../../formats/key-shape.ts';
import type { Finding, SliceTable } from '../../../formats/slice.ts';
import { parseS3Uri } from '../../../formats/s3-uri.ts';
import { isAwsError } from '../../aws/errors.ts';
import type { Aws } from '../../aws/session.ts';
import { UserError } from '../../errors.ts';
import type { RunStore } from './run-store.ts';

/** Lines of a list: a slice has all of them in memory, and a key is 3 KB at most. */
const MAX_LINES = 1_000;
/** Characters of a line: one with the longest key has less than a tenth. */
const MAX_LINE = 100_000;
const KINDS: readonly unknown[] = ['missing', 'different', 'stale', 'frozen', 'moving'] satisfies Finding['kind'][];

/** The lists of a run that looks at a report again. */
export interface ReportLists {
  /** Keys of the lists, about the table alone. */
  readonly lists: readonly string[];
  /** Lines about other tables, which were left out. */
  readonly others: number;
}

/**
 * Cuts the list of differences of an earlier run. @param uri `s3://bucket/key`
 * @throws {UserError} where there is none, or it has another format
 */
export async function cutReport(aws: Aws, uri: string, table: SliceTable, slices: RunStore): Promise<ReportLists> {
  const { bucket: Bucket = '', prefix: Key = '' } = parseS3Uri(uri) ?? {};
  try {
    return await aws.call('s3:GetObject (runs)', uri, async () => {
      const { Body } = await aws.s3.send(new GetObjectCommand({ Bucket, Key }));
      // On Node, a body is a stream of it.
      return cutLines(Body as Readable, uri, table, slices);
    });
  } catch (error) {
    if (!isAwsError(error, 'NoSuchKey', 'NoSuchBucket', 'NotFound')) throw error;
    throw new UserError(
      `report: there is no object ${uri}`,
      'Name the differences.jsonl of an earlier run of verify, as its warnings show it',
    );
  }
}

async function cutLines(body: Readable, uri: string, table: SliceTable, slices: RunStore): Promise<ReportLists> {
  const lists: string[] = [];
  let [others, number, lines] = [0, 0, [] as string[]];
  const flush = async (): Promise<void> => {
    if (lines.length === 0) return;
    const name = `lists/report-${lists.length}.jsonl`;
    await slices.write(name, lines.join(''));
    lists.push(`${slices.prefix}/${name}`);
    lines = [];
  };
  for await (const line of createInterface({ input: body, crlfDelay: Infinity })) {
    number += 1;
    if (line === '') continue;
    const finding = findingOf(line);
    if (finding === undefined) throw wrongLine(uri, number, 'is not a difference: { "table", "id", "keys", "kind" }');
    if (finding.table !== table.name) {
      others += 1;
      continue;
    }
    // The function compares the rest with the id.
    if (!hasKeyShape(finding.keys, table.keys)) throw wrongLine(uri, number, `has no key of the table ${table.name}`);
    lines.push(`${JSON.stringify(finding)}\n`);
    if (lines.length >= MAX_LINES) await flush();
  }
  await flush();
  return { lists, others };
}

const wrongLine = (uri: string, number: number, what: string): UserError =>
  new UserError(`report: line ${number} of ${uri} ${what}`, 'Name the differences.jsonl of an earlier run of verify');

/** A line without what its run saw: it is looked at anew. */
function findingOf(line: string): Finding | undefined {
  if (line.length > MAX_LINE) return undefined;
  let found: unknown;
  try {
    found = JSON.parse(line);
  } catch {
    return undefined;
  }
  if (!isObject(found)) return undefined;
  const { table, id, keys, kind } = found;
  const isFinding = typeof table === 'string' && typeof id === 'string' && isObject(keys) && KINDS.includes(kind);
  return isFinding ? { table, id, keys, kind: kind as Finding['kind'] } : undefined;
}
