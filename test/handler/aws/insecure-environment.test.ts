// The warnings about variables that make connections insecure.
import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, jest, test } from '@jest/globals';
import { warnOfEnvironment } from '../../../handler/aws/insecure-environment.ts';
import { start } from '../../../handler/start.ts';

function warnings(env: NodeJS.ProcessEnv): { message: string; fields: unknown }[] {
  const lines: { message: string; fields: unknown }[] = [];
  const never = (): never => {
    throw new Error('not a warning');
  };
  warnOfEnvironment(env, { info: never, error: never, warn: (message, fields) => void lines.push({ message, fields }) });
  return lines;
}

test('an environment without such variables draws no warning', () => {
  expect(warnings({ AWS_REGION: 'eu-west-1', AWS_ENDPOINT_URL: '', NODE_OPTIONS: '--enable-source-maps' })).toEqual([]);
});

test.each(['0', '1', ''])('NODE_TLS_REJECT_UNAUTHORIZED=%s draws a warning with what to do', (value) => {
  expect(warnings({ NODE_TLS_REJECT_UNAUTHORIZED: value }).map(({ message }) => message)).toEqual([
    expect.stringMatching(/^NODE_TLS_REJECT_UNAUTHORIZED .* checks certificates anyway.* remove the variable/),
  ]);
});

test('all addresses of AWS without TLS on other machines draw one warning, with their hosts alone', () => {
  const env = {
    AWS_ENDPOINT_URL: 'http://user:hidden@emulator:4566/path',
    AWS_ENDPOINT_URL_S3: 'http://10.0.0.1:9000',
    AWS_ENDPOINT_URL_SECRETS_MANAGER: 'https://secrets.example.com',
    AWS_ENDPOINT_URL_SQS: 'HTTP://queue.example.com',
    AWS_ENDPOINT_URL_DYNAMODB: 'not a URL',
  };
  const [warning, ...others] = warnings(env);
  expect(others).toEqual([]);
  expect(warning?.message).toMatch(/without TLS.*use https/);
  expect(warning?.fields).toEqual({
    hosts: { AWS_ENDPOINT_URL: 'emulator:4566', AWS_ENDPOINT_URL_S3: '10.0.0.1:9000', AWS_ENDPOINT_URL_SQS: 'queue.example.com' },
  });
});

test.each(['http://localhost:4566', 'http://127.0.0.1', 'http://127.1', 'http://[::1]:1', 'http://s3.localhost', 'https://emulator'])(
  '%s draws none',
  (url) => {
    expect(warnings({ AWS_ENDPOINT_URL: url })).toEqual([]);
  },
);

test('addresses that are ignored draw none', () => {
  expect(warnings({ AWS_ENDPOINT_URL: 'http://emulator', AWS_IGNORE_CONFIGURED_ENDPOINT_URLS: 'TRUE' })).toEqual([]);
});

test('the function warns at its start', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'function-'));
  const config = { format: 1, release: '1', environment: 'TEST', endpoint: 'https://search.example.com', auth: { type: 'none' } };
  await writeFile(join(folder, 'config.json'), JSON.stringify({ ...config, options: { defaults: {}, tables: {} } }));
  await writeFile(join(folder, 'table_mapping.json'), '{}');
  const warn = jest.spyOn(console, 'warn').mockImplementation(() => undefined);
  await start(folder, { NODE_TLS_REJECT_UNAUTHORIZED: '0', AWS_ENDPOINT_URL: 'http://emulator' });
  const lines = warn.mock.calls.map(([line]) => String(line));
  warn.mockRestore();
  expect(lines).toEqual([
    expect.stringContaining('NODE_TLS_REJECT_UNAUTHORIZED'),
    expect.stringContaining('"AWS_ENDPOINT_URL":"emulator"'),
  ]);
});
