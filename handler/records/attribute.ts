import { isObject } from '../../formats/json.ts';
/** A DynamoDB attribute value in the form of stream events: one member, named by its type; binary is base64 text. */
export type Attribute = Readonly<Record<string, unknown>>;
/** An item, an image, the keys of a record, or the inside of an `M`. */
export type AttributeMap = Readonly<Record<string, Attribute>>;

/** Whether a foreign value has the form of a map of attributes; the attributes themselves are checked when they are written. */
export function isAttributeMap(value: unknown): value is AttributeMap {
  return isObject(value);
}
