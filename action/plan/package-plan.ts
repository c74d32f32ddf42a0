// The differences between the package that serves and the wanted one, named part by part. Pure; no secret in it.
import { parseConfig, type FunctionConfig } from '../../formats/function-config.ts';
import { parseKeyMapping, type KeyMapping } from '../../formats/key-mapping.ts';
import { change, isSame, type Change } from './change.ts';
import type { Shown } from '../shown.ts';
import { CONFIG_ENTRY, MAPPING_ENTRY, entryText, type Package } from '../package/package.ts';
import { DEFAULT, type Provenance } from './provenance.ts';

const RESOURCE = 'package';

/** The package's config.json; undefined where it is not one of this product's. */
export function configOf(from: Package): FunctionConfig | undefined {
  const text = entryText(from, CONFIG_ENTRY);
  try {
    return text === undefined ? undefined : parseConfig(text);
  } catch {
    return undefined;
  }
}

/** The package's key mapping, the predecessor's too; empty where it has none that can be read. */
export function mappingOf(from: Package): KeyMapping {
  const text = entryText(from, MAPPING_ENTRY);
  try {
    return text === undefined ? {} : parseKeyMapping(text);
  } catch {
    return {};
  }
}

/**
 * @param from undefined: there is no function yet
 * @param provenance undefined: all of `to` is as it was deployed before
 */
export function packageChanges(from: Package | undefined, to: Package, provenance: Provenance | undefined): Change[] {
  const changes = allChanges(from, to, provenance);
  return provenance === undefined ? changes.map((one) => ({ ...one, reason: 'as it was deployed before' })) : changes;
}

function allChanges(from: Package | undefined, to: Package, provenance: Provenance | undefined): Change[] {
  if (from === undefined)
    return [
      change(RESOURCE, 'code', undefined, configOf(to)?.release ?? to.sha256Base64, 'there is no function yet'),
      ...parts(undefined, to, provenance),
    ];
  if (from.sha256Hex === to.sha256Hex) return [];
  const [before, after] = [configOf(from), configOf(to)];
  const code = [...new Set([...from.entries.keys(), ...to.entries.keys()])]
    .filter((name) => ![CONFIG_ENTRY, MAPPING_ENTRY].includes(name) && !name.startsWith('transforms/'))
    .some((name) => !isEqual(from.entries.get(name), to.entries.get(name)));
  const changes = [
    ...(code || before?.release !== after?.release
      ? [
          change(
            RESOURCE,
            'code',
            before?.release ?? 'not deployed by this action',
            after?.release ?? to.sha256Base64,
            before === undefined ? 'the function is taken over' : 'this release of the action',
          ),
        ]
      : []),
    ...parts(from, to, provenance),
  ];
  // The content is the same and the bytes are not: packed by another tool.
  return changes.length > 0
    ? changes
    : [change(RESOURCE, 'sha256', from.sha256Base64, to.sha256Base64, 'the same content, packed differently')];
}

function parts(from: Package | undefined, to: Package, provenance: Provenance | undefined): Change[] {
  const before = from === undefined ? undefined : configOf(from);
  const after = configOf(to);
  return [
    ...(after === undefined ? [] : configChanges(before, after, provenance)),
    ...mappingChanges(from === undefined ? {} : mappingOf(from), mappingOf(to)),
    ...transformChanges(from, to, provenance),
  ];
}

function configChanges(before: FunctionConfig | undefined, after: FunctionConfig, provenance: Provenance | undefined): Change[] {
  const { endpoint = '' } = provenance ?? {};
  const host = (config: FunctionConfig): string => URL.parse(config.endpoint)?.host ?? '';
  const changes: Change[] = [];
  const compare = (path: string, was: Shown | undefined, is: Shown | undefined, reason: string): void => {
    if (!isSame(was, is)) changes.push(change(RESOURCE, path, was, is, reason));
  };
  compare('environment', before?.environment, after.environment, 'the input environment');
  const hosts = [before === undefined ? undefined : host(before), host(after)] as const;
  compare('endpoint', ...hosts, endpoint);
  if (hosts[0] === hosts[1] && before?.endpoint !== after.endpoint) {
    changes.push(change(RESOURCE, 'endpoint', hosts[0], hosts[1], 'another scheme or path at this host'));
  }
  compare('auth', before?.auth.type, after.auth.type, endpoint);
  if (before?.auth.type === after.auth.type && !isSame(before.auth, after.auth)) {
    changes.push(change(RESOURCE, 'auth', `${before.auth.type} (a value)`, `${after.auth.type} (another value)`, endpoint));
  }
  const ca = (config: FunctionConfig | undefined): string | undefined =>
    config?.certificateAuthority === undefined ? undefined : '(certificates)';
  compare('certificate-authority', ca(before), ca(after), endpoint);
  if (ca(before) !== undefined && ca(after) !== undefined && before?.certificateAuthority !== after.certificateAuthority) {
    changes.push(change(RESOURCE, 'certificate-authority', '(certificates)', '(other certificates)', endpoint));
  }
  const bothOf = (config: FunctionConfig | undefined, table: string): string | undefined => {
    const { reindex = {} } = config ?? {};
    return Object.hasOwn(reindex, table) ? reindex[table]?.indexes.join(' and ') : undefined;
  };
  for (const table of new Set([...Object.keys(before?.reindex ?? {}), ...Object.keys(after.reindex ?? {})]))
    compare(`reindex.${table}`, bothOf(before, table), bothOf(after, table), 'every change of the table is written to both');
  const optionsBefore = flatOptions(before);
  const optionsAfter = flatOptions(after);
  for (const path of [...new Set([...optionsBefore.keys(), ...optionsAfter.keys()])].sort()) {
    compare(path, optionsBefore.get(path), optionsAfter.get(path), optionReason(path, optionsAfter.has(path), provenance));
  }
  return changes;
}

/** @param present whether the package has the option, or the transform */
function optionReason(path: string, present: boolean, provenance: Provenance | undefined): string {
  const { options, defaultDeadLetters } = provenance ?? {};
  if (path === 'options.defaults.dead-letters' && defaultDeadLetters === true)
    return present ? DEFAULT : `there is no code-bucket${options === undefined ? '' : `, and ${options} does not name it`}`;
  if (options === undefined) return 'there is no options file';
  return present ? options : `${options} does not name it`;
}

/** `options.defaults.refresh` → its value. */
function flatOptions(config: FunctionConfig | undefined): Map<string, Shown> {
  const flat = new Map<string, Shown>();
  if (config === undefined) return flat;
  for (const [name, value] of Object.entries(config.options.defaults)) flat.set(`options.defaults.${name}`, value as Shown);
  for (const [table, options] of Object.entries(config.options.tables)) {
    for (const [name, value] of Object.entries(options)) flat.set(`options.tables.${table}.${name}`, value as Shown);
  }
  const { 'only-known-tables': onlyKnown } = config.options;
  if (onlyKnown !== undefined) flat.set('options.only-known-tables', onlyKnown);
  return flat;
}

function mappingChanges(before: KeyMapping, after: KeyMapping): Change[] {
  return [...new Set([...Object.keys(before), ...Object.keys(after)])].sort().flatMap((table) => {
    const [was, is] = [before[table], after[table]];
    if (isSame(was, is)) return [];
    return [
      change(
        RESOURCE,
        `key-mapping.${is?.TableName ?? was?.TableName ?? table}`,
        was === undefined ? undefined : { ...was },
        is === undefined ? undefined : { ...is },
        was === undefined
          ? 'a source table of the function'
          : is === undefined
            ? 'no trigger of the function reads this table'
            : 'the table, its trigger or its index changed',
      ),
    ];
  });
}

function transformChanges(from: Package | undefined, to: Package, provenance: Provenance | undefined): Change[] {
  const names = new Set([...(from?.entries.keys() ?? []), ...to.entries.keys()].filter((name) => name.startsWith('transforms/')));
  return [...names].sort().flatMap((name) => {
    const [was, is] = [from?.entries.get(name), to.entries.get(name)];
    if (isEqual(was, is)) return [];
    const size = (bytes: Uint8Array | undefined): string | undefined => (bytes === undefined ? undefined : `${bytes.length} bytes`);
    return [change(RESOURCE, name, size(was), size(is), optionReason(name, is !== undefined, provenance))];
  });
}

function isEqual(a: Uint8Array | undefined, b: Uint8Array | undefined): boolean {
  return a === undefined || b === undefined ? a === b : Buffer.from(a).equals(b);
}
