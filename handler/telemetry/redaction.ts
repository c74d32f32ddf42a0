// Redacts an engine's reasons for logs: they quote values of documents. Whatever is not known to be harmless stays out.

/** Of a reason: it may quote a whole item, and names its subject before this length. */
const MAX_READ_CHARACTERS = 2000;
/** Of a reason in a log. */
const MAX_LOGGED_CHARACTERS = 300;

/**
 * Reasons for refusing a document in which engines name fields, types and limits alone; longer ones before their own beginnings.
 * `*` is any name, `#` any number.
 */
const HARMLESS_REASONS = [
  'failed to parse field [*] of type [*]',
  'failed to parse',
  'mapping set to strict, dynamic introduction of [*] within [*] is not allowed',
  'object mapping for [*] tried to parse field [*] as object, but found a concrete value',
  'object mapping [*] trying to serialize a scalar value',
  'object field starting or ending with a [.] makes object resolution ambiguous',
  'field name cannot be an empty string',
  'field name cannot contain only whitespace',
  'Limit of total fields [#] has been exceeded while adding new fields [#]',
  'Limit of total fields [#] in index [*] has been exceeded',
  'Limit of total fields [#] has been exceeded',
  'Limit of mapping depth [#] has been exceeded due to object field [*]',
  'Limit of mapping depth [#] in index [*] has been exceeded due to object field [*]',
  'Limit of nested fields [#] has been exceeded',
  'The number of nested documents has exceeded the allowed limit of [#]',
  'mapper [*] cannot be changed from type [*] to [*]',
  'mapper [*] of different type, current_type [*], merged_type [*]',
  "can't merge a non object mapping [*] with an object mapping",
  'Could not dynamically add mapping for field [*]. Existing mapping for [*] must be of type object but found [*]',
  'Field [*] is a metadata field and cannot be added inside a document',
  'Cannot write to a field alias [*]',
  'Document contains at least one immense term in field="*" (whose UTF8 encoding is longer than the max length #)',
  'Vector dimension mismatch. Expected: #, Given: #',
].map((words) => words.split(/([*#])/));

/** Of names and numbers in a reason. */
const PLACEHOLDERS: Readonly<Record<string, RegExp>> = { '*': /[^[\]"]{1,250}/y, '#': /\d{1,12}/y };

/** The length of the beginning of a text that has the form of a harmless reason. */
function lengthOf(parts: readonly string[], text: string): number | undefined {
  let at = 0;
  for (const part of parts) {
    const placeholder = PLACEHOLDERS[part];
    if (placeholder === undefined) {
      if (!text.startsWith(part, at)) return undefined;
      at += part.length;
    } else {
      placeholder.lastIndex = at;
      if (!placeholder.test(text)) return undefined;
      at = placeholder.lastIndex;
    }
  }
  return /^\w/.test(text.slice(at, at + 1)) ? undefined : at;
}

/** The place in the document, which some engines name first. */
const PLACE = /^\[\d{1,9}:\d{1,9}\] /;
const UNKNOWN_REASON = 'the reason is left out here, because it may quote values';

/**
 * An engine's reason for refusing a document, as far as it is one that names fields, types and limits alone: `failed to parse field
 * [price] of type [double]: …`. All other text is left out.
 */
export function namesAlone(reason: string): string {
  const beginning = reason.slice(0, MAX_READ_CHARACTERS);
  let [logged = ''] = PLACE.exec(beginning) ?? [];
  let isKnown = false;
  for (let rest = beginning.slice(logged.length); ;) {
    const [length] = HARMLESS_REASONS.map((parts) => lengthOf(parts, rest)).filter((found) => found !== undefined);
    if (length === undefined) return (isKnown ? `${logged}…` : UNKNOWN_REASON).slice(0, MAX_LOGGED_CHARACTERS);
    isKnown = true;
    logged += rest.slice(0, length);
    rest = rest.slice(length);
    if (rest === '' || rest === '.') return logged.slice(0, MAX_LOGGED_CHARACTERS);
    // A cause follows the reason that it caused.
    if (!rest.startsWith(': ')) return `${logged}…`.slice(0, MAX_LOGGED_CHARACTERS);
    logged += ': ';
    rest = rest.slice(2);
  }
}

/** The text before a quoted document or id in the reason for refusing a whole request; `isLogged`: it is harmless itself. */
const QUOTATIONS: readonly { readonly opening: RegExp; readonly isLogged: boolean }[] = [
  // The engine reports a shard's failures with the whole request, documents included; an ingest pipeline reports its input.
  { opening: /[,:]? ?request: \[?Bulk/, isLogged: false },
  { opening: /\bcontaining \[(?:index|delete|create|update) /, isLogged: false },
  { opening: /\bsource\[/, isLogged: false },
  { opening: /\bagainst source\b/, isLogged: false },
  { opening: /routing is required for \[[^\]]{0,300}\]/, isLogged: true },
  { opening: /failed to parse field \[[^\]]{0,300}\] of type \[[^\]]{0,300}\]/, isLogged: true },
  { opening: /\b(?:date field|geohash|join name|value|input|token|term) \[/i, isLogged: true },
  { opening: /"/, isLogged: true },
  { opening: /(?<!\w)'/, isLogged: true },
];

/** An engine's reason for refusing a request, up to what may quote a document: it is seldom about a document, and full of names. */
export function withoutValues(reason: string): string {
  const beginning = reason.slice(0, MAX_READ_CHARACTERS);
  const ends = QUOTATIONS.flatMap(({ opening, isLogged }) => {
    const found = opening.exec(beginning);
    return found === null ? [] : [found.index + (isLogged ? found[0].length : 0)];
  });
  const end = Math.min(...ends, MAX_LOGGED_CHARACTERS - 1);
  return end < reason.length ? `${beginning.slice(0, end).trimEnd()}…` : reason.trim();
}
