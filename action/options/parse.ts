import { isMap, isScalar, LineCounter, parseDocument } from 'yaml';
import type { Document } from 'yaml';
import type { z } from 'zod';
import { nearest } from '../../formats/nearest.ts';
import type { Place, Problem } from '../errors.ts';
import { quoted } from '../inputs/reader.ts';
import { optionsSchema } from './schema.ts';
import type { OptionsFile } from './schema.ts';

export type Path = readonly PropertyKey[];

/** A parsed options file: its content where its form is valid, and in any case its problems. */
export interface ParsedOptions {
  /** The content, whatever its form. */
  readonly value: unknown;
  readonly content: OptionsFile | undefined;
  readonly problems: Problem[];
  /** The place of the value at `path`, or of the nearest one above it that exists. */
  readonly placeOf: (path: Path) => Place;
}

/** Checks the form of an options file against the schema. @param file its path as problems name it */
export function parseOptionsFile(text: string, file: string): ParsedOptions {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, merge: true, prettyErrors: false });
  const place = (offset: number): Place => ({ file, line: lines.linePos(offset).line });
  const placeOf = (path: Path): Place => place(offsetOf(document, path));
  const broken = document.errors.map(({ message, pos }) => ({
    where: 'config',
    message: `it is not valid YAML: ${message}`,
    place: place(pos[0]),
  }));
  if (broken.length > 0) return { value: undefined, content: undefined, problems: broken, placeOf };

  let value: unknown;
  try {
    value = document.toJS() ?? {};
  } catch (error) {
    // Aliases that name no anchor, or that unfold without end.
    const message = `it is not valid YAML: ${error instanceof Error ? error.message : String(error)}`;
    return { value: undefined, content: undefined, problems: [{ where: 'config', message, place: { file, line: 1 } }], placeOf };
  }
  const result = optionsSchema.safeParse(value);
  if (result.success) return { value, content: result.data, problems: [], placeOf };
  const problems = result.error.issues
    .flatMap((issue) => [issue, ...below(issue, value)])
    .flatMap((issue) => describe(issue, value, placeOf));
  return { value, content: undefined, problems, placeOf };
}

/** `tables.Orders.trigger.batch-size` */
export function pathText(path: Path): string {
  return path
    .map((part) => (typeof part === 'number' ? `[${part}]` : `.${String(part)}`))
    .join('')
    .replace(/^\./, '');
}

/** The problems of the values under an invalid name, which zod does not check. */
function below(issue: z.core.$ZodIssue, value: unknown): z.core.$ZodIssue[] {
  if (issue.code !== 'invalid_key') return [];
  const { error } = (schemaAt(issue.path) as z.ZodType).safeParse(valueAt(value, issue.path));
  return (error?.issues ?? []).map((one) => ({ ...one, path: [...issue.path, ...one.path] }));
}

function describe(issue: z.core.$ZodIssue, value: unknown, placeOf: (path: Path) => Place): Problem[] {
  if (issue.code === 'unrecognized_keys') {
    const names = Object.keys(shapeOf(schemaAt(issue.path)) ?? {});
    return issue.keys.map((key) => {
      const at = [...issue.path, key];
      const near = nearest(key, names);
      const hint = near === undefined ? `expected ${names.join(', ')}` : `did you mean ${near}?`;
      return { where: pathText(at), message: `${pathText(at)}: unknown key; ${hint}`, place: placeOf(at) };
    });
  }
  const where = issue.path.length === 0 ? 'config' : pathText(issue.path);
  const message = issue.code === 'invalid_key' ? (issue.issues[0]?.message ?? issue.message) : issue.message;
  const text = message.startsWith('expected') ? `${message}, found ${found(valueAt(value, issue.path), issue)}` : message;
  return [{ where, message: `${where}: ${text}`, place: placeOf(issue.path) }];
}

function found(value: unknown, issue: z.core.$ZodIssue): string {
  if (issue.code === 'invalid_key') return quoted(String(issue.path.at(-1)));
  if (typeof value === 'string') return quoted(value);
  if (value === null) return 'nothing';
  if (typeof value === 'object') return Array.isArray(value) ? 'a list' : 'an object';
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : 'another value';
}

/** The schema of the value at `path`: where a name is free (of a table, of an environment), any name leads on. */
function schemaAt(path: Path): unknown {
  let at: unknown = optionsSchema;
  for (const part of path) at = shapeOf(at)?.[String(part)] ?? definition(at)?.valueType;
  return at;
}

/** A schema's definition in zod, as far as it is needed here. */
interface Definition {
  readonly innerType?: unknown;
  readonly valueType?: unknown;
  readonly shape?: Readonly<Record<string, unknown>>;
}

/** The definition behind `optional` and the like. */
function definition(schema: unknown): Definition | undefined {
  const { def } = (schema ?? {}) as { def?: Definition };
  return def?.innerType === undefined ? def : definition(def.innerType);
}

function shapeOf(schema: unknown): Readonly<Record<string, unknown>> | undefined {
  return definition(schema)?.shape;
}

function valueAt(value: unknown, path: Path): unknown {
  return path.reduce(
    (at: unknown, part) => (typeof at === 'object' && at !== null ? (at as Record<PropertyKey, unknown>)[part] : undefined),
    value,
  );
}

/** Where in the text `path` stands: a key at its name, an entry of a list at its begin. */
function offsetOf(document: Document, path: Path): number {
  let offset = 0;
  for (const [depth, part] of path.entries()) {
    const parent = depth === 0 ? document.contents : document.getIn(path.slice(0, depth), true);
    const pair = isMap(parent) ? parent.items.find(({ key }) => isScalar(key) && String(key.value) === String(part)) : undefined;
    const node = pair === undefined ? document.getIn(path.slice(0, depth + 1), true) : pair.key;
    const range = (node as { range?: [number, number, number] | null } | undefined)?.range;
    if (range === undefined || range === null) return offset;
    offset = range[0];
  }
  return offset;
}
