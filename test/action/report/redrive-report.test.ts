import { expect, test } from '@jest/globals';
import { redriveWarnings } from '../../../action/report/redrive-report.ts';

test('what redrive has left is one sentence per kind, with the list', () => {
  const counts = { 'failed-again': 3, moving: 1, frozen: 2, foreign: 0, malformed: 0 };
  const warnings = redriveWarnings('Orders', { counts, reasons: { mapper_parsing_exception: 2, item_too_large: 1 } }, 's3://code/list');
  expect(warnings).toEqual([
    expect.stringMatching(
      /^Table Orders: 3 dead letters failed again \(1 item_too_large, 2 mapper_parsing_exception\)\..* s3:\/\/code\/list$/,
    ),
    expect.stringMatching(/^Table Orders: 1 item could not be written yet, because a delete .* s3:\/\/code\/list$/),
    expect.stringMatching(/^Table Orders: 2 items could not be written, because another writer .*reindex.* s3:\/\/code\/list$/),
  ]);
});

test('a redrive that has left nothing warns of nothing', () => {
  expect(redriveWarnings('Orders', { counts: { redriven: 2, frozen: 0 }, reasons: {} }, 's3://code/list')).toEqual([]);
});
