// Runs the user's own function between item and document (option transform).
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { AttributeMap } from '../records/attribute.ts';
import { ConfigError } from '../../formats/fields.ts';
import type { FunctionConfig } from '../../formats/function-config.ts';
import { exactDecimal } from './exact-json.ts';
import { documentText } from './document.ts';
import type { NumericFields } from './numeric-fields.ts';
import { MalformedRecord } from '../records/malformed-record.ts';
import { type ShapingTime, unlimited } from './shaping-time.ts';

/** The default export of a transform. `null` means: no document. */
export type Transform = (
  document: Record<string, unknown>,
  about: { keys: Record<string, unknown>; oldDocument: Record<string, unknown> | undefined; event: 'INSERT' | 'MODIFY'; table: string },
) => unknown;

declare global {
  interface JSON {
    /** A value that JSON.stringify writes as `text`, unchanged. */
    rawJSON(text: string): object;
    isRawJSON(value: unknown): boolean;
  }
}

/** Loads every transform that the options name, at start. @throws {ConfigError} if a file is missing, fails or does not export a function */
export async function loadTransforms(config: FunctionConfig, folder: string): Promise<ReadonlyMap<string, Transform>> {
  const names = new Set(
    [config.options.defaults, ...Object.values(config.options.tables)]
      .map((options) => options.transform)
      .filter((name) => name !== undefined),
  );
  const loaded = new Map<string, Transform>();
  for (const name of names) {
    let module: { default?: unknown };
    try {
      module = (await import(/* webpackIgnore: true */ pathToFileURL(join(folder, name)).href)) as { default?: unknown };
    } catch (error) {
      throw new ConfigError(
        name,
        '',
        `it cannot be loaded (${error instanceof Error ? error.message : String(error)})`,
        'Fix the transform and deploy again',
      );
    }
    if (typeof module.default !== 'function')
      throw new ConfigError(name, 'default', 'expected the default export to be a function', 'Fix the transform and deploy again');
    loaded.set(name, module.default as Transform);
  }
  return loaded;
}

/**
 * Calls a transform. @returns the text of the document that it builds from an item, or null if it wants none
 * @param limit ms that the transform may take; an asynchronous one is abandoned then
 * @param time that building its input may take
 * @throws {MalformedRecord} if it throws, hangs, or does not return a document
 */
export async function transformed(
  transform: Transform,
  { keys, event, table, numbers }: { keys: AttributeMap; event: 'INSERT' | 'MODIFY'; table: string; numbers?: NumericFields | undefined },
  image: AttributeMap,
  oldImage: AttributeMap | undefined,
  limit: number,
  time: ShapingTime = unlimited(),
): Promise<string | null> {
  const about = {
    keys: parsed(documentText(keys, time)),
    oldDocument: oldImage === undefined ? undefined : parsed(documentText(oldImage, time, numbers)),
    event,
    table,
  };
  const document = parsed(documentText(image, time, numbers));
  let result: unknown;
  try {
    result = transform(document, about);
    if (isThenable(result)) result = await within(limit, result);
  } catch (error) {
    const { name, detail } = described(error);
    throw new MalformedRecord('transform_failed', `the transform threw ${name}; fix it and redrive the record`, undefined, detail);
  }
  if (result === TIMED_OUT) {
    throw new MalformedRecord(
      'transform_hangs',
      `the transform did not return within ${Math.round(limit)} ms; fix it and redrive the record`,
    );
  }
  if (result === null) return null;
  if (typeof result !== 'object' || Array.isArray(result) || JSON.isRawJSON(result)) {
    throw new MalformedRecord(
      'transform_result',
      `the transform returned ${result === undefined ? 'undefined' : Array.isArray(result) ? 'a list' : `a ${typeof result}`}; it must return a document or null`,
    );
  }
  let text: unknown;
  try {
    text = JSON.stringify(result, (_, value: unknown) => (typeof value === 'bigint' ? JSON.rawJSON(String(value)) : value));
  } catch (error) {
    throw new MalformedRecord(
      'transform_result',
      `the transform returned a value that is not valid JSON (${error instanceof Error ? error.name : 'unknown'})`,
    );
  }
  if (typeof text !== 'string' || !text.startsWith('{'))
    throw new MalformedRecord('transform_result', 'the transform returned a value that is not a JSON object');
  return text;
}

/** Describes a thrown value for people. Any value can be thrown, even one that cannot be described. */
function described(error: unknown): { name: string; detail: string } {
  try {
    if (!(error instanceof Error)) return { name: typeof error, detail: String(error) };
    const { name, message }: { name: unknown; message: unknown } = error;
    return { name: String(name), detail: String(message) };
  } catch {
    return { name: 'a value that cannot be described', detail: '' };
  }
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function';
}

/** The result of a transform that did not return in time. */
const TIMED_OUT = Symbol('hangs');

/** The result of `work`, or TIMED_OUT after `limit` ms. */
async function within(limit: number, work: PromiseLike<unknown>): Promise<unknown> {
  const { promise, resolve } = Promise.withResolvers<typeof TIMED_OUT>();
  const timer = setTimeout(() => {
    resolve(TIMED_OUT);
  }, limit);
  try {
    return await Promise.race([work, promise]);
  } finally {
    clearTimeout(timer);
  }
}

/** A document as a JavaScript value. A number that JavaScript would change by value keeps its text. */
function parsed(text: string): Record<string, unknown> {
  const reviver = (_: string, value: unknown, context?: { source?: string }): unknown =>
    typeof value === 'number' && context?.source !== undefined && !isExact(context.source, value) ? JSON.rawJSON(context.source) : value;
  return JSON.parse(text, reviver) as Record<string, unknown>;
}

function isExact(source: string, value: number): boolean {
  return (source.length <= 15 && !/e/i.test(source)) || exactDecimal(source) === exactDecimal(String(value));
}
