import { describe, expect, test } from '@jest/globals';
import { readCheckResponse } from '../../../action/apply/check-function.ts';

describe('the response to a check', () => {
  test('is taken apart, whatever it is', () => {
    expect(
      readCheckResponse({
        payload:
          '{"ok":true,"cluster":{"distribution":"opensearch","version":"2.19.6"},"environment":"STAGE","release":"1","tables":{"T":{"index":"t","exists":true}},"problems":[]}',
        functionError: undefined,
      }),
    ).toMatchObject({
      ok: true,
      cluster: { distribution: 'opensearch', version: '2.19.6' },
      tables: { T: { index: 't', exists: true } },
    });
    expect(readCheckResponse({ payload: '{"ok":false,"problems":[{"what":"a","remedy":"b"},7]}', functionError: undefined })).toMatchObject(
      {
        ok: false,
        problems: [{ what: 'a', remedy: 'b' }],
      },
    );
    for (const [payload, functionError, expected] of [
      ['null', undefined, /cannot be read: null/],
      ['<html>', undefined, /cannot be read: <html>/],
      ['', undefined, /cannot be read: it is empty/],
      ['{"errorType":"Sandbox.Timedout","errorMessage":"Task timed out after 60.00 seconds"}', 'Unhandled', /Task timed out/],
      ['{"errorType":"Runtime.ImportModuleError","errorMessage":"Cannot find module"}', 'Unhandled', /Cannot find module/],
    ] as const) {
      const response = readCheckResponse({ payload, functionError });
      expect(response.ok).toBe(false);
      expect(response.problems[0]?.what).toMatch(expected);
    }
  });

  test('is cut where it is longer than an annotation can be', () => {
    const problems = Array.from({ length: 200 }, () => ({ what: 'w'.repeat(5_000), remedy: 'r'.repeat(5_000) }));
    const response = readCheckResponse({ payload: JSON.stringify({ ok: false, problems }), functionError: undefined });
    expect(response.problems).toHaveLength(21);
    expect(response.problems[0]?.what).toBe(`${'w'.repeat(1_000)}…`);
    expect(response.problems.at(-1)).toEqual({ what: '180 more problems', remedy: "Look at the function's log" });
    expect(JSON.stringify(response).length).toBeLessThan(64_000);
  });

  test.each([
    ['2.19.6', '2.19.6'],
    ['9.0.0-beta1', '9.0.0-beta1'],
    ['2.19.6 ##[error]x', undefined],
    ['::error::x', undefined],
    ['1'.repeat(99), undefined],
    [7, undefined],
  ])('gives the version of a cluster that says %j as %j', (version, expected) => {
    const payload = JSON.stringify({ ok: true, cluster: { distribution: `open\nsearch`, version } });
    expect(readCheckResponse({ payload, functionError: undefined }).cluster).toEqual({
      distribution: 'unknown',
      ...(expected === undefined ? {} : { version: expected }),
    });
  });
});
