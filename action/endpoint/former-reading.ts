// Values that a former release read differently from the same file, and that are in the deployed package. Pure.
import { placeText } from '../errors.ts';
import { isSame, type Warning } from '../plan/change.ts';
import type { Package } from '../package/package.ts';
import { configOf } from '../plan/package-plan.ts';
import type { Endpoint } from './endpoint-file.ts';

/**
 * Warns where this deploy changes a value for no other reason than that backslashes in double quotes are read now: one of the two
 * readings is a wrong password. @param deployed the package that serves; undefined where none does, or nothing differs
 */
export function formerReadingWarnings({ former, ...present }: Endpoint, deployed: Package | undefined): Warning[] {
  const config = deployed === undefined ? undefined : configOf(deployed);
  if (former === undefined || config === undefined) return [];
  const parts = ['endpoint', 'auth', 'certificateAuthority'] as const;
  if (!parts.some((part) => isSame(config[part], former[part]) && !isSame(config[part], present[part]))) return [];
  const keys = former.places.map(({ key, place }) => `${key} (${placeText(place)})`).join(', ');
  return [
    {
      title: 'A value that is read differently than before',
      message: `The deployed package has ${keys} with all its backslashes, as a former release read it. Now \\" \\\\ \\n and \\t in double quotes are a quote, a backslash, a line feed and a tab, and this deploy changes the value. If the backslashes belong to it, put it in single quotes`,
    },
  ];
}
