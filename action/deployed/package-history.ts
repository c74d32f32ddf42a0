// The packages that served, newest first, and whether the one in place has passed its check. Without an alias AWS records neither: the
// action keeps them in the code bucket (or, without a bucket, as a tag), per account, region and function.
//
// A run that changes anything writes `pending` before its first mutating call and removes it after the check. A run that is killed
// anywhere between leaves it in place, so that the next run checks again and knows the package to go back to. A run that
// changes nothing writes nothing.
import type { RecordedConfiguration } from './function-settings.ts';

/** A package that served. */
export interface PackageRecord {
  readonly sha256: string;
  readonly release: string | undefined;
  readonly environment: string | undefined;
  /** ISO 8601, UTC */
  readonly deployedAt: string;
  /** Whether the function, running it, passed its check. */
  readonly checked: boolean;
  /** Its configuration: everything but the environment variables, whose values belong in no file. */
  readonly configuration: RecordedConfiguration;
}

export interface History {
  readonly format: 1;
  /** A change is under way, or was interrupted: the package in place has not passed its check. */
  readonly pending: boolean;
  /** Newest first; the first one serves unless `pending`. */
  readonly packages: readonly PackageRecord[];
  /** While `pending`: names of the environment variables that are changed, or may have been. Their values are kept nowhere. */
  readonly variables?: readonly string[];
  /** While `pending`: the SHA-256 (hex) of the package that a rollback was putting back, so that the next one does not go further. */
  readonly rollbackTo?: string;
  /** The run that wrote it, so that a run recognizes its own writing: two runs at the same moment may write the same content. */
  readonly run?: string;
}

export const EMPTY: History = { format: 1, pending: false, packages: [] };
/** A rollback further than this is a deploy of an older release. */
const MAX_PACKAGES = 50;

/** A history that cannot be read counts as none: no deploy fails without a history. */
export function parseHistory(text: string | undefined): History {
  if (text === undefined) return EMPTY;
  try {
    const value = JSON.parse(text) as Partial<History> | null;
    if (value?.format !== 1 || !Array.isArray(value.packages)) return EMPTY;
    const packages = (value.packages as Partial<PackageRecord>[]).filter(
      (entry): entry is PackageRecord =>
        typeof entry.sha256 === 'string' && /^[0-9a-f]{64}$/.test(entry.sha256) && typeof entry.configuration === 'object',
    );
    const variables = Array.isArray(value.variables) ? value.variables.filter((name) => typeof name === 'string') : [];
    return {
      format: 1,
      pending: value.pending === true,
      packages,
      ...(variables.length === 0 ? {} : { variables }),
      ...(typeof value.rollbackTo === 'string' ? { rollbackTo: value.rollbackTo } : {}),
    };
  } catch {
    return EMPTY;
  }
}

export const historyText = (history: History): string => `${JSON.stringify(history, null, 2)}\n`;

/** Whether the package in place has passed its check. @param sha256Hex of the package in place */
export function hasPassed(history: History, sha256Hex: string): boolean {
  const [serving] = history.packages;
  return !history.pending && serving?.sha256 === sha256Hex && serving.checked;
}

/**
 * The history after `record` came to serve. The same package again replaces its entry.
 * @param instead the package that it replaces in the history too: one that served for a moment within the same run
 */
export function withServing(history: History, record: PackageRecord, instead?: string): History {
  const rest = history.packages.filter(({ sha256 }, at) => !(at === 0 && (sha256 === record.sha256 || sha256 === instead)));
  return { format: 1, pending: false, packages: [record, ...rest].slice(0, MAX_PACKAGES) };
}

/** The history after a rollback to `record`: the packages that served after it are removed, so that the next rollback goes one further. */
export function rolledBackTo(history: History, record: PackageRecord): History {
  const at = history.packages.findIndex(({ sha256 }) => sha256 === record.sha256);
  const rest = at < 0 ? history.packages : history.packages.slice(at + 1);
  return { format: 1, pending: false, packages: [record, ...rest] };
}

/** The package that served before the one in place; the one that a rollback was putting back when it was interrupted. */
export function formerPackage(history: History, sha256Hex: string): PackageRecord | undefined {
  const begun = history.pending ? history.packages.find(({ sha256 }) => sha256 === history.rollbackTo) : undefined;
  if (begun !== undefined) return begun;
  const at = history.packages.findIndex(({ sha256 }) => sha256 === sha256Hex);
  return history.packages.slice(at + 1).find(({ sha256 }) => sha256 !== sha256Hex);
}
