/** The text of a file, or why its bytes are not text. */
export type FileText = { readonly text: string } | { readonly problem: string; readonly line?: number };

const REMEDY = 'save it as UTF-8';

/**
 * The text of a file in UTF-8, or in UTF-16 with a byte order mark, as Windows writes it. Nothing is replaced: a byte that represents no
 * character is a problem, since it could be a part of a password.
 */
export function fileText(bytes: Uint8Array): FileText {
  const [a, b, c, d] = bytes;
  if ((a === 0xff && b === 0xfe && c === 0 && d === 0) || (a === 0 && b === 0 && c === 0xfe && d === 0xff)) {
    return { problem: `it is in UTF-32; ${REMEDY}` };
  }
  if (a === 0xff && b === 0xfe) return utf16(bytes, 'utf-16le');
  if (a === 0xfe && b === 0xff) return utf16(bytes, 'utf-16be');
  const at = bytes.indexOf(0);
  if (at >= 0) {
    const isWide =
      bytes.length % 2 === 0 && (bytes[at + 1] !== 0 || at % 2 === 1) && bytes.filter((byte) => byte === 0).length * 3 > bytes.length;
    return {
      problem: isWide ? `it is in UTF-16 without a byte order mark; ${REMEDY}` : `it has NUL bytes, so it is not a text; ${REMEDY}`,
    };
  }
  const text = decoded(bytes, 'utf-8');
  if (text !== undefined) return { text };
  let line = 1;
  for (let from = 0; from < bytes.length; line++) {
    const end = bytes.indexOf(10, from);
    const next = end < 0 ? bytes.length : end + 1;
    if (decoded(bytes.subarray(from, next), 'utf-8') === undefined) break;
    from = next;
  }
  return { problem: `this line has bytes that are not UTF-8, as files in Latin-1 or Windows-1252 have; ${REMEDY}`, line };
}

function utf16(bytes: Uint8Array, encoding: 'utf-16le' | 'utf-16be'): FileText {
  const text = decoded(bytes, encoding);
  return text === undefined ? { problem: `it begins as UTF-16 and is cut off or damaged; ${REMEDY}` } : { text };
}

function decoded(bytes: Uint8Array, encoding: string): string | undefined {
  try {
    return new TextDecoder(encoding, { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
}
