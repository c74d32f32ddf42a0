// What a log may tell of an engine's reasons: they quote values of documents.

/** Characters of a reason that are looked at: it may quote a whole item, and has said by then what it is about. */
const LENGTH = 2000;
/** Of what is told in a log. */
const LOGGED_LENGTH = 300;

/** How the reasons against documents begin that name a field and its type, before all that they quote. */
const FIELD_AND_TYPE = /^(?:\[\d+:\d+\] )?failed to parse field \[[^\]]*\] of type \[[^\]]*\]/;
/** The place in the document, which some engines name first. */
const PLACE = /^\[\d+:\d+\]/;
/** Words before a bracket that holds the name of a field, a type or a limit; and more characters than any of them has. */
const NAMES_LENGTH = 24;
const NAMES = /\b(?:fields?|of type|type|to|mapping for|introduction of|within|alias|mapper|nested path) $/i;
/** How a reason ends that names the field after the value. */
const FIELD_AT_END = /\] (for field \[[^[\]]*\])$/;

/**
 * What an engine says against a document, as far as it names fields, types and limits: `failed to parse field [price] of type
 * [double].` From the first quotation on that may be a value or an id nothing is told: what closes it may stand inside it as well.
 */
export function namesAlone(reason: string): string {
  const beginning = reason.slice(0, LENGTH);
  const [fieldAndType] = FIELD_AND_TYPE.exec(beginning) ?? [];
  if (fieldAndType !== undefined) return `${fieldAndType}.`.slice(0, LOGGED_LENGTH);
  const opening = /[["]|(?<!\w)'/g;
  opening.lastIndex = PLACE.exec(beginning)?.[0].length ?? 0;
  for (let found = opening.exec(beginning); found !== null; found = opening.exec(beginning)) {
    const { index, 0: mark } = found;
    const before = beginning.slice(0, index);
    const close = mark === '[' ? ']' : mark;
    const isName = mark === '[' ? NAMES.test(before.slice(-NAMES_LENGTH)) : mark === '"' && before.endsWith('field=');
    const end = isName ? beginning.indexOf(close, index + 1) : -1;
    if (end < 0) {
      const [, field] = FIELD_AT_END.exec(reason.slice(-LOGGED_LENGTH)) ?? [];
      return `${before}${mark}…${close}${field === undefined ? '' : ` ${field}`}`.slice(0, LOGGED_LENGTH);
    }
    opening.lastIndex = end + 1;
  }
  return beginning.slice(0, LOGGED_LENGTH).trim();
}

/**
 * An engine's reason without what it quotes of a document, for logs: what is said of a request, which is seldom about a document at
 * all and full of names.
 */
export function withoutValues(reason: string): string {
  // Quotes and brackets that are open where it is cut are closed, so that a pattern finds the end of what it takes out.
  const beginning = reason.length <= LENGTH ? reason : `${reason.slice(0, LENGTH)}"'.].`;
  const ofRequest = beginning
    // Of a shard's troubles the engine tells with the whole request, documents included; an ingest pipeline tells its input.
    .replace(
      /[,:]? ?request: \[?Bulk[\s\S]*|\bcontaining \[(?:index|delete|create|update) [\s\S]*|\bsource\[[\s\S]*|\bagainst source\b[\s\S]*/,
      '',
    )
    // What follows the index is the id.
    .replace(/(routing is required for \[[^\]]{0,300}\])[\s\S]*/, '$1')
    // All that follows the field and its type is about the value.
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
    .slice(0, LOGGED_LENGTH)
    .trim();
}

/**
 * A text in which all from a match of `open` to the next of `close` is replaced. What nothing closes stays as it is: one pattern for both
 * would look for the end again from each beginning.
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
