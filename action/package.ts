import type { FunctionConfig, KeyMapping } from '../handler/config.ts';

/** Names of the entries that the handler reads. */
export const CONFIG_ENTRY = 'config.json';
export const MAPPING_ENTRY = 'table_mapping.json';
export const HANDLER_ENTRY = 'index.mjs';

/** A package of the function, as bytes and as what is in it. */
export interface Package {
  readonly bytes: Uint8Array;
  readonly sha256Hex: string;
  /** As AWS gives `CodeSha256`. */
  readonly sha256Base64: string;
  readonly entries: ReadonlyMap<string, Uint8Array>;
}

export interface PackageContent {
  /** The bundle `index.mjs`. */
  readonly handler: Uint8Array;
  readonly config: FunctionConfig;
  readonly mapping: KeyMapping;
  /** Entry (`transforms/orders.mjs`) → its text. */
  readonly transforms: Readonly<Record<string, string>>;
}

/** The release of this action, for `FunctionConfig.release`. */
export const RELEASE: string = '0.0.0';

/** The bundle of the function that came with this action. */
export function readHandler(): Promise<Uint8Array> {
  throw new Error('in work');
}

/** Same content, same bytes, on every machine. */
export function buildPackage(_content: PackageContent): Package {
  throw new Error('in work');
}

/** Takes apart a package found deployed. @throws {UserError} where it is no zip, too large, or its names lead out of it */
export function readPackage(_bytes: Uint8Array): Package {
  throw new Error('in work');
}

/** The package with one entry replaced or added; every other entry stays as it was. */
export function withEntry(_from: Package, _name: string, _content: Uint8Array | string): Package {
  throw new Error('in work');
}

/** The text of table_mapping.json, sorted. */
export function mappingText(_mapping: KeyMapping): string {
  throw new Error('in work');
}
