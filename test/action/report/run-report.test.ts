import { expect, test } from '@jest/globals';
import { resultLines, runReport, runSummary, runWarnings, type TableResult } from '../../../action/report/run-report.ts';

const RESULT: TableResult = {
  complete: true,
  counts: { read: 3, equal: 3, ignored: 2 },
  differences: 0,
  failure: undefined,
  findings: [],
  reasons: {},
  unwalked: undefined,
  ignored: { price: 2, 'a|b': 1 },
};

test('a report counts ignored values by field, as no difference', () => {
  expect(runReport('verify', { Orders: RESULT })).toMatchObject({
    tables: { Orders: { differences: 0, ignored: { price: 2, 'a|b': 1 } } },
  });
});

test('a summary names the fields whose values the engine ignores, as text', () => {
  expect(runSummary('verify', { Orders: RESULT }, 's3://bucket/report.json')).toContain(
    'Orders: the engine ignores a value in 2 documents, so that searches of these fields do not find them: price (2), a\\|b (1).',
  );
  expect(runSummary('verify', { Orders: { ...RESULT, ignored: {} } }, 's3://bucket/report.json')).not.toContain('ignores');
});

test('the log has the counts of each table that are not 0, and the place of the report', () => {
  const results = { Orders: RESULT, Empty: { ...RESULT, complete: false, counts: { read: 0 } } };
  expect(resultLines(results, 's3://bucket/report.json')).toEqual([
    'Table Orders: complete; 3 read, 3 equal, 2 ignored',
    'Table Empty: not complete; nothing found',
    'Report: s3://bucket/report.json',
  ]);
});

test('all differences of a table are one warning, with what was repaired and the place of the list', () => {
  const list = 's3://bucket/differences.jsonl';
  const warnings = (counts: TableResult['counts']): string[] => runWarnings('verify', 'Orders', { ...RESULT, counts }, list);
  expect(warnings({ read: 3, equal: 3 })).toEqual([]);
  expect(warnings({ missing: 1, stale: 2 })).toEqual([`Table Orders: 1 missing, 2 stale. The list is ${list}`]);
  expect(warnings({ missing: 1, different: 1, stale: 1, repaired: 3 })).toEqual([
    `Table Orders: 1 missing, 1 different, 1 stale; 3 were repaired. The list is ${list}`,
  ]);
  expect(warnings({ frozen: 1 })).toEqual([expect.stringMatching(/^Table Orders: 1 frozen \(another writer .*\)\. The list is /)]);
});
