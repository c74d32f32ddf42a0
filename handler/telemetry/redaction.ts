// Redacts an engine's reasons for logs: they quote values of documents.

/** Of a reason: it may quote a whole item, and names its subject before this length. */
const MAX_READ_CHARACTERS = 2000;
/** Of a reason in a log. */
const MAX_LOGGED_CHARACTERS = 300;

/** The beginning of reasons that name a field and its type before anything that they quote. */
const FIELD_AND_TYPE = /^(?:\[\d+:\d+\] )?failed to parse field \[[^\]]*\] of type \[[^\]]*\]/;
/** The place in the document, which some engines name first. */
const PLACE = /^\[\d+:\d+\]/;
/** Words before a bracket around the name of a field, a type or a limit; and more characters than any of them has. */
const MAX_NAMING_CHARACTERS = 24;
const NAMES = /\b(?:fields?|of type|type|to|mapping for|introduction of|within|alias|mapper|nested path) $/i;
/** The end of a reason that names the field after the value. */
const FIELD_AT_END = /\] (for field \[[^[\]]*\])$/;

/**
 * An engine's reason for refusing a document, as far as it names fields, types and limits: `failed to parse field [price] of type
 * [double].` Everything from the first possible value or id on is dropped: the character that closes it may be inside it as well.
 */
export function namesAlone(reason: string): string {
  const beginning = reason.slice(0, MAX_READ_CHARACTERS);
  const [fieldAndType] = FIELD_AND_TYPE.exec(beginning) ?? [];
  if (fieldAndType !== undefined) return `${fieldAndType}.`.slice(0, MAX_LOGGED_CHARACTERS);
  const opening = /[["]|(?<!\w)'/g;
  opening.lastIndex = PLACE.exec(beginning)?.[0].length ?? 0;
  for (let found = opening.exec(beginning); found !== null; found = opening.exec(beginning)) {
    const { index, 0: mark } = found;
    const before = beginning.slice(0, index);
    const close = mark === '[' ? ']' : mark;
    const isName = mark === '[' ? NAMES.test(before.slice(-MAX_NAMING_CHARACTERS)) : mark === '"' && before.endsWith('field=');
    const end = isName ? beginning.indexOf(close, index + 1) : -1;
    if (end < 0) {
      const [, field] = FIELD_AT_END.exec(reason.slice(-MAX_LOGGED_CHARACTERS)) ?? [];
      return `${before}${mark}…${close}${field === undefined ? '' : ` ${field}`}`.slice(0, MAX_LOGGED_CHARACTERS);
    }
    opening.lastIndex = end + 1;
  }
  return beginning.slice(0, MAX_LOGGED_CHARACTERS).trim();
}

/**
 * An engine's reason for a request without quotations of a document, for logs: it is seldom about a document at all, and full of
 * names.
 */
export function withoutValues(reason: string): string {
  // Quotes and brackets that are open where it is cut are closed, so that a pattern finds the end of the part that it removes.
  const beginning = reason.length <= MAX_READ_CHARACTERS ? reason : `${reason.slice(0, MAX_READ_CHARACTERS)}"'.].`;
  const ofRequest = beginning
    // The engine reports a shard's failures with the whole request, documents included; an ingest pipeline reports its input.
    .replace(
      /[,:]? ?request: \[?Bulk[\s\S]*|\bcontaining \[(?:index|delete|create|update) [\s\S]*|\bsource\[[\s\S]*|\bagainst source\b[\s\S]*/,
      '',
    )
    // The id follows the index.
    .replace(/(routing is required for \[[^\]]{0,300}\])[\s\S]*/, '$1')
    // Everything after the field and its type is about the value.
    .replace(/(failed to parse field \[[^\]]{0,300}\] of type \[[^\]]{0,300}\])[\s\S]*/, '$1.');
  const withoutIds = replaceBetween(ofRequest, / ?\bin document with id '/g, /'(?=\.|,|:|$)/g, () => '');
  const withoutBrackets = replaceBetween(
    withoutIds.replace(/Preview of field's value:[\s\S]*/, ''),
    /\b(?:date field|geohash|join name|value|input|token|term) \[/gi,
    /\](?=[\s,.;:]|$)/g,
    (opening) => `${opening}…]`,
  );
  const withoutQuotes = withoutBrackets.replace(/(field=)?"[^"]*"/g, (quoted, field?: string) => (field === undefined ? '"…"' : quoted));
  return replaceBetween(withoutQuotes, /(?<!\w)'/g, /'(?!\w)/g, () => "'…'")
    .slice(0, MAX_LOGGED_CHARACTERS)
    .trim();
}

/**
 * Replaces each part of a text from a match of `open` to the next match of `close`. A part without an end stays unchanged. One pattern
 * for both would search for the end again from each beginning.
 */
function replaceBetween(text: string, open: RegExp, close: RegExp, replacement: (opening: string) => string): string {
  let result = '';
  let from = 0;
  for (;;) {
    open.lastIndex = from;
    const opening = open.exec(text);
    if (opening === null) break;
    close.lastIndex = opening.index + opening[0].length;
    const closing = close.exec(text);
    if (closing === null) break;
    result += text.slice(from, opening.index) + replacement(opening[0]);
    from = closing.index + closing[0].length;
  }
  return result + text.slice(from);
}
