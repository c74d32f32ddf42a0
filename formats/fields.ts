// Reads the fields of foreign JSON one by one, each with an error that names file, key and remedy.
import { isObject, type Json } from './json.ts';
import { nearest } from './nearest.ts';

/** A file of the package that cannot be used. The message names the file, the key and the fix. */
export class ConfigError extends Error {
  override name = 'ConfigError';
  constructor(file: string, key: string, problem: string, remedy: string) {
    super(`${file}${key === '' ? '' : `: ${key}`}: ${problem}. ${remedy}`);
  }
}

/** The remedy for files that only the action writes. */
export const REDEPLOY = 'Deploy the function again with the action';

export function parseObject(text: string, file: string, remedy = REDEPLOY): Json {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new ConfigError(file, '', 'it is not valid JSON', remedy);
  }
  if (!isObject(value)) throw new ConfigError(file, '', `expected an object, found ${shown(value)}`, remedy);
  return value;
}

export function known(value: Json, names: readonly string[], file: string, at: string): void {
  for (const key of Object.keys(value)) {
    if (names.includes(key)) continue;
    const near = nearest(key, names);
    throw new ConfigError(file, at === '' ? key : `${at}.${key}`, 'unknown key', near === undefined ? REDEPLOY : `Did you mean ${near}?`);
  }
}

export function string(value: Json, key: string, file: string, at: string): string {
  const found = value[key];
  if (typeof found === 'string' && found !== '') return found;
  // A password of digits alone is a secret too.
  const what = at === 'auth' && typeof found === 'number' ? 'a number' : shown(found);
  throw new ConfigError(file, at === '' ? key : `${at}.${key}`, `expected a text, found ${what}`, REDEPLOY);
}

export function object(value: Json, key: string, file: string, at: string): Json {
  const found = value[key];
  if (isObject(found)) return found;
  throw new ConfigError(file, at === '' ? key : `${at}.${key}`, `expected an object, found ${shown(found)}`, REDEPLOY);
}

export function oneOf<T extends string | boolean>(
  value: Json,
  key: string,
  allowed: readonly T[],
  file: string,
  at: string,
): T | undefined {
  const found = value[key];
  if (found === undefined) return undefined;
  const match = allowed.find((one) => one === found);
  if (match !== undefined) return match;
  throw new ConfigError(file, `${at}.${key}`, `expected ${allowed.map(String).join(', ')}, found ${shown(found)}`, REDEPLOY);
}

/** A found value for a message: short, and never the text of something that could be a secret. */
export function shown(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (value === null || typeof value === 'number' || typeof value === 'boolean') return String(value);
  if (typeof value === 'string') return value.length > 60 ? 'a long text' : JSON.stringify(value);
  return Array.isArray(value) ? 'a list' : 'an object';
}
