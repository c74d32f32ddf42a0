import { expect, test } from '@jest/globals';
import { parseConfig } from '../../formats/function-config.ts';

const withAuth = (auth: object): string =>
  JSON.stringify({
    format: 1,
    release: '1',
    environment: 'DEV',
    endpoint: 'https://search.example.com',
    auth,
    options: { defaults: {}, tables: {} },
  });

test('a password that is a number is refused without being shown', () => {
  const text = withAuth({ type: 'basic', username: 'writer', password: 20261122 });
  expect(() => parseConfig(text)).toThrow(
    /^config\.json: auth\.password: expected a text, found a number\. Deploy the function again with the action$/,
  );
});

test('an API key that does not fit in a header is refused without being shown, at start', () => {
  const text = withAuth({ type: 'api-key', apiKey: 'two words' });
  expect(() => parseConfig(text)).toThrow(
    /^config\.json: auth\.apiKey: it contains characters that are not allowed in an API key\. Set it again in the endpoint file and deploy$/,
  );
});

const withReindex = (reindex: unknown): string => JSON.stringify({ ...(JSON.parse(withAuth({ type: 'none' })) as object), reindex });

test('a table that is reindexed has two indexes and the time since which both are written', () => {
  const reindex = { Orders: { indexes: ['orders-1', 'orders-2'], since: '2026-01-02T03:04:05.000Z' } };
  expect(parseConfig(withReindex(reindex)).reindex).toEqual(reindex);
  expect(parseConfig(withAuth({ type: 'none' }))).not.toHaveProperty('reindex');
});

test.each([
  ['one index', { indexes: ['orders-1'], since: '2026-01-02' }, 'indexes: expected the names of two indexes'],
  ['the same index twice', { indexes: ['orders-1', 'orders-1'], since: '2026-01-02' }, 'indexes: expected the names of two indexes'],
  ['three indexes', { indexes: ['a', 'b', 'c'], since: '2026-01-02' }, 'indexes: expected the names of two indexes'],
  ['a name that no index can have', { indexes: ['a', 'B'], since: '2026-01-02' }, 'indexes: expected the names of two indexes'],
  ['no time', { indexes: ['a', 'b'] }, 'since: expected a text, found nothing'],
  ['a time that is none', { indexes: ['a', 'b'], since: 'yesterday' }, 'since: expected a time, found "yesterday"'],
  ['an unknown key', { indexes: ['a', 'b'], since: '2026-01-02', alias: 'c' }, 'alias: unknown key'],
  ['no object', [], 'expected an object, found a list'],
])('a table that is reindexed is refused with %s', (_, entry, problem) => {
  expect(() => parseConfig(withReindex({ Orders: entry }))).toThrow(
    `config.json: reindex.Orders${problem.startsWith('expected') ? '' : '.'}`,
  );
  expect(() => parseConfig(withReindex({ Orders: entry }))).toThrow(problem);
});
