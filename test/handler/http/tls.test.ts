// Certificates are checked whatever the environment says.
import { execFile } from 'node:child_process';
import { globSync, readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, expect, test } from '@jest/globals';
import { PROJECT } from '../../stack/cache.ts';
import { findJdk } from '../../stack/java.ts';
import { listen } from '../../stack/loopback.ts';
import { serverKeys } from '../../stack/server-keys.ts';

const { store, password, certificate } = await serverKeys(findJdk(11, 'a certificate'));
const server = await listen(createServer({ pfx: readFileSync(store), passphrase: password }, (_, response) => response.end('ok')));
afterAll(() => server.stop());

/** The result of a process of its own: Node's TLS does not read the environment of a test. */
async function connect(module: string, program: string, ca: string | undefined): Promise<string> {
  const whole = `
    import * as module from ${JSON.stringify(join(PROJECT, module))};
    const { SERVER, CA } = process.env;
    const { signal } = new AbortController();
    console.log(await (${program}).then(({ text }) => text, ({ code }) => code));
    process.exit();`;
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', whole], {
    env: {
      PATH: process.env.PATH,
      SERVER: server.url.replace('http:', 'https:'),
      NODE_TLS_REJECT_UNAUTHORIZED: '0',
      ...(ca === undefined ? {} : { CA: ca }),
    },
  });
  return stdout.trim();
}

test.each([
  [
    'of AWS',
    'handler/http/connection.ts',
    `new module.HttpConnection(new URL(SERVER), { limit: 60_000, sockets: 1, ca: CA })
      .exchange({ method: 'GET', path: '/', headers: { host: new URL(SERVER).host }, body: [] }, signal)`,
  ],
  [
    'of the cluster',
    'handler/cluster/client.ts',
    `new module.ClusterClient({ endpoint: SERVER, auth: { type: 'none' }, certificateAuthority: CA }, {}, undefined, undefined)
      .send({ method: 'GET', path: '/' }, signal)`,
  ],
])('a certificate %s that nobody vouches for is refused, also with NODE_TLS_REJECT_UNAUTHORIZED=0', async (_, module, program) => {
  expect(await connect(module, program, undefined)).toMatch(/^(?:DEPTH_ZERO_)?SELF_SIGNED_CERT/);
  expect(await connect(module, program, readFileSync(certificate, 'utf8'))).toBe('ok');
});

test('the function has no other way to connect than the one that checks certificates', () => {
  const sources = globSync('handler/**/*.ts', { cwd: PROJECT }).map((file) => [file, readFileSync(join(PROJECT, file), 'utf8')] as const);
  const connecting = sources
    .filter(([, text]) => /^import (?!type).*'node:(?:https?|tls|net|http2)'|\bfetch\(|undici/m.test(text))
    .map(([file]) => file);
  expect(connecting).toEqual(['handler/http/connection.ts']);
  const [, text = ''] = sources.find(([file]) => file === 'handler/http/connection.ts') ?? [];
  expect(text.match(/new HttpsAgent\(/g)).toHaveLength(1);
  expect(text).toContain('new HttpsAgent({ ...options, rejectUnauthorized: true,');
});
