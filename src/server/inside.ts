/** Files of a folder and of nothing else: paths that lead out of it, by `..` or by a link, are not there. */
import { realpath, stat } from 'node:fs/promises';
import { resolve, sep } from 'node:path';

/**
 * The true path of a regular file below a folder; null where there is none.
 *
 * @param path  relative, with `/` between its parts
 */
export async function fileInside(folder: string, path: string): Promise<string | null> {
  if (path.includes('\0')) return null;
  const parts = path.split(/[\\/]/);
  if (parts.some((part) => part === '..' || (part.startsWith('.') && part !== '.'))) return null;
  try {
    const [root, file] = await Promise.all([realpath(folder), realpath(resolve(folder, ...parts.map((part) => part || '.')))]);
    if (!file.startsWith(root.endsWith(sep) ? root : root + sep)) return null;
    return (await stat(file)).isFile() ? file : null;
  } catch {
    return null;
  }
}
