// Reads one attribute value that was not checked before: a client may have written the event by hand.
import type { Attribute } from '../records/attribute.ts';
import { MalformedRecord } from '../records/malformed-record.ts';

/** JSON's grammar of a number. DynamoDB's own digits fit it; those that a client wrote into an event by hand may not. */
const NUMBER = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/;
const LOOSE_NUMBER = /^([+-]?)(\d*)(?:\.(\d*))?([eE][+-]?\d+)?$/;

/** Levels: DynamoDB allows 32; this limit only keeps a forged event from exhausting the stack. */
const MAX_DEPTH = 512;

/** The only member of an attribute value: its type and its content. */
export function member(attribute: Attribute | undefined, name: string): { type: string; value: unknown } {
  if (typeof attribute !== 'object' || (attribute as Attribute | null) === null)
    throw unreadable(name, 'a value that is not an attribute value');
  let type: string | undefined;
  let value: unknown;
  for (const key in attribute) {
    if (type !== undefined) throw unreadable(name, 'more than one type');
    type = key;
    value = attribute[key];
  }
  if (type === undefined) throw unreadable(name, 'no type');
  return { type, value };
}

export function text(value: unknown, type: string, name: string): string {
  if (typeof value === 'string') return value;
  throw unreadable(name, `a value of type ${type} that is not a text`);
}

export function boolean(value: unknown, name: string): boolean {
  if (typeof value === 'boolean') return value;
  throw unreadable(name, 'a BOOL that is not true or false');
}

export function array(value: unknown, type: string, name: string): readonly unknown[] {
  if (Array.isArray(value)) return value;
  throw unreadable(name, `a value of type ${type} that is not a list`);
}

/** The digits as a JSON number, unchanged if they are one already. */
export function number(digits: string, name: string): string {
  if (NUMBER.test(digits)) return digits;
  const [, sign = '', whole = '', fraction = '', exponent = ''] = LOOSE_NUMBER.exec(digits) ?? [];
  if (whole === '' && fraction === '') throw unreadable(name, 'an N that is not a number');
  return `${sign === '-' ? '-' : ''}${whole.replace(/^0+(?=\d)/, '') || '0'}${fraction === '' ? '' : `.${fraction}`}${exponent}`;
}

export function unreadable(name: string, found: string): MalformedRecord {
  return new MalformedRecord('attribute_unreadable', `the attribute ${JSON.stringify(name.slice(0, 100))} has ${found}`);
}

/** @throws {MalformedRecord} */
export function checkDepth(depth: number): void {
  if (depth > MAX_DEPTH) throw new MalformedRecord('document_too_deep', `the item is nested deeper than ${MAX_DEPTH} levels`);
}
