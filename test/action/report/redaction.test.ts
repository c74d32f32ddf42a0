import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { Redaction } from '../../../action/report/redaction.ts';

const hiding = (...secrets: string[]): Redaction => {
  const redaction = new Redaction();
  for (const secret of secrets) redaction.hide(secret);
  return redaction;
};

describe('a secret', () => {
  test('is hidden in every spelling that a text from outside may have it in', () => {
    const secret = 'p"a|s*s_w<o>r&d\\';
    const redaction = hiding(secret);
    for (const spelling of [secret, JSON.stringify(secret), encodeURIComponent(secret), Buffer.from(secret).toString('base64')])
      expect(redaction.text(`at ${spelling}.`)).toMatch(/^at "?\*\*\*"?\.$/);
  });

  test('is hidden on one line, in JSON within JSON, in a whole URL and in base64 for URLs too', () => {
    const secret = 'ünder?>>\tA\n"b\\ü';
    const redaction = hiding(secret);
    const base64url = Buffer.from(secret).toString('base64url');
    expect(base64url).toMatch(/[-_]/);
    for (const spelling of [
      secret.replace(/\s/g, ' '),
      JSON.stringify(JSON.stringify(secret)).slice(3, -3),
      encodeURI(secret),
      encodeURI(secret).replace(/%../g, (code) => code.toLowerCase()),
      base64url,
    ])
      expect(redaction.text(`at ${spelling}.`)).toBe('at ***.');
  });

  test('is hidden where characters that nobody sees part it', () => {
    expect(hiding('correct-horse').text('correct\u200b-\u001b[1mhorse')).toBe('***');
  });

  test('is hidden where a text was cut within it, and common beginnings are not', () => {
    const redaction = hiding('correct-horse-battery', 'https://bucket.s3.amazonaws.com/key?X-Amz-Signature=0123456789');
    expect(redaction.text('found "correct-hor…"')).toBe('found "***…"');
    expect(redaction.text("ES_ENDPOINT='https://…'")).toBe("ES_ENDPOINT='https://…'");
  });

  test('that overlaps another leaves nothing of it', () => {
    expect(hiding('abcdef', 'xxabc', 'cdefgh').text('-xxabcdefgh-')).toBe('-***-');
    expect(hiding('pass', 'password').text('password pass')).toBe('*** ***');
  });

  test('of whatever signs is in no text and no value of JSON', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', minLength: 4 }), fc.string(), fc.string(), (secret, before, after) => {
        fc.pre(!'***'.repeat(9).includes(secret));
        const redaction = hiding(secret);
        expect(redaction.text(`${before}${secret}${after}`)).not.toContain(secret);
        expect(JSON.stringify(redaction.value({ [secret]: [before, { a: secret }] }))).not.toContain(JSON.stringify(secret).slice(1, -1));
      }),
    );
  });

  test('of three characters is not hidden, and numbers, flags and nothing stay what they are', () => {
    expect(hiding('abc', '1024').value({ a: 'abc', b: [1, 1024, true, null] })).toEqual({ a: 'abc', b: [1, '***', true, null] });
  });
});
