import { realpath } from 'node:fs/promises';
import { isAbsolute, relative, resolve, sep } from 'node:path';

/**
 * The real path of `path` (relative to `folder`), or why it may not be read: it is not there, or it leads out of `folder`, be it by
 * `..` or by a symbolic link.
 */
export async function insideFolder(folder: string, path: string): Promise<{ real: string } | { problem: 'missing' | 'outside' }> {
  const root = await realpath(folder).catch(() => undefined);
  if (root === undefined) return { problem: 'missing' };
  // A file outside is not even looked for: the message must not reveal whether it exists.
  if (!isBelow(resolve(folder), resolve(folder, path)) && !isBelow(root, resolve(root, path))) return { problem: 'outside' };
  const real = await realpath(resolve(root, path)).catch(() => undefined);
  if (real === undefined) return { problem: 'missing' };
  return isBelow(root, real) ? { real } : { problem: 'outside' };
}

function isBelow(folder: string, path: string): boolean {
  const way = relative(folder, path);
  return way !== '' && way !== '..' && !way.startsWith(`..${sep}`) && !isAbsolute(way);
}
