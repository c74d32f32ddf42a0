// JSON as values that keep every digit: a JavaScript number does not hold DynamoDB's.

/** One text for all ways to write a number: its significant digits and the power of ten of the last of them. */
export function exactDecimal(source: string): string {
  const [, sign = '', whole = '', fraction = '', exponent = '0'] = /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(source) ?? [];
  const digits = (whole + fraction).replace(/^0+/, '');
  let end = digits.length;
  while (digits[end - 1] === '0') end--;
  const significant = digits.slice(0, end);
  if (significant === '') return '0';
  return `${sign}${significant}e${Number(exponent) - fraction.length + digits.length - significant.length}`;
}

/** A number as it was written; two of the same value have the same text. */
export class Decimal {
  readonly text: string;
  /** @param source JSON's text of a number */
  constructor(source: string) {
    this.text = exactDecimal(source);
  }
}

/** A JSON text as a value, its numbers as `Decimal`. @throws {SyntaxError} */
export function parseExact(text: string): unknown {
  return JSON.parse(text, (_, value: unknown, context?: { source?: string }) =>
    typeof value === 'number' ? new Decimal(context?.source ?? String(value)) : value,
  );
}

/** A JSON text as a value, its numbers as the texts they were written as: a key has up to 38 digits. @throws {SyntaxError} */
export function parseWithDigits(text: string): unknown {
  return JSON.parse(text, (_, value: unknown, context?: { source?: string }) =>
    typeof value === 'number' ? (context?.source ?? String(value)) : value,
  );
}
