import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { logText, withoutControls } from '../../action/log-text.ts';

/** As GitHub's runner reads a line of a log. */
const isCommand = (line: string): boolean => line.trim().startsWith('::') || line.includes('##[');
const lines = (text: string): string[] => text.split(/\r\n|[\r\n\v\f\u0085\u2028\u2029]/);

describe('text from outside in a log', () => {
  test.each([
    ['::set-env name=PATH::x', ': :set-env name=PATH::x'],
    ['a\n::add-mask::e', 'a\n: :add-mask::e'],
    ['a\r::stop-commands::t', 'a\n: :stop-commands::t'],
    ['a\u2028 \t\u00a0::debug::x', 'a\n \t\u00a0: :debug::x'],
    ['\u200b:\u200b:error::x', ': :error::x'],
    ['version ##[error]x', 'version ## [error]x'],
    ['#\u202e##[command]x', '### [command]x'],
    ['##\u001b[31m[error]x', '## [error]x'],
    [':::x', ': ::x'],
  ])('%j is no command to the runner', (text, expected) => {
    expect(logText(text)).toBe(expected);
  });

  test('of any kind contains no command and no control character', () => {
    const pieces = fc.constantFrom(
      '::',
      ':',
      '#',
      '##[',
      '[',
      ']',
      '\n',
      '\r',
      '\u2028',
      '\u0085',
      '\v',
      ' ',
      '\u200b',
      '\u202e',
      '\u001b[',
      '\u009b',
      'm',
      '\u001b',
      'a',
    );
    fc.assert(
      fc.property(fc.array(pieces, { maxLength: 30 }), (parts) => {
        const text = logText(parts.join(''));
        for (const line of lines(text)) expect(isCommand(line)).toBe(false);
        expect(text).not.toMatch(/(?![\n\t])[\p{Cc}\p{Cf}\u2028\u2029]/u);
      }),
      { numRuns: 2_000 },
    );
  });

  test('loses colours, links, titles and turns of direction, and keeps its words', () => {
    expect(
      withoutControls(
        '\u001b[1;31mred\u001b[0m \u001b]8;;https://a.b\u0007link\u001b]8;;\u001b\\ \u202eabc\u202c \u2066d\u2069\u0000\u0008',
      ),
    ).toBe('red link abc d');
    expect(logText('Bestellungen für Köln: a::b, c ## d\n\tnext')).toBe('Bestellungen für Köln: a::b, c ## d\n\tnext');
  });
});
