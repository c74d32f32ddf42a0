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
