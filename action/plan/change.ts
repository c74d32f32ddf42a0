import { sortedJson } from '../../formats/json.ts';
import type { Shown } from '../shown.ts';

/** One thing that differs between what is wanted and what is there. */
export interface Change {
  /** `function`, `package`, `alias`, `tags`, `log group`, `table Orders`, `trigger Orders` */
  readonly resource: string;
  readonly action: 'create' | 'update' | 'delete';
  /** The part of the resource: `memory-size`, `options.tables.Orders.refresh`. */
  readonly path: string;
  /** null: not there. */
  readonly before: Shown;
  /** null: gone. */
  readonly after: Shown;
  readonly reason: string;
}

/** Something that needs attention, without being a failure. */
export interface Warning {
  readonly title: string;
  readonly message: string;
}

/** A change of a value that comes, changes or goes. */
export function change(resource: string, path: string, before: Shown | undefined, after: Shown | undefined, reason: string): Change {
  const action = before === undefined ? 'create' : after === undefined ? 'delete' : 'update';
  return { resource, action, path, before: before ?? null, after: after ?? null, reason };
}

/** Whether two values read from JSON are equal; the order of an object's keys does not matter. */
export function isSame(a: unknown, b: unknown): boolean {
  return sortedJson(a) === sortedJson(b);
}
