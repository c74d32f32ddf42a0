import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { fileText } from '../../../action/inputs/file-text.ts';

const TEXT = "# Schlüssel\r\nES_ENDPOINT='https://search.example.test'\r\n";
const swapped = (bytes: Buffer): Buffer => Buffer.from(bytes).swap16();
const utf16 = (text: string): Buffer => Buffer.from(text, 'utf16le');

describe('the text of a file', () => {
  test.each<[string, Buffer]>([
    ['UTF-8', Buffer.from(TEXT)],
    ['UTF-8 with a byte order mark', Buffer.from(`\uFEFF${TEXT}`)],
    ['UTF-16, little-endian, with a byte order mark', utf16(`\uFEFF${TEXT}`)],
    ['UTF-16, big-endian, with a byte order mark', swapped(utf16(`\uFEFF${TEXT}`))],
  ])('is read in %s', (_, bytes) => {
    expect(fileText(bytes)).toEqual({ text: TEXT });
  });

  test.each<[string, Buffer, string, number | undefined]>([
    ['UTF-16 without a byte order mark', utf16(TEXT), 'it is in UTF-16 without a byte order mark; save it as UTF-8', undefined],
    ['big-endian UTF-16 without one', swapped(utf16(TEXT)), 'it is in UTF-16 without a byte order mark; save it as UTF-8', undefined],
    [
      'UTF-16 that is cut off',
      utf16(`\uFEFF${TEXT}`).subarray(0, -1),
      'it begins as UTF-16 and is cut off or damaged; save it as UTF-8',
      undefined,
    ],
    ['half of a surrogate pair', utf16('\uFEFFA\uD800B'), 'it begins as UTF-16 and is cut off or damaged; save it as UTF-8', undefined],
    ['UTF-32', Buffer.from([0xff, 0xfe, 0, 0, 0x45, 0, 0, 0]), 'it is in UTF-32; save it as UTF-8', undefined],
    ['big-endian UTF-32', Buffer.from([0, 0, 0xfe, 0xff, 0, 0, 0, 0x45]), 'it is in UTF-32; save it as UTF-8', undefined],
    ['NUL bytes', Buffer.from('PK\u0003\u0000binary'), 'it has NUL bytes, so it is not a text; save it as UTF-8', undefined],
    [
      'Latin-1',
      Buffer.from("A=1\nES_PASSWORD='p\u00e4ss'\n", 'latin1'),
      'this line has bytes that are not UTF-8, as files in Latin-1 or Windows-1252 have; save it as UTF-8',
      2,
    ],
  ])('is not that of %s, which is named', (_, bytes, problem, line) => {
    expect(fileText(bytes)).toEqual({ problem, ...(line === undefined ? {} : { line }) });
  });

  test('is that of whatever was written in UTF-8 or UTF-16', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (text) => {
        fc.pre(!text.includes('\0') && !text.startsWith('\uFEFF'));
        expect(fileText(Buffer.from(text))).toEqual({ text });
        expect(fileText(utf16(`\uFEFF${text}`))).toEqual({ text });
      }),
    );
  });
});
