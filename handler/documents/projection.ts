// Which attributes of an item go into its document: the options include and exclude.
import { isAttributeMap, type Attribute, type AttributeMap } from '../records/attribute.ts';
import { type ShapingTime, unlimited } from './shaping-time.ts';

/** Takes the part of an item that is indexed. Paths are attribute names joined by dots, as DynamoDB has them, through lists too. */
export type Projection = (image: AttributeMap, time?: ShapingTime) => AttributeMap;

/** `include`: exactly these paths and what is below them. Lists and maps in which nothing is left are left out. */
export function including(paths: readonly string[]): Projection {
  const whole = new Set(paths);
  const above = new Set(paths.flatMap(ancestors));
  const keep = (path: string, attribute: Attribute, time: ShapingTime): Attribute | undefined => {
    if (whole.has(path)) return attribute;
    return above.has(path) ? inside(attribute, path, keep, true, time) : undefined;
  };
  return (image, time = unlimited()) => members(image, '', keep, time);
}

/** `exclude`: all but these paths and what is below them. */
export function excluding(paths: readonly string[]): Projection {
  const whole = new Set(paths);
  const above = new Set(paths.flatMap(ancestors));
  const keep = (path: string, attribute: Attribute, time: ShapingTime): Attribute | undefined => {
    if (whole.has(path)) return undefined;
    return above.has(path) ? inside(attribute, path, keep, false, time) : attribute;
  };
  return (image, time = unlimited()) => members(image, '', keep, time);
}

type Keep = (path: string, attribute: Attribute, time: ShapingTime) => Attribute | undefined;

/** `a.b.c` → `a`, `a.b` */
function ancestors(path: string): string[] {
  const segments = path.split('.');
  return segments.slice(1).map((_, i) => segments.slice(0, i + 1).join('.'));
}

function members(map: AttributeMap, prefix: string, keep: Keep, time: ShapingTime): AttributeMap {
  const kept: [string, Attribute][] = [];
  for (const [name, attribute] of Object.entries(map)) {
    time.step();
    const result = keep(prefix === '' ? name : `${prefix}.${name}`, attribute, time);
    if (result !== undefined) kept.push([name, result]);
  }
  return Object.fromEntries(kept);
}

/**
 * What `keep` leaves of a map or of the maps in a list. With `only`, all else goes: scalars beside them, and what is left empty. What is
 * no attribute stays: the shaping of the document tells of it.
 */
function inside(attribute: Attribute, path: string, keep: Keep, only: boolean, time: ShapingTime): Attribute | undefined {
  if (typeof attribute !== 'object' || (attribute as Attribute | null) === null) return attribute;
  const { M: map, L: list } = attribute;
  if (isAttributeMap(map)) {
    const kept = members(map, path, keep, time);
    return only && Object.keys(kept).length === 0 ? undefined : { M: kept };
  }
  if (Array.isArray(list)) {
    const kept = (list as Attribute[])
      .map((item) => {
        time.step();
        return inside(item, path, keep, only, time);
      })
      .filter((item) => item !== undefined);
    return only && kept.length === 0 ? undefined : { L: kept };
  }
  return only ? undefined : attribute;
}
