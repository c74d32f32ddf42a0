import { request } from 'node:https';
import { expect, test } from '@jest/globals';
import { testFunction } from '../handler/function.ts';
import { sequenceNumber, streamRecord } from '../handler/records.ts';
import { useSearch, whyNot } from '../stack/use-stack.ts';
import { testEngine } from './run-suite.ts';

const kind = 'opensearch-2-security';
const record = streamRecord({ table: 'secured', keys: { pk: { S: 'a' } }, counter: 1 });
const failed = { batchItemFailures: [{ itemIdentifier: sequenceNumber(1) }] };
const mapping = [{ TableName: 'secured' }];

if (whyNot(kind) === undefined) {
  const search = await useSearch(kind);
  const endpoint = search.url;

  test('a certificate of a private authority is refused with the key that fixes it', async () => {
    const fn = testFunction({ endpoint, mapping, auth: { type: 'basic', username: 'admin', password: 'admin' } });
    expect(await fn.invoke([record], 5000)).toEqual(failed);
    expect(JSON.stringify(fn.logs)).toContain('ES_CA');
    expect((await fn.check()).problems).toEqual([
      { what: expect.stringContaining('certificate') as unknown, remedy: expect.stringContaining('ES_CA') as unknown },
    ]);
  });

  test('a wrong password is refused with a remedy, and no password in a log', async () => {
    const fn = testFunction({ endpoint, ca: search.ca, mapping, auth: { type: 'basic', username: 'admin', password: 'wrong-word' } });
    expect(await fn.invoke([record], 5000)).toEqual(failed);
    expect(fn.deadLetters.size).toBe(0);
    expect(JSON.stringify(fn.logs)).toContain('Check the credentials');
    expect(JSON.stringify(fn.logs)).not.toContain('wrong-word');
  });

  test('a user without permission is refused with a remedy', async () => {
    // A demo user of the security plugin who may read alone.
    const fn = testFunction({ endpoint, ca: search.ca, mapping, auth: { type: 'basic', username: 'readall', password: 'readall' } });
    expect(await fn.invoke([record], 5000)).toEqual(failed);
    expect(fn.deadLetters.size).toBe(0);
    expect(JSON.stringify(fn.logs)).toMatch(/role|access policy/);
  });

  test('the role that docs/iam.md names is enough to create, write, map, refresh and check', async () => {
    const administer = async (path: string, body: unknown): Promise<void> => {
      const admin = `Basic ${Buffer.from('admin:admin').toString('base64')}`;
      const response = await new Promise<number | undefined>((resolve, reject) => {
        const headers = { authorization: admin, 'content-type': 'application/json' };
        const ca = search.ca === undefined ? {} : { ca: search.ca };
        request(`${endpoint}/_plugins/_security/api/${path}`, { method: 'PUT', headers, ...ca }, ({ statusCode }) => {
          resolve(statusCode);
        })
          .on('error', reject)
          .end(JSON.stringify(body));
      });
      expect(response).toBe(201);
    };
    await administer('roles/indexer', {
      cluster_permissions: ['cluster_composite_ops'],
      index_permissions: [{ index_patterns: ['least'], allowed_actions: ['crud', 'create_index', 'manage'] }],
    });
    await administer('internalusers/indexer', { password: 'a-Long-Enough-Word-4711' });
    await administer('rolesmapping/indexer', { users: ['indexer'] });
    const fn = testFunction({
      endpoint,
      ca: search.ca,
      mapping: [{ TableName: 'least' }],
      auth: { type: 'basic', username: 'indexer', password: 'a-Long-Enough-Word-4711' },
    });
    // A map with values of two kinds under one name makes the function map the field itself.
    const mixed = { L: [{ M: { k: { S: 'v' } } }, { M: { k: { N: '1' } } }] };
    const written = streamRecord({ table: 'least', keys: { pk: { S: 'a' } }, image: { pk: { S: 'a' }, mixed }, counter: 1 });
    expect(await fn.invoke([written], 20_000)).toEqual({ batchItemFailures: [] });
    const removed = streamRecord({ table: 'least', keys: { pk: { S: 'a' } }, event: 'REMOVE', counter: 2 });
    expect(await fn.invoke([removed], 20_000)).toEqual({ batchItemFailures: [] });
    expect(fn.deadLetters.size).toBe(0);
    expect(JSON.stringify(fn.logs)).not.toContain('refresh failed');
    expect(await fn.check()).toMatchObject({ ok: true, tables: { least: { index: 'least', exists: true } } });
  });

  test('a secret that was rotated is read again', async () => {
    const passwords = ['old-word', 'admin'];
    const readSecret = (): Promise<string> => Promise.resolve(JSON.stringify({ username: 'admin', password: passwords.shift() }));
    const fn = testFunction({
      endpoint,
      ca: search.ca,
      mapping,
      auth: { type: 'secret', secretArn: 'arn:aws:secretsmanager:eu-west-1:1:secret:x' },
      readSecret,
    });
    expect(await fn.invoke([record], 20_000)).toEqual({ batchItemFailures: [] });
    expect(passwords).toEqual([]);
  });
}

await testEngine(kind);
