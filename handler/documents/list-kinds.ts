// The kinds of values in a list: an engine refuses a field that has several.
import type { Attribute } from '../records/attribute.ts';
import { array, checkDepth, member } from './attribute-value.ts';
import type { ShapingTime } from './shaping-time.ts';

const STRINGS = 1;
const BOOLEANS = 2;
const MAPS = 4;
/** Strings, except for fields that accept them as numbers. */
export const NUMBERS = 8;

export function isMixed(kinds: number): boolean {
  const kind = (kinds & NUMBERS) === 0 ? kinds : (kinds & ~NUMBERS) | STRINGS;
  return (kind & (kind - 1)) !== 0;
}

/**
 * The kinds that the engine would see in a list, which it reads as one with nested lists: a set of STRINGS, NUMBERS, BOOLEANS, MAPS.
 * Only the outermost list is checked, so that each item of each list is read once.
 */
export function kinds(time: ShapingTime, list: readonly unknown[], name: string, depth: number): number {
  checkDepth(depth);
  let found = 0;
  for (const item of list as readonly Attribute[]) {
    time.step();
    const { type, value } = member(item, name);
    if (type === 'L') found |= kinds(time, array(value, type, name), name, depth + 1);
    else if (type === 'M') found |= MAPS;
    else if (type === 'BOOL') found |= BOOLEANS;
    else if (type === 'N' || type === 'NS') found |= NUMBERS;
    else if (type !== 'NULL') found |= STRINGS;
  }
  return found;
}
