// Selects the attributes of an item for its document: the options include and exclude.
import { isAttributeMap, type Attribute, type AttributeMap } from '../records/attribute.ts';
import { type ShapingTime, unlimited } from './shaping-time.ts';

/** Takes the part of an item that is indexed. Paths are DynamoDB's attribute names joined by dots, through lists too. */
export type Projection = (image: AttributeMap, time?: ShapingTime) => AttributeMap;

/** `include`: exactly these paths and everything below them. Lists and maps that become empty are left out. */
export function including(paths: readonly string[]): Projection {
  const whole = new Set(paths);
  const above = new Set(paths.flatMap(ancestors));
  const keep = (path: string, attribute: Attribute, time: ShapingTime): Attribute | undefined => {
    if (whole.has(path)) return attribute;
    return above.has(path) ? inside(attribute, path, keep, true, time) : undefined;
  };
  return (image, time = unlimited()) => members(image, '', keep, time);
}

/** `exclude`: everything except these paths and everything below them. */
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
 * Applies `keep` to a map or to the maps in a list. With `only`, everything else is removed: scalars beside them, and maps that become
 * empty. A value that is not an attribute stays: the shaping of the document reports it.
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
