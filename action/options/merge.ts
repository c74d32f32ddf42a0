import { type Json, isObject } from '../../formats/json.ts';
import type { TableOptions } from '../../formats/function-config.ts';
import type { OptionsFile, WrittenOptions, WrittenTrigger } from './schema.ts';
import { TRIGGER_DEFAULTS } from './trigger-options.ts';
import type { TriggerOptions } from './trigger-options.ts';

/** The options file as it applies to one environment. */
export interface EnvironmentOptions {
  readonly defaults: WrittenOptions;
  readonly tables: Readonly<Record<string, WrittenOptions>>;
  readonly pruneTriggers: boolean;
  readonly onlyKnownTables: boolean;
}

/** The file with the overrides of `environment` over it. */
export function forEnvironment(file: OptionsFile, environment: string): EnvironmentOptions {
  const own = Object.hasOwn(file.environments ?? {}, environment) ? file.environments?.[environment] : undefined;
  const names = new Set([...Object.keys(file.tables ?? {}), ...Object.keys(own?.tables ?? {})]);
  return {
    defaults: merged(file.defaults ?? {}, own?.defaults ?? {}),
    tables: Object.fromEntries([...names].map((name) => [name, merged(file.tables?.[name] ?? {}, own?.tables?.[name] ?? {})])),
    pruneTriggers: own?.['prune-triggers'] ?? file['prune-triggers'] ?? false,
    onlyKnownTables: own?.['only-known-tables'] ?? file['only-known-tables'] ?? false,
  };
}

/**
 * A table in config.json: its own options. The handler merges them over the defaults key by key, so options that must be merged deeper
 * are merged here.
 */
export function tableOptions(defaults: WrittenOptions, table: WrittenOptions): TableOptions {
  const { 'index-settings': settings, mappings } = merged(defaults, table);
  const { trigger: _, ...own } = table;
  return withoutUndefined({
    ...own,
    'index-settings': table['index-settings'] && settings,
    mappings: table.mappings && mappings,
  });
}

/** All tables in config.json. */
export function defaultOptions(defaults: WrittenOptions): TableOptions {
  const { trigger: _, ...own } = defaults;
  return withoutUndefined(own);
}

/** The settings of a trigger: the product's own, then those of each level. */
export function triggerSettings(...levels: readonly (WrittenTrigger | undefined)[]): TriggerOptions {
  const written = levels.reduce<WrittenTrigger>((below, level) => ({ ...below, ...level }), {});
  const set = Object.fromEntries(Object.entries(written).filter(([, value]) => value !== undefined)) as Partial<TriggerOptions>;
  return { ...TRIGGER_DEFAULTS, ...set, explicit: Object.keys(written) };
}

/** `over` wins key by key; settings, mappings and trigger are merged, and of include and exclude only the later one applies. */
function merged(base: WrittenOptions, over: WrittenOptions): WrittenOptions {
  const { include, exclude, ...rest } = base;
  const narrowed = over.include === undefined && over.exclude === undefined;
  return {
    ...rest,
    ...(narrowed ? { include, exclude } : {}),
    ...over,
    'index-settings': deepMerged(base['index-settings'], over['index-settings']),
    mappings: deepMerged(base.mappings, over.mappings),
    trigger: base.trigger || over.trigger ? { ...base.trigger, ...over.trigger } : undefined,
  };
}

/** Objects are merged, everything else is replaced. */
function deepMerged(base: Json | undefined, over: Json | undefined): Json | undefined {
  if (base === undefined || over === undefined) return over ?? base;
  const keys = new Set([...Object.keys(base), ...Object.keys(over)]);
  return Object.fromEntries(
    [...keys].map((key) => {
      const [below, above] = [Object.hasOwn(base, key) ? base[key] : undefined, Object.hasOwn(over, key) ? over[key] : undefined];
      return [key, isObject(below) && isObject(above) ? deepMerged(below, above) : Object.hasOwn(over, key) ? above : below];
    }),
  );
}

function withoutUndefined(options: { [Key in keyof TableOptions]: TableOptions[Key] | undefined }): TableOptions {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
}
