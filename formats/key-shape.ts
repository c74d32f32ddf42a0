import { isObject } from './json.ts';
import type { KeyAttribute } from './slice.ts';

/** Whether a foreign value has exactly the attributes of a table's key, each with one text of its type: `{ "pk": { "S": "a" } }`. */
export function hasKeyShape(value: unknown, keys: readonly KeyAttribute[]): boolean {
  return (
    isObject(value) &&
    Object.keys(value).length === keys.length &&
    keys.every(({ name, type }) => {
      const attribute = Object.hasOwn(value, name) ? value[name] : undefined;
      return isObject(attribute) && Object.keys(attribute).join() === type && typeof attribute[type] === 'string';
    })
  );
}
