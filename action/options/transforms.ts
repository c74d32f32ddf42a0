import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { extname, posix } from 'node:path';
import type { Problem } from '../errors.ts';
import { quoted } from '../inputs/reader.ts';
import { compileTransform, TRANSFORM_EXTENSIONS } from './compile-transform.ts';
import { insideFolder } from './contained-path.ts';

/** The expected path of a transform, where it differs: undefined for a relative one with slashes and an extension that Node knows. */
export function transformPathProblem(file: string): string | undefined {
  const legal = /^(?!\/)[^\\:\0]+$/.test(file) && TRANSFORM_EXTENSIONS.includes(extname(file));
  return legal ? undefined : 'the path of a .ts, .mts, .js or .mjs file beside the options file or below';
}

/**
 * The text of a transform for the package, or what is wrong with it. @param file as the options file names it, from its own folder
 * @param shownFolder that folder, as problems name it
 */
export async function readTransform(
  folder: string,
  shownFolder: string,
  file: string,
): Promise<{ text: string } | { problems: Problem[] }> {
  const refuse = (message: string): { problems: Problem[] } => ({ problems: [{ where: 'transform', message }] });
  const remedy = 'it must be beside the options file or below';
  const found = await insideFolder(folder, file);
  if ('problem' in found) {
    return refuse(
      found.problem === 'outside'
        ? `the file ${quoted(file)} leads out of the folder; ${remedy}`
        : `there is no file ${quoted(file)}; ${remedy}`,
    );
  }
  const source = TRANSFORM_EXTENSIONS.includes(extname(found.real)) ? await readFile(found.real, 'utf8').catch(() => undefined) : undefined;
  if (source === undefined) return refuse(`${quoted(file)} cannot be read as a file ending in ${TRANSFORM_EXTENSIONS.join(', ')}`);
  const { text, problems } = compileTransform(source, posix.join(shownFolder, file));
  return problems.length > 0 ? { problems: [...problems] } : { text };
}

/**
 * The name of each transform in the package: `transforms/<name>.mjs` after its own path. Where two would be called alike, a part of
 * the SHA-256 of their paths distinguishes them.
 */
export function entryNames(files: Iterable<string>): Map<string, string> {
  const names = new Map([...new Set(files)].sort().map((file) => [file, plainName(file)]));
  const taken = (name: string): number => [...names.values()].filter((other) => other.toLowerCase() === name.toLowerCase()).length;
  return new Map(
    [...names].map(([file, name]) => {
      const suffix = taken(name) > 1 ? `-${createHash('sha256').update(file).digest('hex').slice(0, 8)}` : '';
      return [file, `transforms/${name}${suffix}.mjs`];
    }),
  );
}

function plainName(file: string): string {
  const path = posix.normalize(file).replace(/^transforms\//, '');
  return path.slice(0, -extname(path).length).replace(/[^\w.-]/g, '-');
}
