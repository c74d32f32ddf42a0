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

  test('a certificate of a private authority is refused with the key that mends it', async () => {
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
    expect(fn.letters.size).toBe(0);
    expect(JSON.stringify(fn.logs)).toContain('Check the credentials');
    expect(JSON.stringify(fn.logs)).not.toContain('wrong-word');
  });

  test('a user without permission is refused with a remedy', async () => {
    // A demo user of the security plugin who may read alone.
    const fn = testFunction({ endpoint, ca: search.ca, mapping, auth: { type: 'basic', username: 'readall', password: 'readall' } });
    expect(await fn.invoke([record], 5000)).toEqual(failed);
    expect(fn.letters.size).toBe(0);
    expect(JSON.stringify(fn.logs)).toMatch(/role|access policy/);
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
