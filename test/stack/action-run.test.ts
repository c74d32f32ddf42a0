import { expect, test } from '@jest/globals';
import { logAsShown } from './action-run.ts';

test('a log is shown without groups, secrets and escapes, and annotations as sentences', () => {
  const log = [
    '::group::deploy',
    '::add-mask::secret',
    '::debug::a detail',
    '::warning title=A trigger%3A one,file=search.yml::10%25 of it',
    '::error::first%0Asecond',
    '  + package, code: 0.1.0',
    '::endgroup::',
    '',
  ].join('\n');
  expect(logAsShown(log)).toBe('warning: A trigger: one: 10% of it\nerror: first\nsecond\n  + package, code: 0.1.0\n');
});
