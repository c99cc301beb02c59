/** What the standing pages point at is there: relative links, and files of this repository named in code font. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { expect, test } from 'vitest';

const root = resolve(import.meta.dirname, '../..');
const docs = ['docs', 'docs/tasks'].flatMap((folder) =>
  readdirSync(join(root, folder)).flatMap((file) => (file.endsWith('.md') ? [`${folder}/${file}`] : [])),
);
const pages = ['README.md', 'CHANGELOG.md', ...docs];

/** Builds and measurements make these; a fresh checkout may lack them. */
const isMade = (path: string) => /^(docs\/api|bench\/results)\//.test(path);

/** Whether a path is there, from the root; a `*` in its last part stands for anything. */
function isThere(path: string): boolean {
  if (!path.includes('*')) return existsSync(join(root, path));
  const [start, end] = basename(path).split('*');
  const folder = join(root, dirname(path));
  return existsSync(folder) && readdirSync(folder).some((file) => file.startsWith(start) && file.endsWith(end));
}

test.each(pages)('%s names only what there is', (page) => {
  const text = readFileSync(join(root, page), 'utf8').replaceAll(/^```.*?^```/gms, '');
  const links = [...text.matchAll(/\]\(([^)#\s]+)[^)]*\)/g)].map(([, target]) => target).filter((target) => !/^[a-z]+:/.test(target));
  const files = [...text.matchAll(/`((?:src|native|test|bench|scripts|examples|docs)\/[^`\s]*)`/g)].map(([, path]) => path);
  const paths = [...links.map((target) => join(dirname(page), target)), ...files];
  expect(paths.filter((path) => !isMade(path) && !isThere(path))).toEqual([]);
});
