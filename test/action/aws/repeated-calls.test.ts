// Calls whose response was lost, or that another run made at the same moment: when retried, they meet their own work.
import { describe, expect, test } from '@jest/globals';
import { pointAlias } from '../../../action/aws/alias.ts';
import { writeHistory } from '../../../action/aws/code-bucket.ts';
import { bucketHistory } from '../../../action/deployed/history-store.ts';
import { createTrigger } from '../../../action/aws/triggers.ts';
import { failure, fake } from '../fake-aws.ts';

describe('a call that finds its own work done', () => {
  test('a trigger that exists already is that trigger', async () => {
    const words =
      'The event source arn (" arn:s ") and function (" Fn ") provided mapping already exists. Please update or delete the existing mapping with UUID 11111111-2222-3333-4444-555555555555';
    const aws = fake({ CreateEventSourceMapping: [failure('ResourceConflictException', words, 409)] });
    expect(await createTrigger(aws, { FunctionName: 'Fn', EventSourceArn: 'arn:s' }, () => undefined)).toBe(
      '11111111-2222-3333-4444-555555555555',
    );
    expect(aws.calls).toEqual(['CreateEventSourceMapping']);
  });

  test.each(['ResourceConflictException', 'ConflictException'])('an alias that exists by now (%s) is moved', async (name) => {
    const aws = fake({
      CreateAlias: [failure(name, 'Alias already exists: arn:a', 409)],
      UpdateAlias: [{ AliasArn: 'arn:a', FunctionVersion: '2' }],
    });
    expect(await pointAlias(aws, 'Fn', 'live', undefined, '2', [])).toMatchObject({ arn: 'arn:a', version: '2' });
  });

  test('a history that is already as it was to be written counts as written', async () => {
    const body = { transformToByteArray: () => Promise.resolve(Buffer.from('text')) };
    const aws = fake({ PutObject: [failure('PreconditionFailed', '', 412)], GetObject: [{ Body: body, ETag: '"2"' }] });
    expect(await writeHistory(aws, 'b', 'k', 'text', '"1"')).toBe('"2"');
  });

  test('a history of another run is not overwritten', async () => {
    const body = { transformToByteArray: () => Promise.resolve(Buffer.from('other')) };
    const aws = fake({ PutObject: [failure('PreconditionFailed', '', 412)], GetObject: [{ Body: body, ETag: '"2"' }] });
    await expect(writeHistory(aws, 'b', 'k', 'text', '"1"')).rejects.toThrow(/another deploy of this function runs at the same time/);
  });
});

describe('two runs at the same moment', () => {
  test('that write the same content do not mistake each other for themselves', async () => {
    let stored: { text: string; etag: string } | undefined;
    let writes = 0;
    const bucket = {
      GetObject: [
        () => {
          if (stored === undefined) throw failure('NoSuchKey', '', 404);
          const { text, etag } = stored;
          return { Body: { transformToByteArray: () => Promise.resolve(Buffer.from(text)) }, ETag: etag };
        },
      ],
      PutObject: [
        (input: { Body: string; IfMatch?: string }) => {
          if (stored?.etag !== input.IfMatch) throw failure('PreconditionFailed', '', 412);
          writes += 1;
          stored = { text: input.Body, etag: `"${writes}"` };
          return { ETag: stored.etag };
        },
      ],
    };
    const aws = fake(bucket);
    const [one, other] = await Promise.all([bucketHistory(aws, 'b', 'Fn'), bucketHistory(aws, 'b', 'Fn')]);
    await one.begin([], []);
    await expect(other.begin([], [])).rejects.toThrow(/another deploy of this function runs at the same time/);
  });
});
