// The built action against servers whose certificate nobody trusts, with the switch that would have Node trust it.
import { createServer } from 'node:https';
import { UpdateFunctionConfigurationCommand } from '@aws-sdk/client-lambda';
import { afterAll, beforeEach, describe, expect, test } from '@jest/globals';
import { runAction } from '../stack/action-run.ts';
import { listen } from '../stack/loopback.ts';
import { selfSigned } from '../stack/self-signed.ts';
import { useStack } from '../stack/use-stack.ts';
import { prepareDeployment } from './deployment.ts';

const stack = await useStack();
const it = await prepareDeployment(stack);
/** The requests that the server received, in any form. */
let requests: string[] = [];
const server = createServer(selfSigned(), (request, response) => {
  requests.push(`${request.method ?? ''} ${request.url ?? ''}`);
  response.end('{}');
});
server.on('connect', ({ url }, socket) => {
  requests.push(`CONNECT ${url ?? ''}`);
  socket.destroy();
});
const untrusted = (await listen(server)).url.replace('http:', 'https:');
beforeEach(() => {
  requests = [];
});
afterAll(async () => {
  server.closeAllConnections();
  server.close();
  await it.stop();
});

const SWITCHED = { NODE_TLS_REJECT_UNAUTHORIZED: '0' };
const CREDENTIALS = { AWS_REGION: 'eu-west-1', AWS_ACCESS_KEY_ID: 'a', AWS_SECRET_ACCESS_KEY: 'b' };
const INPUTS = { environment: 'STAGE', endpoint: 'https://search.example.com' };

describe('NODE_TLS_REJECT_UNAUTHORIZED=0 where the action runs', () => {
  test('lets no request to AWS reach a server whose certificate is not trusted, and draws a warning', async () => {
    const run = await runAction(INPUTS, { env: { ...CREDENTIALS, ...SWITCHED, AWS_ENDPOINT_URL: untrusted } });
    expect(run.code).toBe(1);
    expect(run.log).toMatch(/::error::sts:GetCallerIdentity of these credentials failed: DEPTH_ZERO_SELF_SIGNED_CERT.*NODE_EXTRA_CA_CERTS/);
    expect(run.log).toMatch(/::warning title=A switch against TLS::NODE_TLS_REJECT_UNAUTHORIZED is set where the action runs/);
    expect(requests).toEqual([]);
  });

  test('lets no request reach a proxy whose certificate is not trusted', async () => {
    for (const AWS_ENDPOINT_URL of ['https://aws.invalid', 'http://aws.invalid']) {
      const proxies = { HTTPS_PROXY: untrusted, HTTP_PROXY: untrusted };
      const run = await runAction(INPUTS, { env: { ...CREDENTIALS, ...SWITCHED, ...proxies, AWS_ENDPOINT_URL } });
      expect(run.code).toBe(1);
      expect(run.log).toContain('self-signed certificate');
    }
    expect(requests).toEqual([]);
  });

  test('lets no comment reach a GitHub whose certificate is not trusted', async () => {
    const run = await it.run(
      { 'dry-run': 'true', 'github-token': 'ghs_x' },
      {
        event: { name: 'pull_request', payload: { pull_request: { number: 7 } } },
        env: { ...SWITCHED, GITHUB_API_URL: untrusted },
      },
    );
    expect(run.code).toBe(0);
    expect(run.summary).toContain('No comment was written');
    expect(requests).toEqual([]);
  });
});

describe('variables that weaken the transport', () => {
  test('are refused or warned of in environment-variables, and warned of where the function has them', async () => {
    const refused = await it.run({ 'environment-variables': 'NODE_TLS_REJECT_UNAUTHORIZED=1', 'memory-size': '1' });
    expect(refused.code).toBe(1);
    expect(refused.log).toMatch(/::error::.*environment-variables: line 1: expected no switch against/);
    expect(refused.log).toMatch(/memory-size: expected/);
    const plain = await it.run({ 'environment-variables': 'AWS_ENDPOINT_URL_S3=http://emulator.example.com', check: 'false' });
    expect(plain.code).toBe(0);
    expect(plain.log).toMatch(/::warning title=AWS by plain http::Function .* as its variable AWS_ENDPOINT_URL_S3 says/);
    expect(plain.log).not.toContain('emulator.example.com');
    await stack.clients.lambda.send(
      new UpdateFunctionConfigurationCommand({ FunctionName: it.name, Environment: { Variables: { NODE_TLS_REJECT_UNAUTHORIZED: '0' } } }),
    );
    for (const operation of ['deploy', 'refresh-mapping', 'rollback']) {
      const run = await it.run({ operation, 'dry-run': 'true' });
      expect(run.log).toMatch(/::warning title=A switch against TLS::Function .* has the variable NODE_TLS_REJECT_UNAUTHORIZED/);
    }
    const cleared = await it.run({ 'environment-variables': 'none', 'dry-run': 'true' });
    expect(cleared.log).not.toContain('A switch against TLS');
  });

  test('are warned of where they send the requests of the run unencrypted to another machine', async () => {
    const run = await runAction(INPUTS, { env: { ...CREDENTIALS, AWS_ENDPOINT_URL_STS: 'http://aws.invalid' } });
    expect(run.code).toBe(1);
    expect(run.log).toMatch(/::warning title=AWS by plain http::The run sends .* as AWS_ENDPOINT_URL_STS says/);
  });
});
